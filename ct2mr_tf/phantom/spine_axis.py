"""The curved axis of the spine: patient millimetres to coordinates along and across it.

The axis runs through the centres of the discs. At each of its points stands a plane across it,
tilted as the lordosis asks and turned as the vertebrae are; a point of space belongs to the plane
it lies in. In these coordinates (u, v, s) the spine is straight and anatomy is easily drawn. The
map is one to one out to the centre of the lordosis, 75 mm and more behind the axis.
"""

import dataclasses
import functools

import numpy as np
from scipy import interpolate

from ct2mr_tf.imaging.landmarks import LEVELS
from ct2mr_tf.phantom.patient import SEGMENT_NAMES, Patient

STEP_MM = 0.25
"""Spacing of the axis's table; reading its nearest row errs by less than 0.001 mm within 100 mm."""

BEYOND_MM = 150.0
"""How far the table goes on beyond the first and last disc, the spine being straight there."""

NEWTON_STEPS = 4
"""Steps of Newton's method for the place along the axis, from the point's z."""

LEAST_SLOPE = 0.25
"""Bound on the derivative in Newton's method: keeps points near the centre of curvature finite."""


@dataclasses.dataclass(frozen=True, eq=False)
class Axis:
    """Table of the axis, one row per STEP_MM of its length, from foot to head.

    Attributes:
        start: s of the first row, mm.
        centre: float64 [n, 3], points of the axis (LPS mm).
        up: float64 [n, 3], its unit tangent, towards the head.
        left: float64 [n, 3], unit, across it towards the patient's left.
        front: float64 [n, 3], unit, across it towards the patient's front.
        disc_s: float64 [7], s of each disc centre, from head to foot (so it falls).
    """

    start: float
    centre: np.ndarray
    up: np.ndarray
    left: np.ndarray
    front: np.ndarray
    disc_s: np.ndarray


@functools.lru_cache(maxsize=64)
def axis(patient: Patient) -> Axis:
    """Builds the axis of a patient, the disc L3-4 at the origin of patient coordinates."""
    l34 = SEGMENT_NAMES.index('L3-4')
    disc_s = -np.concatenate([[0], np.cumsum(patient.pitch_mm)])
    disc_s -= disc_s[l34]
    s = np.arange(disc_s[-1] - BEYOND_MM, disc_s[0] + BEYOND_MM, STEP_MM)
    inside = np.clip(s, disc_s[-1], disc_s[0])
    tilt = np.radians(interpolate.PchipInterpolator(disc_s[::-1], patient.tilt_deg[::-1])(inside))
    share = (disc_s[0] - inside) / (disc_s[0] - disc_s[-1])
    turn = np.radians((1 - share) * patient.rotation_deg[0] + share * patient.rotation_deg[1])
    # x = b sin^2(pi share): its slope along s gives the sideways tilt of the axis, 0 at both ends.
    slope = -patient.side_bend_mm * np.pi * np.sin(2 * np.pi * share) / (disc_s[0] - disc_s[-1])
    up = np.stack([slope, -np.sin(tilt), np.cos(tilt)], axis=-1)
    up /= np.linalg.norm(up, axis=-1, keepdims=True)
    front = np.stack([np.zeros_like(tilt), -np.cos(tilt), -np.sin(tilt)], axis=-1)
    front -= np.sum(front * up, axis=-1, keepdims=True) * up
    front /= np.linalg.norm(front, axis=-1, keepdims=True)
    left = np.cross(up, front)
    cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
    left, front = cos * left - sin * front, cos * front + sin * left
    middle = up[:-1] + up[1:]
    centre = np.concatenate([np.zeros((1, 3)), np.cumsum(middle / 2, axis=0)]) * STEP_MM
    origin = np.array([np.interp(0, s, column) for column in centre.T])
    return Axis(float(s[0]), centre - origin, up, left, front, disc_s)


@dataclasses.dataclass(frozen=True, eq=False)
class _Heights:
    """Planes, one per row of a table: normal . point - level is how far a point lies beyond one.

    Attributes:
        normal: three columns, float32 [n] each: of any length.
        level: float32 [n], normal . centre.
    """

    normal: tuple[np.ndarray, ...]
    level: np.ndarray

    def of(self, row: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Heights of points [3, ...], columns x, y and z, each over the plane of its row [...]."""
        height = -self.level.take(row)
        for component, column in zip(self.normal, points, strict=True):
            height += component.take(row) * column
        return height


@functools.lru_cache(maxsize=64)
def _heights(patient: Patient) -> tuple[_Heights, ...]:
    """Heights along the axis, to the left and to the front, and the slope of the first, less 1."""
    table = axis(patient)
    turning = np.gradient(table.up, STEP_MM, axis=0)
    return tuple(
        _Heights(
            tuple(np.ascontiguousarray(column, dtype=np.float32) for column in normals.T),
            np.einsum('ij,ij->i', table.centre, normals).astype(np.float32),
        )
        for normals in (table.up, table.left, table.front, turning)
    )


def _nearest(table: Axis, s: np.ndarray) -> np.ndarray:
    """The rows of the table nearest to places s."""
    place = np.clip((s - table.start) / STEP_MM + 0.5, 0, len(table.centre) - 1)
    return place.astype(np.int32)


def to_spine(patient: Patient, points: np.ndarray) -> tuple[np.ndarray, ...]:
    """Turns patient coordinates into those of the spine.

    Args:
        patient: whose spine.
        points: float [..., 3], LPS mm.

    Returns:
        (u, v, s, t), each float32 [...]: mm to the left, mm to the front, mm along the axis to the
        head, and the last as a segment number (see `canvas.Canvas`).
    """
    table = axis(patient)
    along, left, front, turning = _heights(patient)
    columns = np.moveaxis(np.asarray(points, dtype=np.float32), -1, 0).copy()
    s = columns[2]
    for _ in range(NEWTON_STEPS):
        row = _nearest(table, s)
        slope = np.maximum(1 - turning.of(row, columns), np.float32(LEAST_SLOPE))
        s = along.of(row, columns) / slope + row.astype(np.float32) * STEP_MM + table.start
    row = _nearest(table, s)
    t = np.interp(-s, -table.disc_s, np.arange(len(table.disc_s))).astype(np.float32)
    return left.of(row, columns), front.of(row, columns), s, t


def level_plane(patient: Patient, level: str) -> tuple[np.ndarray, np.ndarray]:
    """The plane through the middle of a disc.

    Args:
        patient: whose disc.
        level: one of LEVELS.

    Returns:
        (centre, normal): the disc's centre in LPS mm and the unit normal towards the head.

    Raises:
        ValueError: there is no such level.
    """
    table = axis(patient)
    s = table.disc_s[segment_number(level)]
    row = _nearest(table, s)
    up = table.up[row]
    return table.centre[row] + (s - table.start - STEP_MM * row) * up, up


def segment_number(level: str) -> int:
    """The number of a level's segment: 1 for L1-2 to 5 for L5-S1.

    Raises:
        ValueError: there is no such level.
    """
    if level not in LEVELS:
        raise ValueError(f'{level!r} is no level; the levels are {", ".join(LEVELS)}')
    return SEGMENT_NAMES.index(level)
