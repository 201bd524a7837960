import dataclasses

import numpy as np
import pydicom
import pytest
from study_builders import HALF_SIDE, Study, write_landmarks, write_study

from ct2mr_tf.data.examples import read_pair
from ct2mr_tf.data.patient_pairs import (
    OVERVIEWS_FOLDER,
    PICTURES_FOLDER,
    REFUSED_COLUMNS,
    BuildOptions,
    build_patient,
)
from ct2mr_tf.data.patients import Decisions, PatientCase, Roster, gather_cases
from ct2mr_tf.imaging import dicom_reader, grey
from ct2mr_tf.imaging.case_lists import ListedPair, ListedSlice
from ct2mr_tf.imaging.crop import DiscPoints
from ct2mr_tf.imaging.dicom_reader import ReadOptions
from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.imaging.landmarks import read_landmarks
from ct2mr_tf.imaging.pairing_rules import PairingOptions
from ct2mr_tf.imaging.pseudonyms import Pseudonyms

NAMES = Pseudonyms(b'0123456789abcdef')

OPTIONS = BuildOptions(size=64)

TWO_DISCS = (('L3-4', -3.0), ('L4-5', 8.0))


def case_of(folder, study, change=None, **decided):
    """The case of a study written to a folder; `change` edits each dataset before it is read."""
    for path in write_study(folder / 'dicom', study):
        if change:
            dataset = pydicom.dcmread(path)
            change(dataset)
            dataset.save_as(path)
    write_landmarks(folder / 'points', study)
    points = read_landmarks(folder / 'points', str)
    found = dicom_reader.scan(folder / 'dicom', ReadOptions(workers=1), NAMES)
    assert not found.problems
    cases = gather_cases(Roster(found.stacks, NAMES), Decisions(points, **decided))
    assert len(cases) == 1
    return cases[0]


def reasons(record):
    """Level, reason, modality, measured and limit of each refusal."""
    return [
        tuple(row[name] for name in ('level', 'reason', 'modality', 'measured', 'limit'))
        for row in record.refusals
    ]


def test_pictures_show_the_sac_at_the_centre_and_the_ventral_edge_on_top(tmp_path):
    case = case_of(tmp_path, Study('one', tilts=TWO_DISCS))
    record = build_patient(case, OPTIONS, tmp_path)
    assert [row['level'] for row in record.pairs] == ['L3-4', 'L4-5']
    assert not record.refusals and not record.problems
    for row in record.pairs:
        halves = read_pair(tmp_path / PICTURES_FOLDER / f'{row["pair_id"]}.png')
        for half in halves:
            assert half.shape == (64, 64)
            column = half[:, 31:33].mean(axis=1)
            peak = half.astype(float) - np.median(half, axis=1, keepdims=True)
            y, x = np.mgrid[:64, :64]
            weights = np.where(peak > 0.4 * peak.max(), peak, 0)
            assert (weights * x).sum() / weights.sum() == pytest.approx(31.5, abs=0.2)
            assert (weights * y).sum() / weights.sum() == pytest.approx(31.5, abs=0.4)
            assert column[0] < column[3]  # the first row is half before the ventral edge
        overview = tmp_path / OVERVIEWS_FOLDER / f'{row["pair_id"]}.png'
        assert overview.read_bytes().startswith(b'\x89PNG')


def test_a_row_tells_how_the_pair_was_made(tmp_path):
    study = Study('one', tilts=(('L4-5', 8.0),), mr_date='20190404')
    options = dataclasses.replace(OPTIONS, ct_window=Window(-100, 300))
    row = build_patient(case_of(tmp_path, study), options, tmp_path).pairs[0]
    pseudonym = NAMES.patient('one')
    assert (row['pair_id'], row['patient_id']) == (f'{pseudonym}_L4-5', pseudonym)
    assert row['half_side_mm'] == pytest.approx(HALF_SIDE, abs=1e-4)
    assert row['pixel_mm'] == pytest.approx(2 * HALF_SIDE / 64, abs=1e-5)
    assert row['plane_angle_deg'] == pytest.approx(8, abs=1e-4)
    assert (row['ct_plane'], row['days_between'], row['warnings']) == ('mr', 2, '')
    assert (row['ct_low_hu'], row['ct_high_hu']) == (-100, 300)
    assert row['mr_low'] < row['mr_high']
    assert (row['grown_mm'], row['mr_off_plane_mm']) == (0, 0)
    assert row['body_ventral_mm'] == pytest.approx(HALF_SIDE, abs=1e-4)
    assert (row['body_left_mm'], row['body_right_mm']) == ('', '')  # nobody marked the edges


