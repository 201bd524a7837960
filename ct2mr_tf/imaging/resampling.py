"""Pictures of a square in the patient, resampled once from a slice or from a volume.

Interpolation is linear. Where the picture's pixels are larger than the source's, each is the mean
of a grid of samples no wider apart than the source's pixels, so that shrinking does not alias: one
operation from source to picture, which reproduces a linear ramp exactly. What lies outside the
image, or in its padding, comes back as NaN, and `leaves_by_mm` says beforehand by how much.
"""

import dataclasses
import math

import numpy as np
from scipy import ndimage

from ct2mr_tf.imaging.crop import SquareCrop
from ct2mr_tf.imaging.geometry import StackGeometry

_IN_PLANE_TOLERANCE_MM = 0.01
"""How far a square may lie off the slice it is cut from, in mm: rounding of DICOM's numbers."""

_ROUNDING = 1e-6
"""Share of a pixel by which rounding may put a point outside, or a ratio above a whole number."""


@dataclasses.dataclass(frozen=True)
class Cut:
    """A square and the pixels it is cut from: one slice, or the volume that a stack spans.

    Attributes:
        geometry: of the whole stack.
        crop: the square; for a slice, it lies in the slice.
        index: which slice of the stack; None for the volume.
        slab_mm: thickness in mm, across the square's plane, over which a picture from the volume
            is averaged with equal weights: as thick as the MR slice, it gives the CT picture the
            MR's partial volume. 0 for the plane alone.

    Raises:
        ValueError: the square does not lie in the slice, a slice is given a slab, the slab is
            negative, or one slice is called a volume.
    """

    geometry: StackGeometry
    crop: SquareCrop
    index: int | None = None
    slab_mm: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.slab_mm < math.inf:
            raise ValueError(f'a slab cannot be {self.slab_mm} mm thick')
        if self.index is None:
            if len(self.geometry) < 2:
                raise ValueError('one slice spans no volume')
            return
        if self.slab_mm:
            raise ValueError('a single slice cannot be averaged over a slab')
        off_plane = np.abs(self.geometry.plane_distances(self.crop.corners())[self.index]).max()
        if not off_plane <= _IN_PLANE_TOLERANCE_MM:
            raise ValueError(f'the square lies up to {off_plane:.2f} mm off the slice')


def slices_needed(cut: Cut) -> range:
    """The slices of the stack that a picture is made of: the ones to load.

    Returns:
        One slice, or for a volume two neighbouring slices at least, also where the square leaves
        the volume.
    """
    if cut.index is not None:
        return range(cut.index, cut.index + 1)
    slices = cut.geometry.to_voxels(_slab_corners(cut))[:, 0]
    first = min(max(math.floor(slices.min()), 0), len(cut.geometry) - 2)
    last = max(min(math.ceil(slices.max()), len(cut.geometry) - 1), first + 1)
    return range(first, last + 1)


def leaves_by_mm(cut: Cut) -> float:
    """How far the square, with its edges and its slab, reaches beyond the image.

    Returns:
        The largest distance in mm by which it passes an edge of the image: of the outermost
        pixels and, for a volume, half a step beyond the outermost slices. 0 where it is inside.
    """
    geometry = cut.geometry
    # The image is convex, so the square and its slab are inside where their corners are.
    if cut.index is None:
        positions = geometry.to_voxels(_slab_corners(cut))
        pixel_mm = np.array([geometry.steps_mm[[0, -1]].max(), *geometry.pixel_spacing])
        shape = np.array([len(geometry), geometry.rows, geometry.columns])
    else:
        positions = geometry.to_pixels(cut.index, cut.crop.corners())
        pixel_mm = np.array(geometry.pixel_spacing)
        shape = np.array([geometry.rows, geometry.columns])
    beyond = np.maximum(-0.5 - positions, positions - (shape - 0.5)).max(axis=0)
    return float(np.where(beyond > _ROUNDING, beyond * pixel_mm, 0).max())


def resample(cut: Cut, pixels: np.ndarray, size: int) -> np.ndarray:
    """The picture of the square.

    Args:
        cut: the square and its source.
        pixels: real (n, rows, columns): the slices of `slices_needed`, in HU or signal, NaN where
            the scanner padded.
        size: N, pixels a side of the picture.

    Returns:
        float32 (N, N) in the unit of `pixels`, laid out as `SquareCrop.grid`. NaN outside the
        image (beyond the edges `leaves_by_mm` speaks of) and where padding takes part.

    Raises:
        ValueError: the pixels do not have the shape of these slices.
    """
    slices = slices_needed(cut)
    shape = (len(slices), cut.geometry.rows, cut.geometry.columns)
    if pixels.shape != shape:
        raise ValueError(f'pixels have shape {pixels.shape}, the slices needed have {shape}')
    finer = _samples_a_side(cut, size)
    grid = cut.crop.grid(size * finer)
    if cut.index is not None:
        samples = interpolate(pixels[0], cut.geometry.to_pixels(cut.index, grid))
        return _means_of_blocks(samples, finer).astype(np.float32)
    geometry = cut.geometry.part(slices)
    depths = _slab_depths(cut)
    total = np.zeros((size, size))
    for depth in depths:
        positions = geometry.to_voxels(grid + depth * cut.crop.normal)
        total += _means_of_blocks(interpolate(pixels, positions), finer)
    return (total / len(depths)).astype(np.float32)


def interpolate(pixels: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Linear interpolation; within half a pixel of the edge the edge's value, NaN beyond.

    Args:
        pixels: real array of d axes.
        positions: float64 (..., d), fractional indices.

    Returns:
        float32 (...), in the unit of `pixels`.
    """
    beyond = 0.5 + _ROUNDING
    last = np.array(pixels.shape) - 1
    inside = ((positions >= -beyond) & (positions <= last + beyond)).all(axis=-1)
    nearest = np.moveaxis(np.clip(positions, 0, last), -1, 0)
    values = ndimage.map_coordinates(pixels, nearest, np.float32, order=1, mode='nearest')
    values[~inside] = np.nan
    return values


def _slab_corners(cut: Cut) -> np.ndarray:
    """The corners of the square with its slab: float64 (8, 3) in mm."""
    half = cut.crop.normal * (cut.slab_mm / 2)
    return np.concatenate([cut.crop.corners() - half, cut.crop.corners() + half])


def _slab_depths(cut: Cut) -> np.ndarray:
    """Depths in mm of the planes averaged: centres of equal layers, each within one voxel."""
    geometry, normal = cut.geometry, cut.crop.normal
    voxels_a_mm = np.abs(
        [
            normal @ geometry.normal / geometry.steps_mm.min(),
            normal @ geometry.column_direction / geometry.pixel_spacing[0],
            normal @ geometry.row_direction / geometry.pixel_spacing[1],
        ]
    ).max()
    layers = max(1, math.ceil(cut.slab_mm * voxels_a_mm - _ROUNDING))
    return ((np.arange(layers) + 0.5) / layers - 0.5) * cut.slab_mm


def _samples_a_side(cut: Cut, size: int) -> int:
    """How many samples a side a picture's pixel needs so that none of the source is passed over."""
    ratio = 2 * cut.crop.half_side_mm / size / min(cut.geometry.pixel_spacing)
    return max(1, math.ceil(ratio - _ROUNDING))


def _means_of_blocks(samples: np.ndarray, finer: int) -> np.ndarray:
    """Means of blocks of `finer` x `finer` samples: float64 (N, N); NaN where one of them is."""
    size = len(samples) // finer
    return samples.reshape(size, finer, size, finer).mean(axis=(1, 3), dtype=np.float64)
