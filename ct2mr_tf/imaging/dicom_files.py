"""Opening a DICOM file: its header without its pixels, and where in the file the pixels lie.

Only the first part of a file is read, into memory, before anything in it is believed: a length of
4 GB in a damaged element then ends at the part's end. A deflated file is inflated up to a limit.
"""

import dataclasses
import io
import os
import pathlib
import struct
import zlib
from collections.abc import Callable
from typing import BinaryIO

import pydicom
from pydicom import uid
from pydicom.tag import BaseTag

from ct2mr_tf.imaging import dicom_values
from ct2mr_tf.imaging.dicom_values import RefusedError

HEADER_LIMIT_BYTES = 2**26
"""The longest header that is read: 64 MiB, room for the frames of 10,000 multi-frame slices."""

_PARTS_BYTES = (2**15, 2**20, HEADER_LIMIT_BYTES)
"""Parts of a file read in turn until the header is whole: most end within 32 KiB, those with large
private elements within 1 MiB."""

_MOST_READS = 400_000
"""The most reads that a header takes, two or three an element: enough for the functional groups of
thousands of frames. Rubbish can look like millions of empty elements, and take minutes and
gigabytes."""

_PREFIX = slice(128, 132)
"""Where a DICOM file says DICM (PS3.10, section 7.1)."""

_FIRST_GROUPS = (0x0002, 0x0008)
"""Groups that a file without preamble can begin with: file meta information or the identifiers."""

_UNDEFINED_LENGTH = 0xFFFFFFFF
"""Length of an element that ends with a delimiter: of encapsulated pixels (PS3.5, annex A.4)."""

_ITEM = struct.pack('<HH', 0xFFFE, 0xE000)
_SEQUENCE_END = struct.pack('<HH', 0xFFFE, 0xE0DD)
"""Tags of what encapsulated pixels consist of (PS3.5, table A.4-1)."""

_PIXEL_DATA_LE = struct.pack('<HH', 0x7FE0, 0x0010)
_PIXEL_DATA_BE = struct.pack('>HH', 0x7FE0, 0x0010)


@dataclasses.dataclass(frozen=True, slots=True)
class PixelElement:
    """The PixelData element of a file.

    Attributes:
        transfer_syntax_uid: how the pixels are encoded (once the file is inflated).
        deflated: the file is deflated, offset and length are those of the inflated one.
        vr: 'OB' or 'OW'.
        offset: where its value begins, in bytes from the file's start.
        length: of its value in bytes; None for encapsulated pixels.
    """

    transfer_syntax_uid: str
    deflated: bool
    vr: str
    offset: int
    length: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class Header:
    """What stands before the pixels of a file.

    Attributes:
        dataset: the attributes asked for, with its file meta information.
        pixels: where the pixels are; None if the file ended before (or has none).
        size: of the file in bytes.
        modified_ns: when it was last written to, as the file system says.
    """

    dataset: pydicom.FileDataset
    pixels: PixelElement | None
    size: int
    modified_ns: int


class _CountedReads(io.BytesIO):
    """A file in memory that ends an endless parse."""

    reads = 0

    def read(self, size: int | None = -1) -> bytes:
        """Reads as BytesIO does.

        Raises:
            RefusedError: it was called too often.
        """
        self.reads += 1
        if self.reads > _MOST_READS:
            raise RefusedError('a header of too many elements', 'the header of a picture')
        return super().read(size)


def looks_like_dicom(start: bytes) -> bool:
    """Whether a file whose first bytes (132 or more, if it has them) are `start` may be DICOM."""
    if start[_PREFIX] == b'DICM':
        return True
    if len(start) < 8:
        return False
    return any(struct.unpack_from(f'{order}H', start)[0] in _FIRST_GROUPS for order in '<>')


def read_header(
    path: pathlib.Path, tags: list[BaseTag], wanted: Callable[[pydicom.Dataset], None]
) -> Header | None:
    """Reads the header of a file.

    Args:
        path: any file.
        tags: the attributes to read; those of a sequence come whole.
        wanted: called with the header as far as it is read; raises to end the reading early.

    Returns:
        The header, None where the file is no DICOM file.

    Raises:
        RefusedError: the file begins like DICOM and cannot be parsed, or ends within encapsulated
            pixels.
        OSError: the file cannot be read.
    """
    with path.open('rb') as file:
        start = file.read(_PARTS_BYTES[0])
        if not looks_like_dicom(start):
            return None
        status = os.fstat(file.fileno())
        for part_bytes in _PARTS_BYTES:
            start += file.read(part_bytes - len(start))
            whole = len(start) < part_bytes or part_bytes == HEADER_LIMIT_BYTES
            try:
                dataset, pixels = _parse(start, tags)
            except RefusedError:
                if whole:  # else the part may end within a sequence
                    raise
                continue
            wanted(dataset)
            if whole or pixels is not None:
                break
        if pixels is not None and pixels.length is None:
            file.seek(pixels.offset)
            _check_items(file)
    return Header(dataset, pixels, status.st_size, status.st_mtime_ns)


