import collections
import logging
import os
import pathlib
import shutil

import pytest
from dicom_builders import PLANTED, enhanced_dataset, slice_dataset, write
from pydicom import uid

from ct2mr_tf.imaging import dicom_pixels, dicom_reader, file_tree
from ct2mr_tf.imaging.dicom_reader import ReadOptions
from ct2mr_tf.imaging.pseudonyms import Pseudonyms
from ct2mr_tf.problems import UserError

NAMES = Pseudonyms(bytes(32))


def scan(root, **options):
    return dicom_reader.scan(root, ReadOptions(**options), NAMES)


@pytest.fixture
def hospital(tmp_path):
    """A tree as hospitals hand them out, the patient's name in every folder and file."""
    root = tmp_path / 'export'
    for n in range(3):
        write(slice_dataset('CT', number=n), root / f'{PLANTED}/ct/{PLANTED}{n}.dcm')
        write(slice_dataset('MR', number=n), root / f'{PLANTED}/mr/IM{n}')
    write(enhanced_dataset('MR'), root / 'enhanced', uid.RLELossless)
    shutil.copy(root / f'{PLANTED}/mr/IM0', root / 'again')
    localizer = ['ORIGINAL', 'PRIMARY', 'LOCALIZER']
    write(slice_dataset('CT', number=9, ImageType=localizer), root / 'l')
    write(slice_dataset('CT', number=10, SOPClassUID=uid.BasicTextSRStorage), root / 'r')
    (root / 'README.txt').write_text(f'{PLANTED}\n' * 20, encoding='utf-8')
    (root / 'empty').touch()
    broken = slice_dataset('CT', number=11, RescaleIntercept=None)
    write(broken, root / PLANTED / f'{PLANTED}.broken')
    return root


def test_what_is_in_a_tree(hospital):
    found = scan(hospital)
    assert [(stack.modality, len(stack.slices)) for stack in found.stacks] == [
        ('MR', 3),
        ('MR', 3),
        ('CT', 3),
    ]
    assert found.skipped == collections.Counter(
        {
            'not a DICOM file': 2,
            'exact duplicate of another file': 1,
            'localizer': 1,
            'neither CT nor MR images': 1,
        }
    )
    assert [problem.found for problem in found.problems] == ['no RescaleIntercept']
    assert found.files == 13


def test_a_problem_leads_back_to_its_file_by_pseudonym(hospital):
    found = scan(hospital)
    (problem,) = found.problems
    relative = found.paths[problem.where]
    assert problem.where == NAMES.path(relative)
    assert (hospital / relative).name == f'{PLANTED}.broken'


def test_nobody_is_named_in_anything_shown(hospital, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    content = bytearray((hospital / PLANTED / 'mr' / 'IM1').read_bytes())
    vr = content.index(b'\x20\x00\x10\x00IS') if b'\x20\x00\x10\x00IS' in content else 500
    content[vr + 4 : vr + 6] = b'ZZ'
    (hospital / f'{PLANTED}.odd').write_bytes(bytes(content))
    found = scan(hospital)
    stack = found.stacks[0]
    stack.slices[0].place.path.unlink()
    with pytest.raises(UserError) as caught:
        dicom_pixels.load_pixels(stack.slices)
    shown = [
        repr(found),
        str(found),
        *map(str, found.problems),
        *(repr(header) for stack in found.stacks for header in stack.slices),
        *(note for stack in found.stacks for note in stack.notes),
        *(stack.description for stack in found.stacks),
        str(caught.value),
        repr(caught.value),
        caplog.text,
        *capfd.readouterr(),
    ]
    hidden = [PLANTED, 'DOE', 'JANE', '2019, 4', '20190402', "'1.2.3", "'1.2.9", str(hospital)]
    assert [(text, word) for text in shown for word in hidden if word in text] == []


def test_workers_change_nothing(hospital, monkeypatch):
    monkeypatch.setattr(dicom_reader, '_FILES_FOR_WORKERS', 2)
    monkeypatch.setattr(dicom_reader, '_FILES_AT_ONCE', 3)
    calls = []
    alone = scan(hospital, workers=1)
    together = dicom_reader.scan(
        hospital, ReadOptions(workers=2), NAMES, lambda *done: calls.append(done)
    )
    assert [stack.slices for stack in together.stacks] == [stack.slices for stack in alone.stacks]
    assert (together.skipped, together.problems) == (alone.skipped, alone.problems)
    assert together.paths == alone.paths
    assert calls == [(3, 13), (6, 13), (9, 13), (12, 13), (13, 13)]


def test_two_scans_are_the_same_wherever_the_tree_lies(hospital, tmp_path):
    shutil.copytree(hospital, tmp_path / 'moved')
    one, other = scan(hospital), scan(tmp_path / 'moved')
    assert one.problems == other.problems
    assert [stack.sop_instance_uids for stack in one.stacks] == [
        stack.sop_instance_uids for stack in other.stacks
    ]


def test_an_empty_folder(tmp_path):
    found = scan(tmp_path)
    assert (found.stacks, found.problems, found.files) == ((), (), 0)


def test_a_missing_folder_is_a_problem(tmp_path):
    (problem,) = scan(tmp_path / 'missing').problems
    assert (problem.where, problem.found) == ('the data folder', 'No such file or directory')


def test_pipes_are_left_alone_and_links_that_go_round_come_to_an_end(tmp_path):
    write(slice_dataset(), tmp_path / 'folder' / 'file')
    os.mkfifo(tmp_path / 'pipe')
    (tmp_path / 'folder' / 'round').symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / 'link').symlink_to(tmp_path / 'folder' / 'file')
    found = scan(tmp_path)
    assert (found.files, found.problems) == (2, ())
    assert [len(stack.slices) for stack in found.stacks] == [1]


