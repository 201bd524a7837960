"""One slice as a file: what must be in it, and what its identifiers follow from."""

import dataclasses
import io

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from ct2mr_tf.imaging import dicom_headers, volumes
from ct2mr_tf.imaging.crop import SquareCrop
from ct2mr_tf.imaging.dicom_headers import Skip, SkippedError
from ct2mr_tf.imaging.dicom_writer import Synthesizer, SyntheticSeries, SyntheticSlice, encode_slice
from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.imaging.patient_record import Record
from ct2mr_tf.imaging.source_images import CtSeries, SourceImage

SQUARE = SquareCrop(
    np.array([1 / 3, -20.5, 812.1]), np.array([1.0, 0, 0]), np.array([0, -0.8, -0.6]), 40.0
)

SOURCES = (
    SourceImage(uid.CTImageStorage, '1.2.3.1', None),
    SourceImage(uid.EnhancedCTImageStorage, '1.2.3.2', 7, True, ('2.5', '8'), ('ISO_15444_1', 'X')),
)

PIXELS = np.arange(64, dtype=np.int16).reshape(8, 8) * 4


def slice_of(square=SQUARE, **changes):
    plane = volumes.common_grid([square], 8)
    return dataclasses.replace(
        SyntheticSlice(plane, square, 4.0, SOURCES[:1], 'L4-5: as it is'), **changes
    )


def record(**texts):
    attributes = pydicom.Dataset()
    attributes.StudyInstanceUID, attributes.PatientID = '1.2.3', 'X'
    for keyword, value in texts.items():
        setattr(attributes, keyword, value)
    return Record(attributes, pydicom.Dataset(), str)


def series_of(*slices, **changes):
    return dataclasses.replace(
        SyntheticSeries(
            slices or (slice_of(),),
            record(),
            CtSeries('1.2.3.4', '1.2.3.5', 3, 'HFS'),
            Synthesizer('ct2mr', 'ab' * 32, Window(-200.0, 600.0)),
            'discs',
            1,
        ),
        **changes,
    )


def written(series, index=0, pixels=PIXELS):
    return pydicom.dcmread(io.BytesIO(encode_slice(series, index, pixels)))


def test_a_slice_says_in_every_way_what_it_is():
    dataset = written(series_of())
    assert dataset.SOPClassUID == uid.MRImageStorage
    assert dataset.file_meta.TransferSyntaxUID == uid.ExplicitVRLittleEndian
    assert dataset.ImageType == ['DERIVED', 'SECONDARY', 'OTHER']
    assert dataset.SyntheticData == 'YES'
    assert dataset.ContentQualification == 'RESEARCH'
    assert dataset.ScanningSequence == 'RM'
    for keyword in ('RepetitionTime', 'EchoTime', 'EchoTrainLength', 'ScanOptions'):
        assert keyword in dataset and not dataset[keyword].value
    assert 'RescaleSlope' not in dataset and 'Laterality' not in dataset
    assert dataset.SeriesDescription.startswith('CAUTION')
    assert len(dataset.SeriesDescription) <= 64
    assert 'ab' * 32 in dataset.DerivationDescription
    assert '-200 to 600 HU' in dataset.DerivationDescription
    assert 'not for diagnosis' in dataset.ImageComments
    assert dataset.SeriesNumber == 3001
    assert dataset.FrameOfReferenceUID == '1.2.3.5'


def test_pixels_and_window_come_back_as_grey_levels():
    dataset = written(series_of())
    assert np.array_equal(dataset.pixel_array, PIXELS)
    shown = pydicom.pixels.apply_voi_lut(dataset.pixel_array, dataset)
    grey = (shown - shown.min()) / (2**16 - 1) * 255
    assert np.abs(grey[PIXELS > 0] - PIXELS[PIXELS > 0]).max() < 1e-6
    with pytest.raises(ValueError, match='shape'):
        encode_slice(series_of(), 0, PIXELS[:4])


def test_the_first_pixel_lies_half_a_pixel_within_the_square():
    dataset = written(series_of())
    assert dataset.PixelSpacing == [10.0, 10.0]
    corner = SQUARE.centre - 35 * SQUARE.left_axis + 35 * SQUARE.anterior_axis
    assert np.array(dataset.ImagePositionPatient, float) == pytest.approx(corner, abs=1e-9)
    assert np.array(dataset.ImageOrientationPatient, float) == pytest.approx([1, 0, 0, 0, 0.8, 0.6])
    assert all(len(text) <= 16 for text in map(str, dataset.ImagePositionPatient))


def test_padding_is_marked_where_there_is_some():
    assert 'PixelPaddingValue' not in written(series_of())
    padded = np.where(PIXELS < 40, volumes.OUTSIDE, PIXELS).astype(np.int16)
    dataset = written(series_of(), pixels=padded)
    assert dataset.PixelPaddingValue == -1
    assert np.array_equal(dataset.pixel_array, padded)


