import gdcm
import numpy as np
import pytest
from dicom_builders import (
    enhanced_dataset,
    picture,
    slice_dataset,
    stored_values,
    with_attributes,
    write,
)
from pydicom import encaps, uid
from pydicom.pixels import get_decoder

from ct2mr_tf.imaging import dicom_headers, dicom_pixels
from ct2mr_tf.problems import UserError

LIMIT = 2**30
SYNTAXES = [
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.RLELossless,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
]


def load(dataset, tmp_path, syntax=uid.ExplicitVRLittleEndian):
    path = write(dataset, tmp_path / 'file', syntax)
    return dicom_pixels.load_pixels(dicom_headers.read_slices(path, LIMIT))


def found(slices):
    with pytest.raises(UserError) as caught:
        dicom_pixels.load_pixels(slices)
    return [problem.found for problem in caught.value.problems]


@pytest.mark.parametrize('syntax', SYNTAXES)
@pytest.mark.parametrize(
    ('bits_stored', 'signed', 'low', 'high'),
    [(16, False, 0, 4000), (16, True, -1024, 3000), (12, False, 0, 4080), (8, False, 0, 250)],
)
def test_every_lossless_syntax_gives_the_stored_values(
    tmp_path, syntax, bits_stored, signed, low, high
):
    values = picture(low=low, high=high)
    pixels = values.astype(np.uint8 if bits_stored == 8 else np.int32)
    dataset = slice_dataset('MR', pixels=pixels, signed=signed)
    with_attributes(dataset, BitsStored=bits_stored, HighBit=bits_stored - 1)
    expected = stored_values(dataset)
    loaded = load(dataset, tmp_path, syntax)
    assert loaded.values.dtype == np.float32
    assert np.array_equal(loaded.values, expected)
    assert np.array_equal(expected[0], values)
    assert loaded.valid.all()


def test_jpeg_lossless_gives_the_stored_values(tmp_path):
    path = write(slice_dataset('CT'), tmp_path / 'plain')
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(tmp_path / 'compressed'))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    slices = dicom_headers.read_slices(tmp_path / 'compressed', LIMIT)
    assert slices[0].pixels.element.transfer_syntax_uid == uid.JPEGLosslessSV1
    assert np.array_equal(dicom_pixels.load_pixels(slices).values[0], picture() - 1024)


@pytest.mark.parametrize('syntax', SYNTAXES)
def test_each_frame_of_an_enhanced_object(tmp_path, syntax):
    dataset = enhanced_dataset('CT', frames=3)
    expected = stored_values(dataset) - 1024
    path = write(dataset, tmp_path / 'file', syntax)
    slices = dicom_headers.read_slices(path, LIMIT)
    assert np.array_equal(dicom_pixels.load_pixels(slices[::-1]).values, expected[::-1])


def test_hounsfield_units_by_hand(tmp_path):
    pixels = np.array([[0, 1024], [2000, 4095]])
    loaded = load(slice_dataset(pixels=pixels, RescaleSlope=0.5, RescaleIntercept=-200), tmp_path)
    assert loaded.values.tolist() == [[[-200, 312], [800, 1847.5]]]


def test_rescaled_signal_by_hand(tmp_path):
    dataset = slice_dataset('MR', pixels=[[0, 10], [20, 30]], RescaleSlope=2, RescaleIntercept=1)
    assert load(dataset, tmp_path).values.tolist() == [[[1, 21], [41, 61]]]


@pytest.mark.parametrize('padding', [-2000, 63536])
@pytest.mark.parametrize('limit', [None, -1990])
def test_padding_of_signed_pixels_becomes_air(tmp_path, padding, limit):
    pixels = np.array([[-2000, -1990], [-1989, 100]])
    dataset = slice_dataset(pixels=pixels, signed=True, RescaleIntercept=1000)
    dataset.add_new('PixelPaddingValue', 'US' if padding > 0 else 'SS', padding)
    if limit is not None:
        dataset.add_new('PixelPaddingRangeLimit', 'SS', limit)
    loaded = load(dataset, tmp_path)
    assert loaded.valid.tolist() == [[[False, limit is None], [True, True]]]
    assert loaded.values.tolist() == [[[-1000, -990 if limit is None else -1000], [-989, 1100]]]


