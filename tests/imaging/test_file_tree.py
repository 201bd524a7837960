import os

from ct2mr_tf.imaging import file_tree


def refused(place, error):
    raise AssertionError(f'{place}: {error}')


def test_files_in_the_order_of_their_places_whatever_way_leads_to_them(tmp_path):
    for name in ('b/deep/1', 'a/2', '3'):
        (tmp_path / 'tree' / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'tree' / name).write_text('')
    (tmp_path / 'elsewhere').mkdir()
    (tmp_path / 'elsewhere' / '4').write_text('')
    (tmp_path / 'tree' / 'a' / 'linked').symlink_to(tmp_path / 'elsewhere')
    (tmp_path / 'tree' / 'b' / 'round').symlink_to(tmp_path / 'tree')
    (tmp_path / 'tree' / 'nowhere').symlink_to(tmp_path / 'missing')
    os.mkfifo(tmp_path / 'tree' / 'pipe')
    found = file_tree.files_below(tmp_path / 'tree', refused)
    places = [f'{path.relative_to(tmp_path / "tree")}' for path in found]
    assert places == ['3', 'a/2', 'a/linked/4', 'b/deep/1', 'nowhere']


def test_a_folder_that_cannot_be_read_is_noted_by_its_place(tmp_path, monkeypatch):
    for name in ('open', 'closed'):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'file').write_text('')
    scandir = os.scandir

    def guarded(path):
        if os.fspath(path).endswith('closed'):
            raise PermissionError(13, 'Permission denied', os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, 'scandir', guarded)
    noted = []
    found = file_tree.files_below(tmp_path, lambda *args: noted.append(args))
    assert found == [tmp_path / 'open' / 'file']
    [(place, error)] = noted
    assert (f'{place}', error.strerror) == ('closed', 'Permission denied')
