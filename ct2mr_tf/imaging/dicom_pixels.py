"""The pixels of slices: HU of a CT, signal of an MR, and where nothing was measured.

Everything that can be checked before a decoder runs is checked: that the file is the one whose
header was read, that its pixels are all there, and that a compressed picture is of the size that
the header says. A decoder that is missing is named together with the way to install it.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
from pydicom import encaps, uid
from pydicom.pixels import get_decoder

from ct2mr_tf.imaging import codestreams, decoder_process, dicom_files, dicom_values
from ct2mr_tf.imaging.decoder_process import DECODER_PROCESS
from ct2mr_tf.imaging.dicom_values import RefusedError
from ct2mr_tf.imaging.pixel_format import PixelFormat
from ct2mr_tf.imaging.slices import SliceHeader
from ct2mr_tf.problems import UserError

AIR_HU = -1000.0
"""HU of air, by definition of the scale (PS3.3, C.11.1.1.2); padding of a CT becomes air."""

INSTALL_DECODERS = 'pip install "ct2mr_tf[dicom]"'
"""Installs the decoders of all compressed transfer syntaxes that are read."""

_LOWEST_HU = -1500.0
"""What is darker was not measured: outside their field of view many scanners store -2000, which is
-3024 HU with the usual intercept, and not all declare it as padding, nor does lossy compression
keep it exactly. Noise takes air (-1000 HU) nowhere near."""

_IMPLAUSIBLE_HU = 1000.0
"""No slice of a patient has a median above: that is compact bone. Air has -1000, tissue up to 100.
See `_hounsfield`."""


@dataclasses.dataclass(frozen=True, eq=False)
class Pixels:
    """The pixels of slices.

    Attributes:
        values: float32 (n, rows, columns): HU of a CT, signal of an MR (no unit).
        valid: bool, the same shape: False where nothing was measured (padding). There a CT has
            the HU of air, an MR the smallest signal of its slice.
    """

    values: np.ndarray
    valid: np.ndarray


def missing_decoder(transfer_syntax_uid: str) -> str:
    """Says what is missing to decode a transfer syntax.

    Args:
        transfer_syntax_uid: of a header that was read.

    Returns:
        A sentence for a note; '' if it can be decoded.
    """
    if decoder_process.can_decode(transfer_syntax_uid):
        return ''
    return f'{uid.UID(transfer_syntax_uid).name} needs a decoder: {INSTALL_DECODERS}'


def load_pixels(slices: Sequence[SliceHeader]) -> Pixels:
    """Reads the pixels of slices of one size, those of a stack or some of them.

    Args:
        slices: at least one; 5 bytes of memory are taken for each of their pixels.

    Returns:
        The pixels, in the order of the slices.

    Raises:
        ValueError: the slices are not of one size.
        UserError: pixels are missing, damaged or changed since the header was read, or a decoder
            is missing; with a problem for every slice at fault.
    """
    shapes = {(header.pixels.rows, header.pixels.columns) for header in slices}
    if len(shapes) != 1:
        raise ValueError(f'slices of one size are needed, got {len(shapes)} sizes')
    values = np.empty((len(slices), *shapes.pop()), dtype=np.float32)
    valid = np.empty(values.shape, dtype=bool)
    problems = []
    for index, header in enumerate(slices):
        try:
            values[index], valid[index] = _load(header)
        except RefusedError as error:
            problems.append(error.problem(header.place.pseudonym))
    if problems:
        raise UserError(problems)
    return Pixels(values, valid)


def _load(header: SliceHeader) -> tuple[np.ndarray, np.ndarray]:
    """Values and validity of one slice, (rows, columns) each.

    Raises:
        RefusedError: see `load_pixels`.
    """
    pixel_format = header.pixels
    try:
        container = _decoded(header)
    except OSError as error:
        raise dicom_values.unreadable(error) from None
    shift = 8 * container.itemsize - pixel_format.bits_stored
    stored = np.right_shift(np.left_shift(container, shift), shift)
    padded = _padded(container, stored, pixel_format)
    if header.modality == 'CT':
        values = _hounsfield(stored, padded, pixel_format)
        padded |= values < _LOWEST_HU
        values[padded] = AIR_HU
    else:
        values = _signal(stored, pixel_format)
        values[padded] = values[~padded].min() if not padded.all() else 0.0
    return values, ~padded


def _padded(container: np.ndarray, stored: np.ndarray, pixel_format: PixelFormat) -> np.ndarray:
    """Where the stored value is one of the padding, bool (rows, columns).

    A padding value that the stored bits cannot hold is looked for in the whole container: some
    scanners store 12 bits and pad with all 16.
    """
    if pixel_format.padding is None:
        return np.zeros(stored.shape, dtype=bool)
    low, high = pixel_format.padding
    smallest, largest = _stored_range(pixel_format)
    values = stored if smallest <= low and high <= largest else container
    return (values >= low) & (values <= high)


def _stored_range(pixel_format: PixelFormat) -> tuple[int, int]:
    """The smallest and the largest value that BitsStored can hold."""
    if pixel_format.signed:
        return -(2 ** (pixel_format.bits_stored - 1)), 2 ** (pixel_format.bits_stored - 1) - 1
    return 0, 2**pixel_format.bits_stored - 1


def _hounsfield(stored: np.ndarray, padded: np.ndarray, pixel_format: PixelFormat) -> np.ndarray:
    """HU of stored values, float64.

    MONOCHROME1 says that small values are to be shown white. It changes no HU where slope and
    intercept belong to the values as they are stored, as the standard has it (PS3.3, C.11.1).
    Exporters that store the picture inverted and leave slope and intercept as they were exist too.
    What is no part of a patient tells them apart: a median above that of compact bone.

    Raises:
        RefusedError: neither reading gives HU of a patient.
    """
    slope, intercept = pixel_format.slope_and_intercept
    values = stored * slope + intercept
    if not pixel_format.inverted or padded.all():
        return values
    for reading in (values, _inverted(stored, pixel_format) * slope + intercept):
        if np.median(reading[~padded]) <= _IMPLAUSIBLE_HU:
            return reading
    raise RefusedError('MONOCHROME1 and no HU of a patient', 'MONOCHROME2')


def _signal(stored: np.ndarray, pixel_format: PixelFormat) -> np.ndarray:
    """Signal of stored values, float64; MONOCHROME1 is inverted, so that large is bright."""
    values = _inverted(stored, pixel_format) if pixel_format.inverted else stored
    slope, intercept = pixel_format.slope_and_intercept
    return values * slope + intercept


def _inverted(stored: np.ndarray, pixel_format: PixelFormat) -> np.ndarray:
    """Stored values mirrored within their range, int64."""
    return sum(_stored_range(pixel_format)) - stored.astype(np.int64)


def _decoded(header: SliceHeader) -> np.ndarray:
    """The stored picture with whatever the unused bits hold, integers (rows, columns).

    Raises:
        RefusedError: see `load_pixels`.
        OSError: the file cannot be read.
    """
    pixel_format, place = header.pixels, header.place
    syntax = uid.UID(pixel_format.element.transfer_syntax_uid)
    if missing := missing_decoder(syntax):
        raise RefusedError(missing, 'a transfer syntax that can be decoded', INSTALL_DECODERS)
    status = place.path.stat()
    if (status.st_size, status.st_mtime_ns) != (place.size, place.modified_ns):
        raise RefusedError('a file that changed since its header was read', 'the same', 'run again')
    pixel_bytes = pixel_format.frame_bytes * pixel_format.frames
    options = _decoder_options(pixel_format)
    with dicom_values.warnings_held_back(dicom_values.WarningCount()):
        try:
            with dicom_files.opened(place.path, pixel_format.element, pixel_bytes) as file:
                if syntax.is_encapsulated:
                    coded = encaps.encapsulate([_coded_frame(file, header)], has_bot=False)
                    alone = options | {'index': 0, 'number_of_frames': 1}
                    return DECODER_PROCESS.decode(syntax, coded, alone)
                picture, _ = get_decoder(syntax).as_array(file, **options, index=place.frame)
                return picture
        except (RefusedError, OSError):
            raise
        except Exception:  # zlib's, pydicom's and the decoders' own, some quote the file
            raise RefusedError('pixels that cannot be decoded', 'undamaged pixels') from None


def _decoder_options(pixel_format: PixelFormat) -> dict[str, Any]:
    """What pydicom's decoders need to know of a grey picture."""
    return {
        'raw': True,
        'correct_unused_bits': False,
        'number_of_frames': pixel_format.frames,
        'rows': pixel_format.rows,
        'columns': pixel_format.columns,
        'samples_per_pixel': 1,
        'photometric_interpretation': 'MONOCHROME2',
        'pixel_representation': int(pixel_format.signed),
        'bits_allocated': pixel_format.bits_allocated,
        'bits_stored': pixel_format.bits_stored,
        'pixel_keyword': 'PixelData',
        'pixel_vr': pixel_format.element.vr,
    }


def _coded_frame(file: BinaryIO, header: SliceHeader) -> bytes:
    """The codestream of a frame, after it was checked.

    Raises:
        RefusedError: the codestream is damaged, or not of the header's size.
    """
    pixel_format = header.pixels
    coded = encaps.get_frame(file, header.place.frame, number_of_frames=pixel_format.frames)
    # Noise may grow when compressed, but not to twice its size: RLE's worst case is 129/128.
    if len(coded) > 2 * pixel_format.frame_bytes + 2**16:
        raise RefusedError('a compressed picture larger than the plain one', 'a smaller one')
    if pixel_format.element.transfer_syntax_uid == uid.RLELossless:
        return coded
    expected = codestreams.CodedSize(pixel_format.rows, pixel_format.columns, 1)
    size = codestreams.coded_size(coded)
    if size is None:
        raise RefusedError('a damaged codestream', 'a JPEG, JPEG-LS or JPEG 2000 picture')
    if size != expected:
        found = f'a compressed picture of {size.components} x {size.rows} x {size.columns}'
        raise RefusedError(found, f'1 x {expected.rows} x {expected.columns} as the header says')
    if not codestreams.is_whole(coded):
        raise RefusedError('a codestream without its end', 'a whole one')
    return coded
