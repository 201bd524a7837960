"""What lies in the folder is one's own, or it is left alone."""

import json

import pytest

from ct2mr_tf.cli.synthesis_folder import MANIFEST_FILE, check_folder, write_folder
from ct2mr_tf.problems import UserError

CONTENTS = {'discs/L4-5.dcm': b'one', 'discs/L5-S1.dcm': b'two', 'discs.png': b'three'}

DESCRIPTION = {'model_sha256': 'ab', 'levels': ['L4-5', 'L5-S1']}


def tree(folder):
    return {
        f'{path.relative_to(folder)}': path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


def problems_of(folder, description=DESCRIPTION, names=CONTENTS):
    with pytest.raises(UserError) as raised:
        check_folder(folder, names, description)
    return raised.value.problems


def test_a_new_folder_gets_all_files_and_their_list(tmp_path):
    out = tmp_path / 'a' / 'out'
    check_folder(out, CONTENTS, DESCRIPTION)
    assert not out.exists()
    write_folder(out, CONTENTS, DESCRIPTION)
    files = tree(out)
    manifest = json.loads(files.pop(MANIFEST_FILE))
    assert files == CONTENTS
    assert set(manifest['files']) == set(CONTENTS)


def test_the_same_again_writes_nothing_anew(tmp_path):
    write_folder(tmp_path, CONTENTS, DESCRIPTION)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*.dcm')}
    check_folder(tmp_path, CONTENTS, DESCRIPTION)
    write_folder(tmp_path, CONTENTS, DESCRIPTION)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*.dcm')} == before


def test_an_interrupted_one_goes_on(tmp_path):
    write_folder(tmp_path, CONTENTS, DESCRIPTION)
    (tmp_path / 'discs' / 'L5-S1.dcm').unlink()
    check_folder(tmp_path, CONTENTS, DESCRIPTION)
    write_folder(tmp_path, CONTENTS, DESCRIPTION)
    assert (tmp_path / 'discs' / 'L5-S1.dcm').read_bytes() == b'two'


def test_a_file_of_its_own_with_other_pixels_is_replaced(tmp_path):
    """Another machine may round a grey level to the other side."""
    write_folder(tmp_path, CONTENTS, DESCRIPTION)
    other = {**CONTENTS, 'discs.png': b'four'}
    check_folder(tmp_path, other, DESCRIPTION)
    write_folder(tmp_path, other, DESCRIPTION)
    assert (tmp_path / 'discs.png').read_bytes() == b'four'


def test_foreign_files_are_told_together_and_left_alone(tmp_path):
    (tmp_path / 'discs').mkdir()
    (tmp_path / 'discs' / 'L4-5.dcm').write_bytes(b'mine')
    (tmp_path / 'discs.png').mkdir()
    (tmp_path / 'notes.txt').write_bytes(b'unharmed')
    before = tree(tmp_path)
    found = problems_of(tmp_path)
    assert [one.where for one in found] == ['--out, discs/L4-5.dcm', '--out, discs.png']
    assert tree(tmp_path) == before


def test_a_file_that_somebody_changed_is_no_longer_its_own(tmp_path):
    write_folder(tmp_path, CONTENTS, DESCRIPTION)
    (tmp_path / 'discs.png').write_bytes(b'painted on')
    (found,) = problems_of(tmp_path)
    assert found.where == '--out, discs.png'


def test_another_synthesis_is_refused_with_what_differs(tmp_path):
    write_folder(tmp_path, CONTENTS, DESCRIPTION)
    (found,) = problems_of(tmp_path, {**DESCRIPTION, 'model_sha256': 'cd', 'volume': 3})
    assert 'model_sha256, volume' in found.found


@pytest.mark.parametrize(
    'text', ['no json', '[]', '{"files": {}}', '{"written_by": "ct2mr_tf", "files": []}']
)
def test_a_list_of_another_kind_is_refused(text, tmp_path):
    (tmp_path / MANIFEST_FILE).write_text(text)
    (found,) = problems_of(tmp_path)
    assert MANIFEST_FILE in found.found
    assert (tmp_path / MANIFEST_FILE).read_text() == text


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / 'out').write_bytes(b'mine')
    (found,) = problems_of(tmp_path / 'out')
    assert found.found == 'a file'
