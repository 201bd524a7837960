"""Which files answer which study: whatever is not as a page saved it is named with its line."""

import dataclasses
import math
import pathlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from ct2mr_tf.problems import Problem, raise_if_any
from ct2mr_tf.reader_study import study_files
from ct2mr_tf.reader_study.answer_tables import (
    ASK_AGAIN,
    MOST_SHOWN,
    AnswerTable,
    Row,
    read_answer_table,
)
from ct2mr_tf.reader_study.study_files import Answer, AnswerSheet, Study

PATTERN = 'answers*.csv'
"""Files of answers in a folder; browsers number a second one of the same name."""

PERCENT = re.compile('|100|[1-9]?[0-9]')
"""An answer of a study of similarity, or none."""

MOST_MISSING_LISTED = 5
"""Missing rows listed; of more, the number is said."""

CONTROL = re.compile('[\\x00-\\x1f\\x7f]')
"""What no page lets into a comment, and no workbook takes."""

SECONDS = re.compile(r'[0-9]{1,9}(\.[0-9]{1,3})?')
"""Seconds spent on a trial."""


@dataclasses.dataclass(frozen=True)
class _Rule:
    """What must stand in a column of every row.

    Attributes:
        column: the column.
        holds: whether a text may stand there.
        expected: the same in words.
    """

    column: str
    holds: Callable[[str], bool]
    expected: str


def read_answers(
    paths: Sequence[pathlib.Path], studies: Sequence[Study], allow_incomplete: bool = False
) -> dict[str, tuple[AnswerSheet, ...]]:
    """Reads the answers to some studies.

    Args:
        paths: files of answers, and folders in which all files named PATTERN are read.
        studies: what they may answer.
        allow_incomplete: whether a reader may have left trials or items without an answer.

    Returns:
        By the id of each study, the sheets of its readers in the order of `Study.readers`; readers
        without a file are missing.

    Raises:
        UserError: a file is missing, edited, foreign, incomplete or a duplicate, or a study has no
            answers at all; every problem with its line.
    """
    known = {study.study_id: study for study in studies}
    files, problems = _files(paths)
    sheets: dict[tuple[str, str], AnswerSheet] = {}
    sources: dict[tuple[str, str], AnswerTable] = {}
    for path in files:
        table = read_answer_table(path)
        found = [*table.problems] or _problems(table, known, allow_incomplete)
        if not found:
            sheet = _sheet(table)
            own = sheet.study_id, sheet.reader
            found = _duplicate(table, sources.get(own))
            sources.setdefault(own, table)
            sheets.setdefault(own, sheet)
        problems += found
    raise_if_any(problems)
    cure = "add its readers' files, or leave the study out"
    raise_if_any(
        Problem(f'study {study.study_id}', 'no answers to it', 'a file of answers', cure)
        for study in studies
        if not any(own[0] == study.study_id for own in sheets)
    )
    return {
        study.study_id: tuple(
            sheets[study.study_id, reader]
            for reader in study.readers
            if (study.study_id, reader) in sheets
        )
        for study in studies
    }


def _files(paths: Iterable[pathlib.Path]) -> tuple[list[pathlib.Path], list[Problem]]:
    """The files meant by some paths, each once, and the folders that hold none."""
    files: dict[pathlib.Path, pathlib.Path] = {}
    problems = []
    for path in paths:
        inside = sorted(path.glob(PATTERN)) if path.is_dir() else [path]
        files |= {file.resolve(): file for file in inside}
        if not inside:
            cure = 'put what the readers sent into it'
            problems.append(Problem(f'{path}', 'no file of answers', f'files {PATTERN}', cure))
    return list(files.values()), problems


def _problems(
    table: AnswerTable, known: Mapping[str, Study], allow_incomplete: bool
) -> list[Problem]:
    """What is wrong with the rows of a table that are as a page saved them."""
    first = table.rows[0]
    study = known.get(first['study_id'])
    if not study:
        found, cure = f'study {first["study_id"][:MOST_SHOWN]!r}', 'leave the file out'
        cure += ', or name the study that it answers'
        return [table.problem([first.line], found, ' or '.join(known), cure)]
    problems = [
        table.problem(lines, f'{rule.column} {text[:MOST_SHOWN]!r}', rule.expected, ASK_AGAIN)
        for rule in _rules(study, first)
        for text, lines in _broken(table.rows, rule).items()
    ]
    problems += _order_problems(table, study)
    if problems or allow_incomplete:
        return problems
    return _unanswered(table)


