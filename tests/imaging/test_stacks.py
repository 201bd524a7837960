import numpy as np
import pytest
from dicom_builders import PLANTED, enhanced_dataset, picture, slice_dataset, write
from hypothesis import given
from hypothesis import strategies as st
from pydicom import uid
from pydicom.pixels import get_decoder

from ct2mr_tf.imaging import dicom_headers
from ct2mr_tf.imaging.stacks import build_stacks, orientation_name

LIMIT = 2**30


def turned(degrees):
    """Direction cosines of an axial plane turned about the patient's x axis."""
    angle = np.radians(degrees)
    return [1.0, 0, 0, 0, float(np.cos(angle)), float(np.sin(angle))]


def stacks_of(datasets, tmp_path):
    slices = []
    for number, dataset in enumerate(datasets):
        dataset.SOPInstanceUID = f'1.2.9.{number}'
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        slices += dicom_headers.read_slices(write(dataset, tmp_path / str(number)), LIMIT)
    return build_stacks(slices)


def heights(stack):
    return stack.geometry.origins[:, 2].tolist()


def test_slices_are_ordered_along_their_normal_not_by_their_number(tmp_path):
    datasets = [slice_dataset(number=number) for number in (2, 0, 3, 1)]
    (stack,) = stacks_of(datasets, tmp_path)
    assert heights(stack) == [0, 3, 6, 9]
    assert [header.instance_number for header in stack.slices] == [100, 99, 98, 97]
    assert stack.spacing_between == 3
    assert stack.slice_thickness == 3
    assert stack.notes == ()
    assert stack.orientation == 'axial'
    assert stack.date.isoformat() == '2019-04-02'


def test_a_normal_that_points_to_the_feet_orders_from_head_to_feet(tmp_path):
    down = [1.0, 0, 0, 0, -1, 0]
    datasets = [slice_dataset(number=n, ImageOrientationPatient=down) for n in range(3)]
    (stack,) = stacks_of(datasets, tmp_path)
    assert heights(stack) == [6, 3, 0]


def test_angled_packets_of_one_series_are_a_stack_each(tmp_path):
    datasets = [
        slice_dataset('MR', number=10 * packet + number, ImageOrientationPatient=turned(degrees))
        for packet, degrees in enumerate((-5, 0, 12))
        for number in range(3)
    ]
    stacks = stacks_of(datasets, tmp_path)
    assert sorted(len(stack.slices) for stack in stacks) == [3, 3, 3]
    assert all(stack.is_t2 for stack in stacks)


def test_rounding_of_directions_and_spacings_does_not_divide_a_stack(tmp_path):
    wobble = [[1, 0, 0, 0, 1, 0], [1, 0.0001, 0, -0.0001, 1, 0], [0.9999, 0, 0, 0, 1, 0.0002]]
    datasets = [
        slice_dataset(
            number=n, ImageOrientationPatient=wobble[n], PixelSpacing=[0.5 + n * 1e-5] * 2
        )
        for n in range(3)
    ]
    assert len(stacks_of(datasets, tmp_path)) == 1


@pytest.mark.parametrize(
    'different',
    [
        {'EchoTime': 120},
        {'EchoTime': 80},
        {'EchoTime': None},
        {'PixelSpacing': [0.5, 0.76]},
        {'PixelSpacing': [0.5, 0.74]},
        {'SeriesInstanceUID': '1.2.3.99'},
        {'StudyInstanceUID': '1.2.99'},
        {'FrameOfReferenceUID': '1.2.4.99'},
        {'PatientID': 'another'},
        {'IssuerOfPatientID': 'another'},
        {'ImageOrientationPatient': turned(0.5)},
        {'ImageOrientationPatient': turned(-0.5)},
    ],
)
def test_what_divides_a_series(tmp_path, different):
    datasets = [slice_dataset('MR', number=0), slice_dataset('MR', number=1, **different)]
    assert len(stacks_of(datasets, tmp_path)) == 2


