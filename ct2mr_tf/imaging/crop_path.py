"""The squares of all CT slices from the highest marked disc to the lowest: a volume of pictures.

Each slice has a square of its own. At the height of a marked disc it is that disc's: centred on
the sac, as large as the disc asks for in the plane of the CT's slices. Between two discs centre and
half side go over from one to the other in proportion to the height: the square follows the canal.
The picture of each slice is cut as a single disc's would be (see `synthesis_plan`), but always
along the CT's own slices: pictures on planes of many angles would make no volume.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ct2mr_tf.imaging import ct_choice, resampling, slice_choice
from ct2mr_tf.imaging.crop import DiscPoints, SquareCrop, plane_axes, square_crop
from ct2mr_tf.imaging.geometry import StackGeometry
from ct2mr_tf.imaging.pairing_rules import (
    Finding,
    NoPairError,
    PairingOptions,
    Reason,
    check_half_side,
    contradictions_on,
)
from ct2mr_tf.imaging.resampling import Cut
from ct2mr_tf.imaging.slice_choice import NearestSlice
from ct2mr_tf.imaging.stacks import Stack
from ct2mr_tf.imaging.synthesis_plan import DEFAULT_SLAB_MM, PlannedPicture

FEWEST_LEVELS = 2
"""A volume reaches from one marked disc to another."""

_UNEVEN_SHARE = 0.05
"""How far a slice may lie from its place in an even stack, as a share of the step. Viewers and
NIfTI know one step for a whole volume, and show a slice off by that much."""


def plan_volume(
    stacks: Iterable[Stack], points: Mapping[str, DiscPoints], options: PairingOptions
) -> list[PlannedPicture]:
    """Plans a picture for every CT slice from the highest marked disc to the lowest.

    Args:
        stacks: all stacks of the patient, of any modality and orientation.
        points: the points of each level on CT, in mm.
        options: the limits, `ct_plane` and `slab_mm`, as in `synthesis_plan.plan_levels`.

    Returns:
        At least two pictures, from foot to head, of parallel squares that share their axes. The
        slice nearest the sac of a level carries the level's name.

    Raises:
        NoPairError: there are too few levels, no stack holds all of them, its slices are uneven or
            leave gaps, a half side is implausible, or a square leaves the image.
    """
    if len(points) < FEWEST_LEVELS:
        raise NoPairError(Finding(Reason.ONE_LEVEL, 'CT'))
    stack, warnings = _stack_of_all(stacks, points, options)
    geometry = stack.geometry
    crops = {}
    for level, disc in points.items():
        with contradictions_on('CT'):
            crops[level] = square_crop(disc, geometry.normal)
        check_half_side(crops[level].half_side_mm, options)
    levels = {nearest: level for level, nearest in _nearest(geometry, points).items()}
    slices = range(min(levels), max(levels) + 1)
    if len(slices) < 2:
        raise NoPairError(Finding(Reason.FEW_SLICES, 'CT', detail='the levels share one'))
    _check_even(geometry.part(slices))
    squares = _squares(list(crops.values()), geometry.origins[slices.start : slices.stop])
    cuts = _cuts(stack, dict(zip(slices, squares, strict=True)), options)
    planned = [
        PlannedPicture(levels.get(index, ''), stack, cut, warnings) for index, cut in cuts.items()
    ]
    towards_head = squares[0].normal @ geometry.normal > 0
    return planned if towards_head else planned[::-1]


def _nearest(geometry: StackGeometry, points: Mapping[str, DiscPoints]) -> dict[str, int]:
    """The slice nearest the sac of each level."""
    return {
        level: int(np.abs(geometry.plane_distances(disc.sac)).argmin())
        for level, disc in points.items()
    }


def _stack_of_all(
    stacks: Iterable[Stack], points: Mapping[str, DiscPoints], options: PairingOptions
) -> tuple[Stack, tuple[Finding, ...]]:
    """The CT stack that holds the sac points of all levels, and warnings.

    Raises:
        NoPairError: none does, or stacks of several frames of reference do.
    """
    candidates = slice_choice.candidates(stacks, 'CT', options.ct_series)
    if not candidates:
        raise NoPairError(Finding(Reason.NO_STACK, 'CT'))
    sacs = np.array([disc.sac for disc in points.values()], dtype=np.float64)
    found, off_plane = [], []
    for candidate in candidates:
        distances = np.abs(candidate.stack.geometry.plane_distances(sacs)).min(axis=0)
        worst = NearestSlice(candidate.stack, 0, float(distances.max()))
        # Slices may leave gaps, in which a sac is as near to them as it can be.
        limit = max(_step(worst), slice_choice.thickness_mm(candidate.stack)) / 2
        if worst.off_plane_mm <= limit:
            found.append(worst)
        off_plane.append(Finding(Reason.OFF_PLANE, 'CT', worst.off_plane_mm, limit, 'mm'))
    if not found:
        raise NoPairError(min(off_plane, key=lambda finding: finding.measured or 0.0))
    slice_choice.check_one_frame(found)
    # How near the sacs lie to a slice says little of a volume: the finest comes first.
    best = min(found, key=lambda nearest: (_step(nearest), nearest.preference))
    rivals = [nearest for nearest in found if _step(nearest) == _step(best)]
    return best.stack, tuple(slice_choice.equally_good(rivals, best))


def _step(nearest: NearestSlice) -> float:
    """The usual step of a stack in mm, to a tenth; 0 of a single slice."""
    steps = nearest.geometry.steps_mm
    return round(float(np.median(steps)), 1) if len(steps) else 0.0


def _check_even(geometry: StackGeometry) -> None:
    """Refuses slices that are not evenly spaced.

    Raises:
        NoPairError: with the largest distance in mm of a slice from its place, and the limit.
    """
    places = geometry.origins @ geometry.normal
    off = np.abs(places - np.linspace(places[0], places[-1], len(places))).max()
    limit = _UNEVEN_SHARE * float(np.median(geometry.steps_mm))
    if off > limit:
        raise NoPairError(Finding(Reason.UNEVEN, 'CT', float(off), limit, 'mm'))


def _squares(crops: Sequence[SquareCrop], origins: np.ndarray) -> list[SquareCrop]:
    """The squares between those of the discs, one for each slice origin (n, 3).

    Beyond the outermost sac, by half a step at most, the disc's own square goes on.
    """
    left, anterior = plane_axes(crops[0].normal)
    normal = crops[0].normal
    ordered = sorted(crops, key=lambda crop: crop.centre @ normal)
    heights = [crop.centre @ normal for crop in ordered]
    squares = []
    for height in origins @ normal:
        values = [
            np.interp(height, heights, [of(crop) for crop in ordered])
            for of in (
                lambda crop: crop.centre @ left,
                lambda crop: crop.centre @ anterior,
                lambda crop: crop.half_side_mm,
            )
        ]
        centre = values[0] * left + values[1] * anterior + height * normal
        squares.append(SquareCrop(centre, left, anterior, float(values[2])))
    return squares


def _cuts(
    stack: Stack, squares: Mapping[int, SquareCrop], options: PairingOptions
) -> dict[int, Cut]:
    """The cut of each slice: from the slice itself, or from the volume with a slab.

    Raises:
        NoPairError: slices leave gaps, or squares leave the image; told where it is worst.
    """
    geometry = stack.geometry
    slab_mm = DEFAULT_SLAB_MM if options.slab_mm is None else options.slab_mm
    # The step is even, so one says for all whether the slices make a volume to average over.
    step = float(geometry.part(range(min(squares), max(squares) + 1)).steps_mm.max())
    apart = ct_choice.too_far_apart(stack, step, options)
    if apart and options.ct_plane == 'mr':
        raise NoPairError(apart)
    alone = options.ct_plane == 'slice' or apart is not None
    cuts = {
        index: Cut(geometry, square, index) if alone else Cut(geometry, square, None, slab_mm)
        for index, square in squares.items()
    }
    leaving = [beyond for cut in cuts.values() if (beyond := resampling.leaves_by_mm(cut)) > 0]
    if leaving:
        reason = Reason.LEAVES_IMAGE if alone else Reason.LEAVES_VOLUME
        detail = f'{len(leaving)} of {len(cuts)} slices'
        raise NoPairError(Finding(reason, 'CT', max(leaving), 0, 'mm', detail))
    return cuts
