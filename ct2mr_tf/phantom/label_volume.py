"""Tissue labels of a whole volume: many points, most of them amid their own kind."""

import dataclasses
import itertools

import numpy as np

from ct2mr_tf.phantom.anatomy import tissue_labels
from ct2mr_tf.phantom.patient import Patient
from ct2mr_tf.phantom.tissues import Tissue

STRIDE = 2
"""Every second voxel along each axis is read first. Where eight such neighbours hold one tissue, so
do the voxels between them; only the others are read at their own points. At voxels of 0.8 x 0.8 x
1.5 mm this misses 0.3 % of the voxels (small vessels, streaks of fat, fascia)."""

OFFSETS = (
    ((-0.375, -0.25, -0.25), (0.125, 0.25, 0.25)),
    ((-0.125, -0.25, 0.25), (0.375, 0.25, -0.25)),
)
"""Where a voxel with bone about it is read, in slices, rows and columns from its centre: twice, and
in neighbours (the second line) at points between each other's. The point spread function mixes
neighbours, so that a thin shell has no gaps, and a surface that a slice grazes is a slope and no
staircase. Soft tissues differ too little for that."""

BONE = (Tissue.CORTICAL_BONE, Tissue.CANCELLOUS_BONE)
"""What counts as bone in this."""

_BOTH_ENDS = (slice(0, -1), slice(1, None))
"""The lower and the upper corners of all cells along an axis."""

SLICES_AT_ONCE = 16
"""Slices whose voxels are read together: of 512 x 512 voxels, 100 MB of coordinates."""


@dataclasses.dataclass(frozen=True, eq=False)
class LabelVolume:
    """Tissues on a regular grid of a patient.

    Attributes:
        labels: uint8 [2, slices, rows, columns], numbers of `tissues.Tissue`: both readings.
        origin: float64 [3], centre of the first voxel, LPS mm.
        steps: float64 [3, 3], mm: from a voxel to the next slice, row and column.
    """

    labels: np.ndarray
    origin: np.ndarray
    steps: np.ndarray

    @property
    def step_mm(self) -> float:
        """From slice to slice."""
        return float(np.linalg.norm(self.steps[0]))

    @property
    def pixel_mm(self) -> float:
        """From column to column."""
        return float(np.linalg.norm(self.steps[2]))

    def points(self, indices: np.ndarray) -> np.ndarray:
        """Centres of voxels [..., 3], given by slice, row and column: LPS mm."""
        return self.origin + indices @ self.steps


def label_volume(
    patient: Patient, shape: tuple[int, int, int], origin: np.ndarray, steps: np.ndarray
) -> LabelVolume:
    """Labels a volume.

    Args:
        patient: whose anatomy.
        shape: slices, rows and columns, at least 1 each.
        origin: see `LabelVolume`.
        steps: see `LabelVolume`.

    Returns:
        The labels; they depend on where the volume begins, by the voxels that STRIDE misses.
    """
    volume = LabelVolume(np.empty((2, *shape), np.uint8), origin, steps)
    # One coarse point beyond the last voxel, so that every voxel lies in a cell.
    coarse_shape = [(size + STRIDE - 1) // STRIDE + 1 for size in shape]
    coarse_indices = STRIDE * np.moveaxis(np.indices(coarse_shape), 0, -1)
    coarse = tissue_labels(patient, volume.points(coarse_indices))
    corners = [coarse[corner] for corner in itertools.product(_BOTH_ENDS, repeat=3)]
    volume.labels[...] = _spread(corners[0], shape)
    mixed = _spread(np.logical_or.reduce([other != corners[0] for other in corners]), shape)
    bony = _spread(np.logical_or.reduce([np.isin(corner, BONE) for corner in corners]), shape)
    for first in range(0, shape[0], SLICES_AT_ONCE):
        part = slice(first, first + SLICES_AT_ONCE)
        above = np.array([first, 0, 0])
        _read_once(patient, volume, np.argwhere(mixed[part] & ~bony[part]) + above)
        _read_twice(patient, volume, np.argwhere(mixed[part] & bony[part]) + above)
    return volume


def _read_once(patient: Patient, volume: LabelVolume, indices: np.ndarray) -> None:
    """Reads voxels [n, 3] at their centres."""
    slices, rows, columns = indices.T
    volume.labels[:, slices, rows, columns] = tissue_labels(patient, volume.points(indices))


def _read_twice(patient: Patient, volume: LabelVolume, indices: np.ndarray) -> None:
    """Reads voxels [n, 3] at two points each."""
    offsets = np.array(OFFSETS)[indices.sum(axis=1) % 2]
    for number, reading in enumerate(volume.labels):
        points = volume.points(indices + offsets[:, number])
        reading[tuple(indices.T)] = tissue_labels(patient, points)


def _spread(cells: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The value of each voxel's cell."""
    for axis in range(3):
        cells = cells.repeat(STRIDE, axis=axis)
    return cells[: shape[0], : shape[1], : shape[2]]