def test_sources_are_named_with_frames_and_what_they_lost():
    plain = written(series_of())
    assert 'LossyImageCompression' not in plain
    dataset = written(series_of(slice_of(sources=SOURCES)))
    first, second = dataset.SourceImageSequence
    assert first.ReferencedSOPInstanceUID == '1.2.3.1' and 'ReferencedFrameNumber' not in first
    assert second.ReferencedSOPClassUID == uid.EnhancedCTImageStorage
    assert second.ReferencedFrameNumber == 7
    assert first.PurposeOfReferenceCodeSequence[0].CodeValue == '121322'
    assert dataset.LossyImageCompression == '01'
    assert dataset.LossyImageCompressionRatio == [2.5, 8]
    assert dataset.LossyImageCompressionMethod == ['ISO_15444_1', 'X']


def test_identifiers_follow_from_what_decides_the_pixels():
    base = series_of()
    moved = dataclasses.replace(SQUARE, centre=SQUARE.centre + [0, 0, 0.001])
    model = base.synthesizer
    others = [
        series_of(slice_of(moved)),
        series_of(slice_of(SQUARE.with_half_side(41.0))),
        series_of(slice_of(thickness_mm=3.0)),
        series_of(slice_of(sources=SOURCES)),
        series_of(slice_of(comment='L4-5: reformatted')),
        series_of(slice_of(), slice_of(moved)),
        series_of(ct=dataclasses.replace(base.ct, series_instance_uid='1.2.3.9')),
        series_of(synthesizer=dataclasses.replace(model, sha256='cd' * 32)),
        series_of(synthesizer=dataclasses.replace(model, ct_window=Window(-160.0, 600.0))),
        series_of(kind='volume'),
    ]
    uids = {(one.SeriesInstanceUID, one.SOPInstanceUID) for one in map(written, [base, *others])}
    for kind in zip(*uids, strict=True):
        assert len(set(kind)) == len(others) + 1
    assert encode_slice(series_of(), 0, PIXELS) == encode_slice(base, 0, PIXELS)


def test_slices_of_a_series_share_it_and_differ():
    moved = dataclasses.replace(SQUARE, centre=SQUARE.centre + [0, 0, 3])
    series = series_of(slice_of(), slice_of(moved), spacing_between_mm=3.0)
    one, other = (written(series, index) for index in (0, 1))
    assert one.SeriesInstanceUID == other.SeriesInstanceUID
    assert one.SOPInstanceUID != other.SOPInstanceUID
    assert (one.InstanceNumber, other.InstanceNumber) == (1, 2)
    assert one.SpacingBetweenSlices == 3.0
    assert other.SliceLocation - one.SliceLocation == pytest.approx(3 * 0.8)


def test_a_ct_without_a_frame_gets_one_of_the_series():
    series = series_of(ct=CtSeries('1.2.3.4', '', 0, ''))
    dataset = written(series)
    assert uid.UID(dataset.FrameOfReferenceUID).is_valid
    assert dataset.FrameOfReferenceUID == written(series_of(ct=series.ct)).FrameOfReferenceUID
    assert dataset.SeriesNumber == 1


def test_texts_that_are_not_ascii_do_not_reach_the_file_of_another_character_set():
    name = b'\xb6\xd0'
    own = record()
    for keyword, value in (('SpecificCharacterSet', b'ISO_IR 13 '), ('PatientName', name)):
        tag, representation = Tag(keyword), 'CS' if keyword.startswith('Sp') else 'PN'
        own.attributes[tag] = RawDataElement(tag, representation, len(value), value, 0, False, True)
    model = Synthesizer('Modell \\ für ~', 'ab' * 32, Window(-200.0, 600.0))
    content = encode_slice(series_of(record=own, synthesizer=model), 0, PIXELS)
    assert name in content
    assert b'Modell / f?r' in content
    assert pydicom.dcmread(io.BytesIO(content)).PatientName == name.decode('shift_jis')


def test_an_unknown_character_set_is_kept_without_a_word():
    own = record(PatientComments='plain')
    tag = Tag('SpecificCharacterSet')
    own.attributes[tag] = RawDataElement(tag, 'CS', 10, b'ISO_IR 999', 0, False, True)
    assert b'ISO_IR 999' in encode_slice(series_of(record=own), 0, PIXELS)


def test_what_is_written_is_no_training_data(tmp_path):
    path = tmp_path / 'mr'
    path.write_bytes(encode_slice(series_of(), 0, PIXELS))
    with pytest.raises(SkippedError) as raised:
        dicom_headers.read_slices(path, 2**30)
    assert raised.value.reason == Skip.SYNTHETIC
