"""CT and MR of one patient, disc by disc: the two squares of a pair, or why there is no pair.

Each modality has its own landmarks, in its own coordinates. CT and MR lie in different frames of
reference, so no position of one is ever compared with one of the other. What is compared is
directions (both are in patient axes: the patient lay alike in both scanners) and lengths.

The rules, after Lee et al. (J Korean Neurosurg Soc, 2020) where they state one:

1. The MR slice is the one of the axial T2 stacks whose plane lies nearest the MR landmarks, by at
   most half its thickness.
2. The CT picture, by `ct_plane`:
   - `slice` takes the CT slice nearest the CT landmarks, by at most half its thickness. Its plane
     and the MR slice's must agree within 10 degrees; above 5 the pair carries a warning.
   - `mr` reformats a CT volume onto the plane with the MR slice's normal, in patient axes,
     through the CT's sac point, averaged over the MR slice's thickness. A volume has slices no
     further apart than `max_step_mm` and no gaps, wherever the square lies. The other CT points
     may lie off that plane: they give lengths only.
   - `auto` takes the CT slice where all of the square on the MR's plane lies within half the
     thickness of it, the CT's or the MR's, whichever is less: no other picture could be told from
     it. Else it reformats where the CT is a volume, and else takes the slice as `slice` does.
3. Both squares take the larger half side of the two, by `crop.square_crop`, which holds the marked
   lateral edges; it must be plausible, and the squares must lie within their images.
4. CT and MR are at most three days apart.

Padding is known only from pixels: `resampling.resample` shows it as NaN.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ct2mr_tf.imaging import resampling, slice_choice
from ct2mr_tf.imaging.case_lists import ListedPair, ListedSlice
from ct2mr_tf.imaging.crop import DiscPoints, is_axial, square_crop, ventral_half_side
from ct2mr_tf.imaging.ct_choice import MrSide, choose_ct
from ct2mr_tf.imaging.geometry import angle_between_planes
from ct2mr_tf.imaging.landmarks import LEVELS
from ct2mr_tf.imaging.pairing_rules import (
    Finding,
    NoPairError,
    PairingOptions,
    Reason,
    check_half_side,
    check_order,
    contradictions_on,
)
from ct2mr_tf.imaging.resampling import Cut
from ct2mr_tf.imaging.slice_choice import Candidate, NearestSlice
from ct2mr_tf.imaging.stacks import Stack


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """Where one picture of a pair comes from.

    Attributes:
        stack: the stack of slices.
        cut: the square, and the slice or volume of the stack it is cut from.
        points: the disc's landmarks in this stack's coordinates.
        off_plane_mm: distance of the landmarks from the slice nearest to them (of a reformatted
            CT: of the sac point).
    """

    stack: Stack
    cut: Cut
    points: DiscPoints
    off_plane_mm: float


@dataclasses.dataclass(frozen=True, eq=False)
class Pair:
    """CT and MR of one disc, ready to be resampled.

    Attributes:
        level: one of `landmarks.LEVELS`.
        ct: where the CT picture comes from.
        mr: where the MR picture comes from, a slice; its square is as large as the CT's.
        ct_plane: 'slice', or 'mr' where the CT is reformatted onto the MR's plane.
        plane_angle_deg: between the CT's slices and the MR slice as acquired; reformatting takes
            it away.
        days_between: CT and MR; None where a date is unknown.
        grown_mm: by how much the half side grew to hold the lateral edges.
        warnings: what a person should look at.
    """

    level: str
    ct: Source
    mr: Source
    ct_plane: str
    plane_angle_deg: float
    days_between: int | None
    grown_mm: float
    warnings: tuple[Finding, ...]

    @property
    def half_side_mm(self) -> float:
        """Half the side of both squares in mm."""
        return self.ct.cut.crop.half_side_mm


@dataclasses.dataclass(frozen=True)
class Refusal:
    """A disc without a pair, and why."""

    level: str
    finding: Finding


def pair_patient(
    stacks: Iterable[Stack],
    ct_points: Mapping[str, DiscPoints],
    mr_points: Mapping[str, DiscPoints],
    options: PairingOptions,
    excluded: Mapping[str, str],
) -> tuple[list[Pair], list[Refusal]]:
    """Pairs the discs of one patient.

    Args:
        stacks: all stacks of the patient, of any modality and orientation.
        ct_points: the points of each level on CT, in mm.
        mr_points: the same on MR.
        options: the limits.
        excluded: levels to leave out, with the reason.

    Returns:
        The pairs and the refusals: one of the two for each level that is excluded or has points,
        from head to foot.
    """
    stacks = list(stacks)
    ct_candidates = slice_choice.candidates(stacks, 'CT', options.ct_series)
    mr_candidates = slice_choice.candidates(stacks, 'MR', options.mr_series)
    pairs, refusals = [], []
    for level in LEVELS:
        if not any(level in known for known in (ct_points, mr_points, excluded)):
            continue
        try:
            _check_not_excluded(level, excluded)
            ct = _known_side(level, 'CT', ct_candidates, ct_points)
            mr = _known_side(level, 'MR', mr_candidates, mr_points)
            pairs.append(_pair(level, ct, mr, options))
        except NoPairError as error:
            refusals.append(Refusal(level, error.finding))
    return pairs, refusals


def pair_listed(
    stacks: Iterable[Stack],
    listed: ListedPair,
    options: PairingOptions,
    excluded: Mapping[str, str],
) -> Pair | Refusal:
    """Pairs one disc whose slices a person has named; all limits but the choice of stacks hold.

    Args:
        stacks: all stacks of the patient.
        listed: the slices and their points.
        options: the limits; `ct_series` and `mr_series` play no part.
        excluded: levels to leave out, with the reason.

    Returns:
        The pair, or why there is none.
    """
    stacks = list(stacks)
    try:
        _check_not_excluded(listed.level, excluded)
        ct = _named_slice(stacks, 'CT', listed.ct)
        mr = _named_slice(stacks, 'MR', listed.mr)
        return _pair(listed.level, ct, mr, options)
    except NoPairError as error:
        return Refusal(listed.level, error.finding)


def _check_not_excluded(level: str, excluded: Mapping[str, str]) -> None:
    """Raises NoPairError where the level is to be left out."""
    if level in excluded:
        raise NoPairError(Finding(Reason.EXCLUDED, detail=excluded[level]))


def _known_side(
    level: str, modality: str, candidates: Sequence[Candidate], points: Mapping[str, DiscPoints]
) -> tuple[Sequence[Candidate], DiscPoints]:
    """The stacks of a modality, and the points of a level on it.

    Raises:
        NoPairError: there are none, or the levels do not lie in their order.
    """
    if level not in points:
        raise NoPairError(Finding(Reason.NO_LANDMARKS, modality))
    if not candidates:
        raise NoPairError(Finding(Reason.NO_STACK, modality))
    check_order(level, modality, points)
    return candidates, points[level]


def _named_slice(
    stacks: Sequence[Stack], modality: str, listed: ListedSlice
) -> tuple[list[Candidate], DiscPoints]:
    """The slices a UID names, and the points in mm."""
    found = []
    for stack in stacks:
        uids = enumerate(stack.sop_instance_uids)
        indices = [index for index, uid in uids if uid == listed.sop_instance_uid]
        if stack.modality == modality and indices:
            found.append(Candidate(stack, indices))
    if not found:
        raise NoPairError(Finding(Reason.SLICE_UNKNOWN, modality))
    # The frames of one object may be several stacks: packets, one a disc.
    axial = [candidate for candidate in found if is_axial(candidate.stack.geometry.normal)]
    if not axial:
        raise NoPairError(Finding(Reason.NO_STACK, modality, detail='the listed slice is another'))
    points = dict(listed.points)
    if listed.unit == 'pixel':
        frames = sum(len(candidate.indices) for candidate in found)
        if frames != 1:
            detail = f'pixels, but {frames} frames of one object'
            raise NoPairError(Finding(Reason.SLICE_UNKNOWN, modality, detail=detail))
        [candidate] = axial
        points = {
            name: candidate.stack.geometry.to_patient(candidate.indices[0], np.array([row, column]))
            for name, (column, row, _) in points.items()
        }
    return axial, DiscPoints(**points)


def _pair(
    level: str,
    ct: tuple[Sequence[Candidate], DiscPoints],
    mr: tuple[Sequence[Candidate], DiscPoints],
    options: PairingOptions,
) -> Pair:
    """The pair of a level, from the candidates and points of both sides.

    Raises:
        NoPairError: a limit is not kept.
    """
    mr_slice, mr_warnings = _nearest_mr(*mr, options)
    normal = mr_slice.geometry.normal
    with contradictions_on('MR'):
        mr_crop = square_crop(mr[1], normal, mr_slice.origin)
    with contradictions_on('CT'):
        on_mr_plane = square_crop(ct[1], normal)
    check_half_side(max(mr_crop.half_side_mm, on_mr_plane.half_side_mm), options)
    mr_side = MrSide(normal, mr_crop.half_side_mm, slice_choice.thickness_mm(mr_slice.stack))
    with contradictions_on('CT'):
        ct_choice, ct_warnings = choose_ct(*ct, mr_side, options)
    half_side_mm = ct_choice.cut.crop.half_side_mm
    mr_cut = Cut(mr_slice.geometry, mr_crop.with_half_side(half_side_mm), mr_slice.index)
    beyond = resampling.leaves_by_mm(mr_cut)
    if beyond > 0:
        raise NoPairError(Finding(Reason.LEAVES_IMAGE, 'MR', beyond, 0, 'mm'))
    days_between = _days_between(ct_choice.nearest.stack, mr_slice.stack, options)
    ct_ventral = ventral_half_side(ct[1], ct_choice.cut.crop.normal)
    mr_ventral = ventral_half_side(mr[1], normal)
    return Pair(
        level,
        Source(ct_choice.nearest.stack, ct_choice.cut, ct[1], ct_choice.nearest.off_plane_mm),
        Source(mr_slice.stack, mr_cut, mr[1], mr_slice.off_plane_mm),
        ct_choice.plane,
        angle_between_planes(ct_choice.nearest.geometry.normal, normal),
        days_between,
        half_side_mm - max(ct_ventral, mr_ventral),
        (*ct_warnings, *mr_warnings, *_half_sides_differ(ct_ventral, mr_ventral, options)),
    )


def _nearest_mr(
    candidates: Sequence[Candidate], points: DiscPoints, options: PairingOptions
) -> tuple[NearestSlice, list[Finding]]:
    """The MR slice nearest the points, and warnings.

    Raises:
        NoPairError: none lies near enough, or slices of several frames of reference do.
    """
    near, off_plane = [], []
    for candidate in candidates:
        nearest = slice_choice.nearest_slice(candidate, points.stacked())
        finding = slice_choice.off_plane(nearest, options)
        if finding is None:
            near.append(nearest)
        else:
            off_plane.append(finding)
    if not near:
        raise NoPairError(min(off_plane, key=lambda finding: finding.measured or 0.0))
    slice_choice.check_one_frame(near)
    best = min(near, key=lambda found: found.preference)
    return best, slice_choice.equally_good(near, best)


def _half_sides_differ(ct_mm: float, mr_mm: float, options: PairingOptions) -> list[Finding]:
    """The warning that the patient seems to differ in size from CT to MR."""
    limit = options.warn_half_side_share * max(ct_mm, mr_mm)
    if abs(ct_mm - mr_mm) <= limit:
        return []
    return [Finding(Reason.HALF_SIDES_DIFFER, '', abs(ct_mm - mr_mm), limit, 'mm')]


def _days_between(ct: Stack, mr: Stack, options: PairingOptions) -> int | None:
    """Days between CT and MR; None where unknown and allowed to be.

    Raises:
        NoPairError: too many, or unknown.
    """
    if ct.date is None or mr.date is None:
        if options.allow_unknown_dates:
            return None
        raise NoPairError(Finding(Reason.DAYS_UNKNOWN, '', None, options.max_days, 'days'))
    days = abs((ct.date - mr.date).days)
    if days > options.max_days:
        raise NoPairError(Finding(Reason.DAYS, '', days, options.max_days, 'days'))
    return days
