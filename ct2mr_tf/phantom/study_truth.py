"""What only the phantom knows of its studies: tissues on the square of each disc, and the floor.

The floor is that of pictures as they are prepared: every redraw of what CT cannot see is measured
by the scanner's slice, windowed by its packet and resampled to the square, as the MR itself is.
"""

import dataclasses

import numpy as np

from ct2mr_tf.imaging import grey, resampling
from ct2mr_tf.imaging.crop import SquareCrop
from ct2mr_tf.imaging.geometry import StackGeometry
from ct2mr_tf.imaging.resampling import Cut
from ct2mr_tf.phantom import composition, signal
from ct2mr_tf.phantom.composition import Composition
from ct2mr_tf.phantom.pairs import FLOOR_REDRAWS, best_guess_mae
from ct2mr_tf.phantom.scanning import Packet
from ct2mr_tf.phantom.study_plan import PACKET_THICKNESS_MM, StudyPlan

WINDOW_STRIDE = 4
"""Of a redrawn packet, every fourth pixel along rows and columns is measured for its window."""

_MARGIN_PIXELS = 4
"""Pixels around the square that are measured with it, more than any point spread reaches."""


@dataclasses.dataclass(frozen=True, eq=False)
class DiscTruth:
    """The truth of one disc.

    Attributes:
        level: which disc.
        labels: uint8 [N, N], numbers of `tissues.Tissue` on the square.
        floor_mae: grey levels; see `pairs.floor_mae`.
    """

    level: str
    labels: np.ndarray
    floor_mae: float


def disc_truth(plan: StudyPlan, packet: Packet) -> DiscTruth:
    """Finds the truth of a disc on the very grid that preparing the studies makes.

    Args:
        plan: of the patient's studies.
        packet: the MR of the disc.

    Returns:
        The truth; the landmarks are the true ones, whatever jitter was asked for.
    """
    size = plan.options.truth_size
    square = plan.mr_square(packet.level)
    slab = composition.slab_of_square(plan.mr.square_in_anatomy(square), size, PACKET_THICKNESS_MM)
    labels = composition.compose(plan.patient, slab).labels
    return DiscTruth(packet.level, labels, _floor(plan, packet, square))


def _floor(plan: StudyPlan, packet: Packet, square: SquareCrop) -> float:
    """The error that the best model leaves of the prepared MR; see `pairs.best_guess_mae`."""
    size = plan.options.truth_size
    cut = Cut(packet.geometry, square, packet.middle)
    stored = packet.stored[[packet.middle]]
    shown = grey.to_grey(
        resampling.resample(cut, stored, size), grey.percentile_window(packet.stored)
    )
    near, part = _around(packet, square)
    sparse = [_sparse(slice_) for slice_ in packet.slices]
    pictures = []
    for redraw in range(1, FLOOR_REDRAWS + 1):
        hidden = signal.draw_hidden(plan.patient, redraw)
        window = grey.percentile_window(
            np.stack([signal.mr_image(s, hidden.with_noise(n)) for n, s in enumerate(sparse)])
        )
        measured = signal.mr_image(part, hidden.with_noise(len(sparse)))
        picture = resampling.resample(Cut(near, square, 0), measured[np.newaxis], size)
        pictures.append(grey.to_grey(picture, window))
    return best_guess_mae(shown, pictures)


def _around(packet: Packet, square: SquareCrop) -> tuple[StackGeometry, Composition]:
    """The middle slice cut down to the square and what reaches into it."""
    geometry, middle = packet.geometry, packet.middle
    corners = geometry.to_pixels(middle, square.corners())
    first = np.maximum(np.floor(corners.min(axis=0)).astype(int) - _MARGIN_PIXELS, 0)
    last = np.ceil(corners.max(axis=0)).astype(int) + _MARGIN_PIXELS
    rows, columns = (slice(start, stop + 1) for start, stop in zip(first, last, strict=True))
    part = packet.slices[middle].part(rows, columns)
    height, width = part.labels.shape
    origin = geometry.to_patient(middle, first)
    near = dataclasses.replace(geometry, origins=origin[np.newaxis], rows=height, columns=width)
    return near, part


def _sparse(slice_: Composition) -> Composition:
    """Every fourth pixel of a slice, as the point spread function has mixed it."""
    mixed = dataclasses.replace(
        slice_, shares=composition.blurred(slice_.shares, signal.MR_FWHM_MM, slice_.pixel_mm)
    )
    stride = slice(0, None, WINDOW_STRIDE)
    return mixed.part(stride, stride)
