"""The key of a reader study: what each trial shows, and the cases behind; written and read."""

import csv
import pathlib
from collections.abc import Iterable, Mapping, Sequence

from ct2mr_tf.evaluation.cases import Case
from ct2mr_tf.evaluation.metrics import METRICS
from ct2mr_tf.files import write_text_whole
from ct2mr_tf.problems import Problem, UserError, raise_if_any
from ct2mr_tf.reader_study.reader_plan import Trial
from ct2mr_tf.reader_study.study_files import CHOICES, Study

KEY_FOLDER = 'key'
"""Where everything lies that no reader may see."""

KEY_FILE = 'key.csv'
"""Name of the table that tells what each trial shows."""

CASES_FILE = 'cases.csv'
"""Name of the table of cases: pair and metrics."""

BUILD_FILE = 'build.json'
"""Name of the record of how a study was built."""

KEY_COLUMNS = ('study_id', 'reader', 'trial', 'case', 'truth')
"""Columns of key.csv: one row a reader and trial.

`case` counts from 1 in cases.csv. `truth` is the right answer, in the words of the answers: where
the real MR is ('1' or '2'), or what the MR is ('real' or 'synthetic'); empty with similarity.
"""

CASE_COLUMNS = ('case', 'pair_id')
"""First columns of cases.csv; those of `evaluation.metrics.METRICS` follow."""

KEY_README = """DO NOT HAND OUT.

Who reads these files knows the right answers. No page contains any of them.

key.csv      for each reader and trial: the case, and the right answer
cases.csv    for each case: the pair behind it, and the metrics of its synthetic MR
build.json   the seed, and the checkpoint and data set the study was built from
"""
"""README.txt of the key's folder."""

_CURE = 'keep key/ as it was written, beside study.json'


def write_key(
    study: Study,
    plans: Mapping[str, Sequence[Trial]],
    cases: Sequence[Case],
    folder: pathlib.Path,
) -> None:
    """Writes the tables of the key, and what to do with them, for their owner only.

    Args:
        study: the public description.
        plans: the trials of each reader.
        cases: as the trials number them, from 1.
        folder: the key's; made.
    """
    folder.mkdir(mode=0o700)
    write_text_whole(folder / 'README.txt', KEY_README)
    _write_table(
        folder / KEY_FILE,
        KEY_COLUMNS,
        (
            (study.study_id, reader, number, trial.case, trial.truth)
            for reader, trials in plans.items()
            for number, trial in enumerate(trials, start=1)
        ),
    )
    _write_table(
        folder / CASES_FILE,
        (*CASE_COLUMNS, *METRICS),
        (
            (number, case.pair_id, *(case.metrics[name] for name in METRICS))
            for number, case in enumerate(cases, start=1)
        ),
    )


def read_key(folder: pathlib.Path, study: Study) -> dict[str, tuple[tuple[int, str], ...]]:
    """Reads the key of a study.

    Args:
        folder: of the study.
        study: its description.

    Returns:
        By reader, for each trial in order: the number of its case, and the right answer.

    Raises:
        UserError: the key is missing, of another study, or not whole.
    """
    path = folder / KEY_FOLDER / KEY_FILE
    rows = _read_table(path, KEY_COLUMNS)
    expected = f'a trial of study {study.study_id}'
    raise_if_any(
        Problem(f'{path}, row {number}', _text(row), expected, _CURE)
        for number, row in enumerate(rows, start=2)
        if not _is_of(study, row)
    )
    key = {
        reader: sorted(
            (int(row['trial']), int(row['case']), row['truth'])
            for row in rows
            if row['reader'] == reader
        )
        for reader in study.readers
    }
    whole = list(range(1, study.trials + 1))
    raise_if_any(
        Problem(f'{path}', f'{len(trials)} trials of {reader}', f'trials 1 to {whole[-1]}', _CURE)
        for reader, trials in key.items()
        if [trial for trial, _, _ in trials] != whole
    )
    return {
        reader: tuple((case, truth) for _, case, truth in trials) for reader, trials in key.items()
    }


def _text(row: Mapping[str, str]) -> str:
    """A row of the key, for a message."""
    return ', '.join(row[name] for name in KEY_COLUMNS)


def _is_of(study: Study, row: Mapping[str, str]) -> bool:
    """Whether a row of the key can be one of a study."""
    numbers = row['trial'].isdecimal() and row['case'].isdecimal()
    return (
        row['study_id'] == study.study_id
        and numbers
        and 1 <= int(row['case']) <= study.cases
        and row['truth'] in (CHOICES[study.kind] or ('',))
    )


def read_cases(folder: pathlib.Path, columns: Iterable[str]) -> list[dict[str, str]]:
    """Reads the table of cases of a study's key.

    Args:
        folder: of the study.
        columns: columns of metrics that must be there, beside CASE_COLUMNS.

    Returns:
        One dict a case, in their order: the text under each column.

    Raises:
        UserError: the table is missing, or a column.
    """
    return _read_table(folder / KEY_FOLDER / CASES_FILE, (*CASE_COLUMNS, *columns))


def _read_table(path: pathlib.Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Reads a table of the key: one dict a row.

    Raises:
        UserError: it is missing, no UTF-8, or lacks a column.
    """
    try:
        with path.open(encoding='utf-8', newline='') as file:
            reader = csv.DictReader(file, restval='')
            rows, found = list(reader), reader.fieldnames or ()
    except OSError as error:
        problem = Problem(f'{path}', error.strerror or 'unreadable', 'a table of the key', _CURE)
        raise UserError([problem]) from None
    except (UnicodeDecodeError, csv.Error):
        found = 'no CSV in UTF-8'
        raise UserError([Problem(f'{path}', found, 'a table of the key', _CURE)]) from None
    missing = ', '.join(name for name in columns if name not in found)
    if missing:
        expected = ', '.join(columns)
        raise UserError([Problem(f'{path}', f'no column {missing}', expected, _CURE)])
    return rows


def _write_table(
    path: pathlib.Path, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    with path.open('w', encoding='utf-8', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(columns)
        writer.writerows(rows)
