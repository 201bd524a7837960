import datetime

import numpy as np
import pydicom
import pytest
from dicom_builders import (
    PLANTED,
    enhanced_dataset,
    picture,
    slice_dataset,
    with_attributes,
    write,
)
from pydicom import uid

from ct2mr_tf.imaging import dicom_headers
from ct2mr_tf.imaging.dicom_headers import Skip, SkippedError
from ct2mr_tf.imaging.dicom_values import RefusedError, WarningCount, warnings_held_back

LIMIT = 2**30


def read(dataset, tmp_path, syntax=uid.ExplicitVRLittleEndian, limit=LIMIT):
    path = write(dataset, tmp_path / 'file', syntax)
    with warnings_held_back(WarningCount()):
        return dicom_headers.read_slices(path, limit)


def refusal(dataset, tmp_path, limit=LIMIT):
    with pytest.raises(RefusedError) as caught:
        read(dataset, tmp_path, limit=limit)
    assert PLANTED not in str(caught.value)
    return caught.value.found


def test_a_ct_slice(tmp_path):
    (header,) = read(slice_dataset('CT', number=4), tmp_path)
    assert header.modality == 'CT'
    assert header.position == (-10, -20, 12)
    assert header.orientation == (1, 0, 0, 0, 1, 0)
    assert header.pixel_spacing == (0.5, 0.75)
    assert header.slice_thickness_mm == 3
    assert (header.pixels.rows, header.pixels.columns) == (32, 32)
    assert header.pixels.rescale == (1, -1024)
    assert header.identity.date == datetime.date(2019, 4, 2)
    assert not header.t2_weighted


def test_an_mr_slice(tmp_path):
    (header,) = read(slice_dataset('MR'), tmp_path)
    assert (header.echo_time_ms, header.repetition_time_ms) == (100, 4000)
    assert header.t2_weighted
    assert header.pixels.rescale is None


def test_the_frames_of_an_enhanced_mr(tmp_path):
    slices = read(enhanced_dataset('MR', frames=3), tmp_path)
    assert [header.position[2] for header in slices] == [0, -4, -8]
    assert [header.place.frame for header in slices] == [0, 1, 2]
    assert {header.pixel_spacing for header in slices} == {(0.5, 0.75)}
    assert {header.slice_thickness_mm for header in slices} == {4}
    assert {(header.echo_time_ms, header.repetition_time_ms) for header in slices} == {(90, 3500)}
    assert all(header.t2_weighted for header in slices)


def test_absurdly_long_functional_groups_are_refused_before_they_are_parsed(tmp_path):
    dataset = enhanced_dataset('MR', frames=2)
    group = dataset.SharedFunctionalGroupsSequence[0]
    group.private_block(0x0029, 'PRIVATE TEST', create=True).add_new(0x10, 'OB', bytes(2**19))
    assert refusal(dataset, tmp_path).startswith('SharedFunctionalGroupsSequence of 5')


def test_a_frames_own_groups_come_before_the_shared_ones(tmp_path):
    dataset = enhanced_dataset('CT', frames=2)
    rescale = with_attributes(RescaleSlope=2, RescaleIntercept=-8)
    own = dataset.PerFrameFunctionalGroupsSequence[1]
    own.PixelValueTransformationSequence = [rescale]
    slices = read(dataset, tmp_path)
    assert [header.pixels.rescale for header in slices] == [(1, -1024), (2, -8)]


@pytest.mark.parametrize(
    'attributes',
    [
        {'EchoPulseSequence': 'GRADIENT'},
        {'InversionRecovery': 'YES'},
        {'SpectrallySelectedSuppression': 'FAT'},
    ],
)
def test_an_enhanced_mr_of_another_contrast(tmp_path, attributes):
    dataset = enhanced_dataset('MR')
    modifier = with_attributes(**attributes)
    dataset.SharedFunctionalGroupsSequence[0].MRModifierSequence = [modifier]
    assert not any(header.t2_weighted for header in read(dataset, tmp_path))


