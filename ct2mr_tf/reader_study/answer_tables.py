"""From the bytes of a file of answers to its rows, or to what is wrong with it and on which line.

A file that was opened in a spreadsheet and saved again may have another sign between columns, other
line ends, a byte order mark, or each line in one cell. None of these changes an answer, and the
checksums tell whether anything else did; so such files are read.
"""

import csv
import dataclasses
import io
import pathlib
from collections.abc import Sequence

from ct2mr_tf.problems import Problem
from ct2mr_tf.reader_study.study_files import ANSWER_COLUMNS, checksum_text, row_checksum

LARGEST_BYTES = 16 * 2**20
"""Most bytes of a file of answers: far above any there is, far below what fills the memory."""

MOST_LINES_LISTED = 8
"""Lines listed where many are at fault in the same way; of more, the number is said."""

MOST_SHOWN = 80
"""Characters shown of what stands in a file."""

ASK_AGAIN = 'ask the reader for the file as the page saved it'
"""The cure for most of what can be wrong."""

BYTE_ORDER_MARK = '\ufeff'
"""Stands before the first column where a spreadsheet saved a file as UTF-8."""


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of a file of answers: its line, counted from 1, and the text of ANSWER_COLUMNS."""

    line: int
    fields: tuple[str, ...]

    def __getitem__(self, column: str) -> str:
        return self.fields[ANSWER_COLUMNS.index(column)]


@dataclasses.dataclass(frozen=True)
class AnswerTable:
    """A file of answers as rows.

    Attributes:
        path: the file.
        rows: its rows, at least one; none where there are problems.
        problems: why it cannot be read, or that it was changed.
    """

    path: pathlib.Path
    rows: tuple[Row, ...] = ()
    problems: tuple[Problem, ...] = ()

    def problem(self, lines: Sequence[int], found: str, expected: str, cure: str) -> Problem:
        """A problem of these lines of the file."""
        return Problem(f'{self.path}, {_lines_text(lines)}', found, expected, cure)


def read_answer_table(path: pathlib.Path) -> AnswerTable:
    """Reads a file of answers and checks its columns and checksums.

    Args:
        path: the file; whatever it is.

    Returns:
        Its rows, or its problems.
    """
    nothing = AnswerTable(path)
    try:
        raw = path.read_bytes() if path.stat().st_size <= LARGEST_BYTES else None
    except OSError as error:
        found, cure = error.strerror or 'unreadable', 'name the files that the readers sent'
        problem = Problem(f'{path}', found, 'a file of answers', cure)
        return AnswerTable(path, problems=(problem,))
    if raw is None:
        problem = Problem(f'{path}', 'a file of over 16 MiB', 'a file of answers', ASK_AGAIN)
        return AnswerTable(path, problems=(problem,))
    try:
        text = raw.decode('utf-8')
    except UnicodeDecodeError as error:
        line = len(_lines(raw[: error.start].decode('utf-8')))
        found = 'not UTF-8: another program saved the file'
        return _refused(nothing, [line], found, 'UTF-8, as the page saved it')
    rows = _rows(text)
    if not rows or rows[0].fields != ANSWER_COLUMNS:
        expected = f'the {len(ANSWER_COLUMNS)} columns {",".join(ANSWER_COLUMNS)}'
        return _refused(nothing, [1], _head(rows), expected)
    if len(rows) == 1:
        return _refused(nothing, [1], 'the columns and no row below them', 'a row for each trial')
    ragged = [row.line for row in rows if len(row.fields) != len(ANSWER_COLUMNS)]
    if ragged:
        found = 'columns too many or too few'
        return _refused(nothing, ragged, found, f'{len(ANSWER_COLUMNS)} columns')
    edited = _edited_lines(rows[1:])
    if edited:
        found = 'not what the checksum was taken of: edited, or rows are missing or moved'
        signs = _signs_of_saving(text)
        found += f'; another program saved the file ({signs})' if signs else ''
        return _refused(nothing, edited, found, 'rows as the page saved them')
    return AnswerTable(path, tuple(rows[1:]))


def _refused(table: AnswerTable, lines: Sequence[int], found: str, expected: str) -> AnswerTable:
    return AnswerTable(table.path, problems=(table.problem(lines, found, expected, ASK_AGAIN),))


def _lines_text(lines: Sequence[int]) -> str:
    """`line 3`, `lines 3, 5`, or the first few and how many more."""
    shown = ', '.join(map(str, lines[:MOST_LINES_LISTED]))
    more = len(lines) - MOST_LINES_LISTED
    return f'line{"s" if len(lines) > 1 else ""} {shown}{f" and {more} more" if more > 0 else ""}'


def _rows(text: str) -> list[Row]:
    """Head and rows; the page writes no line break into a field, so each line is a row."""
    lines = _lines(text.removeprefix(BYTE_ORDER_MARK))
    delimiter = max(',;\t', key=lines[0].count)
    return [Row(n, _fields(line, delimiter)) for n, line in enumerate(lines, start=1) if line]


def _lines(text: str) -> list[str]:
    """The lines, whichever ends they have: LF as on a page, CRLF, or CR alone as Macs once did."""
    return text.replace('\r\n', '\n').split('\n' if '\n' in text else '\r')


def _head(rows: Sequence[Row]) -> str:
    """What stands in place of ANSWER_COLUMNS."""
    if not rows:
        return 'an empty file'
    fields = rows[0].fields
    columns = 'column' if len(fields) == 1 else 'columns'
    return f'{len(fields)} {columns}: {",".join(fields)[:MOST_SHOWN]}'


def _fields(line: str, delimiter: str) -> tuple[str, ...]:
    cells = _cells(line, delimiter)
    # A spreadsheet that does not divide a line into columns saves it as one cell, within quotes.
    return _cells(cells[0], delimiter) if len(cells) == 1 else cells


def _cells(line: str, delimiter: str) -> tuple[str, ...]:
    try:
        return tuple(next(csv.reader(io.StringIO(line, newline=''), delimiter=delimiter), ()))
    except csv.Error:  # a line break or NUL in a field: no page writes that
        return ()


def _signs_of_saving(text: str) -> str:
    """How one sees that a spreadsheet saved a file again; empty where nothing tells."""
    head = _lines(text)[0]
    signs = {
        'a byte order mark': text.startswith(BYTE_ORDER_MARK),
        'semicolons': head.count(';') > head.count(','),
        'tabs': head.count('\t') > head.count(','),
        'CRLF line ends': '\r\n' in text,
        'CR line ends': '\n' not in text,
    }
    return ', '.join(sign for sign, seen in signs.items() if seen)


def _edited_lines(rows: Sequence[Row]) -> list[int]:
    """Lines whose checksum is not that of the row, after the checksum that stands above it."""
    edited, before = [], 0
    for row in rows:
        checksum = row_checksum(row.fields[:-1], before)
        if checksum_text(checksum) != row['checksum']:
            edited.append(row.line)
            # Onwards from what stands there, so that one edit is one line at fault.
            checksum = _stated(row['checksum'], checksum)
        before = checksum
    return edited


def _stated(text: str, otherwise: int) -> int:
    try:
        checksum = int(text.removeprefix('x'), 16)
    except ValueError:
        return otherwise
    return checksum if 0 <= checksum < 2**32 else otherwise