def test_a_stack_is_t2_weighted_if_all_its_slices_are(tmp_path):
    datasets = [slice_dataset('MR'), slice_dataset('MR', number=1, ScanOptions='FS')]
    (stack,) = stacks_of(datasets, tmp_path)
    assert [header.t2_weighted for header in stack.slices] == [True, False]
    assert not stack.is_t2


def test_slices_of_another_size_are_another_stack(tmp_path):
    datasets = [slice_dataset(number=n, pixels=picture(rows=8 + n)) for n in range(2)]
    assert len(stacks_of(datasets, tmp_path)) == 2


def test_gaps_are_told(tmp_path):
    datasets = [slice_dataset(number=number) for number in (0, 1, 2, 4, 5, 9)]
    (stack,) = stacks_of(datasets, tmp_path)
    assert stack.notes == ('2 gaps, up to 12.00 mm where 3.00 mm is usual',)


def test_uneven_steps_are_told(tmp_path):
    places = [0, 3, 6, 9.3, 12]
    datasets = [
        slice_dataset(number=n, ImagePositionPatient=[0, 0, z]) for n, z in enumerate(places)
    ]
    (stack,) = stacks_of(datasets, tmp_path)
    assert stack.notes == ('slices 2.70 to 3.30 mm apart',)


def test_a_tilted_gantry_is_told_and_other_shifts_too(tmp_path):
    # Slices 3 mm apart along z, each shifted by 3 mm x tan(15 degrees) in y.
    shift = 3 * np.tan(np.radians(15))
    tilted = [
        slice_dataset(number=n, ImagePositionPatient=[0, round(n * shift, 4), 3 * n])
        for n in range(4)
    ]
    (stack,) = stacks_of(tilted, tmp_path)
    assert stack.notes == ('sheared by 15.0 degrees (tilted gantry)',)
    jumping = [
        slice_dataset(number=n, ImagePositionPatient=[0, y, 3 * n]) for n, y in enumerate((0, 0, 4))
    ]
    (stack,) = stacks_of(jumping, tmp_path)
    assert stack.notes == ('slices shifted within their plane by up to 4.00 mm',)


def test_mixed_and_missing_values_are_told(tmp_path):
    datasets = [
        slice_dataset(number=0, PatientID=None, FrameOfReferenceUID=None),
        slice_dataset(
            number=1,
            PatientID=None,
            FrameOfReferenceUID=None,
            SliceThickness=1.5,
            AcquisitionDate='00010101',
            SeriesDate='',
            StudyDate=None,
            ImageType=['DERIVED', 'PRIMARY', 'AXIAL'],
        ),
    ]
    (stack,) = stacks_of(datasets, tmp_path)
    assert stack.notes == (
        '2 different slice thicknesses',
        '2 different dates',
        'the date is unknown',
        'no frame of reference',
        'no PatientID: the study stands for the patient',
        'derived pictures',
    )
    assert stack.slice_thickness == 1.5
    assert stack.date is None
    assert stack.identity.patient == ('1.2.3', 'StudyInstanceUID')


@pytest.mark.parametrize(
    'different',
    [
        {'ImageType': ['ORIGINAL', 'PRIMARY', 'P']},
        {'AcquisitionNumber': 2},
        {'TemporalPositionIdentifier': 2},
        {'InstanceNumber': 500},
    ],
)
def test_places_pictured_twice_are_two_stacks(tmp_path, different):
    datasets = [slice_dataset('MR', number=n) for n in range(3)]
    datasets += [slice_dataset('MR', number=n, **different) for n in range(3)]
    stacks = stacks_of(datasets, tmp_path)
    assert [heights(stack) for stack in stacks] == [[0, 3, 6]] * 2
    keyword, value = next(iter(different.items()))
    if keyword == 'InstanceNumber':
        assert {header.instance_number for header in stacks[1].slices} == {value}
    assert all(
        'one of 2 stacks of a series that pictures some places more than once' in stack.notes
        for stack in stacks
    )


