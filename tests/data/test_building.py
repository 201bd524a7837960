import dataclasses
import hashlib
import os
import random
import shutil

import pandas as pd
import pytest
from folder_trees import tree
from study_builders import Study, write_cohort

from ct2mr_tf.data import building
from ct2mr_tf.data.build_folder import work_folder
from ct2mr_tf.data.build_plan import Plan, SplitRule
from ct2mr_tf.data.examples import load_examples
from ct2mr_tf.data.patient_pairs import BuildOptions
from ct2mr_tf.data.patients import Decisions, Roster, gather_cases
from ct2mr_tf.data.splits import SPLITS
from ct2mr_tf.imaging import dicom_reader
from ct2mr_tf.imaging.dicom_reader import ReadOptions
from ct2mr_tf.imaging.landmarks import read_landmarks
from ct2mr_tf.imaging.pairing_rules import PairingOptions
from ct2mr_tf.imaging.pseudonyms import Pseudonyms
from ct2mr_tf.problems import UserError

NAMES = Pseudonyms(b'0123456789abcdef')

STUDIES = (
    Study('one', tilts=(('L3-4', -3.0), ('L4-5', 8.0))),
    Study('two', mr_date='20190420'),
    Study('three', tilts=(('L5-S1', 12.0),)),
    Study('four', tilts=(('L4-5', 0.0),)),
)

RULE = SplitRule(fractions=(0.5, 0.25, 0.25))


@pytest.fixture(scope='module')
def cohort(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp('cohort'), STUDIES)


def plan_of(cohort, rule=RULE, **options):
    dicom, points = cohort
    found = dicom_reader.scan(dicom, ReadOptions(workers=1), NAMES)
    decisions = Decisions(read_landmarks(points, str))
    cases = gather_cases(Roster(found.stacks, NAMES), decisions)
    return Plan(cases, BuildOptions(size=32, **options), rule, found.problems, NAMES)


def build(plan, out, workers=1, progress=lambda done, total: None):
    return building.build(plan, out, workers, progress)


@pytest.fixture(scope='module')
def finished(cohort, tmp_path_factory):
    out = tmp_path_factory.mktemp('built') / 'set'
    return out, build(plan_of(cohort), out)


def test_the_set_is_one_that_trains(finished):
    out, result = finished
    examples = load_examples(out, required=('train', 'val', 'test'))
    assert {split: len(found) for split, found in examples.items()} == dict(
        result.pairs.split.value_counts()
    )
    assert examples['val'].picture_size == (32, 32)
    assert len(result.pairs) == 4 and result.pairs.patient_id.nunique() == 3


def test_the_tables_hold_the_pairs_and_the_refusals(finished):
    out, _ = finished
    pairs = pd.read_csv(out / 'pairs.csv')
    assert list(pairs.columns[:14]) == [
        'pair_id', 'patient_id', 'split', 'level', 'pixel_mm', 'half_side_mm', 'plane_angle_deg',
        'ct_plane', 'days_between', 'ct_low_hu', 'ct_high_hu', 'mr_low', 'mr_high', 'sha256',
    ]  # fmt: skip
    assert pairs.pair_id.is_monotonic_increasing
    for row in pairs.itertuples():
        picture = out / row.split / f'{row.pair_id}.png'
        assert hashlib.sha256(picture.read_bytes()).hexdigest() == row.sha256
        assert (out / 'overviews' / f'{row.pair_id}.png').exists()
    refused = pd.read_csv(out / 'refused.csv')
    assert refused[['patient_id', 'level', 'measured', 'limit', 'unit']].to_numpy().tolist() == [
        [NAMES.patient('two'), 'L4-5', 18.0, 3.0, 'days']
    ]
    assert (out / 'contact_sheet.png').exists()
    assert (out / 'unread.csv').read_text() == 'file,found,expected,cure\n'


def test_two_workers_write_the_same_bytes_as_one(cohort, finished, tmp_path):
    build(plan_of(cohort), tmp_path / 'set', workers=2)
    assert tree(tmp_path / 'set') == tree(finished[0])


def test_the_same_build_again_does_nothing(cohort, finished):
    out, result = finished
    before = {path: path.stat().st_mtime_ns for path in out.rglob('*')}
    again = build(plan_of(cohort), out)
    assert again.nothing_to_do and not result.nothing_to_do
    assert again.pairs.equals(result.pairs)
    assert {path: path.stat().st_mtime_ns for path in out.rglob('*')} == before
    assert not work_folder(out).exists()


@pytest.mark.parametrize('lost', ['train/*.png', 'pairs.csv', '*/*.png'])
def test_a_set_that_has_lost_a_part_is_not_called_whole(lost, cohort, finished, tmp_path):
    out = shutil.copytree(finished[0], tmp_path / 'set')
    for path in out.glob(lost):
        path.unlink()
    with pytest.raises(UserError):
        build(plan_of(cohort), out)


def test_studies_copied_elsewhere_are_the_same_studies(cohort, finished, tmp_path):
    copied = write_cohort(tmp_path / 'elsewhere', STUDIES)
    for path in copied[0].rglob('*'):
        os.utime(path, (1, 1))
    assert build(plan_of(copied), finished[0]).nothing_to_do


