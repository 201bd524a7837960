"""The CSV tables a user writes by hand: rows with their place in the file, or what is wrong."""

import csv
import dataclasses
import io
import math
import pathlib
from collections.abc import Collection, Mapping

from ct2mr_tf.problems import Problem


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        where: the file's name and the row's number (1 is the heading), as messages give it.
        values: the text under each heading, without spaces around it; '' where there is none.
    """

    where: str
    values: Mapping[str, str] = dataclasses.field(repr=False)


def read_rows(
    path: pathlib.Path, name: str, required: Collection[str]
) -> tuple[list[Row], list[Problem]]:
    """Reads a comma-separated UTF-8 table (RFC 4180) whose first row names the columns.

    Rows without any text are passed over, as spreadsheets leave them. Headings are compared in
    lower case.

    Args:
        path: the file.
        name: what messages call the file: nothing that could name a patient.
        required: headings that must be there, in lower case.

    Returns:
        The rows, and the problems: unreadable, not UTF-8, a heading missing or twice, a row with
        more values than headings. With a problem of the file as a whole there are no rows.
    """
    try:
        text = path.read_bytes().decode('utf-8-sig')
        lines = list(csv.reader(io.StringIO(text, newline=''), strict=True))
    except OSError as error:
        return [], [_problem(name, error.strerror or 'unreadable', 'check the file')]
    except UnicodeDecodeError:
        return [], [_problem(name, 'text that is not UTF-8', 'save it as CSV UTF-8')]
    except csv.Error as error:
        return [], [_problem(name, f'no CSV: {error}', 'check quotes; save it as CSV UTF-8')]
    headings = [heading.strip().lower() for heading in lines[0]] if lines else []
    problems = _heading_problems(headings, name, required)
    if problems:
        return [], problems
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        values = [value.strip() for value in line]
        where = f'{name}, row {number}'
        if any(values[len(headings) :]):
            found = f'{len(values)} values under {len(headings)} headings'
            problems.append(_problem(where, found, 'quote values that hold a comma'))
        elif any(values):
            values += [''] * (len(headings) - len(values))
            rows.append(Row(where, dict(zip(headings, values, strict=False))))
    return rows, problems


def finite_number(text: str) -> float:
    """The number a text stands for; NaN where it stands for none, or for none that is finite."""
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _heading_problems(headings: list[str], name: str, required: Collection[str]) -> list[Problem]:
    """What is wrong with the first row."""
    expected = f'the columns {", ".join(sorted(required))}'
    missing = sorted(set(required) - set(headings))
    if missing and len(headings) == 1 and ';' in headings[0]:
        return [Problem(name, 'columns separated by ;', expected, 'save it separated by commas')]
    if missing:
        found = f'no column {", ".join(missing)}'
        return [Problem(name, found, expected, 'name the columns in the first row')]
    twice = sorted({heading for heading in required if headings.count(heading) > 1})
    if twice:
        return [Problem(name, f'twice: {", ".join(twice)}', expected, 'name each column once')]
    return []


def _problem(where: str, found: str, cure: str) -> Problem:
    """A problem of the file's form."""
    return Problem(where, found, 'a table of comma-separated values in UTF-8', cure)
