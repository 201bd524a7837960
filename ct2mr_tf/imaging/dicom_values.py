"""Strict reading of DICOM attributes: a value is what the standard says it is, or it is refused.

pydicom forgives: a malformed number comes back as text, an unknown date as it stands, and a warning
that may quote a patient's name goes to the log. Here a value that is not what it should be raises
`RefusedError`, whose words never quote it, and pydicom's warnings are counted and held back.
"""

import contextlib
import datetime
import functools
import logging
import math
import os
import re
import warnings
from collections.abc import Iterator, Sequence

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag

from ct2mr_tf.problems import Problem

FIRST_SCANNER_YEAR = 1972
"""Earlier dates are dummies such as 00010101 and 19000101: the first patient was scanned by CT on 1
October 1971, by MR years later."""

_DAY = re.compile(r'([0-9]{4})(\.?)([0-9]{2})\2([0-9]{2})')
"""YYYYMMDD, or YYYY.MM.DD of files older than DICOM 3 (PS3.5, table 6.2-1, DA)."""

_ASCII_VRS = frozenset({'CS', 'DA', 'DS', 'DT', 'IS', 'LO', 'SH', 'UI'})
"""Value representations of texts with values divided by backslashes (PS3.5, table 6.2-1)."""


class RefusedError(Exception):
    """A file cannot be read as it should be. No field quotes a value of the file but its numbers.

    Attributes:
        found: what stands in the file.
        expected: what should stand there.
        cure: what the user can do about it.
    """

    def __init__(
        self, found: str, expected: str, cure: str = 'export the file again, or remove it'
    ):
        super().__init__(found, expected, cure)
        self.found, self.expected, self.cure = found, expected, cure

    def problem(self, where: str) -> Problem:
        """The same as a problem of the file that messages call `where`."""
        return Problem(where, self.found, self.expected, self.cure)


def unreadable(error: OSError) -> RefusedError:
    """What the operating system has against a file or folder, without its path."""
    # By the number: an error's own text may name the path.
    found = os.strerror(error.errno) if error.errno else 'an error of the disk'
    cure = 'look at its permissions and at the disk'
    return RefusedError(found, 'something that may be read', cure)


class WarningCount:
    """How many warnings and log records of pydicom were held back."""

    def __init__(self) -> None:
        self.held_back = 0


class _Counter(logging.Handler):
    """Counts log records and drops them."""

    def __init__(self, count: WarningCount):
        super().__init__(logging.WARNING)
        self.count = count

    def emit(self, record: logging.LogRecord) -> None:
        self.count.held_back += 1


@contextlib.contextmanager
def warnings_held_back(count: WarningCount) -> Iterator[None]:
    """Counts pydicom's warnings and log records inside the block instead of showing them.

    They can quote any value of a file and come by the thousand. Everything outside the block, and
    everybody else's logging, is as before. Not for use in two threads at once (it replaces
    process-wide warning filters, as `warnings.catch_warnings` does).

    Args:
        count: grows by the number of what was held back.
    """
    logger = logging.getLogger('pydicom')
    before = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [_Counter(count)], False
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            yield
    finally:
        logger.handlers, logger.propagate = before
        count.held_back += len(caught)


def numbers(dataset: pydicom.Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """The numbers of an attribute.

    Args:
        dataset: any dataset.
        keyword: the attribute's DICOM keyword.
        count: how many values it must have.

    Returns:
        `count` finite numbers, or None where the attribute is absent or empty.

    Raises:
        RefusedError: a value is no finite number, or there are more or fewer than `count`.
    """
    values = _values(dataset, keyword)
    if not values:
        return None
    if len(values) != count:
        raise RefusedError(f'{keyword} has {len(values)} values', f'{count}')
    try:
        found = tuple(map(_finite, values))
    except (TypeError, ValueError):
        raise RefusedError(f'{keyword} is no number', 'a finite number') from None
    return found


def _finite(value: object) -> float:
    """A number, or the text of one as DICOM writes it (DS, IS: no underscores, no 'nan')."""
    if isinstance(value, str):
        if '_' in value:
            raise ValueError
    elif not isinstance(value, int | float):
        raise TypeError
    if not math.isfinite(found := float(value)):
        raise ValueError
    return found


def number(dataset: pydicom.Dataset, keyword: str) -> float | None:
    """The one number of an attribute, or None where it is absent or empty; see `numbers`."""
    values = numbers(dataset, keyword, 1)
    return None if values is None else values[0]


def integer(dataset: pydicom.Dataset, keyword: str, low: int, high: int) -> int | None:
    """The integer of an attribute, or None where it is absent or empty.

    Raises:
        RefusedError: it is no integer from `low` to `high`.
    """
    value = number(dataset, keyword)
    if value is None:
        return None
    if value != int(value) or not low <= value <= high:
        raise RefusedError(f'{keyword} is {value:g}', f'an integer from {low} to {high}')
    return int(value)


def text(dataset: pydicom.Dataset, keyword: str) -> str:
    """The text of an attribute without outer blanks, values joined by a backslash, '' for none.

    Raises:
        RefusedError: the value cannot be read as text.
    """
    values = _values(dataset, keyword)
    if any(isinstance(value, bytes | pydicom.Dataset) for value in values):
        raise RefusedError(f'{keyword} is no text', 'text')
    return '\\'.join(str(value).strip(' \0') for value in values)


def date(dataset: pydicom.Dataset, keyword: str) -> datetime.date | None:
    """The day of a date (DA) or of a date with time (DT).

    Returns:
        None where the attribute is absent, malformed, or a dummy (before 1972, or the year 9999):
        an unknown day, never to be taken for the same day as another unknown one.
    """
    try:
        match = _DAY.match(text(dataset, keyword))
    except RefusedError:
        return None
    if match is None:
        return None
    try:
        day = datetime.date(*map(int, match.group(1, 3, 4)))
    except ValueError:
        return None
    return day if FIRST_SCANNER_YEAR <= day.year < datetime.MAXYEAR else None


@functools.cache
def _tag(keyword: str) -> BaseTag:
    """The tag of a keyword: by tag pydicom finds a value in a third of the time."""
    return Tag(keyword)


def _values(dataset: pydicom.Dataset, keyword: str) -> Sequence[object]:
    """The values of an attribute: texts, or what pydicom makes of them; none where it is empty.

    Plain ASCII is split here: pydicom's own conversion warns and takes half of a header's time.

    Raises:
        RefusedError: pydicom cannot read the value.
    """
    tag = _tag(keyword)
    if tag not in dataset:
        return []
    raw: object = dataset.get_item(tag)  # pydicom's annotation leaves RawDataElement out
    if isinstance(raw, RawDataElement) and raw.VR in _ASCII_VRS:
        stored = raw.value
        if stored and stored.isascii():
            text = stored.decode('ascii').strip(' \0')
            return text.split('\\') if text else []
    try:
        value = dataset[tag].value
    except Exception:  # pydicom raises many kinds, whose messages quote the value
        raise RefusedError(f'{keyword} cannot be read', 'a value as DICOM defines it') from None
    if value is None or value == '':
        return []
    return list(value) if isinstance(value, MultiValue | list | tuple) else [value]