def _parse(start: bytes, tags: list[BaseTag]) -> tuple[pydicom.FileDataset, PixelElement | None]:
    """The attributes in a file's first part, and the PixelData element if the part reaches it."""
    try:
        plain = inflated(start, HEADER_LIMIT_BYTES)
        # Counting takes time, and the first part of a file is too short to need it.
        buffer = io.BytesIO(plain) if len(start) <= _PARTS_BYTES[0] else _CountedReads(plain)
        dataset = pydicom.dcmread(buffer, stop_before_pixels=True, force=True, specific_tags=tags)
    except Exception:  # struct.error, RecursionError, MemoryError, ... with values in the message
        raise RefusedError('an unreadable header', 'a header as DICOM defines it') from None
    return dataset, _pixel_element(dataset, buffer, deflated=plain is not start)


def _pixel_element(
    dataset: pydicom.FileDataset, buffer: io.BytesIO, deflated: bool
) -> PixelElement | None:
    """The PixelData element that begins where `buffer` stands, if one does."""
    begin = buffer.tell()
    head = buffer.read(12)
    order = '>' if head[:4] == _PIXEL_DATA_BE else '<'
    if len(head) < 12 or head[:4] not in (_PIXEL_DATA_LE, _PIXEL_DATA_BE):
        return None
    # In explicit VR, a VR and two zero bytes come first. No implicit VR length looks like that: it
    # would be odd ('B', 'W' and 'N' of OB, OW and UN come second, 'O' and 'U' are odd).
    explicit = head[4:6] in (b'OB', b'OW', b'UN') and head[6:8] == b'\0\0'
    length = struct.unpack_from(f'{order}I', head, 8 if explicit else 4)[0]
    syntax = dicom_values.text(dataset.file_meta, 'TransferSyntaxUID')
    if not syntax:
        plain = uid.ExplicitVRLittleEndian if explicit else uid.ImplicitVRLittleEndian
        syntax = uid.ExplicitVRBigEndian if order == '>' else plain
    return PixelElement(
        transfer_syntax_uid=str(syntax),
        deflated=deflated,
        vr=head[4:6].decode('ascii') if head[4:6] == b'OB' else 'OW',
        offset=begin + (12 if explicit else 8),
        length=None if length == _UNDEFINED_LENGTH else length,
    )


def _check_items(file: BinaryIO) -> None:
    """Raises a RefusedError unless the encapsulated pixels that begin here end in the file."""
    while len(head := file.read(8)) == 8 and head[:4] == _ITEM:
        file.seek(struct.unpack('<I', head[4:])[0], os.SEEK_CUR)
    if len(head) < 8 or head[:4] != _SEQUENCE_END:
        raise RefusedError('the file ends within its pixels', 'all items of the pixels')


def opened(path: pathlib.Path, pixels: PixelElement, pixel_bytes: int) -> BinaryIO:
    """Opens a file for its pixels, at the first byte of the PixelData element's value.

    Args:
        path: the file.
        pixels: its PixelData element.
        pixel_bytes: how long the value is; a deflated file inflates to no more than that and the
            longest header.

    Returns:
        A binary file, to be closed by the caller.

    Raises:
        OSError: the file cannot be read.
        zlib.error: a deflated file is damaged.
    """
    file: BinaryIO = path.open('rb')
    if pixels.deflated:
        with file:
            file = io.BytesIO(inflated(file.read(), pixel_bytes + HEADER_LIMIT_BYTES))
    file.seek(pixels.offset)
    return file


def inflated(start: bytes, limit: int) -> bytes:
    """A deflated file (PS3.5, annex A.5), whole or its first part, as an Explicit VR one.

    Args:
        start: the file's first bytes.
        limit: the most bytes to inflate to.

    Returns:
        `start` itself if its transfer syntax is another.

    Raises:
        zlib.error: the deflated part is damaged.
    """
    meta = start[:1024] if start[_PREFIX] == b'DICM' else b''
    deflated = meta.find(str(uid.DeflatedExplicitVRLittleEndian).encode())
    # The meta information says its own length: (0002,0000), UL, 4 bytes, always comes first.
    if deflated < 0 or len(meta) < 144 or meta[132:136] != struct.pack('<HH', 2, 0):
        return start
    end = 144 + struct.unpack_from('<I', meta, 140)[0]
    if deflated > end:
        return start
    plain = str(uid.ExplicitVRLittleEndian).encode()
    plain += b'\0' * (len(uid.DeflatedExplicitVRLittleEndian) - len(plain))
    data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(start[end:], limit)
    head = start[:deflated] + plain + start[deflated + len(plain) : end]
    return head + data
