"""What a user decides case by case: levels to leave out, and pairs named slice by slice.

Exclusions, a CSV with the columns patient, level, reason (tumour, infection, fracture, ...); no
level means all levels of the patient.

Listed pairs, a CSV with the columns patient, level, ct_sop_instance_uid, mr_sop_instance_uid, unit
and, for ct and mr, for sac and ventral (left and right may be left out or empty), the coordinates
such as ct_sac_x, ct_sac_y, ct_sac_z. Unit `mm` means patient coordinates (LPS); unit `pixel` means
x the column and y the row in the slice, 0 at the centre of the first pixel, and no z.
"""

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np

from ct2mr_tf.imaging import csv_tables
from ct2mr_tf.imaging.landmarks import (
    LEVELS,
    MODALITIES,
    POINTS,
    REQUIRED_POINTS,
    level_name,
    level_problem,
)
from ct2mr_tf.problems import Problem, raise_if_any

EXCLUSION_COLUMNS = ('patient', 'level', 'reason')
"""Columns of the list of exclusions."""

UNITS = ('mm', 'pixel')
"""Units of the coordinates of listed pairs."""


@dataclasses.dataclass(frozen=True, eq=False)
class ListedSlice:
    """The slice of one modality that a listed pair names, and its points.

    Attributes:
        sop_instance_uid: of the slice; of all slices of a multi-frame object.
        unit: 'mm' or 'pixel'.
        points: float64 (3,) each, by the point's name: x, y, z in LPS mm, or (column, row, 0).
    """

    sop_instance_uid: str = dataclasses.field(repr=False)
    unit: str
    points: Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class ListedPair:
    """One row of the list of pairs.

    Attributes:
        where: the file's name and the row's number, as messages give it.
        patient: as named in the studies.
        level: one of LEVELS.
        ct: the CT slice.
        mr: the MR slice.
    """

    where: str
    patient: str = dataclasses.field(repr=False)
    level: str
    ct: ListedSlice
    mr: ListedSlice


def read_exclusions(path: pathlib.Path, name: str) -> dict[str, dict[str, str]]:
    """Reads the list of exclusions.

    Args:
        path: the CSV.
        name: what messages call it: nothing that could name a patient.

    Returns:
        For each patient, the reason for each level left out. The reason is the user's own text.

    Raises:
        UserError: the file is wrong, a patient or reason is missing, or a level is unknown.
    """
    rows, problems = csv_tables.read_rows(path, name, EXCLUSION_COLUMNS)
    exclusions: dict[str, dict[str, str]] = {}
    for row in rows:
        level = level_name(row.values['level'])
        if row.values['level'] and not level:
            problems.append(level_problem(row.where, row.values['level']))
        for column in ('patient', 'reason'):
            if not row.values[column]:
                cure = f'fill in the {column}'
                problems.append(Problem(row.where, f'no {column}', f'a {column}', cure))
        for excluded in [level] if level else LEVELS:
            levels = exclusions.setdefault(row.values['patient'], {})
            levels.setdefault(excluded, row.values['reason'])
    raise_if_any(problems)
    return exclusions


def read_listed_pairs(path: pathlib.Path, name: str) -> list[ListedPair]:
    """Reads the list of pairs.

    Args:
        path: the CSV.
        name: what messages call it: nothing that could name a patient.

    Returns:
        The pairs in the order of the file.

    Raises:
        UserError: the file is wrong, a value is missing, a level or unit is unknown, a coordinate
            is no finite number, or a patient's level is there twice; all at once.
    """
    texts = ['patient', 'level', 'ct_sop_instance_uid', 'mr_sop_instance_uid', 'unit']
    coordinates = [
        f'{modality.lower()}_{point}_{axis}'
        for modality in MODALITIES
        for point in REQUIRED_POINTS
        for axis in 'xyz'
    ]
    rows, problems = csv_tables.read_rows(path, name, [*texts, *coordinates])
    pairs: list[ListedPair] = []
    first_rows: dict[tuple[str, str], str] = {}
    for row in rows:
        pair, row_problems = _listed_pair(row)
        problems += row_problems
        if pair is None:
            continue
        first = first_rows.setdefault((pair.patient, pair.level), row.where)
        if first != row.where:
            found = f'the same patient and level as {first}'
            problems.append(Problem(row.where, found, 'one pair a level', 'delete one of them'))
        pairs.append(pair)
    raise_if_any(problems)
    return pairs


def _listed_pair(row: csv_tables.Row) -> tuple[ListedPair | None, list[Problem]]:
    """The pair of one row, or all that is wrong with it."""
    problems = [
        Problem(row.where, f'no {column}', 'a value', f'fill in {column}')
        for column in ('patient', 'ct_sop_instance_uid', 'mr_sop_instance_uid')
        if not row.values[column]
    ]
    level, unit = level_name(row.values['level']), row.values['unit'].lower()
    if not level:
        problems.append(level_problem(row.where, row.values['level']))
    if unit not in UNITS:
        expected = f'one of {", ".join(UNITS)}'
        problems.append(Problem(row.where, 'another unit', expected, 'correct the unit'))
    slices = []
    for modality in MODALITIES:
        prefix = modality.lower()
        points, point_problems = _listed_points(row, prefix, unit)
        problems += point_problems
        slices.append(ListedSlice(row.values[f'{prefix}_sop_instance_uid'], unit, points))
    if problems or level is None:
        return None, problems
    return ListedPair(row.where, row.values['patient'], level, *slices), []


def _listed_points(
    row: csv_tables.Row, prefix: str, unit: str
) -> tuple[dict[str, np.ndarray], list[Problem]]:
    """The points of one modality in one row; an optional point is there when its x is."""
    points, problems = {}, []
    for point in POINTS:
        texts = [row.values.get(f'{prefix}_{point}_{axis}', '') for axis in 'xyz']
        if point not in REQUIRED_POINTS and not any(texts):
            continue
        numbers = [csv_tables.finite_number(text) for text in texts]
        if unit == 'pixel':
            numbers[2] = 0.0
        points[point] = np.array(numbers)
        if np.isnan(points[point]).any():
            expected = 'column and row in pixels' if unit == 'pixel' else 'x, y and z in mm'
            found = f'no finite numbers for {prefix}_{point}'
            cure = 'write numbers with a decimal point'
            problems.append(Problem(row.where, found, expected, cure))
    return points, problems
