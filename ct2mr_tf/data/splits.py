"""Patients and their splits: all pairs of a patient stand in one split, or a test means little."""

import pathlib

import numpy as np
import pandas as pd

from ct2mr_tf.problems import Problem

SPLITS = ('train', 'val', 'test')
"""Names of the splits, which are also the folders of a data set."""

REQUIRED_COLUMNS = ('pair_id', 'patient_id', 'split')
"""Columns without which a table of pairs cannot be checked."""


def assign_splits(
    patient_ids: list[str], fractions: tuple[float, float, float], seed: int
) -> dict[str, str]:
    """Draws a split for every patient.

    Args:
        patient_ids: pseudonyms, without repetition.
        fractions: shares of train, val and test; they add up to 1.
        seed: of the draw. The same patients and seed give the same splits, in whatever order they
            are listed.

    Returns:
        The split of each patient. With three patients or more, every split with a share above zero
        gets at least one.

    Raises:
        ValueError: a patient twice, a negative share, or shares that do not add up to 1.
    """
    if len(set(patient_ids)) != len(patient_ids):
        raise ValueError('a patient is listed twice')
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ValueError(f'shares of train, val, test must add up to 1, not {fractions}')
    shuffled = np.random.default_rng(seed).permutation(sorted(patient_ids))
    wanted = [split for split, share in zip(SPLITS, fractions, strict=True) if share > 0]
    counts = {
        split: round(share * len(shuffled)) for split, share in zip(SPLITS, fractions, strict=True)
    }
    if len(shuffled) >= len(wanted):
        counts.update({split: max(1, counts[split]) for split in wanted})
    largest = max(wanted, key=lambda split: fractions[SPLITS.index(split)])
    counts[largest] += len(shuffled) - sum(counts.values())
    names = np.repeat(list(counts), list(counts.values()))
    return dict(zip(shuffled.tolist(), names.tolist(), strict=True))


def read_table(path: pathlib.Path) -> pd.DataFrame | None:
    """Reads a table of pairs, every value as text; None where there is no such file.

    Raises:
        ValueError: the file is no CSV.
    """
    if not path.exists():
        return None
    # A row cut short lacks its last values, whatever keep_default_na says.
    return pd.read_csv(path, dtype=str, keep_default_na=False).fillna('')


def shared_patients(measured: pathlib.Path, split: str, trained_on: pathlib.Path) -> list[str]:
    """Patients of a split of one data set who stand in the training split of another.

    Args:
        measured: `pairs.csv` of the data set that is measured.
        split: the split that is measured.
        trained_on: `pairs.csv` of the data set that was trained on.

    Returns:
        Their pseudonyms; none where a table is missing, since then nobody can tell.
    """
    table, other = read_table(measured), read_table(trained_on)
    if table is None or other is None:
        return []
    trained = set(other.patient_id[other.split == 'train'])
    return sorted(trained.intersection(table.patient_id[table.split == split]))


def table_problems(
    path: pathlib.Path, listed: dict[str, tuple[pathlib.Path, ...]]
) -> list[Problem]:
    """What is wrong with a table of pairs, or with the pictures it speaks of.

    Args:
        path: `pairs.csv`. A data set may lack it; then patients cannot be told apart and nothing is
            checked here.
        listed: pictures of each split.

    Returns:
        Problems: missing columns, unknown splits, rows without patient or picture, pairs listed
        twice, pictures without row, and patients who stand in two splits.
    """
    try:
        table = read_table(path)
    except ValueError as error:
        return [Problem(path.name, str(error), 'a CSV table', 'write the table again')]
    if table is None:
        return []
    missing = [column for column in REQUIRED_COLUMNS if column not in table]
    if missing:
        found, expected = f'no column {", ".join(missing)}', ', '.join(REQUIRED_COLUMNS)
        return [
            Problem(path.name, found, expected, 'add the columns to the first line and the rows')
        ]
    return [*_row_problems(path.name, table, listed), *_patient_problems(path.name, table)]


def _row_problems(
    name: str, table: pd.DataFrame, listed: dict[str, tuple[pathlib.Path, ...]]
) -> list[Problem]:
    problems = []
    pictures = {(split, path.stem) for split, paths in listed.items() for path in paths}
    for number, row in enumerate(table.itertuples(), start=2):
        where = f'{name}, line {number}'
        if row.split not in SPLITS:
            cure = 'correct the split'
            problems.append(Problem(where, f'split {row.split!r}', ' or '.join(SPLITS), cure))
        elif not row.patient_id:
            found, cure = 'no patient_id', 'add the pseudonym of the patient'
            problems.append(Problem(where, found, 'a patient for each pair', cure))
        elif (row.split, row.pair_id) not in pictures:
            picture = f'{row.split}/{row.pair_id}.png'
            problems.append(
                Problem(where, f'no {picture}', 'a picture for each row', 'add it or drop the row')
            )
    for pair_id in table.pair_id[table.pair_id.duplicated()].unique():
        problems.append(
            Problem(name, f'pair {pair_id} more than once', 'one row a pair', 'drop the other rows')
        )
    known = set(table.pair_id)
    for split, pair_id in sorted(pictures):
        if pair_id not in known:
            where, cure = f'{split}/{pair_id}.png', 'add the row or move the picture away'
            problems.append(Problem(where, f'no row in {name}', 'a row for each picture', cure))
    return problems


def _patient_problems(name: str, table: pd.DataFrame) -> list[Problem]:
    known = table.loc[table.split.isin(SPLITS), ['patient_id', 'split']].drop_duplicates()
    several = known[known.patient_id.duplicated(keep=False)]
    return [
        Problem(
            f'{name}, patient {patient_id}',
            f'pairs in {" and ".join(sorted(found))}',
            'all pairs of a patient in one split',
            'move them into one folder and correct the table',
        )
        for patient_id, found in several.groupby('patient_id').split
    ]