def test_ct_acquisitions_that_overlap_are_not_interleaved_and_mr_ones_are(tmp_path):
    def datasets(modality):
        return [
            slice_dataset(modality, number=n, AcquisitionNumber=1 + n % 2, InstanceNumber=n)
            for n in range(6)
        ]

    (tmp_path / 'mr').mkdir()
    assert [heights(s) for s in stacks_of(datasets('CT'), tmp_path)] == [[0, 6, 12], [3, 9, 15]]
    assert len(stacks_of(datasets('MR'), tmp_path / 'mr')) == 1


def test_a_repeated_slice_does_not_divide_acquisitions_of_a_slice_each(tmp_path):
    datasets = [slice_dataset(number=n, AcquisitionNumber=n) for n in range(6)]
    repeated = slice_dataset(number=3, AcquisitionNumber=9, InstanceNumber=7)
    stacks = stacks_of([*datasets, repeated], tmp_path)
    assert [heights(stack) for stack in stacks] == [[0, 3, 6, 9, 12, 15], [9]]


def test_ct_acquisitions_one_after_the_other_are_one_stack(tmp_path):
    datasets = [slice_dataset(number=n, AcquisitionNumber=n // 2) for n in range(6)]
    assert len(stacks_of(datasets, tmp_path)) == 1


def test_an_enhanced_object_is_a_stack(tmp_path):
    (stack,) = stacks_of([enhanced_dataset('MR', frames=4)], tmp_path)
    assert heights(stack) == [-12, -8, -4, 0]
    assert [header.place.frame for header in stack.slices] == [3, 2, 1, 0]
    assert len(set(stack.sop_instance_uids)) == 1


def test_the_order_of_files_does_not_matter(tmp_path):
    slices = []
    for n in range(8):
        dataset = slice_dataset(number=n % 4, ImageOrientationPatient=turned(n // 4 * 10))
        dataset.InstanceNumber = n
        slices += dicom_headers.read_slices(write(dataset, tmp_path / str(n)), LIMIT)

    @given(st.permutations(slices))
    def same_stacks(order):
        found = [[h.instance_number for h in stack.slices] for stack in build_stacks(order)]
        assert found == [[4, 5, 6, 7], [0, 1, 2, 3]]

    same_stacks()


@pytest.mark.parametrize(
    ('normal', 'name'),
    [
        ([0, 0, 1], 'axial'),
        ([0, 0, -1], 'axial'),
        ([1, 0, 0], 'sagittal'),
        ([0, -1, 0], 'coronal'),
        ([0, np.sin(np.radians(39)), np.cos(np.radians(39))], 'axial'),
        ([0, np.sin(np.radians(41)), np.cos(np.radians(41))], 'oblique'),
        ([0, np.sin(np.radians(51)), np.cos(np.radians(51))], 'coronal'),
        (np.ones(3) / np.sqrt(3), 'oblique'),
    ],
)
def test_names_of_orientations(normal, name):
    assert orientation_name(np.array(normal)) == name


def test_a_stack_shows_nobody(tmp_path):
    (stack,) = stacks_of([slice_dataset('MR')], tmp_path)
    assert PLANTED not in repr(stack) and PLANTED not in stack.description
    assert stack.description == 't2 tse tra'
    assert PLANTED in stack.series_description


def test_a_missing_decoder_is_told_once_a_stack(tmp_path, monkeypatch):
    slices = []
    for n in range(3):
        path = write(slice_dataset(number=n), tmp_path / str(n), uid.RLELossless)
        slices += dicom_headers.read_slices(path, LIMIT)
    monkeypatch.setattr(get_decoder(uid.RLELossless), '_available', {})
    (stack,) = build_stacks(slices)
    assert stack.notes == ('RLE Lossless needs a decoder: pip install "ct2mr_tf[dicom]"',)


@pytest.mark.parametrize(
    ('last_day', 'expected'), [('20190403', '2019-04-02'), ('20190404', 'None')]
)
def test_a_scan_across_midnight_has_a_day(last_day, expected, tmp_path):
    datasets = [slice_dataset(number=0), slice_dataset(number=1, AcquisitionDate=last_day)]
    (stack,) = stacks_of(datasets, tmp_path)
    assert f'{stack.date}' == expected
