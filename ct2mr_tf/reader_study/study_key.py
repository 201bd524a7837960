"""The key of a reader study: what each trial shows, and the cases behind; written and read."""

import csv
import dataclasses
import pathlib
import re
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from ct2mr_tf.evaluation.cases import Case
from ct2mr_tf.evaluation.metrics import METRICS
from ct2mr_tf.files import write_text_whole
from ct2mr_tf.imaging import csv_tables
from ct2mr_tf.problems import Problem, raise_if_any
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
        Problem(row.where, _text(row.values), expected, _CURE)
        for row in rows
        if not _is_of(study, row.values)
    )
    key = {
        reader: sorted(
            (int(row['trial']), int(row['case']), row['truth'])
            for row in (row.values for row in rows)
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
    return ', '.join(f'{row[name]:.40}' for name in KEY_COLUMNS)


def _is_of(study: Study, row: Mapping[str, str]) -> bool:
    """Whether a row of the key can be one of a study."""
    # Nine digits: Python refuses to read thousands.
    numbers = all(re.fullmatch('[0-9]{1,9}', row[name]) for name in ('trial', 'case'))
    return (
        row['study_id'] == study.study_id
        and numbers
        and 1 <= int(row['case']) <= study.cases
        and row['truth'] in (CHOICES[study.kind] or ('',))
    )


def read_cases(folder: pathlib.Path, study: Study) -> pd.DataFrame:
    """Reads the table of cases of a study's key.

    Args:
        folder: of the study.
        study: its description.

    Returns:
        The cases in their order: pair_id as the index, METRICS as columns, numbers.

    Raises:
        UserError: the table is missing, of another study, or not whole.
    """
    path, columns = folder / KEY_FOLDER / CASES_FILE, (*CASE_COLUMNS, *METRICS)
    rows = [row.values for row in _read_table(path, columns)]
    table = pd.DataFrame(rows, columns=columns).set_index('pair_id')
    numbers = [f'{number}' for number in range(1, len(table) + 1)]
    disordered = table['case'].tolist() != numbers
    metrics = table[list(METRICS)].apply(pd.to_numeric, errors='coerce')
    raise_if_any(
        Problem(f'{path}', found, expected, _CURE)
        for wrong, found, expected in (
            (len(table) != study.cases, f'{len(table)} cases', f'{study.cases} cases'),
            (disordered, 'cases in another order', 'cases 1, 2, 3, ... one below the other'),
            (not table.index.is_unique, 'a pair twice', 'each pair once'),
            (metrics['mae'].isna().any(), 'a case without numbers', 'the metrics of each case'),
        )
        if wrong
    )
    return metrics


def _read_table(path: pathlib.Path, columns: Sequence[str]) -> list[csv_tables.Row]:
    """Reads a table of the key.

    Raises:
        UserError: it is missing, no table, or lacks a column.
    """
    rows, problems = csv_tables.read_rows(path, f'{path}', columns)
    raise_if_any(dataclasses.replace(problem, cure=_CURE) for problem in problems)
    return rows


def _write_table(
    path: pathlib.Path, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    with path.open('w', encoding='utf-8', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(columns)
        writer.writerows(rows)
