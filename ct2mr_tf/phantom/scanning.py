"""What the scanners of a phantom measure: the series of its studies, read from anatomy."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from ct2mr_tf.imaging.geometry import StackGeometry
from ct2mr_tf.imaging.study_writer import HIGHEST_STORED
from ct2mr_tf.phantom import composition, label_volume, signal, spine_axis
from ct2mr_tf.phantom.composition import SAMPLES, Composition, Slab
from ct2mr_tf.phantom.study_plan import PACKET_THICKNESS_MM, StudyPlan

NEIGHBOUR_SAMPLES = 2
"""Points read in each pixel of the slices beside a disc, which lend a packet their brightness."""

GAIN = (900.0, 1600.0)
"""Stored values for one unit of `signal.spin_echo`: a scanner's own choice for each patient."""


@dataclasses.dataclass(frozen=True, eq=False)
class Packet:
    """The axial MR slices of one disc.

    Attributes:
        level: which disc.
        geometry: where they lie, in the MR's frame of reference.
        middle: the slice through the middle of the disc.
        slices: what each is made of.
        stored: float32 [n, rows, columns], whole numbers: the values in the files.
    """

    level: str
    geometry: StackGeometry
    middle: int
    slices: tuple[Composition, ...]
    stored: np.ndarray


def ct_hu(plan: StudyPlan) -> np.ndarray:
    """Takes the CT: HU, float32 [slices, rows, columns] of `plan.ct_volume()`."""
    geometry = plan.ct_volume()
    steps = np.stack(
        [
            geometry.origins[1] - geometry.origins[0],
            geometry.pixel_spacing[0] * geometry.column_direction,
            geometry.pixel_spacing[1] * geometry.row_direction,
        ]
    )
    shape = (len(geometry), geometry.rows, geometry.columns)
    origin = plan.ct.to_anatomy(geometry.origins[0])
    volume = label_volume.label_volume(plan.patient, shape, origin, steps @ plan.ct.rotation)
    rng = np.random.default_rng([plan.member.seed, 8])
    return np.stack(list(signal.ct_volume(plan.patient, volume, rng)))


def take_packet(plan: StudyPlan, level: str) -> Packet:
    """Takes the axial T2 of one disc."""
    geometry, middle = plan.packet(level)
    slices = tuple(
        _compose(plan, geometry, index, SAMPLES if index == middle else NEIGHBOUR_SAMPLES)
        for index in range(len(geometry))
    )
    first_noise = 10 * spine_axis.segment_number(level)
    return Packet(level, geometry, middle, slices, _stored(plan, slices, first_noise))


def take_overview(plan: StudyPlan, geometry: StackGeometry, first_noise: int) -> np.ndarray:
    """Takes slices of any direction that only give an overview, so their middle plane alone.

    Args:
        plan: of the patient's studies.
        geometry: the slices, in the MR's frame of reference.
        first_noise: number of the first slice's noise; see `signal.Hidden.with_noise`.

    Returns:
        float32 [n, rows, columns], the values in the files.
    """
    slices = [_compose(plan, geometry, index, samples=1) for index in range(len(geometry))]
    return _stored(plan, slices, first_noise)


def _compose(plan: StudyPlan, geometry: StackGeometry, index: int, samples: int) -> Composition:
    """What one MR slice is made of, in the order of its rows and columns."""
    rows, columns = np.mgrid[: geometry.rows, : geometry.columns]
    places = np.stack([rows, columns], axis=-1)
    axes = np.stack(
        [
            geometry.pixel_spacing[1] * geometry.row_direction,
            geometry.pixel_spacing[0] * geometry.column_direction,
            PACKET_THICKNESS_MM * geometry.normal,
        ]
    )
    points = plan.mr.to_anatomy(geometry.to_patient(index, places))
    slab = Slab(points, *(axes @ plan.mr.rotation))
    return composition.compose(plan.patient, slab, samples)


def _stored(plan: StudyPlan, slices: Sequence[Composition], first_noise: int) -> np.ndarray:
    """What the MR scanner writes for slices, float32 [n, rows, columns]."""
    hidden = signal.draw_hidden(plan.patient, 0)
    gain = np.random.default_rng([plan.member.seed, 10]).uniform(*GAIN)
    images = [
        signal.mr_image(slice_, hidden.with_noise(number))
        for number, slice_ in enumerate(slices, first_noise)
    ]
    return np.clip(np.rint(gain * np.stack(images)), 0, HIGHEST_STORED).astype(np.float32)
