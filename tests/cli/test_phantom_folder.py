import json

import pytest

from ct2mr_tf.cli import phantom_folder
from ct2mr_tf.problems import UserError

SETTINGS = {'kind': 'pairs', 'patients': 3, 'step': 1.5}


def write(out, settings=SETTINGS):
    with phantom_folder.folder_written_whole(out, settings) as folder:
        (folder / 'part').mkdir()
        (folder / 'part' / 'file').write_text('content')


def test_a_folder_appears_whole_with_its_settings(tmp_path):
    out = tmp_path / 'new' / 'phantoms'
    assert not phantom_folder.is_finished(out, SETTINGS)
    write(out)
    assert (out / 'part' / 'file').read_text() == 'content'
    assert json.loads((out / phantom_folder.MANIFEST_FILE).read_text()) == SETTINGS
    assert phantom_folder.is_finished(out, SETTINGS)
    assert [path.name for path in out.parent.iterdir()] == ['phantoms']
    # Others may read it, as any folder a person makes.
    assert out.stat().st_mode & 0o777 == 0o755


def test_an_empty_folder_is_free(tmp_path):
    assert not phantom_folder.is_finished(tmp_path, SETTINGS)
    write(tmp_path)
    assert phantom_folder.is_finished(tmp_path, SETTINGS)


def test_a_writer_that_fails_leaves_nothing(tmp_path):
    out = tmp_path / 'phantoms'
    with (
        pytest.raises(KeyboardInterrupt),
        phantom_folder.folder_written_whole(out, SETTINGS) as folder,
    ):
        (folder / 'half').write_text('half')
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_another_folder_is_left_alone(tmp_path):
    (tmp_path / 'thesis').write_text('mine')
    with pytest.raises(UserError, match='new or empty folder'):
        phantom_folder.is_finished(tmp_path, SETTINGS)
    with (
        pytest.raises(OSError, match='not empty'),
        phantom_folder.folder_written_whole(tmp_path, SETTINGS),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ['thesis']


def test_all_differences_of_other_phantoms_are_told(tmp_path):
    write(tmp_path / 'out')
    with pytest.raises(UserError) as raised:
        phantom_folder.is_finished(tmp_path / 'out', {**SETTINGS, 'patients': 4, 'step': 1.0})
    found = [(problem.found, problem.expected) for problem in raised.value.problems]
    assert found == [('patients 3', 'patients 4'), ('step 1.5', 'step 1.0')]


@pytest.mark.parametrize('text', ['', '[1]', 'kind'])
def test_a_manifest_that_cannot_be_read_is_another_folder(tmp_path, text):
    (tmp_path / phantom_folder.MANIFEST_FILE).write_text(text)
    with pytest.raises(UserError, match='cannot be read'):
        phantom_folder.is_finished(tmp_path, SETTINGS)