@pytest.mark.parametrize(
    ('rule', 'options', 'found'),
    [
        (SplitRule((0.5, 0.25, 0.25), seed=1), {}, 'split'),
        (RULE, {'max_padding_share': 0.2}, 'max_padding_share'),
        (RULE, {'pairing': PairingOptions(ct_series='bone')}, 'ct_series'),
    ],
)
def test_another_build_does_not_touch_the_set(cohort, finished, rule, options, found):
    before = tree(finished[0])
    with pytest.raises(UserError) as caught:
        build(plan_of(cohort, rule, **options), finished[0])
    assert len(caught.value.problems) == 1 and found in caught.value.problems[0].found
    assert 'bone' not in str(caught.value)
    assert tree(finished[0]) == before


def test_another_series_is_another_setting_and_none_is_empty(cohort):
    found = [
        plan_of(cohort, pairing=PairingOptions(ct_series=series)).settings()['ct_series']
        for series in ('', 'bone', 'soft')
    ]
    assert found[0] == '' and len(set(found)) == 3


def test_moved_landmarks_are_other_decisions(cohort, finished):
    plan = plan_of(cohort)
    case = plan.cases[0]
    level, points = next(iter(case.points['MR'].items()))
    case.points['MR'][level] = dataclasses.replace(points, sac=points.sac + 0.01)
    with pytest.raises(UserError, match='other studies or decisions'):
        build(plan, finished[0])


class StoppedError(Exception):
    """Stands for a Ctrl-C."""


def test_an_interrupted_build_goes_on_and_ends_with_the_same_bytes(cohort, finished, tmp_path):
    out = tmp_path / 'set'

    def stop(done, total):
        if done == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        build(plan_of(cohort), out, progress=stop)
    assert not out.exists()
    done = {path.name: path.stat().st_ino for path in (work_folder(out) / 'pictures').iterdir()}
    assert done
    result = build(plan_of(cohort), out)
    assert result.done_before == 2
    assert tree(out) == tree(finished[0])
    inodes = {path.name: path.stat().st_ino for split in SPLITS for path in (out / split).iterdir()}
    assert inodes.items() >= done.items()


def test_a_build_without_any_pair_writes_no_set_and_tells_why(cohort, tmp_path):
    plan = plan_of(cohort, pairing=PairingOptions(max_days=0))
    with pytest.raises(UserError) as caught:
        build(plan, tmp_path / 'set')
    assert len(caught.value.problems) == 5
    assert 'too many days apart: 1.0 days' in caught.value.problems[0].found
    assert not list(tmp_path.iterdir())


def test_nothing_decided_is_told(cohort, tmp_path):
    plan = dataclasses.replace(plan_of(cohort), cases=[])
    with pytest.raises(UserError, match='place landmarks'):
        build(plan, tmp_path / 'set')


def test_a_table_of_splits_is_obeyed(cohort, tmp_path):
    table = {NAMES.patient(study.patient_id): 'train' for study in STUDIES}
    table[NAMES.patient('four')] = 'test'
    result = build(plan_of(cohort, SplitRule(table=table)), tmp_path / 'set')
    assert result.pairs.split[result.pairs.patient_id == NAMES.patient('four')].tolist() == ['test']
    assert result.pairs.split.value_counts().to_dict() == {'train': 3, 'test': 1}


def test_damaged_files_leave_the_other_patients_pairs_as_they_are(cohort, finished, tmp_path):
    dicom, points = write_cohort(tmp_path / 'damaged', STUDIES)
    draw = random.Random(0)
    for number, path in enumerate(sorted((dicom / 'four').rglob('IM*'))):
        content = bytearray(path.read_bytes())
        if number % 3 == 0:
            del content[draw.randrange(len(content)) :]
        elif number % 3 == 1:
            content[draw.randrange(len(content))] ^= 0xFF
        path.write_bytes(content)
    result = build(plan_of((dicom, points)), tmp_path / 'set')
    of_others = result.pairs[result.pairs.patient_id != NAMES.patient('four')]
    expected = finished[1].pairs.set_index('pair_id').sha256
    assert len(of_others) == 3
    assert of_others.set_index('pair_id').sha256.equals(expected[of_others.pair_id])
    unread = pd.read_csv(tmp_path / 'set' / 'unread.csv')
    assert len(unread) >= 10 and unread.file.str.startswith('file-').all()


def test_the_contact_sheet_has_as_many_pages_as_it_takes(cohort, tmp_path, monkeypatch):
    monkeypatch.setattr(building.overviews, 'SHEET_PAIRS', 3)
    build(plan_of(cohort), tmp_path / 'set')
    assert sorted(path.name for path in (tmp_path / 'set').glob('contact*')) == [
        'contact_sheet.png',
        'contact_sheet_2.png',
    ]


@pytest.mark.parametrize(
    'values',
    [
        {'fractions': (0.5, 0.5)},
        {'fractions': (1.5, -0.5, 0.0)},
        {'fractions': (0.8, 0.1, 0.2)},
        {'fractions': (float('nan'), 0.5, 0.5)},
        {'seed': -1},
    ],
)
def test_rules_of_splits_out_of_range_are_refused(values):
    with pytest.raises(ValueError, match=r'fractions|seed'):
        SplitRule(**values)
