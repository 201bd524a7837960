import pytest
from dicom_builders import picture, slice_dataset, with_attributes
from pydicom import uid

from ct2mr_tf.imaging import pixel_format
from ct2mr_tf.imaging.dicom_files import PixelElement
from ct2mr_tf.imaging.dicom_values import RefusedError

NATIVE = PixelElement(uid.ExplicitVRLittleEndian, False, 'OW', 1000, 512)

FILE_BYTES = 1512

LIMIT = 2**20


def ct_slice(**attributes):
    """A CT slice of 16 x 16 pixels of 16 bits: 512 bytes."""
    return slice_dataset(pixels=picture(rows=16, columns=16), **attributes)


def refusal(dataset, element=NATIVE, file_bytes=FILE_BYTES, limit=LIMIT):
    with pytest.raises(RefusedError) as caught:
        pixel_format.read_counts(dataset, element, file_bytes, limit)
    return caught.value.found


def test_the_counts_of_a_slice():
    counts = pixel_format.read_counts(ct_slice(), NATIVE, FILE_BYTES, LIMIT)
    assert (counts.frames, counts.rows, counts.columns, counts.bits_allocated) == (1, 16, 16, 16)


def test_a_length_may_be_one_byte_more_than_odd_pixels_need():
    dataset = ct_slice(Rows=3, Columns=3, BitsAllocated=8)
    for length in (9, 10):
        element = PixelElement(NATIVE.transfer_syntax_uid, False, 'OW', 1000, length)
        assert pixel_format.read_counts(dataset, element, FILE_BYTES, LIMIT).rows == 3


def test_lengths_that_do_not_fit_are_refused():
    assert refusal(ct_slice(Rows=17)) == '512 bytes of pixels'
    assert refusal(ct_slice(), file_bytes=1511) == 'the file ends after 511 bytes of pixels'


def test_the_limit_is_on_decoded_bytes():
    assert '512 bytes' in refusal(ct_slice(), limit=511)
    assert pixel_format.read_counts(ct_slice(), NATIVE, FILE_BYTES, 512).frames == 1


def test_compressed_pixels_in_a_plain_file_are_refused():
    encapsulated = PixelElement(NATIVE.transfer_syntax_uid, False, 'OW', 1000, None)
    assert 'not stored as the transfer syntax says' in refusal(ct_slice(), encapsulated)


@pytest.mark.parametrize(
    ('signed', 'value', 'limit', 'expected'),
    [
        (False, 63536, None, (63536, 63536)),
        (True, 63536, None, (-2000, -2000)),  # 63536 - 65536: written unsigned
        (False, -2000, None, (63536, 63536)),
        (True, -2000, -1990, (-2000, -1990)),
        (True, -1990, -2000, (-2000, -1990)),
    ],
)
def test_padding_is_read_as_the_pixels_store_it(signed, value, limit, expected):
    dataset = ct_slice(signed=signed)
    for keyword, number in (('PixelPaddingValue', value), ('PixelPaddingRangeLimit', limit)):
        if number is not None:
            dataset.add_new(keyword, 'SS' if number < 0 else 'US', number)
    counts = pixel_format.read_counts(dataset, NATIVE, FILE_BYTES, LIMIT)
    assert pixel_format.read_pixel_format(dataset, NATIVE, counts, 'CT').padding == expected


def test_padding_of_signed_bytes():
    dataset = ct_slice(BitsAllocated=8, BitsStored=8, HighBit=7, PixelRepresentation=1)
    dataset.add_new('PixelPaddingValue', 'US', 128)
    half = PixelElement(NATIVE.transfer_syntax_uid, False, 'OW', 1000, 256)
    counts = pixel_format.read_counts(dataset, half, FILE_BYTES, LIMIT)
    found = pixel_format.read_pixel_format(dataset, half, counts, 'CT')
    assert (found.padding, found.frame_bytes) == ((-128, -128), 256)
    dataset.PixelPaddingValue = 127
    assert pixel_format.read_pixel_format(dataset, half, counts, 'CT').padding == (127, 127)


def test_how_a_slice_is_stored():
    dataset = with_attributes(
        ct_slice(signed=True), BitsStored=12, HighBit=11, RescaleSlope=2, RescaleIntercept=-9
    )
    dataset.PhotometricInterpretation = 'MONOCHROME1'
    counts = pixel_format.read_counts(dataset, NATIVE, FILE_BYTES, LIMIT)
    found = pixel_format.read_pixel_format(dataset, NATIVE, counts, 'CT')
    assert (found.bits_stored, found.signed, found.inverted) == (12, True, True)
    assert (found.rescale, found.padding, found.frame_bytes) == ((2, -9), None, 512)