def test_grey_levels_are_those_of_the_windows(tmp_path):
    case = case_of(tmp_path, Study('one', tilts=(('L4-5', 0.0),)))
    row = build_patient(case, OPTIONS, tmp_path).pairs[0]
    ct, mr = read_pair(tmp_path / PICTURES_FOLDER / f'{row["pair_id"]}.png')
    # Sac and body have 240 and 40 above zero at z = 0, stored as HU and with 1024 added as signal.
    assert grey.from_grey(ct[32, 32], grey.DEFAULT_CT_WINDOW) == pytest.approx(240, abs=12)
    assert grey.from_grey(ct[60, 3], grey.DEFAULT_CT_WINDOW) == pytest.approx(40, abs=12)
    window = Window(row['mr_low'], row['mr_high'])
    assert grey.from_grey(mr[60, 3], window) == pytest.approx(1064, abs=12)


def test_unknown_dates_are_called_unknown(tmp_path):
    study = Study('one', ct_date='', attributes={'StudyDate': ''})
    case = case_of(tmp_path, study)
    allowed = BuildOptions(size=64, pairing=PairingOptions(allow_unknown_dates=True))
    assert build_patient(case, allowed, tmp_path).pairs[0]['days_between'] == 'unknown'
    refused = build_patient(case, OPTIONS, tmp_path)
    assert reasons(refused) == [('L4-5', 'the days between CT and MR are unknown', '', '', 3)]


def test_refusals_tell_what_was_measured_and_the_limit(tmp_path):
    study = Study('one', tilts=TWO_DISCS, mr_date='20190412')
    case = case_of(tmp_path, study, exclusions={'one': {'L3-4': 'fracture'}})
    record = build_patient(case, OPTIONS, tmp_path)
    assert not record.pairs
    assert reasons(record) == [
        ('L3-4', 'excluded by hand', '', '', ''),
        ('L4-5', 'CT and MR are too many days apart', '', 10, 3),
    ]
    assert record.refusals[0]['detail'] == 'fracture'
    assert list(record.refusals[0]) == list(REFUSED_COLUMNS)


def test_a_patient_without_studies_is_refused_level_by_level(tmp_path):
    points = DiscPoints(np.zeros(3), np.array([0.0, -40, 0]))
    case = PatientCase('P0123', points={'CT': {'L4-5': points}, 'MR': {'L3-4': points}})
    record = build_patient(case, OPTIONS, tmp_path)
    assert reasons(record) == [
        ('L3-4', 'no study of this patient', '', '', ''),
        ('L4-5', 'no study of this patient', '', '', ''),
    ]


