"""Landmarks: the points a person places on each disc, in patient millimetres (LPS).

For every patient and modality, in the coordinates of that modality's own images, each level has

    <level>:sac       the centre of the thecal sac (T)
    <level>:ventral   the most ventral point of the vertebral body (V)
    <level>:left      optional, the body's lateral edge on the patient's left
    <level>:right     optional, the same on the patient's right

A folder of landmarks holds any of

    <patient>/CT.mrk.json  <patient>/MR_L4-5.fcsv ...   points from 3D Slicer; CT or MR stands in
                                                        the file's name as a word of its own
    <patient>_CT.mrk.json ...                           the same without a folder a patient
    *.csv                                               columns patient, modality, level, point,
                                                        x, y, z: one point a row, LPS in mm

or the landmarks are one such CSV. Other files are passed over. The patient is named as in the
studies. Messages name files only as the caller's function does, and repeat no text a person typed
but a level: labels and names of files may hold a patient's name.
"""

import collections
import dataclasses
import pathlib
import re
from collections.abc import Callable, Mapping

import numpy as np

from ct2mr_tf.imaging import csv_tables, file_tree, slicer_markups
from ct2mr_tf.imaging.crop import DiscPoints
from ct2mr_tf.problems import Problem, raise_if_any

LEVELS = ('L1-2', 'L2-3', 'L3-4', 'L4-5', 'L5-S1')
"""The discs, from head to foot, as the project writes them."""

POINTS = ('sac', 'ventral', 'left', 'right')
"""The points of a disc: the names of the fields of `DiscPoints`."""

REQUIRED_POINTS = ('sac', 'ventral')
"""Those without which there is no square."""

MODALITIES = ('CT', 'MR')
"""The modalities that landmarks are placed on."""

CSV_COLUMNS = ('patient', 'modality', 'level', 'point', 'x', 'y', 'z')
"""Columns of a CSV of landmarks."""

Landmarks = Mapping[tuple[str, str], Mapping[str, DiscPoints]]
"""The points of each level, by patient and modality."""

_SEPARATORS = r'[\s:_/.–-]*'
_LEVEL = re.compile(rf'L([1-5]){_SEPARATORS}([LS]?)([1-5])', re.IGNORECASE)
_LABEL = re.compile(rf'(.*?){_SEPARATORS}({"|".join(POINTS)})', re.IGNORECASE | re.DOTALL)
_SPINAL = re.compile(r'[CTLS]?\d{1,2}[\s_/.–-]?[CTLS]?\d{1,2}', re.IGNORECASE)
_MARKUPS_SUFFIXES = ('.mrk.json', '.fcsv')


@dataclasses.dataclass(frozen=True, eq=False)
class _Mark:
    """One point of one disc, and where it was found."""

    where: str
    patient: str = dataclasses.field(repr=False)
    modality: str
    level: str
    point: str
    position: np.ndarray


def level_name(text: str) -> str | None:
    """The project's name of a level, however it is written: `l4/5`, `L4_L5`, `L5/S1`, `L45`.

    Args:
        text: what somebody wrote.

    Returns:
        One of LEVELS, or None where it is none of them (`L3-5`, `T12-L1`, `L5-6`).
    """
    match = _LEVEL.fullmatch(text.strip())
    if not match:
        return None
    upper, letter, lower = match.group(1), match.group(2).upper(), match.group(3)
    name = f'L{upper}-S{lower}' if letter == 'S' else f'L{upper}-{lower}'
    return name if name in LEVELS else None


def level_problem(where: str, text: str) -> Problem:
    """The problem of a text that is no level; repeats it only where it is written like one."""
    found = f'the level {text}' if _SPINAL.fullmatch(text) else 'no level'
    return Problem(where, found, f'one of {", ".join(LEVELS)}', 'correct the level, or delete it')


def read_landmarks(root: pathlib.Path, name_of: Callable[[pathlib.PurePath], str]) -> Landmarks:
    """Reads all landmarks in a folder, or in one CSV.

    Args:
        root: the folder or file, laid out as this module says; see `file_tree.files_below`.
        name_of: what messages call a path under the root: nothing that could name a patient.

    Returns:
        For each patient (as named there) and modality, the points of each level.

    Raises:
        UserError: a folder cannot be read, a file is wrong, a label or level is unknown, a point is
            there twice, a level lacks its sac or ventral point, or there are no landmarks; all at
            once.
    """
    root = pathlib.Path(root)
    marks: list[_Mark] = []
    problems: list[Problem] = []

    def note(place: pathlib.PurePath, error: OSError) -> None:
        where = name_of(place) if place.parts else 'the landmarks'
        found = error.strerror or 'an error of the disk'
        problems.append(Problem(where, found, 'a folder to read', 'look at its permissions'))

    for path in [root] if root.is_file() else file_tree.files_below(root, note):
        relative = pathlib.PurePosixPath(path.relative_to(root) if path != root else path.name)
        if not path.name.startswith('.'):
            file_marks, file_problems = _read_file(path, relative, name_of(relative))
            marks += file_marks
            problems += file_problems
    if not marks and not problems:
        expected = '.mrk.json, .fcsv or .csv files with points in them'
        cure = 'name the folder that holds the landmarks'
        problems.append(Problem('the landmarks', 'no points', expected, cure))
    landmarks, gathering_problems = _gather(marks)
    raise_if_any(problems + gathering_problems)
    return landmarks


