"""Which slice of which stack shows a disc: the one whose plane lies nearest the disc's points."""

import dataclasses
import re
from collections.abc import Iterable, Sequence

import numpy as np

from ct2mr_tf.imaging.crop import is_axial
from ct2mr_tf.imaging.geometry import StackGeometry
from ct2mr_tf.imaging.pairing_rules import Finding, NoPairError, PairingOptions, Reason
from ct2mr_tf.imaging.stacks import Stack

ON_PLANE_MM = 1e-3
"""A point this near a plane (mm) lies on it: coordinates have three decimals or more."""


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A stack, and the slices of it that may be chosen."""

    stack: Stack
    indices: Sequence[int]


@dataclasses.dataclass(frozen=True)
class NearestSlice:
    """The slice of a stack that lies nearest the points of a disc.

    Attributes:
        stack: the stack.
        index: which slice of it.
        off_plane_mm: distance of the points sought from its plane: that of the furthest.
    """

    stack: Stack
    index: int
    off_plane_mm: float

    @property
    def geometry(self) -> StackGeometry:
        """Of the stack."""
        return self.stack.geometry

    @property
    def origin(self) -> np.ndarray:
        """A point of the slice's plane, float64 (3,) in mm."""
        return self.geometry.origins[self.index]

    @property
    def preference(self) -> tuple[float, float, int, str]:
        """What slices that show the disc are sorted by, so that the order of files plays no part.

        The nearest first, in steps of 0.1 mm, then the finest pixels, the most slices, the UID.
        """
        row_mm, column_mm = self.geometry.pixel_spacing
        slices = len(self.geometry)
        uid = self.stack.series_instance_uid
        return round(self.off_plane_mm, 1), row_mm * column_mm, -slices, uid


def candidates(stacks: Iterable[Stack], modality: str, series: str) -> list[Candidate]:
    """The stacks that may show a disc in axial slices.

    A stack is axial where a picture of its plane has an anterior and a left direction (see
    `crop.is_axial`). An MR stack must be T2-weighted, unless `series` says which to take.

    Args:
        stacks: of one patient.
        modality: 'CT' or 'MR'.
        series: regular expression sought in SeriesDescription, in any case; '' for all.

    Returns:
        The stacks, with all their slices.
    """
    wanted = re.compile(series, re.IGNORECASE)
    return [
        Candidate(stack, range(len(stack.geometry)))
        for stack in stacks
        if stack.modality == modality
        and is_axial(stack.geometry.normal)
        and wanted.search(stack.series_description)
        and (modality != 'MR' or series or stack.is_t2)
    ]


def nearest_slice(candidate: Candidate, points: np.ndarray) -> NearestSlice:
    """The slice of a candidate whose plane lies nearest points (k, 3), by the furthest of them."""
    off_plane = np.abs(candidate.stack.geometry.plane_distances(points)).max(axis=1)
    index = min(candidate.indices, key=lambda index: off_plane[index])
    return NearestSlice(candidate.stack, index, float(off_plane[index]))


def off_plane(nearest: NearestSlice, options: PairingOptions) -> Finding | None:
    """The finding that a slice lies too far from the points it should show; None if it does not."""
    limit = max(ON_PLANE_MM, options.max_off_plane_share * thickness_mm(nearest.stack))
    if nearest.off_plane_mm <= limit:
        return None
    modality = nearest.stack.modality
    return Finding(Reason.OFF_PLANE, modality, nearest.off_plane_mm, limit, 'mm')


def check_one_frame(found: Sequence[NearestSlice]) -> None:
    """Refuses points that fit slices of several frames of reference.

    Coordinates mean nothing without their frame, and a file of landmarks does not name it: with
    two examinations of a patient, either may be meant.

    Raises:
        NoPairError: with the number of frames.
    """
    frames = len({frame_of(nearest.stack) for nearest in found})
    if frames > 1:
        modality = found[0].stack.modality
        raise NoPairError(Finding(Reason.SEVERAL_FRAMES, modality, frames, 1))


def equally_good(found: Sequence[NearestSlice], chosen: NearestSlice) -> list[Finding]:
    """The warning that slices of other stacks lie as near the points as the chosen one."""
    near = [nearest for nearest in found if nearest.preference[0] <= chosen.preference[0]]
    if len(near) < 2:
        return []
    return [Finding(Reason.SEVERAL_STACKS, chosen.stack.modality, len(near), 1)]


def frame_of(stack: Stack) -> str:
    """The frame of reference; a stack that names none shares its coordinates with no other."""
    return stack.frame_of_reference_uid or stack.series_instance_uid


def thickness_mm(stack: Stack) -> float:
    """How thick the slices of a stack are.

    Returns:
        SliceThickness in mm; where it is missing, the usual distance between slices; for a single
        slice without it 0, so that points must lie on its plane.
    """
    if stack.slice_thickness:
        return stack.slice_thickness
    return float(np.median(stack.geometry.steps_mm)) if len(stack.geometry) > 1 else 0.0