def pad_a_corner(dataset):
    """Pads the patient's ventral right quarter of CT slices, as far as the square reaches."""
    if dataset.Modality == 'CT':
        stored = dataset.pixel_array.copy()
        stored[: dataset.Rows // 2, : dataset.Columns // 4] = 9999
        dataset.add_new('PixelPaddingValue', 'US', 9999)
        dataset.PixelData = stored.tobytes()


def test_padding_in_the_square_is_refused_or_shown_as_air(tmp_path):
    case = case_of(tmp_path, Study('one', tilts=(('L4-5', 0.0),)), change=pad_a_corner)
    record = build_patient(case, OPTIONS, tmp_path)
    level, reason, modality, measured, limit = reasons(record)[0]
    assert (level, modality, limit) == ('L4-5', 'CT', 0)
    # Padding takes part up to the next pixel's centre: x < -26.25 mm and y < -4.25 mm, in a square
    # of 64 pixels from -30 to 30 mm: 4 columns and 27 rows of pixel centres.
    assert 'padding' in reason and measured == pytest.approx(100 * 4 * 27 / 64**2)
    allowed = dataclasses.replace(OPTIONS, max_padding_share=0.1)
    row = build_patient(case, allowed, tmp_path).pairs[0]
    ct, _ = read_pair(tmp_path / PICTURES_FOLDER / f'{row["pair_id"]}.png')
    assert (ct == 0).mean() == pytest.approx(measured / 100)
    assert (ct[:27, :4] == 0).all() and (ct[:, 4:] > 0).all()


def test_an_mr_without_contrast_is_refused(tmp_path):
    def flatten(dataset):
        if dataset.Modality == 'MR':
            dataset.PixelData = np.full((dataset.Rows, dataset.Columns), 77, '<u2').tobytes()

    record = build_patient(case_of(tmp_path, Study('one'), change=flatten), OPTIONS, tmp_path)
    assert reasons(record) == [('L4-5', 'the stack has no contrast', 'MR', '', '')]


def test_pixels_that_cannot_be_read_refuse_their_disc_only(tmp_path):
    case = case_of(tmp_path, Study('one', tilts=TWO_DISCS))
    sac = case.points['MR']['L4-5'].sac
    packets = [stack for stack in case.stacks if stack.modality == 'MR']
    broken = min(packets, key=lambda stack: np.abs(stack.geometry.plane_distances(sac)).min())
    path = broken.slices[0].place.path
    path.write_bytes(path.read_bytes()[:-100])
    record = build_patient(case, OPTIONS, tmp_path)
    assert [row['level'] for row in record.pairs] == ['L3-4']
    assert [row[:2] for row in reasons(record)] == [('L4-5', 'the pixels cannot be read')]
    assert [problem.where for problem in record.problems] == [broken.slices[0].place.pseudonym]


def listed_case(case, unit, ct_slice, mr_slice, ct_points, mr_points):
    listed = ListedPair(
        '--pairs, row 2',
        'one',
        'L4-5',
        ListedSlice(ct_slice.identity.sop_instance_uid, unit, ct_points),
        ListedSlice(mr_slice.identity.sop_instance_uid, unit, mr_points),
    )
    return PatientCase(case.pseudonym, case.stacks, listed={'L4-5': listed}, excluded=case.excluded)


def test_a_listed_pair_takes_the_slices_it_names_and_pixels_or_mm_agree(tmp_path):
    study = Study('one', tilts=(('L4-5', 0.0),))
    case = case_of(tmp_path, study, exclusions={'one': {'L1-2': 'tumour'}})
    mr, ct = sorted(case.stacks, key=lambda stack: stack.modality, reverse=True)
    chosen = [
        stack.slices[int(np.abs(stack.geometry.plane_distances(points['L4-5'].sac)).argmin())]
        for stack, points in ((ct, case.points['CT']), (mr, case.points['MR']))
    ]
    in_mm, in_pixels = [], []
    for stack, points in ((ct, case.points['CT']), (mr, case.points['MR'])):
        disc = points['L4-5']
        in_mm.append({'sac': disc.sac, 'ventral': disc.ventral})
        pixels = stack.geometry.to_pixels(0, np.array([disc.sac, disc.ventral]))
        places = [np.array([column, row, 0.0]) for row, column in pixels]
        in_pixels.append(dict(zip(('sac', 'ventral'), places, strict=True)))
    records = [
        build_patient(listed_case(case, unit, *chosen, *points), OPTIONS, tmp_path / unit)
        for unit, points in (('mm', in_mm), ('pixel', in_pixels))
    ]
    assert [len(record.pairs) for record in records] == [1, 1]
    assert records[0].pairs[0]['sha256'] == records[1].pairs[0]['sha256']
    assert reasons(records[0]) == [('L1-2', 'excluded by hand', '', '', '')]


def test_a_listed_level_that_is_excluded_is_refused_once(tmp_path):
    study = Study('one', tilts=(('L4-5', 0.0),))
    case = case_of(tmp_path, study, exclusions={'one': {'L4-5': 'tumour'}})
    stacks = {stack.modality: stack for stack in case.stacks}
    chosen = [stacks[modality].slices[0] for modality in ('CT', 'MR')]
    record = build_patient(listed_case(case, 'mm', *chosen, {}, {}), OPTIONS, tmp_path)
    assert reasons(record) == [('L4-5', 'excluded by hand', '', '', '')]


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'size': 30}, 'size must be a multiple of 4, 4 to 2048, got 30'),
        ({'size': 0}, 'got 0'),
        ({'size': 2052}, 'got 2052'),
        ({'mr_percentiles': (60.0, 40.0)}, 'percentiles must rise'),
        ({'max_padding_share': 1.5}, 'max_padding_share must be 0 to 1'),
        ({'size': 3, 'max_padding_share': -1.0}, 'size must.*max_padding_share'),
    ],
)
def test_options_out_of_range_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        BuildOptions(**values)