def _read_file(
    path: pathlib.Path, relative: pathlib.PurePosixPath, name: str
) -> tuple[list[_Mark], list[Problem]]:
    """The points of one file; none where it is of another kind."""
    lower = path.name.lower()
    if lower.endswith('.csv'):
        return _read_csv(path, name)
    suffix = next((suffix for suffix in _MARKUPS_SUFFIXES if lower.endswith(suffix)), None)
    if suffix is None:
        return [], []
    patient, modality = _patient_and_modality(relative, suffix)
    if not patient or not modality:
        expected = '<patient>/CT.mrk.json, or <patient>_CT.mrk.json; MR likewise'
        found = 'a file name that does not tell the patient and one of CT and MR'
        return [], [Problem(name, found, expected, 'rename the file')]
    control_points, problems = slicer_markups.read_markups(path, name)
    marks = []
    for control in control_points:
        label = _LABEL.fullmatch(control.label.strip())
        if label is None:
            expected = f'a level and one of {", ".join(POINTS)}, such as L4-5:sac'
            cure = 'correct the label, or delete the point'
            problems.append(Problem(control.where, 'another label', expected, cure))
        elif level := level_name(label.group(1)):
            point = label.group(2).lower()
            marks.append(_Mark(control.where, patient, modality, level, point, control.position))
        else:
            problems.append(level_problem(control.where, label.group(1).strip()))
    return marks, problems


def _patient_and_modality(relative: pathlib.PurePosixPath, suffix: str) -> tuple[str, str]:
    """Patient and modality that a markups file's place and name tell; '' for what they do not."""
    stem = relative.name[: -len(suffix)]
    words = list(re.finditer(r'[A-Za-z0-9]+', stem))
    told = [word for word in words if word.group().upper() in MODALITIES]
    if len({word.group().upper() for word in told}) != 1:
        return '', ''
    before = stem[: told[-1].start()].strip('_-. ')
    patient = relative.parts[0] if len(relative.parts) > 1 else before
    return patient, told[-1].group().upper()


def _read_csv(path: pathlib.Path, name: str) -> tuple[list[_Mark], list[Problem]]:
    """The points of a CSV."""
    rows, problems = csv_tables.read_rows(path, name, CSV_COLUMNS)
    marks = []
    for row in rows:
        mark, row_problems = _read_row(row)
        marks += mark
        problems += row_problems
    return marks, problems


def _read_row(row: csv_tables.Row) -> tuple[list[_Mark], list[Problem]]:
    """The point of one row, or all that is wrong with it."""
    values = row.values
    problems = []
    level = level_name(values['level'])
    if level is None:
        problems.append(level_problem(row.where, values['level']))
    modality, point = values['modality'].upper(), values['point'].lower()
    for column, value, known in (('modality', modality, MODALITIES), ('point', point, POINTS)):
        if value not in known:
            expected = f'one of {", ".join(known)}'
            problems.append(Problem(row.where, f'another {column}', expected, f'correct {column}'))
    if not values['patient']:
        problems.append(Problem(row.where, 'no patient', 'a patient', 'name the patient'))
    position = np.array(
        [csv_tables.finite_number(values[axis]) for axis in 'xyz'], dtype=np.float64
    )
    if np.isnan(position).any():
        cure = 'write numbers with a decimal point'
        problems.append(Problem(row.where, 'no three finite numbers', 'x, y and z in mm', cure))
    if level is None or problems:
        return [], problems
    return [_Mark(row.where, values['patient'], modality, level, point, position)], []


def _gather(marks: list[_Mark]) -> tuple[Landmarks, list[Problem]]:
    """The discs of all points; points there twice and discs that lack one are problems."""
    discs: dict[tuple[str, str, str], dict[str, _Mark]] = collections.defaultdict(dict)
    problems = []
    for mark in marks:
        disc = discs[mark.patient, mark.modality, mark.level]
        first = disc.setdefault(mark.point, mark)
        if first is not mark:
            found = f'{mark.level}:{mark.point} again; it also stands at {first.where}'
            expected = f'each point once for a patient and {mark.modality}'
            problems.append(Problem(mark.where, found, expected, 'delete one of them'))
    landmarks: dict[tuple[str, str], dict[str, DiscPoints]] = collections.defaultdict(dict)
    for (patient, modality, level), disc in discs.items():
        missing = [point for point in REQUIRED_POINTS if point not in disc]
        if missing:
            where = next(iter(disc.values())).where
            found = f'{level} on {modality} without {" and ".join(missing)}'
            expected = f'{" and ".join(REQUIRED_POINTS)} for every level'
            problems.append(Problem(where, found, expected, 'place the point, or delete the level'))
        else:
            positions = {point: mark.position for point, mark in disc.items()}
            landmarks[patient, modality][level] = DiscPoints(**positions)
    return dict(landmarks), problems