def test_padding_of_unsigned_pixels_written_as_a_signed_number(tmp_path):
    pixels = np.array([[63536, 0], [5, 1000]])
    dataset = slice_dataset('MR', pixels=pixels)
    dataset.add_new('PixelPaddingValue', 'SS', -2000)
    loaded = load(dataset, tmp_path)
    assert loaded.valid.tolist() == [[[False, True], [True, True]]]
    assert loaded.values.tolist() == [[[0, 0], [5, 1000]]]


def test_padding_beyond_the_stored_bits_hides_no_pixel_that_happens_to_look_alike(tmp_path):
    # 63536 is 0xF830; its lower 12 bits, 0x830 = 2096, are a value of dense bone.
    pixels = np.array([[63536, 2096], [0, 1000]])
    dataset = slice_dataset(pixels=pixels, BitsStored=12, HighBit=11)
    dataset.add_new('PixelPaddingValue', 'US', 63536)
    loaded = load(dataset, tmp_path)
    assert loaded.valid.tolist() == [[[False, True], [True, True]]]
    assert loaded.values.tolist() == [[[-1000, 1072], [-1024, -24]]]


def test_what_lies_far_below_air_was_not_measured(tmp_path):
    pixels = np.array([[-2000, -1024], [0, 60]])
    loaded = load(slice_dataset(pixels=pixels, signed=True, RescaleIntercept=0), tmp_path)
    assert loaded.values.tolist() == [[[-1000, -1024], [0, 60]]]
    assert loaded.valid.tolist() == [[[False, True], [True, True]]]


def test_a_slice_of_nothing_but_padding(tmp_path):
    dataset = slice_dataset('MR', pixels=np.full((4, 4), 7))
    dataset.add_new('PixelPaddingValue', 'US', 7)
    loaded = load(dataset, tmp_path)
    assert not loaded.valid.any()
    assert not loaded.values.any()


def test_unused_bits_are_not_read(tmp_path):
    pixels = np.array([[0xF001, 0x8FFF], [0x0800, 0x1000]])
    dataset = slice_dataset('MR', pixels=pixels, BitsStored=12, HighBit=11)
    assert load(dataset, tmp_path).values.tolist() == [[[1, 0xFFF], [0x800, 0]]]


def test_the_signal_of_a_monochrome1_mr_is_inverted(tmp_path):
    pixels = np.array([[0, 4095], [1000, 95]])
    dataset = slice_dataset('MR', pixels=pixels, BitsStored=12, HighBit=11)
    dataset.PhotometricInterpretation = 'MONOCHROME1'
    assert load(dataset, tmp_path).values.tolist() == [[[4095, 0], [3095, 4000]]]
    signed = slice_dataset('MR', pixels=np.array([[-32768, 32767]]), signed=True)
    signed.PhotometricInterpretation = 'MONOCHROME1'
    assert load(signed, tmp_path).values.tolist() == [[[32767, -32768]]]


def test_both_kinds_of_monochrome1_ct_give_the_same_hounsfield_units(tmp_path):
    tissue = np.array([[24, 24, 1074], [1064, 1124, 2000]])  # air, air, muscle, bone after -1024
    for stored in (tissue, 4095 - tissue):
        dataset = slice_dataset(pixels=stored, BitsStored=12, HighBit=11)
        dataset.PhotometricInterpretation = 'MONOCHROME1'
        assert np.array_equal(load(dataset, tmp_path).values[0], tissue - 1024)


def test_a_monochrome1_ct_that_is_no_patient_either_way_is_refused(tmp_path):
    dataset = slice_dataset(pixels=np.full((4, 4), 2048), RescaleIntercept=0)
    with_attributes(dataset, PhotometricInterpretation='MONOCHROME1', BitsStored=12, HighBit=11)
    path = write(dataset, tmp_path / 'file')
    slices = dicom_headers.read_slices(path, LIMIT)
    assert found(slices) == ['MONOCHROME1 and no HU of a patient']


