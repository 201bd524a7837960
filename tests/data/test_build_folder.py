import json

import pytest

from ct2mr_tf.data import build_folder
from ct2mr_tf.data.build_folder import Manifest
from ct2mr_tf.data.patient_pairs import PatientRecord
from ct2mr_tf.problems import Problem, UserError

MANIFEST = Manifest({'size': '64', 'split': 'seed 0'}, {'P1': 'aaa', 'P2': 'bbb'})

RECORD = PatientRecord(
    [{'pair_id': 'P1_L4-5', 'days_between': 2, 'pixel_mm': 0.25}],
    [{'level': 'L3-4', 'reason': 'none'}],
    [Problem('file-1', 'found', 'expected', 'cure')],
)


def finished(out, manifest=MANIFEST):
    """Publishes a data set without pairs."""
    with build_folder.locked(out) as work:
        build_folder.resume(work, {})
        (work / 'pairs.csv').write_text('pair_id\n')
        build_folder.publish(work, out, manifest)
    return out


def problems_of(call, *arguments):
    with pytest.raises(UserError) as caught:
        call(*arguments)
    return caught.value.problems


def test_a_set_appears_whole_and_nothing_else_stays(tmp_path):
    out = tmp_path / 'parent' / 'set'
    assert not build_folder.is_finished(out, MANIFEST)
    finished(out)
    assert build_folder.is_finished(out, MANIFEST)
    assert sorted(path.name for path in out.iterdir()) == ['build.json', 'overviews', 'pairs.csv']
    assert [path.name for path in out.parent.iterdir()] == ['set']


def test_an_empty_folder_is_taken(tmp_path):
    out = tmp_path / 'set'
    out.mkdir()
    assert not build_folder.is_finished(out, MANIFEST)
    assert (finished(out) / 'pairs.csv').exists()


@pytest.mark.parametrize('name', ['holiday.jpg', 'pairs.csv', 'build.json'])
def test_a_folder_with_other_things_in_it_is_refused(tmp_path, name):
    (tmp_path / name).write_text('{}')
    (problem,) = problems_of(build_folder.is_finished, tmp_path, MANIFEST)
    assert problem.expected == 'a new or empty folder'
    assert (tmp_path / name).read_text() == '{}'


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / 'set').write_text('')
    (problem,) = problems_of(build_folder.is_finished, tmp_path / 'set', MANIFEST)
    assert problem.found == 'a file'


def test_another_data_set_is_refused_with_every_difference(tmp_path):
    out = finished(tmp_path / 'set')
    other = Manifest({'size': '32', 'split': 'seed 0'}, {'P2': 'ccc', 'P3': 'ddd'})
    problems = problems_of(build_folder.is_finished, out, other)
    assert [problem.found for problem in problems] == [
        'built with size 64',
        'built without patients P3',
        'built with patients who are no longer there: P1',
        'built from other studies or decisions of patients P2',
    ]
    assert problems[0].expected == 'size 32'


def test_a_second_process_is_refused(tmp_path):
    out = tmp_path / 'set'
    with build_folder.locked(out):
        (problem,) = problems_of(build_folder.locked(out).__enter__)
    assert problem.found == 'another process works in it'
    with build_folder.locked(out) as work:
        assert work.is_dir()


def test_a_place_that_cannot_be_written_to_is_told(tmp_path):
    (tmp_path / 'file').write_text('')
    (problem,) = problems_of(build_folder.locked(tmp_path / 'file' / 'set').__enter__)
    assert problem.found == 'Not a directory'


@pytest.fixture
def work(tmp_path):
    """A folder in which P1 is done."""
    with build_folder.locked(tmp_path / 'set') as folder:
        build_folder.resume(folder, {})
        for name in ('pictures', 'overviews'):
            (folder / name / 'P1_L4-5.png').write_bytes(b'picture')
        build_folder.write_record(folder, 'P1', 'aaa', RECORD)
        yield folder


def pictures(work):
    return sorted(path.name for path in (work / 'pictures').iterdir())


def test_what_is_done_stays_done(work):
    (work / 'pictures' / '.writing-x.png').write_bytes(b'half')
    (work / 'pictures' / 'P2_L4-5.png').write_bytes(b'no record')
    assert build_folder.resume(work, {'P1': 'aaa', 'P2': 'bbb'}) == {'P1': RECORD}
    assert pictures(work) == ['P1_L4-5.png']


@pytest.mark.parametrize('fingerprints', [{'P1': 'other'}, {'P2': 'aaa'}, {}])
def test_what_was_done_from_other_things_is_deleted(work, fingerprints):
    assert build_folder.resume(work, fingerprints) == {}
    assert pictures(work) == []
    assert not list((work / 'patients').iterdir())


def test_a_record_whose_picture_is_gone_counts_for_nothing(work):
    (work / 'pictures' / 'P1_L4-5.png').unlink()
    assert build_folder.resume(work, {'P1': 'aaa'}) == {}


@pytest.mark.parametrize('content', ['', '{"fingerprint": "aaa"', '[]', '{"fingerprint": "aaa"}'])
def test_a_damaged_record_counts_for_nothing(work, content):
    (work / 'patients' / 'P1.json').write_text(content)
    assert build_folder.resume(work, {'P1': 'aaa'}) == {}


def test_a_build_that_was_interrupted_while_it_finished_goes_on(work):
    build_folder.sort_into_splits(work, {'P1_L4-5': 'val'})
    (work / 'pairs.csv').write_text('half')
    assert pictures(work) == [] and (work / 'val' / 'P1_L4-5.png').exists()
    assert build_folder.resume(work, {'P1': 'aaa'}) == {'P1': RECORD}
    assert pictures(work) == ['P1_L4-5.png']
    assert not (work / 'val').exists() and not (work / 'pairs.csv').exists()


def test_the_manifest_of_a_set_is_readable_and_sorted(tmp_path):
    text = (finished(tmp_path / 'set') / build_folder.MANIFEST_FILE).read_text()
    assert json.loads(text)['patients'] == {'P1': 'aaa', 'P2': 'bbb'}
    assert text.index('patients') < text.index('settings')