@pytest.mark.parametrize(
    'attributes',
    [
        {'ScanningSequence': ['SE', 'IR']},
        {'ScanningSequence': 'GR'},
        {'ScanOptions': ['PFP', 'FS']},
        {'ImageType': ['DERIVED', 'PRIMARY', 'DIXON', 'WATER']},
        {'ImageType': ['DERIVED', 'PRIMARY', 'M', 'DIXON', 'OPP_PHASE']},
        {'ImageType': ['DERIVED', 'PRIMARY', 'F', 'F', 'DERIVED']},
    ],
)
def test_an_mr_of_another_contrast(tmp_path, attributes):
    assert not read(slice_dataset('MR', **attributes), tmp_path)[0].t2_weighted


def test_a_dixon_picture_in_phase_is_t2_weighted(tmp_path):
    dataset = slice_dataset('MR', ImageType=['DERIVED', 'PRIMARY', 'DIXON', 'IN_PHASE'])
    assert read(dataset, tmp_path)[0].t2_weighted


@pytest.mark.parametrize(
    'syntax',
    [
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
        uid.RLELossless,
    ],
)
def test_every_encoding_says_the_same(tmp_path, syntax):
    (header,) = read(
        slice_dataset(PixelPaddingValue=-2000, PixelRepresentation=1), tmp_path, syntax
    )
    assert header.position == (-10, -20, 0)
    assert header.pixels.padding == (-2000, -2000)


def test_a_file_without_preamble_and_meta_information(tmp_path):
    for implicit in (True, False):
        dataset = slice_dataset()
        del dataset.file_meta
        path = tmp_path / 'bare'
        pydicom.dcmwrite(path, dataset, implicit_vr=implicit, little_endian=True)
        (header,) = dicom_headers.read_slices(path, LIMIT)
        assert header.pixels.element.transfer_syntax_uid == (
            uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian
        )
        assert header.pixels.element.offset + 32 * 32 * 2 == path.stat().st_size


def test_a_header_longer_than_the_first_part_of_the_file(tmp_path):
    dataset = slice_dataset()
    dataset.private_block(0x0029, 'PRIVATE TEST').add_new(0x11, 'OB', b'\0' * 3_000_000)
    (header,) = read(dataset, tmp_path)
    assert header.pixels.element.offset > 3_000_000


@pytest.mark.parametrize(
    ('attributes', 'reason'),
    [
        ({'SOPClassUID': uid.SecondaryCaptureImageStorage}, Skip.SECONDARY_CAPTURE),
        (
            {'SOPClassUID': uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage},
            Skip.SECONDARY_CAPTURE,
        ),
        ({'ImageType': ['DERIVED', 'SECONDARY', 'SCREEN SAVE']}, Skip.SECONDARY_CAPTURE),
        ({'SOPClassUID': uid.UltrasoundImageStorage}, Skip.OTHER_MODALITY),
        ({'SOPClassUID': uid.BasicTextSRStorage}, Skip.OTHER_MODALITY),
        ({'SOPClassUID': uid.RawDataStorage}, Skip.OTHER_MODALITY),
        ({'Modality': 'PT'}, Skip.OTHER_MODALITY),
        ({'SamplesPerPixel': 3, 'PhotometricInterpretation': 'RGB'}, Skip.COLOUR),
        ({'PhotometricInterpretation': 'PALETTE COLOR'}, Skip.COLOUR),
        ({'BurnedInAnnotation': 'YES'}, Skip.BURNED_IN),
        ({'ImageType': ['ORIGINAL', 'PRIMARY', 'LOCALIZER']}, Skip.LOCALIZER),
        ({'SeriesDescription': '3-plane loc'}, Skip.LOCALIZER),
        ({'SeriesDescription': None, 'ProtocolName': 'Scout'}, Skip.LOCALIZER),
    ],
)
def test_what_is_skipped(tmp_path, attributes, reason):
    with pytest.raises(SkippedError) as caught:
        read(slice_dataset(**attributes), tmp_path)
    assert caught.value.reason is reason


