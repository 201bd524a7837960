"""How a picture's numbers are stored: read from its header, checked before anything is decoded."""

import dataclasses

import pydicom
from pydicom.pixels import get_decoder

from ct2mr_tf.imaging import dicom_values
from ct2mr_tf.imaging.dicom_files import PixelElement
from ct2mr_tf.imaging.dicom_values import RefusedError

_HOUNSFIELD_RESCALE_TYPES = ('', 'HU')
"""RescaleType of a CT in HU: it may be absent then (PS3.3, C.8.2.1, CT Image Module). Perfusion
maps, effective atomic numbers and electron densities say otherwise. 'US', unspecified, is what GDCM
writes into every CT that has none, and stands for HU in an original picture, which must be in HU by
the standard; a derived one with it (a perfusion map, say) is refused."""


@dataclasses.dataclass(frozen=True, slots=True)
class PixelFormat:
    """How the numbers of a picture are stored.

    Attributes:
        element: the PixelData element.
        rows, columns: of a picture.
        frames: pictures in the element.
        bits_allocated: 8 or 16.
        bits_stored: 1 to bits_allocated.
        signed: two's complement.
        inverted: MONOCHROME1: the smallest value is shown white.
        rescale: (RescaleSlope, RescaleIntercept); None where an MR has none.
        padding: lowest and highest stored value that mean 'nothing was measured here', or None.
    """

    element: PixelElement
    rows: int
    columns: int
    frames: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    inverted: bool
    rescale: tuple[float, float] | None
    padding: tuple[int, int] | None

    @property
    def frame_bytes(self) -> int:
        """Bytes of one decoded picture."""
        return self.rows * self.columns * self.bits_allocated // 8

    @property
    def slope_and_intercept(self) -> tuple[float, float]:
        """RescaleSlope and RescaleIntercept; where an MR has none, those that change nothing."""
        return self.rescale or (1.0, 0.0)


@dataclasses.dataclass(frozen=True, slots=True)
class PixelCounts:
    """How much a file holds, checked against the limit.

    Attributes:
        frames, rows, columns: whole numbers, at least 1.
        bits_allocated: 8 or 16.
    """

    frames: int
    rows: int
    columns: int
    bits_allocated: int


def read_counts(
    dataset: pydicom.Dataset, element: PixelElement, file_bytes: int, max_bytes: int
) -> PixelCounts:
    """Reads how many numbers a file holds, and checks that they are there and not too many.

    Args:
        dataset: the file's attributes.
        element: its PixelData element.
        file_bytes: size of the file.
        max_bytes: the most that the decoded pixels of all frames may take.

    Returns:
        The counts.

    Raises:
        RefusedError: a count is missing or absurd, the pixels would take more than `max_bytes`, or
            the PixelData element is longer or shorter than they need.
    """
    counts = PixelCounts(
        frames=dicom_values.integer(dataset, 'NumberOfFrames', 1, 2**31 - 1) or 1,
        rows=required_integer(dataset, 'Rows', 1, 2**16 - 1),
        columns=required_integer(dataset, 'Columns', 1, 2**16 - 1),
        bits_allocated=required_integer(dataset, 'BitsAllocated', 1, 64),
    )
    if counts.bits_allocated not in (8, 16):
        raise RefusedError(f'BitsAllocated is {counts.bits_allocated}', '8 or 16')
    needed = counts.frames * counts.rows * counts.columns * counts.bits_allocated // 8
    if needed > max_bytes:
        raise RefusedError(
            f'{counts.frames} x {counts.rows} x {counts.columns} pixels, {needed} bytes',
            f'at most {max_bytes} bytes',
            'if that is the true size, raise the limit',
        )
    _check_length(element, file_bytes, needed)
    return counts


def _check_length(element: PixelElement, file_bytes: int, needed: int) -> None:
    """Raises a RefusedError unless the PixelData element can hold exactly `needed` bytes."""
    try:
        encapsulated = get_decoder(element.transfer_syntax_uid).is_encapsulated
    except NotImplementedError:
        raise RefusedError('a transfer syntax that is not read', 'one of a still picture') from None
    if encapsulated != (element.length is None):
        raise RefusedError(
            'pixels that are not stored as the transfer syntax says',
            'encapsulated pixels in a compressed file only',
        )
    if element.length is None:
        return
    if element.length not in (needed, needed + needed % 2):
        raise RefusedError(
            f'{element.length} bytes of pixels',
            f'{needed} bytes by NumberOfFrames, Rows, Columns and BitsAllocated',
        )
    if not element.deflated and element.offset + needed > file_bytes:
        raise RefusedError(
            f'the file ends after {file_bytes - element.offset} bytes of pixels',
            f'{needed} bytes',
        )


