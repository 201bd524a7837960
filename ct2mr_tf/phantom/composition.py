"""What a slice is made of: the share of each tissue in each pixel, through the slice's thickness.

Both modalities measure the mixture a pixel holds. Labels are read at points spread over each pixel
and through the slice, and counted; images of a linear quantity are then one matrix product away.
"""

import dataclasses

import cv2
import numpy as np

from ct2mr_tf.imaging import crop
from ct2mr_tf.phantom import solid_noise, spine_axis
from ct2mr_tf.phantom.anatomy import tissue_labels
from ct2mr_tf.phantom.patient import Patient
from ct2mr_tf.phantom.tissues import DISC, Tissue

SAMPLES = 8
"""Points read in each pixel where nothing else is asked for."""

SAMPLE_STEPS = (1, 3, 5)
"""Steps across, down and through of the lattice that these points form. No two share a row, a
column or a depth: no step has a divisor in common with a power of two."""

DEPTH_DITHER = ((0.0, 0.5), (0.75, 0.25))
"""Shift of the depths in each of four neighbouring pixels, in steps of the lattice. Where a slice
grazes a surface, eight depths alone would draw contour lines; the point spread function averages
four pixels with other depths."""

DISC_GRADIENT_MM = 4.0
"""Full width at half maximum over which the tissues of a disc blend into one another: water falls
off gradually from nucleus to outer annulus, there is no wall between them."""

TRABECULAE_MM = (2.2, 2.2, 2.2)
"""Size of the coarse mottling of spongy bone."""

FWHM_PER_SIGMA = 2.3548
"""Full width at half maximum of a Gaussian of unit standard deviation: 2 sqrt(2 ln 2)."""


@dataclasses.dataclass(frozen=True, eq=False)
class Slab:
    """The pixels of a slice, in the patient.

    Attributes:
        points: float64 [H, W, 3], their centres in LPS mm.
        across: float64 [3], mm, from a pixel to the next of its row.
        down: float64 [3], mm, from a pixel to the next of its column; as long as `across`.
        through: float64 [3], mm, across the slice's plane, as long as the slice is thick.
    """

    points: np.ndarray
    across: np.ndarray
    down: np.ndarray
    through: np.ndarray

    @property
    def pixel_mm(self) -> float:
        """Side of a pixel."""
        return float(np.linalg.norm(self.across))


def slab_of_square(square: crop.SquareCrop, size: int, thickness_mm: float) -> Slab:
    """The size x size pixels of a square's picture, as thick as asked for."""
    pixel_mm = 2 * square.half_side_mm / size
    return Slab(
        points=square.grid(size),
        across=pixel_mm * square.left_axis,
        down=-pixel_mm * square.anterior_axis,
        through=thickness_mm * square.normal,
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Composition:
    """What each pixel of a slice holds.

    Attributes:
        shares: float32 [H, W, tissues], the share of each tissue in each pixel; they sum to 1.
        labels: uint8 [H, W], the tissue that holds most of each pixel.
        marrow: float32 [H, W], mottling of spongy bone, zero mean, unit standard deviation.
        segments: uint8 [H, W], number of the segment whose disc lies nearest.
        points: float64 [H, W, 3], the pixels' centres in LPS mm.
        pixel_mm: side of a pixel.
    """

    shares: np.ndarray
    labels: np.ndarray
    marrow: np.ndarray
    segments: np.ndarray
    points: np.ndarray
    pixel_mm: float

    def part(self, rows: slice, columns: slice) -> 'Composition':
        """Some of the pixels; steps above 1 leave pixels out, whose distance grows with them."""
        return Composition(
            shares=self.shares[rows, columns],
            labels=self.labels[rows, columns],
            marrow=self.marrow[rows, columns],
            segments=self.segments[rows, columns],
            points=self.points[rows, columns],
            pixel_mm=self.pixel_mm * (columns.step or 1),
        )


def compose(patient: Patient, slab: Slab, samples: int = SAMPLES) -> Composition:
    """Counts the tissues of a slice.

    Args:
        patient: whose slice.
        slab: where it lies.
        samples: points read in each pixel, a power of two; 1 reads its centre only.

    Returns:
        The composition of the slab's pixels.
    """
    lattice = np.arange(samples)[:, None] * np.array(SAMPLE_STEPS) % samples
    offsets = (lattice + 0.5) / samples - 0.5
    height, width = slab.points.shape[:2]
    read = slab.points[:, :, None] + offsets @ np.stack([slab.across, -slab.down, slab.through])
    if samples >= SAMPLES:
        dither = np.array(DEPTH_DITHER) - np.mean(DEPTH_DITHER)
        dither = np.tile(dither, (height // 2 + 1, width // 2 + 1))[:height, :width]
        read += (dither[..., None] / samples * slab.through)[:, :, None]
    places = np.arange(height * width)[:, None] * len(Tissue)
    places = places + tissue_labels(patient, read).reshape(-1, samples)
    counts = np.bincount(places.ravel(), minlength=height * width * len(Tissue))
    shares = counts.reshape(height, width, len(Tissue)).astype(np.float32) / samples
    _, _, _, t = spine_axis.to_spine(patient, slab.points)
    return Composition(
        shares=_with_soft_disc(shares, slab.pixel_mm),
        labels=shares.argmax(axis=-1).astype(np.uint8),
        marrow=mottling(patient, slab.points),
        segments=np.rint(t).astype(np.uint8),
        points=slab.points,
        pixel_mm=slab.pixel_mm,
    )


def mottling(patient: Patient, points: np.ndarray) -> np.ndarray:
    """Mottling of spongy bone at points [..., 3]: zero mean, unit standard deviation."""
    x, y, z = np.moveaxis(points, -1, 0)
    return solid_noise.field(x, y, z, TRABECULAE_MM, [patient.seed, 5])


def blurred(image: np.ndarray, fwhm_mm: float, pixel_mm: float) -> np.ndarray:
    """Convolves float32 [H, W] or [H, W, C] with a Gaussian of that width at half maximum."""
    sigma = fwhm_mm / FWHM_PER_SIGMA / pixel_mm
    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)


def _with_soft_disc(shares: np.ndarray, pixel_mm: float) -> np.ndarray:
    """Blends the tissues within the disc; its outline, and what is outside it, stay as they are."""
    tissues = list(DISC)
    disc = shares[..., tissues].sum(axis=-1, keepdims=True)
    if not disc.any():
        return shares
    soft = blurred(np.ascontiguousarray(shares[..., tissues]), DISC_GRADIENT_MM, pixel_mm)
    total = soft.sum(axis=-1, keepdims=True)
    blended = np.divide(disc * soft, total, out=shares[..., tissues], where=total > 0)
    result = shares.copy()
    result[..., tissues] = blended
    return result