def _rules(study: Study, first: Row) -> tuple[_Rule, ...]:
    """What must stand in each column, where the first row is `first`."""
    choices = study_files.CHOICES[study.kind]
    pattern = re.compile('|'.join(['', *choices])) if choices else PERCENT
    answers = ' or '.join(choices) or '0 to 100'
    years, longest = study_files.MOST_YEARS, study_files.MOST_COMMENT
    return (
        _Rule('format', study_files.FORMAT.__eq__, study_files.FORMAT),
        _Rule('reader', study.readers.__contains__, f'one of {", ".join(study.readers)}'),
        _Rule('role', study_files.ROLES.__contains__, f'one of {", ".join(study_files.ROLES)}'),
        _Rule('years', lambda text: _whole(text) <= years, f'whole years, 0 to {years}'),
        _Rule('answer', lambda text: bool(pattern.fullmatch(text)), f'{answers}, or nothing'),
        _Rule('seconds', lambda text: bool(SECONDS.fullmatch(text)), 'seconds, not negative'),
        _Rule('comment', lambda text: len(text) <= longest, f'at most {longest} characters'),
        _Rule('comment', lambda text: not CONTROL.search(text), 'no control characters'),
        *(
            _Rule(column, first[column].__eq__, f'{first[column]}, as on line {first.line}')
            for column in ('study_id', 'reader', 'role', 'years')
        ),
    )


def _whole(text: str) -> float:
    """A whole number that is not negative; infinity where the text is none."""
    return int(text) if re.fullmatch('[0-9]{1,9}', text) else math.inf


def _broken(rows: Sequence[Row], rule: _Rule) -> dict[str, list[int]]:
    """The lines that break a rule, by what stands there."""
    broken: dict[str, list[int]] = {}
    for row in rows:
        if not rule.holds(row[rule.column]):
            broken.setdefault(row[rule.column], []).append(row.line)
    return broken


def _order_problems(table: AnswerTable, study: Study) -> list[Problem]:
    """Trials and items that are missing, there twice, or not of this study."""
    expected = [(str(trial), item) for trial, item in study.rows]
    lines: dict[tuple[str, str], list[int]] = {}
    for row in table.rows:
        lines.setdefault((row['trial'], row['item']), []).append(row.line)
    whole = f'each of the {len(expected)} rows of the study once'
    problems = []
    strangers = [line for own, at in lines.items() if own not in set(expected) for line in at]
    twice = [line for at in lines.values() for line in at[1:]]
    missing = [' '.join(own).strip() for own in expected if own not in lines]
    if strangers:
        found = 'a trial or item that is not of this study'
        problems.append(table.problem(strangers, found, whole, ASK_AGAIN))
    if twice:
        found = 'a trial that stands above already'
        problems.append(table.problem(twice, found, whole, ASK_AGAIN))
    if missing:
        last, more = table.rows[-1].line, len(missing) - MOST_MISSING_LISTED
        found = f'no row of trial {", ".join(missing[:MOST_MISSING_LISTED])}'
        found += f' and {more} more' if more > 0 else ''
        problems.append(table.problem([last], found, whole, ASK_AGAIN))
    return problems


def _unanswered(table: AnswerTable) -> list[Problem]:
    lines = [row.line for row in table.rows if not row['answer']]
    if not lines:
        return []
    cure = 'ask the reader to answer the rest (the page remembers), or say --allow_incomplete'
    return [table.problem(lines, 'no answer', 'an answer', cure)]


def _duplicate(table: AnswerTable, other: AnswerTable | None) -> list[Problem]:
    """The problem of a second file of the same reader."""
    if not other:
        return []
    reader, alike = table.rows[0]['reader'], table.rows == other.rows
    found = f'a second file of {reader}, {"the same as" if alike else "other than"} {other.path}'
    cure = 'delete one' if alike else 'ask the reader which one counts, and leave the other out'
    return [table.problem([table.rows[0].line], found, 'one file a reader', cure)]


def _sheet(table: AnswerTable) -> AnswerSheet:
    """The sheet of a table without problems."""
    first = table.rows[0]
    answers = tuple(
        Answer(int(row['trial']), row['item'], row['answer'], float(row['seconds']), row['comment'])
        for row in table.rows
    )
    years = int(first['years'])
    return AnswerSheet(first['study_id'], first['reader'], first['role'], years, answers)
