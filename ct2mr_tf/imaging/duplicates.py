"""Files that claim to be the same instance: copies are dropped, contradictions are refused."""

import collections
import dataclasses
import hashlib
import itertools
import os
import pathlib
from collections.abc import Iterable, Sequence

from ct2mr_tf.imaging import dicom_pixels
from ct2mr_tf.imaging.slices import SliceHeader
from ct2mr_tf.problems import Problem, UserError

File = tuple[SliceHeader, ...]
"""The slices of one file, at least one."""


@dataclasses.dataclass(frozen=True)
class Unique:
    """Files, each SOPInstanceUID once.

    Attributes:
        files: their slices.
        dropped: how many exact copies were left out.
        problems: files that cannot be used, and why.
    """

    files: tuple[File, ...]
    dropped: int
    problems: tuple[Problem, ...]


def without_duplicates(files: Iterable[File]) -> Unique:
    """Keeps one of several files with the same SOPInstanceUID, if all say the same.

    Two files say the same where they are equal byte for byte, or where everything that is read of
    them is equal, pixels included: the same picture may be stored compressed and plain. Where they
    contradict each other, nobody can tell which is right, and all are refused.

    Args:
        files: in any order, which is kept.

    Returns:
        The files to use.
    """
    by_uid: dict[str, list[File]] = collections.defaultdict(list)
    for file in files:
        by_uid[file[0].identity.sop_instance_uid].append(file)
    kept: list[File] = []
    problems: list[Problem] = []
    dropped = 0
    for same in by_uid.values():
        distinct = _distinct(same)
        dropped += len(same) - len(distinct)
        if len(distinct) == 1:
            kept += distinct
            continue
        contents: dict[tuple, list[File]] = collections.defaultdict(list)
        for file in distinct:
            try:
                contents[_content(file)].append(file)
            except UserError as error:
                problems.append(error.problems[0])
        alike = list(contents.values())
        if len(alike) == 1:
            kept.append(alike[0][0])
            dropped += len(alike[0]) - 1
        else:
            readable = itertools.chain.from_iterable(contents.values())
            problems += map(_contradiction, readable)
    return Unique(tuple(kept), dropped, tuple(problems))


def _distinct(files: Sequence[File]) -> list[File]:
    """The files without those that equal an earlier one byte for byte."""
    if len(files) == 1:
        return list(files)
    return list({_digest(file[0].place.path): file for file in reversed(files)}.values())[::-1]


def _digest(path: pathlib.Path) -> bytes:
    """A hash of a file's bytes; the path's for a file that cannot be read (it equals no other)."""
    digest = hashlib.blake2b()
    try:
        with path.open('rb') as file:
            while part := file.read(2**20):
                digest.update(part)
    except OSError:
        return os.fsencode(path)
    return digest.digest()


def _content(file: File) -> tuple:
    """Everything that is read of a file, but for where and how it is stored.

    Raises:
        UserError: its pixels cannot be read.
    """
    pixels = dicom_pixels.load_pixels(file)
    digest = hashlib.blake2b(pixels.values.tobytes())
    digest.update(pixels.valid.tobytes())
    names = [field.name for field in dataclasses.fields(SliceHeader)]
    said = [name for name in names if name not in ('place', 'pixels')]
    headers = tuple(tuple(getattr(header, name) for name in said) for header in file)
    return headers, pixels.values.shape, digest.digest()


def _contradiction(file: File) -> Problem:
    """The problem of a file whose instance another file describes in another way."""
    return Problem(
        file[0].place.pseudonym,
        'the SOPInstanceUID of another file, and other contents',
        'one file for an instance',
        'keep the right one of the files that share the SOPInstanceUID',
    )
