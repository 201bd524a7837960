"""The prepared data set on disk: folders of aligned pictures and a table; write, check, list.

    <data set>/train|val|test/<pair_id>.png   8-bit grey, CT on the left half, MR on the right half
    <data set>/pairs.csv                      at least pair_id, patient_id (a pseudonym), split
    <data set>/truth/                         of phantoms only: see `ct2mr_tf.data.truth`

The pictures follow the 'aligned' convention of pix2pix (Isola et al., CVPR 2017), so that any
folder of that kind trains, with or without the table. Everything is checked when a set is opened,
from the first and last bytes of each picture: 200,000 pictures take seconds.
"""

import collections
import contextlib
import dataclasses
import hashlib
import os
import pathlib
import struct
from collections.abc import Sequence

import cv2
import numpy as np
import pandas as pd

from ct2mr_tf.config import SIDE_MULTIPLE
from ct2mr_tf.data import splits
from ct2mr_tf.files import written_whole
from ct2mr_tf.imaging.stored_png import GREY_8_BIT, PNG_END, PNG_SIGNATURE, encode_stored_png
from ct2mr_tf.problems import Problem, UserError, raise_if_any

TABLE_FILE = 'pairs.csv'
"""Name of the table of pairs in a data set."""

PNG_COLOURS = {0: 'grey', 2: 'RGB', 3: 'palette', 4: 'grey with alpha', 6: 'RGB with alpha'}
"""Colour types of the PNG header (ISO/IEC 15948, 11.2.2)."""

CHECKSUM_BYTES = 4
"""At the end of each chunk of a PNG (ISO/IEC 15948, 5.3)."""

_Known = tuple[int, int, tuple[int, int]]
"""Height and width in pixels of one half of a picture, and the mark of its file."""


