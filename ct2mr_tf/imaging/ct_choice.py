"""Where the CT picture of a pair comes from: a slice, or a volume reformatted onto the MR's plane.

The rule is rule 2 of `ct2mr_tf.imaging.pairing`.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from ct2mr_tf.imaging import resampling, slice_choice
from ct2mr_tf.imaging.crop import DiscPoints, square_crop
from ct2mr_tf.imaging.geometry import angle_between_planes
from ct2mr_tf.imaging.pairing_rules import Finding, NoPairError, PairingOptions, Reason
from ct2mr_tf.imaging.resampling import Cut
from ct2mr_tf.imaging.slice_choice import Candidate, NearestSlice
from ct2mr_tf.imaging.stacks import Stack

GAP_SHARE = 1.1
"""Slices leave a gap where the step between them exceeds this share of their thickness."""

_SAME_PLANE, _REFORMATTED, _ANGLED = range(3)
"""Order of preference: a slice on the MR's plane, the volume on it, a slice at an angle to it."""


@dataclasses.dataclass(frozen=True)
class CtChoice:
    """Where the CT picture comes from.

    Attributes:
        nearest: the CT slice nearest the landmarks (reformatted: nearest the sac point).
        cut: the square, with the half side of the pair, and its source.
        rank: order of preference; smaller is better.
    """

    nearest: NearestSlice
    cut: Cut
    rank: int

    @property
    def plane(self) -> str:
        """'slice' or 'mr', as in the table of pairs."""
        return 'mr' if self.cut.index is None else 'slice'


@dataclasses.dataclass(frozen=True, eq=False)
class MrSide:
    """What the choice of the CT needs to know of the MR: directions and lengths, no positions.

    Attributes:
        normal: float64 (3,), unit normal of the MR slice.
        half_side_mm: half side that the MR landmarks ask for.
        thickness_mm: of the MR slice.
    """

    normal: np.ndarray
    half_side_mm: float
    thickness_mm: float


def choose_ct(
    candidates: Sequence[Candidate], points: DiscPoints, mr: MrSide, options: PairingOptions
) -> tuple[CtChoice, list[Finding]]:
    """Chooses the CT's part of a pair.

    Args:
        candidates: CT stacks, axial.
        points: of the disc, on CT.
        mr: the MR's part.
        options: the limits, and which planes may be taken.

    Returns:
        The choice, and warnings.

    Raises:
        NoPairError: nothing keeps the limits; the finding is the last of `Reason`, measured where
            it is kept best.
        PointOrderError: the points contradict each other.
    """
    choices, findings = [], []
    for candidate in candidates:
        for tried in _tries(candidate, points, mr, options):
            if isinstance(tried, CtChoice):
                choices.append(tried)
            else:
                findings.append(tried)
    if not choices:
        raise NoPairError(max(findings, key=_telling))
    slice_choice.check_one_frame([choice.nearest for choice in choices])
    best = min(choices, key=lambda choice: (choice.rank, choice.nearest.preference))
    rivals = [choice.nearest for choice in choices if choice.rank == best.rank]
    warnings = slice_choice.equally_good(rivals, best.nearest)
    angle = angle_between_planes(best.nearest.geometry.normal, mr.normal)
    if best.plane == 'slice' and angle > options.warn_angle_deg:
        warnings.append(Finding(Reason.ANGLE, '', angle, options.warn_angle_deg, 'deg'))
    return best, warnings


def _tries(
    candidate: Candidate, points: DiscPoints, mr: MrSide, options: PairingOptions
) -> Iterator[CtChoice | Finding]:
    """What a stack offers by the planes that may be taken, or why it does not."""
    if options.ct_plane != 'mr':
        yield _try_slice(candidate, points, mr, options)
    if options.ct_plane != 'slice':
        yield _try_volume(candidate, points, mr, options)