def read_pixel_format(
    dataset: pydicom.Dataset, element: PixelElement, counts: PixelCounts, modality: str
) -> PixelFormat:
    """Reads how a picture is stored.

    Args:
        dataset: the attributes of the file, or of a frame laid out flat.
        element: the PixelData element.
        counts: of the file.
        modality: 'CT' or 'MR'.

    Returns:
        The format.

    Raises:
        RefusedError: a value is missing or absurd, or the numbers of a CT are no HU.
    """
    bits_stored = required_integer(dataset, 'BitsStored', 1, counts.bits_allocated)
    high_bit = dicom_values.integer(dataset, 'HighBit', 0, 63)
    if high_bit not in (None, bits_stored - 1):
        raise RefusedError(f'HighBit is {high_bit}', f'{bits_stored - 1}, one below BitsStored')
    signed = required_integer(dataset, 'PixelRepresentation', 0, 1) == 1
    return PixelFormat(
        element=element,
        rows=counts.rows,
        columns=counts.columns,
        frames=counts.frames,
        bits_allocated=counts.bits_allocated,
        bits_stored=bits_stored,
        signed=signed,
        inverted=dicom_values.text(dataset, 'PhotometricInterpretation') == 'MONOCHROME1',
        rescale=_rescale(dataset, modality),
        padding=_padding(dataset, counts.bits_allocated, signed),
    )


def _rescale(dataset: pydicom.Dataset, modality: str) -> tuple[float, float] | None:
    """Slope and intercept; both for a CT, both or none for an MR."""
    if 'ModalityLUTSequence' in dataset:
        raise RefusedError('ModalityLUTSequence', 'RescaleSlope and RescaleIntercept')
    slope = dicom_values.number(dataset, 'RescaleSlope')
    intercept = dicom_values.number(dataset, 'RescaleIntercept')
    if slope == 0:
        raise RefusedError('RescaleSlope is 0', 'a slope other than 0')
    if slope is None and intercept is None and modality == 'MR':
        return None
    if slope is None or intercept is None:
        values = {'RescaleSlope': slope, 'RescaleIntercept': intercept}
        missing = ' and no '.join(keyword for keyword, value in values.items() if value is None)
        raise RefusedError(f'no {missing}', 'RescaleSlope and RescaleIntercept, both')
    if modality == 'CT' and not _is_hounsfield(dataset):
        raise RefusedError('a RescaleType other than HU', 'a CT in Hounsfield units')
    return slope, intercept


def _is_hounsfield(dataset: pydicom.Dataset) -> bool:
    """Whether a rescaled CT is in HU; see _HOUNSFIELD_RESCALE_TYPES."""
    rescale_type = dicom_values.text(dataset, 'RescaleType').upper()
    original = dicom_values.text(dataset, 'ImageType').upper().startswith('ORIGINAL')
    return rescale_type in _HOUNSFIELD_RESCALE_TYPES or (rescale_type == 'US' and original)


def _padding(dataset: pydicom.Dataset, bits_allocated: int, signed: bool) -> tuple[int, int] | None:
    """The range of PixelPaddingValue and PixelPaddingRangeLimit, as the pixels store it."""
    limits = [
        dicom_values.integer(dataset, keyword, -(2**15), 2**16 - 1)
        for keyword in ('PixelPaddingValue', 'PixelPaddingRangeLimit')
    ]
    if limits[0] is None:
        return None
    # The value may be written unsigned beside signed pixels, and the other way round: what counts
    # is the pattern of its bits.
    stored = []
    for limit in limits:
        if limit is not None:
            bits = limit % 2**bits_allocated
            negative = signed and bits >= 2 ** (bits_allocated - 1)
            stored.append(bits - 2**bits_allocated if negative else bits)
    return min(stored), max(stored)


def required_integer(dataset: pydicom.Dataset, keyword: str, low: int, high: int) -> int:
    """An integer that must be there.

    Raises:
        RefusedError: it is missing, or no integer from `low` to `high`.
    """
    value = dicom_values.integer(dataset, keyword, low, high)
    if value is None:
        raise RefusedError(f'no {keyword}', f'an integer from {low} to {high}')
    return value