def test_only_a_monochrome1_ct_must_have_hu_of_a_patient(tmp_path):
    metal = slice_dataset(pixels=np.full((4, 4), 3000))
    assert (load(metal, tmp_path).values == 1976).all()
    nothing = slice_dataset(pixels=np.full((4, 4), 7), PhotometricInterpretation='MONOCHROME1')
    nothing.add_new('PixelPaddingValue', 'US', 7)
    assert (load(nothing, tmp_path).values == -1000).all()


def test_every_slice_at_fault_is_named(tmp_path):
    paths = [write(slice_dataset(number=n), tmp_path / str(n)) for n in range(3)]
    slices = [header for path in paths for header in dicom_headers.read_slices(path, LIMIT)]
    paths[0].unlink()
    paths[2].write_bytes(paths[2].read_bytes() + b'\0')
    assert found(slices) == [
        'No such file or directory',
        'a file that changed since its header was read',
    ]


def test_slices_of_two_sizes_are_no_stack(tmp_path):
    paths = [
        write(slice_dataset(pixels=picture(rows=rows)), tmp_path / str(rows)) for rows in (8, 9)
    ]
    slices = [header for path in paths for header in dicom_headers.read_slices(path, LIMIT)]
    with pytest.raises(ValueError, match='2 sizes'):
        dicom_pixels.load_pixels(slices)


def compressed(tmp_path, codestream, syntax, **attributes):
    dataset = slice_dataset('MR', **attributes)
    dataset.PixelData = encaps.encapsulate([codestream], has_bot=False)
    dataset['PixelData'].VR = 'OB'
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(tmp_path / 'file', enforce_file_format=True)
    return dicom_headers.read_slices(tmp_path / 'file', LIMIT)


def codestream_of(syntax, rows, columns, tmp_path):
    dataset = slice_dataset('MR', pixels=picture(rows=rows, columns=columns))
    write(dataset, tmp_path / 'source', syntax)
    return encaps.get_frame(dataset.PixelData, 0, number_of_frames=1)


@pytest.mark.parametrize('syntax', [uid.JPEG2000Lossless, uid.JPEGLSLossless])
def test_a_codestream_larger_than_its_header_says_is_not_decoded(tmp_path, syntax):
    bomb = codestream_of(syntax, 256, 256, tmp_path)
    assert found(compressed(tmp_path, bomb, syntax)) == ['a compressed picture of 1 x 256 x 256']


@pytest.mark.parametrize('syntax', [uid.JPEG2000Lossless, uid.JPEGLSLossless])
def test_a_codestream_without_its_end_is_refused(tmp_path, syntax):
    whole = codestream_of(syntax, 32, 32, tmp_path)
    assert found(compressed(tmp_path, whole[:-10], syntax)) == ['a codestream without its end']


def test_rle_that_does_not_end_is_refused(tmp_path):
    slices = compressed(tmp_path, b'\0' * 200_000, uid.RLELossless)
    assert found(slices) == ['a compressed picture larger than the plain one']
    slices = compressed(tmp_path, b'\0' * 2_000, uid.RLELossless)
    assert found(slices) == ['pixels that cannot be decoded']


def test_a_missing_decoder_is_named_with_its_cure(tmp_path, monkeypatch):
    path = write(slice_dataset('CT'), tmp_path / 'file', uid.JPEGLSLossless)
    slices = dicom_headers.read_slices(path, LIMIT)
    decoder = get_decoder(uid.JPEGLSLossless)
    monkeypatch.setattr(decoder, '_available', {})
    with pytest.raises(UserError) as caught:
        dicom_pixels.load_pixels(slices)
    (problem,) = caught.value.problems
    assert problem.found.startswith('JPEG-LS Lossless Image Compression needs a decoder')
    assert problem.cure == 'pip install "ct2mr_tf[dicom]"'