def test_a_study_folder_assembled_of_links_is_read(tmp_path):
    archive, root = tmp_path / 'archive', tmp_path / 'studies'
    for number in range(2):
        write(slice_dataset('CT', number=number), archive / 'one' / 'ct' / f'{number}')
    write(slice_dataset('MR'), archive / 'two' / '0')
    root.mkdir()
    (archive / 'one' / 'up').symlink_to(root)
    (root / 'patient').symlink_to(archive / 'one')
    (root / 'nested').mkdir()
    (root / 'nested' / 'other').symlink_to(archive / 'two')
    found = scan(root)
    assert (found.files, found.problems) == (3, ())
    assert {stack.modality: len(stack.slices) for stack in found.stacks} == {'CT': 2, 'MR': 1}


def test_a_folder_that_several_ways_lead_to_is_read_once_at_its_own_place(tmp_path):
    """Or, where it lies elsewhere, at the first link: messages then name the same file always."""
    broken = slice_dataset('CT', RescaleIntercept=None)
    write(broken, tmp_path / 'studies' / 'there' / 'file')
    write(broken, tmp_path / 'elsewhere' / 'file')
    for name, target in (('a', 'studies/there'), ('z', 'elsewhere'), ('b', 'elsewhere')):
        (tmp_path / 'studies' / name).symlink_to(tmp_path / target)
    found = scan(tmp_path / 'studies')
    assert (found.files, len(found.problems), sum(found.skipped.values())) == (2, 2, 0)
    assert sorted(map(str, found.paths.values())) == ['b/file', 'there/file']


def test_a_folder_that_cannot_be_read_is_found_again_by_its_pseudonym(tmp_path, monkeypatch):
    def only_noted(root, note):
        note(pathlib.PurePath(PLANTED, 'mr'), PermissionError(13, 'Permission denied', PLANTED))
        note(pathlib.PurePath(), PermissionError(13, 'Permission denied', PLANTED))
        return []

    monkeypatch.setattr(file_tree, 'files_below', only_noted)
    found = scan(tmp_path)
    folder, root = (problem.where for problem in found.problems)
    assert root == 'the data folder'
    assert {folder: f'{PLANTED}/mr'} == {name: f'{path}' for name, path in found.paths.items()}


def test_a_file_whose_pixels_cannot_be_read_is_found_again_by_its_pseudonym(tmp_path):
    path = write(slice_dataset(), tmp_path / PLANTED / 'file')
    found = scan(tmp_path)
    path.unlink()
    with pytest.raises(UserError) as caught:
        dicom_pixels.load_pixels(found.stacks[0].slices)
    (problem,) = caught.value.problems
    assert found.paths[problem.where] == path.relative_to(tmp_path)


def test_a_link_that_leads_nowhere_is_a_problem(tmp_path):
    write(slice_dataset(), tmp_path / 'file')
    (tmp_path / 'unmounted').symlink_to(tmp_path / 'nowhere')
    (problem,) = scan(tmp_path).problems
    assert problem.found == 'No such file or directory'
    assert 'unmounted' not in str(problem)


def test_a_file_that_goes_away_is_a_problem(tmp_path, monkeypatch):
    path = write(slice_dataset(), tmp_path / 'file')
    monkeypatch.setattr(file_tree, 'files_below', lambda *_: [path])
    path.unlink()
    (problem,) = scan(tmp_path).problems
    assert problem.found == 'No such file or directory'


def test_files_larger_than_the_limit_are_refused(tmp_path):
    write(slice_dataset(), tmp_path / 'file')
    (problem,) = scan(tmp_path, max_bytes=2047).problems
    assert problem.expected == 'at most 2047 bytes'
    assert scan(tmp_path, max_bytes=2048).problems == ()


@pytest.mark.parametrize('options', [{'max_bytes': 0}, {'workers': -1}])
def test_options_that_make_no_sense(options):
    with pytest.raises(ValueError, match='must'):
        ReadOptions(**options)
