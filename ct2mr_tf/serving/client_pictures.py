"""Pictures on their way to a server and back: PNG files in base64, divided into requests."""

import base64
import binascii
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np

from ct2mr_tf.imaging.stored_png import PNG_SIGNATURE

PNG_START = PNG_SIGNATURE + b'\x00\x00\x00\rIHDR'
"""The signature and the head of the header chunk (ISO/IEC 15948, 5.2 and 11.2.2)."""

BASE64 = 'b64'
"""The key under which TensorFlow Serving takes and gives bytes."""


class PictureError(Exception):
    """What a server sent is not the picture that was asked for; the message says what it is."""


def encoded(picture: np.ndarray) -> dict[str, str]:
    """A picture as TensorFlow Serving takes bytes.

    Args:
        picture: uint8 [H, W], grey levels.

    Returns:
        The one key `b64` with an 8-bit grey PNG file, losslessly compressed.
    """
    written, file = cv2.imencode('.png', np.ascontiguousarray(picture))
    if not written:
        raise ValueError(f'OpenCV cannot write a PNG of {picture.shape}')
    return {BASE64: base64.b64encode(file.tobytes()).decode('ascii')}


def decoded(value: Any, size: tuple[int, int]) -> np.ndarray:
    """The picture in an answer.

    Args:
        value: what stands in its place.
        size: height and width that it must have.

    Returns:
        uint8 [H, W], grey levels.

    Raises:
        PictureError: it is something else. Width and height are read before anything is inflated.
    """
    try:
        file = base64.b64decode(value[BASE64], validate=True)
    except (TypeError, KeyError, IndexError, binascii.Error, ValueError):
        raise PictureError('something that is no base64') from None
    if not file.startswith(PNG_START) or len(file) < len(PNG_START) + 10:
        raise PictureError('bytes that are no PNG')
    width, height, depth, colour = struct.unpack_from('>IIBB', file, len(PNG_START))
    if (height, width) != size:
        raise PictureError(f'a picture of {height}x{width} pixels, not {size[0]}x{size[1]}')
    if (depth, colour) != (8, 0):
        raise PictureError('a PNG that is not 8-bit grey')
    picture = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise PictureError('a PNG that is damaged')
    return picture


def divided(
    files: Sequence[dict[str, str]], most_pictures: int, most_bytes: int
) -> Iterator[Sequence[dict[str, str]]]:
    """Divides encoded pictures into requests, in order.

    Args:
        files: as `encoded` gives them.
        most_pictures: of a request.
        most_bytes: of the files of a request, in base64; a larger file has a request of its own.

    Yields:
        Some files each, at least one.
    """
    first, held = 0, 0
    for place, file in enumerate(files):
        size = len(file[BASE64])
        if place > first and (place - first == most_pictures or held + size > most_bytes):
            yield files[first:place]
            first, held = place, 0
        held += size
    if files:
        yield files[first:]
