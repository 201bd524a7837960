"""What derived pictures must know of their sources."""

import pydicom
import pytest
from dicom_builders import enhanced_dataset, slice_dataset, write
from pydicom import uid

from ct2mr_tf.imaging import dicom_headers, source_images


def headers_of(path):
    return dicom_headers.read_slices(path, 2**30)


def test_a_slice_is_named_by_class_and_instance(tmp_path):
    headers = headers_of(write(slice_dataset(number=4), tmp_path / 'ct'))
    (source,) = source_images.read_source_images(headers)
    assert source.sop_class_uid == uid.CTImageStorage
    assert source.sop_instance_uid == '1.2.1.4'
    assert source.frame is None
    assert not source.lossy
    assert '1.2.1.4' not in repr(source)


def test_frames_are_numbered_from_one(tmp_path):
    headers = headers_of(write(enhanced_dataset('CT'), tmp_path / 'ct'))
    sources = source_images.read_source_images(headers)
    assert [source.frame for source in sources] == [1, 2, 3]
    assert {source.sop_class_uid for source in sources} == {uid.EnhancedCTImageStorage}


def test_what_compression_lost_is_told(tmp_path):
    lossy = {
        'LossyImageCompression': '01',
        'LossyImageCompressionRatio': ['2.0', '3.5'],
        'LossyImageCompressionMethod': ['ISO_10918_1', 'ISO_15444_1'],
    }
    headers = headers_of(write(slice_dataset(**lossy), tmp_path / 'ct'))
    (source,) = source_images.read_source_images(headers)
    assert source.lossy
    assert source.lossy_ratios == ('2.0', '3.5')
    assert source.lossy_methods == ('ISO_10918_1', 'ISO_15444_1')


def test_baseline_jpeg_is_lossy_though_nobody_says_so(tmp_path):
    dataset = slice_dataset()
    dataset.PixelData = pydicom.encaps.encapsulate([b'\xff\xd8\xff\xd9'])
    dataset.file_meta.TransferSyntaxUID = uid.JPEGExtended12Bit
    dataset.save_as(tmp_path / 'ct', enforce_file_format=True)
    (source,) = source_images.read_source_images(headers_of(tmp_path / 'ct'))
    assert source.lossy


@pytest.mark.parametrize(
    ('stands', 'number'), [('7', 7), (None, 0), ('', 0), ('-3', 0), ('2147483647', 0)]
)
def test_a_series_has_a_number_that_leaves_room(stands, number, tmp_path):
    dataset = slice_dataset(SeriesNumber=stands, PatientPosition='FFP')
    series = source_images.read_ct_series(headers_of(write(dataset, tmp_path / 'ct'))[0])
    assert series.number == number
    assert series.patient_position == 'FFP'
    assert series.frame_of_reference_uid == '1.2.4.1'
    assert '1.2' not in repr(series)


@pytest.mark.parametrize(
    'attribute',
    [(0x00282112, 'DS', '10:1'), (0x00282114, 'CS', 'WIELAND'), (0x00185100, 'CS', 'WIELAND')],
)
def test_texts_that_the_standard_does_not_know_are_left_out(attribute, tmp_path):
    dataset = slice_dataset(LossyImageCompression='01')
    tag, representation, value = attribute
    encoded = value.encode() + b' ' * (len(value) % 2)
    raw = pydicom.dataelem.RawDataElement(
        pydicom.tag.Tag(tag), representation, len(encoded), encoded, 0, False, True
    )
    dataset[tag] = raw
    headers = headers_of(write(dataset, tmp_path / 'ct'))
    (source,) = source_images.read_source_images(headers)
    assert source.lossy
    assert (source.lossy_ratios, source.lossy_methods) == ((), ())
    assert source_images.read_ct_series(headers[0]).patient_position == ''