@pytest.mark.parametrize('content', [b'', b'P', b'\x08\0', b'a text file\n' * 50, b'\0' * 500])
def test_what_is_no_dicom_file(tmp_path, content):
    path = tmp_path / 'file.dcm'
    path.write_bytes(content)
    with pytest.raises(SkippedError) as caught:
        dicom_headers.read_slices(path, LIMIT)
    assert caught.value.reason is Skip.NOT_DICOM


@pytest.mark.parametrize(
    'keyword',
    [
        'SOPClassUID',
        'SOPInstanceUID',
        'SeriesInstanceUID',
        'Rows',
        'Columns',
        'BitsAllocated',
        'BitsStored',
        'PixelRepresentation',
        'ImagePositionPatient',
        'ImageOrientationPatient',
        'PixelSpacing',
        'RescaleSlope',
        'RescaleIntercept',
    ],
)
def test_what_must_be_there(tmp_path, keyword):
    assert refusal(slice_dataset('CT', **{keyword: None}), tmp_path) == f'no {keyword}'


@pytest.mark.parametrize(
    ('attributes', 'found'),
    [
        ({'RescaleSlope': 0}, 'RescaleSlope is 0'),
        ({'RescaleType': 'Z_EFF'}, 'a RescaleType other than HU'),
        ({'RescaleType': 'US', 'ImageType': ['DERIVED', 'PRIMARY']}, 'a RescaleType other than HU'),
        ({'RescaleType': PLANTED}, 'a RescaleType other than HU'),
        ({'PixelSpacing': [0.5]}, 'PixelSpacing has 1 values'),
        ({'PixelSpacing': [0.5, 0]}, 'PixelSpacing 0.5 x 0 mm'),
        ({'PixelSpacing': [0.5, 5000]}, 'PixelSpacing 0.5 x 5000 mm'),
        ({'ImagePositionPatient': [0, 0, 1e9]}, 'ImagePositionPatient beyond 100 m'),
        ({'ImagePositionPatient': [0, -1e9, 0]}, 'ImagePositionPatient beyond 100 m'),
        (
            {'ImageOrientationPatient': [1, 0, 0, 1, 0, 0]},
            'ImageOrientationPatient is not unit and orthogonal',
        ),
        (
            {'ImageOrientationPatient': [0] * 6},
            'ImageOrientationPatient is not unit and orthogonal',
        ),
        ({'Rows': 0}, 'Rows is 0'),
        ({'Rows': 31}, '2048 bytes of pixels'),
        ({'Columns': 33}, '2048 bytes of pixels'),
        ({'BitsAllocated': 32}, 'BitsAllocated is 32'),
        ({'BitsStored': 17}, 'BitsStored is 17'),
        ({'BitsStored': 12}, 'HighBit is 15'),
        ({'PixelRepresentation': 2}, 'PixelRepresentation is 2'),
        ({'NumberOfFrames': 2}, '2048 bytes of pixels'),
        ({'PatientID': None, 'StudyInstanceUID': None}, 'no PatientID and no StudyInstanceUID'),
        ({'SOPClassUID': '1.2.3.4'}, 'a SOPClassUID that no class has'),
    ],
)
def test_what_is_refused(tmp_path, attributes, found):
    assert refusal(slice_dataset('CT', **attributes), tmp_path) == found


def test_a_single_frame_object_of_several_frames_is_refused(tmp_path):
    dataset = slice_dataset('CT', pixels=np.stack([picture(), picture(1)]), NumberOfFrames=2)
    assert refusal(dataset, tmp_path) == '2 frames'


def test_an_mr_needs_both_of_slope_and_intercept_or_none(tmp_path):
    assert read(slice_dataset('MR', RescaleSlope=2, RescaleIntercept=1), tmp_path)
    assert refusal(slice_dataset('MR', RescaleSlope=2), tmp_path) == 'no RescaleIntercept'
    assert refusal(slice_dataset('MR', RescaleIntercept=2), tmp_path) == 'no RescaleSlope'


