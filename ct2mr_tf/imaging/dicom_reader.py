"""Reads a folder of DICOM files: stacks of CT and MR slices, what was skipped, what is wrong.

Any tree will do: files with or without extension or preamble, DICOMDIR, nested folders, other
things among them. Headers are read first, pixels only when asked for (`dicom_pixels.load_pixels`).
Nothing that is returned, printed or raised names a patient or a file but by pseudonym.
"""

import collections
import dataclasses
import itertools
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from ct2mr_tf.imaging import dicom_headers, dicom_values, duplicates, file_tree, worker_pool
from ct2mr_tf.imaging.dicom_headers import Skip, SkippedError
from ct2mr_tf.imaging.dicom_values import RefusedError, WarningCount, warnings_held_back
from ct2mr_tf.imaging.pseudonyms import Pseudonyms
from ct2mr_tf.imaging.slices import SliceHeader
from ct2mr_tf.imaging.stacks import Stack, build_stacks
from ct2mr_tf.problems import Problem

_FILES_AT_ONCE = 250
"""Files a worker takes at a time: a quarter of a second's work."""

_FILES_FOR_WORKERS = 2000
"""Starting worker processes takes about a second: fewer files are read faster without them."""


@dataclasses.dataclass(frozen=True)
class ReadOptions:
    """How a folder is read.

    Attributes:
        max_bytes: the most that the decoded pixels of one file may take; larger files are refused
            before anything is decoded.
        workers: processes that read headers; 0 for one a core.

    Raises:
        ValueError: a number is out of range.
    """

    max_bytes: int = 2**30
    workers: int = 0

    def __post_init__(self) -> None:
        if self.max_bytes < 1:
            raise ValueError(f'max_bytes must be positive, got {self.max_bytes}')
        if self.workers < 0:
            raise ValueError(f'workers must not be negative, got {self.workers}')


@dataclasses.dataclass(frozen=True)
class Scan:
    """What a folder holds.

    Attributes:
        stacks: ordered by patient, study, series and place.
        skipped: how many files were left out, by reason (the text of a `Skip`).
        problems: what is wrong: folders that cannot be read, then files, then contradictions.
        files: how many files were looked at.
        warnings: how many warnings of pydicom were held back (they may quote a file's values).
        paths: where the files with slices are, and folders and files that cannot be read, by
            pseudonym: the one key from a message, also a later one of pixels, back to a file; to be
            written only where the user asks for it.
    """

    stacks: tuple[Stack, ...]
    skipped: collections.Counter[str]
    problems: tuple[Problem, ...]
    files: int
    warnings: int
    paths: Mapping[str, pathlib.PurePath] = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class _Outcome:
    """What became of a file: slices, or a reason to skip it, or what is wrong with it."""

    slices: tuple[SliceHeader, ...] = ()
    skip: Skip | None = None
    refusal: RefusedError | None = None
    warnings: int = 0


def scan(
    root: pathlib.Path,
    options: ReadOptions,
    pseudonyms: Pseudonyms,
    progress: Callable[[int, int], None] | None = None,
) -> Scan:
    """Reads the headers of all files under a folder and groups the slices into stacks.

    Args:
        root: the folder; see `file_tree.files_below`.
        options: how to read it.
        pseudonyms: name files in problems.
        progress: called with the number of files done and of all files, now and then.

    Returns:
        What the folder holds; the same whatever the number of workers.
    """
    root = pathlib.Path(root)
    problems: list[Problem] = []
    found: dict[str, pathlib.PurePath] = {}

    def note(place: pathlib.PurePath, error: OSError) -> None:
        where = 'the data folder'
        if place.parts:
            where = pseudonyms.path(place)
            found[where] = place
        problems.append(dicom_values.unreadable(error).problem(where))

    paths = file_tree.files_below(root, note)
    skipped: collections.Counter[str] = collections.Counter()
    slices: list[tuple[SliceHeader, ...]] = []
    warnings = 0
    for path, outcome in zip(paths, _outcomes(paths, options, progress), strict=True):
        relative = path.relative_to(root)
        where = pseudonyms.path(relative)
        warnings += outcome.warnings
        if outcome.skip is not None:
            skipped[outcome.skip.value] += 1
            continue
        found[where] = relative
        if outcome.refusal is not None:
            problems.append(outcome.refusal.problem(where))
        else:
            slices.append(tuple(_named(header, where) for header in outcome.slices))
    unique = duplicates.without_duplicates(slices)
    if unique.dropped:
        skipped[Skip.DUPLICATE.value] += unique.dropped
    problems += unique.problems
    stacks = build_stacks(itertools.chain.from_iterable(unique.files))
    return Scan(stacks, skipped, tuple(problems), len(paths), warnings, found)


def _named(header: SliceHeader, where: str) -> SliceHeader:
    """The slice with the pseudonym of its file."""
    return dataclasses.replace(header, place=dataclasses.replace(header.place, pseudonym=where))


def _outcomes(
    paths: Sequence[pathlib.Path],
    options: ReadOptions,
    progress: Callable[[int, int], None] | None,
) -> Iterator[_Outcome]:
    """What became of each file, in the order of the files."""
    batches = [paths[i : i + _FILES_AT_ONCE] for i in range(0, len(paths), _FILES_AT_ONCE)]
    limits = itertools.repeat(options.max_bytes)
    many = len(paths) >= _FILES_FOR_WORKERS
    workers = worker_pool.worker_count(options.workers) if many else 1
    done = 0
    with worker_pool.ordered_map(workers) as run:
        for outcomes in run(_read_batch, batches, limits):
            yield from outcomes
            done += len(outcomes)
            if progress is not None:
                progress(done, len(paths))


def _read_batch(paths: Sequence[pathlib.Path], max_bytes: int) -> list[_Outcome]:
    """What becomes of some files."""
    return [_read(path, max_bytes) for path in paths]


def _read(path: pathlib.Path, max_bytes: int) -> _Outcome:
    """What becomes of a file."""
    count = WarningCount()
    with warnings_held_back(count):
        try:
            outcome = _Outcome(slices=dicom_headers.read_slices(path, max_bytes))
        except SkippedError as error:
            outcome = _Outcome(skip=error.reason)
        except RefusedError as error:
            outcome = _Outcome(refusal=error)
        except OSError as error:
            outcome = _Outcome(refusal=dicom_values.unreadable(error))
    return dataclasses.replace(outcome, warnings=count.held_back)
