"""The bowel: loops of small bowel and the two upright parts of the colon, each a rod with a wall.

Coordinates are those of the spine (see `spine_axis`): u to the patient's left and v to the front of
the disc centre, s along the spine to the head, all in mm.
"""

import dataclasses
import itertools

import numpy as np

from ct2mr_tf.phantom.canvas import Canvas
from ct2mr_tf.phantom.tissues import Tissue

WALL_MM = 2.2
"""Thickness of the wall of a bowel that is neither stretched nor inflamed: up to 3 mm."""

SPACING_MM = 25.0
"""Distance between neighbouring loops of small bowel, which fill their part of the abdomen."""

REACH_MM = (-130.0, 120.0)
"""From the disc L3-4, how far to the feet and to the head loops are placed."""


@dataclasses.dataclass(frozen=True)
class Loop:
    """One straight piece of bowel.

    Attributes:
        start: (u, v, s) of one end of its axis, mm.
        end: (u, v, s) of the other.
        radius_mm: outer radius.
        gas: share of the lumen filled with gas, which rises to the front.
    """

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radius_mm: float
    gas: float


def draw_loops(
    rng: np.random.Generator, trunk_half_width_mm: float, trunk_depth_mm: float
) -> tuple[Loop, ...]:
    """Fills the front half of the abdomen with small bowel, its sides with colon.

    Args:
        rng: where the draws come from.
        trunk_half_width_mm: half the width of the trunk inside its subcutaneous fat.
        trunk_depth_mm: its depth, from the front to the fascia of the back.
    """
    front = trunk_depth_mm - 70 - 22
    side = trunk_half_width_mm - 36
    loops = []
    for u, v, s in itertools.product(
        np.arange(-side, side, SPACING_MM),
        np.arange(42, front, SPACING_MM),
        np.arange(*REACH_MM, SPACING_MM),
    ):
        middle = np.array([u, v, s]) + rng.normal(0, 5, 3)
        if (middle[0] / side) ** 2 + (max(middle[1] - 20, 0) / (front - 14)) ** 2 > 1:
            continue
        direction = rng.normal(0, (1, 0.6, 0.8))
        half = direction / np.linalg.norm(direction) * rng.uniform(2, 16)
        gas = float(np.clip(rng.normal(-0.1, 0.3), 0, 0.8))
        loops.append(
            Loop(_floats(middle - half), _floats(middle + half), float(rng.uniform(8, 14)), gas)
        )
    low, high = REACH_MM
    right, left = rng.uniform(0, 0.5, 2)
    loops.append(Loop((-side, 20, low), (-side - 2, 10, high), 20, float(right)))
    loops.append(Loop((side, 16, low), (side + 2, 6, high), 14, float(left)))
    return tuple(loops)


def _floats(point: np.ndarray) -> tuple[float, float, float]:
    return float(point[0]), float(point[1]), float(point[2])


def paint_bowel(canvas: Canvas, loops: tuple[Loop, ...]) -> None:
    """Paints wall, content and gas of every loop that comes near the points."""
    canvas = canvas.where((canvas.v > -25) & (canvas.now() == Tissue.DEEP_FAT))
    if not canvas.u.size:
        return
    s_range = canvas.s.min(), canvas.s.max()
    for loop in loops:
        low, high = sorted((loop.start[2], loop.end[2]))
        if high + loop.radius_mm < s_range[0] or low - loop.radius_mm > s_range[1]:
            continue
        part = canvas.where(
            (np.abs(canvas.u - (loop.start[0] + loop.end[0]) / 2) < 45)
            & (np.abs(canvas.v - (loop.start[1] + loop.end[1]) / 2) < 45)
        )
        distance, height = _rod(part, loop)
        part.paint(distance < 0, Tissue.BOWEL_WALL)
        inner = distance < -WALL_MM
        part.paint(inner, Tissue.BOWEL_CONTENT)
        if loop.gas:
            level = (1 - 2 * loop.gas) * (loop.radius_mm - WALL_MM)
            part.paint(inner & (height > level), Tissue.BOWEL_GAS)


def _rod(part: Canvas, loop: Loop) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the loop's outside and height above its axis towards the front (mm)."""
    start = np.asarray(loop.start, dtype=np.float32)
    axis = np.asarray(loop.end, dtype=np.float32) - start
    offset = [part.u - start[0], part.v - start[1], part.s - start[2]]
    share = sum(o * a for o, a in zip(offset, axis, strict=True)) / float(axis @ axis)
    share = np.clip(share, 0, 1)
    offset = [o - share * a for o, a in zip(offset, axis, strict=True)]
    # Folds: circular in the small bowel, haustra in the colon.
    folds = 0.06 * loop.radius_mm * np.sin(share * float(np.linalg.norm(axis)) / 3)
    return np.sqrt(sum(o * o for o in offset)) - loop.radius_mm + folds, offset[1]