def test_an_original_ct_of_unspecified_unit_is_in_hounsfield_units(tmp_path):
    assert read(slice_dataset('CT', RescaleType='US'), tmp_path)[0].pixels.rescale == (1, -1024)


def test_a_malformed_number_is_refused(tmp_path):
    path = write(slice_dataset('CT'), tmp_path / 'file')
    content = path.read_bytes()
    path.write_bytes(content.replace(b'-1024', b'-1O24'))
    assert path.read_bytes() != content
    with pytest.raises(RefusedError, match='RescaleIntercept is no number'):
        dicom_headers.read_slices(path, LIMIT)


@pytest.mark.parametrize('keyword', ['AcquisitionNumber', 'InstanceNumber'])
def test_a_malformed_number_that_decides_nothing_is_unknown(tmp_path, keyword):
    dataset = slice_dataset('CT', **{keyword: 77})
    path = write(dataset, tmp_path / 'file')
    path.write_bytes(path.read_bytes().replace(b'IS\x02\x0077', b'IS\x02\x007x'))
    (header,) = dicom_headers.read_slices(path, LIMIT)
    assert None in (header.acquisition_number, header.instance_number)


def test_absurd_sizes_are_refused_before_anything_is_decoded(tmp_path):
    dataset = slice_dataset('CT', Rows=65535, Columns=65535)
    assert refusal(dataset, tmp_path) == '1 x 65535 x 65535 pixels, 8589672450 bytes'
    dataset = enhanced_dataset('MR', frames=2, NumberOfFrames=2_000_000_000)
    assert refusal(dataset, tmp_path).startswith('2000000000 x 32 x 32 pixels')
    assert refusal(slice_dataset('CT'), tmp_path, limit=2047) == '1 x 32 x 32 pixels, 2048 bytes'
    assert read(slice_dataset('CT'), tmp_path, limit=2048)


def test_frames_without_functional_groups_are_refused(tmp_path):
    dataset = enhanced_dataset('MR', frames=3)
    dataset.PerFrameFunctionalGroupsSequence.pop()
    assert refusal(dataset, tmp_path) == '3 frames and 2 functional groups of frames'
    dataset = enhanced_dataset('MR', frames=3, PerFrameFunctionalGroupsSequence=None)
    assert refusal(dataset, tmp_path) == '3 frames and 0 functional groups of frames'


@pytest.mark.parametrize('syntax', [uid.ExplicitVRLittleEndian, uid.RLELossless])
def test_a_file_cut_anywhere_is_refused_or_skipped(tmp_path, syntax):
    path = write(slice_dataset('CT'), tmp_path / 'file', syntax)
    content = path.read_bytes()
    for length in np.linspace(0, len(content) - 1, 100).astype(int):
        path.write_bytes(content[:length])
        with pytest.raises((RefusedError, SkippedError)), warnings_held_back(WarningCount()):
            dicom_headers.read_slices(path, LIMIT)


def test_the_transfer_syntax_must_fit_the_pixels(tmp_path):
    path = write(slice_dataset('CT'), tmp_path / 'file')
    path.write_bytes(path.read_bytes().replace(b'1.2.840.10008.1.2.1\0', b'1.2.840.10008.1.2.5\0'))
    with pytest.raises(RefusedError, match='not stored as the transfer syntax says'):
        dicom_headers.read_slices(path, LIMIT)
    path.write_bytes(path.read_bytes().replace(b'1.2.840.10008.1.2.5\0', b'1.2.840.10008.1.2.7\0'))
    with pytest.raises(RefusedError, match='a transfer syntax that is not read'):
        dicom_headers.read_slices(path, LIMIT)


def test_nothing_of_an_identity_is_shown(tmp_path):
    (header,) = read(slice_dataset('CT'), tmp_path)
    shown = repr(header)
    identity = header.identity
    hidden = (
        PLANTED,
        identity.sop_instance_uid,
        '2019',
        str(tmp_path),
        identity.study_instance_uid,
    )
    assert not [text for text in hidden if f"'{text}" in shown or PLANTED in shown]
    assert identity.patient == (PLANTED, '')