def _try_slice(
    candidate: Candidate, points: DiscPoints, mr: MrSide, options: PairingOptions
) -> CtChoice | Finding:
    """The slice nearest the points."""
    nearest = slice_choice.nearest_slice(candidate, points.stacked())
    off_plane = slice_choice.off_plane(nearest, options)
    if off_plane:
        return off_plane
    geometry = nearest.geometry
    angle = angle_between_planes(geometry.normal, mr.normal)
    if angle > options.max_angle_deg:
        return Finding(Reason.ANGLE, '', angle, options.max_angle_deg, 'deg')
    crop = square_crop(points, geometry.normal, nearest.origin)
    crop = crop.with_half_side(max(crop.half_side_mm, mr.half_side_mm))
    cut = Cut(geometry, crop, nearest.index)
    beyond = resampling.leaves_by_mm(cut)
    if beyond > 0:
        return Finding(Reason.LEAVES_IMAGE, 'CT', beyond, 0, 'mm')
    on_mr_plane = square_crop(points, mr.normal).with_half_side(crop.half_side_mm).corners()
    apart = np.abs(geometry.plane_distances(on_mr_plane)[nearest.index]).max()
    # A CT slice thicker than the MR's (of 10 mm, to see contrast arrive) shows more than the disc.
    thinner = min(slice_choice.thickness_mm(candidate.stack), mr.thickness_mm or np.inf)
    same_plane = apart <= thinner / 2
    return CtChoice(nearest, cut, _SAME_PLANE if same_plane else _ANGLED)


def _try_volume(
    candidate: Candidate, points: DiscPoints, mr: MrSide, options: PairingOptions
) -> CtChoice | Finding:
    """The volume, reformatted through the sac point."""
    nearest = slice_choice.nearest_slice(candidate, points.sac[np.newaxis])
    geometry = nearest.geometry
    if len(geometry) < 2:
        return Finding(Reason.FEW_SLICES, 'CT', detail='a single one is no volume to reformat')
    crop = square_crop(points, mr.normal)
    crop = crop.with_half_side(max(crop.half_side_mm, mr.half_side_mm))
    slab_mm = mr.thickness_mm if options.slab_mm is None else options.slab_mm
    cut = Cut(geometry, crop, None, slab_mm)
    beyond = resampling.leaves_by_mm(cut)
    if beyond > 0:
        return Finding(Reason.LEAVES_VOLUME, 'CT', beyond, 0, 'mm')
    step = float(geometry.part(resampling.slices_needed(cut)).steps_mm.max())
    apart = too_far_apart(candidate.stack, step, options)
    if apart:
        return apart
    # Of all slices, one always lies this near; a slice that a person has named may not.
    near = step / 2 + slice_choice.ON_PLANE_MM
    if nearest.off_plane_mm > near:
        return Finding(Reason.OFF_PLANE, 'CT', nearest.off_plane_mm, near, 'mm')
    return CtChoice(nearest, cut, _REFORMATTED)


def too_far_apart(stack: Stack, step: float, options: PairingOptions) -> Finding | None:
    """The finding that slices make no volume to reformat; None if they do.

    Args:
        stack: of the slices.
        step: the largest between them, in mm.
        options: the limits.
    """
    thickness = slice_choice.thickness_mm(stack)
    without_gaps = GAP_SHARE * thickness
    if step <= min(without_gaps, options.max_step_mm):
        return None
    # The stricter limit is told, since keeping it keeps both.
    if options.max_step_mm <= without_gaps:
        return Finding(Reason.NO_VOLUME, 'CT', step, options.max_step_mm, 'mm')
    thick = f'steps between slices of {thickness:.4g} mm'
    return Finding(Reason.GAPS, 'CT', step, without_gaps, 'mm', thick)


def _telling(finding: Finding) -> tuple[int, float]:
    """Sorts findings by what they tell: the last of `Reason`, then the least wrong."""
    measured = np.inf if finding.measured is None else finding.measured
    return list(Reason).index(finding.reason), -measured
