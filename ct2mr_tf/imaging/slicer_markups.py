"""Points placed in 3D Slicer: markups files (.mrk.json) and the older fiducial lists (.fcsv).

Formats: the markups JSON schema of 3D Slicer, versions 1.0.x, and the developer guide's page on
markups. As Slicer itself does, a JSON list without coordinate system is taken as LPS and a point
without status as placed. A .fcsv without coordinate system is refused: Slicer has changed its mind
about what that means.
"""

import csv
import dataclasses
import json
import math
import pathlib

import numpy as np

from ct2mr_tf.problems import Problem

_TO_LPS = {
    'LPS': np.array([1.0, 1.0, 1.0]),
    'RAS': np.array([-1.0, -1.0, 1.0]),
    '1': np.array([1.0, 1.0, 1.0]),
    '0': np.array([-1.0, -1.0, 1.0]),
}
"""Signs that turn x, y, z into LPS, by name or by the number older .fcsv files write."""

_FCSV_POSITION = slice(1, 4)
"""Where x, y, z stand in a line of a .fcsv."""

_FCSV_LABEL = 11
"""Where the label stands in a line of a .fcsv."""

_FCSV_STATUS = 14
"""Where Slicer 5 adds the status of the point, under no heading; older files end before."""

_FCSV_DEFINED = '2'
"""The number Slicer writes for the status 'defined' (vtkMRMLMarkupsNode::PositionDefined)."""


@dataclasses.dataclass(frozen=True, eq=False)
class ControlPoint:
    """A point somebody placed.

    Attributes:
        where: the file's name and the point's number, as messages give it.
        label: its label; may hold anything a person typed, so no message repeats it.
        position: float64 (3,), LPS in mm, finite.
    """

    where: str
    label: str = dataclasses.field(repr=False)
    position: np.ndarray


def read_markups(path: pathlib.Path, name: str) -> tuple[list[ControlPoint], list[Problem]]:
    """Reads a `.mrk.json` or `.fcsv` file.

    Args:
        path: the file.
        name: what messages call it: nothing that could name a patient.

    Returns:
        The points that were placed (status `defined`), and the problems: the file is unreadable
        or no such list, its coordinate system or unit is unknown, a position is not three finite
        numbers.
    """
    try:
        text = path.read_bytes().decode('utf-8-sig')
    except OSError as error:
        return [], [_problem(name, error.strerror or 'unreadable', 'check the file')]
    except UnicodeDecodeError:
        return [], [_problem(name, 'text that is not UTF-8', 'save it from 3D Slicer again')]
    return _read_fcsv(text, name) if path.suffix.lower() == '.fcsv' else _read_json(text, name)


def _read_json(text: str, name: str) -> tuple[list[ControlPoint], list[Problem]]:
    """The points of every list in a .mrk.json."""
    try:
        markups = json.loads(text)['markups']
        lists = [(markup, list(markup.get('controlPoints', []))) for markup in markups]
    except (ValueError, RecursionError):
        return [], [_problem(name, 'no JSON, or cut off', 'save it from 3D Slicer again')]
    except (KeyError, TypeError, AttributeError):
        return [], [_problem(name, 'JSON without lists of points', 'save it from 3D Slicer again')]
    points, problems = [], []
    number = 0
    for markup, entries in lists:
        signs = _TO_LPS.get(str(markup.get('coordinateSystem', 'LPS')).upper())
        if signs is None:
            problems.append(_system_problem(name))
        # A plain unit, or a coded entry: value, coding scheme, meaning.
        unit = markup.get('coordinateUnits', 'mm')
        if (unit[0] if isinstance(unit, list) and unit else unit) != 'mm':
            problems.append(_problem(name, 'another unit than mm', 'save the points in mm'))
        for entry in entries:
            number += 1
            where = f'{name}, control point {number}'
            if not isinstance(entry, dict):
                problems.append(_problem(where, 'no control point', 'save it again'))
            elif signs is not None and entry.get('positionStatus', 'defined') == 'defined':
                label, position = str(entry.get('label', '')), entry.get('position')
                point, problem = _point(where, label, position, signs)
                points += point
                problems += problem
    return points, problems


def _read_fcsv(text: str, name: str) -> tuple[list[ControlPoint], list[Problem]]:
    """The points of a .fcsv."""
    lines = text.splitlines()
    heads = [line.lstrip('# ').partition('=') for line in lines if line.startswith('#')]
    settings = {key.strip().lower(): value.strip() for key, _, value in heads}
    signs = _TO_LPS.get(settings.get('coordinatesystem', '').upper())
    if signs is None:
        return [], [_system_problem(name)]
    points, problems = [], []
    try:
        rows = list(csv.reader(line for line in lines if line.strip() and line[0] != '#'))
    except csv.Error:
        return [], [_problem(name, 'lines that are no CSV', 'save it as .mrk.json')]
    for number, row in enumerate(rows, start=1):
        where = f'{name}, control point {number}'
        if len(row) <= _FCSV_LABEL:
            problems.append(_problem(where, f'{len(row)} values', 'save it as .mrk.json'))
        elif len(row) <= _FCSV_STATUS or row[_FCSV_STATUS].strip() in ('', _FCSV_DEFINED):
            point, problem = _point(where, row[_FCSV_LABEL], row[_FCSV_POSITION], signs)
            points += point
            problems += problem
    return points, problems


def _point(
    where: str, label: str, position: object, signs: np.ndarray
) -> tuple[list[ControlPoint], list[Problem]]:
    """One point in LPS, or the problem of its position."""
    try:
        numbers = [float(number) for number in position] if isinstance(position, list) else []
    except (TypeError, ValueError, OverflowError):
        numbers = []
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
        cure = 'place the point again, or delete it'
        return [], [Problem(where, 'no three finite numbers', 'x, y and z in mm', cure)]
    return [ControlPoint(where, label, np.array(numbers) * signs)], []


def _system_problem(name: str) -> Problem:
    """The coordinate system cannot be told."""
    cure = 'save the points from 3D Slicer as .mrk.json'
    return Problem(name, 'an unknown coordinate system, or none', 'LPS or RAS', cure)


def _problem(where: str, found: str, cure: str) -> Problem:
    """A problem of the file's form."""
    return Problem(where, found, 'a list of points saved by 3D Slicer', cure)
