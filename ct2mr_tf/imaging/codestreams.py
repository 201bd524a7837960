"""What a compressed picture says of its own size, read before a decoder believes it.

A file of a few kilobytes may hold a JPEG 2000 picture of 32768 x 32768 pixels beside Rows and
Columns of 64: a decoder takes its memory by what the codestream says. So the two must agree first.
"""

import dataclasses
import struct

_JPEG_START = b'\xff\xd8'
_JPEG_2000_START = b'\xff\x4f\xff\x51'
_END = b'\xff\xd9'
"""The last marker of JPEG (ITU-T T.81, B.1.1.3), JPEG-LS (T.87) and JPEG 2000 (T.800, A.4.4)."""

_JPEG_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
"""Start of frame: SOF0-SOF15 of JPEG (T.81, table B.1) and SOF55 of JPEG-LS (T.87)."""

_MOST_TILES = 4096
"""Tiles of a JPEG 2000 picture; decoders hold some kilobytes for each."""


@dataclasses.dataclass(frozen=True)
class CodedSize:
    """The size of a coded picture.

    Attributes:
        rows: lines.
        columns: samples a line.
        components: 1 for a grey picture.
    """

    rows: int
    columns: int
    components: int


def coded_size(codestream: bytes) -> CodedSize | None:
    """Reads the size from the head of a JPEG, JPEG-LS or JPEG 2000 codestream.

    Args:
        codestream: a whole picture.

    Returns:
        The size; None where the head is damaged, or cuts a JPEG 2000 picture into more than 4096
        tiles.
    """
    try:
        if codestream.startswith(_JPEG_2000_START):
            return _jpeg_2000_size(codestream)
        if codestream.startswith(_JPEG_START):
            return _jpeg_size(codestream)
    except (struct.error, IndexError):
        pass
    return None


def is_whole(codestream: bytes) -> bool:
    """Whether a codestream ends with its last marker.

    Behind it may stand zeros, or the one byte of any value that makes its length even.
    """
    return _END in codestream.rstrip(b'\0')[-len(_END) - 1 :]


def _jpeg_2000_size(codestream: bytes) -> CodedSize | None:
    """The SIZ segment (T.800, A.5.1): right, bottom, left, top; those of the tiles; components."""
    right, bottom, left, top, width, height, tile_left, tile_top, components = struct.unpack_from(
        '>8IH', codestream, 8
    )
    if min(width, height) < 1:
        return None
    tiles = -(-(right - tile_left) // width) * -(-(bottom - tile_top) // height)
    if not 0 < tiles <= _MOST_TILES:
        return None
    return CodedSize(bottom - top, right - left, components)


def _jpeg_size(codestream: bytes) -> CodedSize | None:
    """The first frame segment (T.81, B.2.2; T.87, C.2.2): precision, lines, samples, components."""
    offset = len(_JPEG_START)
    while codestream[offset] == 0xFF:
        marker = codestream[offset + 1]
        if marker == 0xFF:  # a fill byte, of which any number may stand before a marker (B.1.1.2)
            offset += 1
            continue
        if marker in _JPEG_FRAME_MARKERS:
            return CodedSize(*struct.unpack_from('>HHB', codestream, offset + 5))
        (length,) = struct.unpack_from('>H', codestream, offset + 2)
        offset += 2 + length
    return None