@dataclasses.dataclass(frozen=True)
class Examples:
    """The pictures of one split, in the order of their names.

    Attributes:
        paths: one PNG a pair.
        picture_size: height and width in pixels of one half.
        file_marks: size of each file, and the checksum of its last chunk of pixels, which ends with
            a checksum of all pixels (ISO/IEC 15948, 5.3 and 10.1): what tells that it changed.
    """

    paths: tuple[pathlib.Path, ...]
    picture_size: tuple[int, int]
    file_marks: tuple[tuple[int, int], ...]

    @property
    def pair_ids(self) -> tuple[str, ...]:
        """The name of each pair, which is its file's stem."""
        return tuple(path.stem for path in self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    def chosen(self, places: Sequence[int]) -> 'Examples':
        """The pictures at some places, in the order of these."""
        return Examples(
            tuple(self.paths[place] for place in places),
            self.picture_size,
            tuple(self.file_marks[place] for place in places),
        )


def load_examples(data_dir: pathlib.Path, required: tuple[str, ...]) -> dict[str, Examples]:
    """Opens a prepared data set and checks all of it.

    Args:
        data_dir: folder of the data set.
        required: splits that must hold at least one picture.

    Returns:
        The examples of each split that has any.

    Raises:
        UserError: the folder, a split, a picture or the table is missing or wrong; all at once.
    """
    data_dir = pathlib.Path(data_dir)
    if not data_dir.is_dir():
        cure = 'name the folder that holds train/, val/ and test/'
        raise UserError([Problem(f'{data_dir}', 'no such folder', 'a prepared data set', cure)])
    listed = {split: _list_pictures(data_dir / split) for split in splits.SPLITS}
    problems = [
        Problem(
            f'{data_dir / split}',
            'no pictures',
            f'at least one .png: the {split} split is needed',
            'move the pairs of some patients into this folder',
        )
        for split in dict.fromkeys(required)
        if not listed[split]
    ]
    known, picture_problems = _check_pictures(data_dir, listed)
    problems += picture_problems
    problems += splits.table_problems(data_dir / TABLE_FILE, listed)
    raise_if_any(problems)
    height, width, _ = next(iter(known.values()))
    return {
        split: Examples(paths, (height, width), tuple(known[path][2] for path in paths))
        for split, paths in listed.items()
        if paths
    }


def is_picture(name: str) -> bool:
    """Whether a name is a pair's: a PNG, and not hidden (what a killed writer leaves)."""
    return name.endswith('.png') and not name.startswith('.')


def _list_pictures(folder: pathlib.Path) -> tuple[pathlib.Path, ...]:
    """PNGs in the order of their names."""
    listed = os.listdir(folder) if folder.is_dir() else ()  # noqa: PTH208 - half the time
    # By name, not by path: comparing 200,000 paths takes seconds.
    return tuple(folder / name for name in sorted(filter(is_picture, listed)))


def _check_pictures(
    data_dir: pathlib.Path, listed: dict[str, tuple[pathlib.Path, ...]]
) -> tuple[dict[pathlib.Path, _Known], list[Problem]]:
    """What is known of every good picture, and what is wrong with the others."""
    known: dict[pathlib.Path, _Known] = {}
    problems: list[Problem] = []
    for path in (path for paths in listed.values() for path in paths):
        found = _look_at(path, data_dir)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            known[path] = found
    counts = collections.Counter(found[:2] for found in known.values())
    if len(counts) > 1:
        (height, width), most = counts.most_common(1)[0]
        problems += [
            Problem(
                f'{path.relative_to(data_dir)}',
                f'halves of {found[0]}x{found[1]} pixels',
                f'{height}x{width}, as in {most} other pictures',
                'bring all pictures to one size',
            )
            for path, found in known.items()
            if found[:2] != (height, width)
        ]
    return known, problems


def _look_at(path: pathlib.Path, data_dir: pathlib.Path) -> _Known | Problem:
    """What is known by the header and the end of the file, or what is wrong with the picture."""

    def problem(found: str, expected: str, cure: str) -> Problem:
        return Problem(f'{path.relative_to(data_dir)}', found, expected, cure)

    try:
        # Unbuffered: of each of perhaps 200,000 files a few bytes are read.
        with path.open('rb', buffering=0) as file:
            head = file.read(26)
            file_bytes = file.seek(0, 2)
            file.seek(-min(CHECKSUM_BYTES + len(PNG_END), file_bytes), 2)
            tail = file.read()
    except OSError as error:
        return problem(error.strerror or 'unreadable', 'a readable file', 'check the file system')
    if len(head) < 26 or not head.startswith(PNG_SIGNATURE):
        return problem('no PNG header', 'an 8-bit grey PNG', 'write the picture again')
    width, height, depth, colour = struct.unpack('>IIBB', head[16:26])
    if head[24:] != GREY_8_BIT:
        found = f'{depth}-bit {PNG_COLOURS.get(colour, "unknown")}'
        return problem(found, '8-bit grey', 'convert it to 8-bit grey, or prepare it from DICOM')
    if not tail.endswith(PNG_END):
        return problem('cut off: no end chunk', 'a whole PNG', 'copy or write the picture again')
    if width % 2:
        return problem(
            f'{width} pixels wide', 'an even width: CT and MR side by side', 'write the pair again'
        )
    if height % SIDE_MULTIPLE or width // 2 % SIDE_MULTIPLE or not height or not width:
        found = f'halves of {height}x{width // 2} pixels'
        return problem(found, 'sides that are multiples of 4', 'resize or crop the pictures')
    mark = (file_bytes, int.from_bytes(tail[:CHECKSUM_BYTES], 'big'))
    return height, width // 2, mark


def read_pair(path: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    """Reads one picture.

    Args:
        path: PNG of a pair.

    Returns:
        CT and MR, each uint8 [H, W], grey levels.

    Raises:
        UserError: the picture cannot be read or decoded.
    """
    picture = read_png(path)
    half = picture.shape[1] // 2
    return picture[:, :half], picture[:, half:]


def read_png(path: pathlib.Path) -> np.ndarray:
    """Reads a PNG whose header says 8-bit grey, and nothing else.

    OpenCV goes by what a file holds, not by its name: a `.png` may hold JPEG 2000, whose decoder
    writes through a pointer that was never set (CVE-2025-53644, in 4.11), or a palette, which
    libpng reads from memory that was freed (CVE-2026-33416).

    Args:
        path: the file.

    Returns:
        uint8 [H, W].

    Raises:
        UserError: the picture cannot be read or decoded.
    """
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        found, cure = error.strerror or 'unreadable', 'check the file system'
        raise UserError([Problem(f'{path}', found, 'a readable file', cure)]) from None
    head = content[:26].tobytes()
    is_grey = head.startswith(PNG_SIGNATURE) and head[24:] == GREY_8_BIT
    picture = None
    if is_grey:
        with contextlib.suppress(cv2.error):  # more pixels than OpenCV takes
            picture = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    if picture is None:
        found = 'cannot be decoded' if is_grey else 'another kind of file'
        cure = 'copy the picture again' if is_grey else 'write it as 8-bit grey PNG'
        raise UserError([Problem(f'{path}', found, 'a whole 8-bit grey PNG', cure)])
    return picture


def undecodable(examples: Examples) -> list[Problem]:
    """Decodes every picture and returns a Problem for each that fails (lost, or damaged within)."""
    problems: list[Problem] = []
    for path in examples.paths:
        try:
            read_pair(path)
        except UserError as error:
            problems += error.problems
    return problems


def write_pair(path: pathlib.Path, ct: np.ndarray, mr: np.ndarray) -> str:
    """Writes CT and MR side by side as one 8-bit grey PNG, whole or not at all.

    Args:
        path: where to; its stem is the pair's id.
        ct: uint8 [H, W], grey levels.
        mr: uint8 [H, W], grey levels.

    Returns:
        SHA-256 of the file's bytes, hexadecimal.

    Raises:
        ValueError: dtypes or shapes differ from the above.
    """
    if ct.dtype != np.uint8 or mr.dtype != np.uint8 or ct.ndim != 2 or ct.shape != mr.shape:
        raise ValueError(f'uint8 [H, W] twice, not {ct.dtype} {ct.shape}, {mr.dtype} {mr.shape}')
    encoded = encode_stored_png(np.hstack([ct, mr]))
    with written_whole(path) as temporary:
        temporary.write_bytes(encoded)
    return hashlib.sha256(encoded).hexdigest()


def write_table(data_dir: pathlib.Path, rows: pd.DataFrame) -> None:
    """Writes `pairs.csv`, whole or not at all.

    Args:
        data_dir: folder of the data set.
        rows: one row a pair, with at least the columns of `splits.REQUIRED_COLUMNS`.
    """
    with written_whole(data_dir / TABLE_FILE) as temporary:
        rows.to_csv(temporary, index=False)
