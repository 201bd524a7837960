"""Which pictures of a CT the synthetic MR is made from, when there is no MR to tell the plane.

A model is to be shown what it was trained on (see `ct2mr_tf.imaging.pairing`, rule 2), so a disc is
cut by the same rules, with the disc's own plane in the place of the MR slice's, which runs along
the disc:

- `disc` reformats the CT onto that plane, through the sac's centre, averaged over a slab as thick
  as an MR slice; as the training pictures of `ct_plane` `mr` were made;
- `slice` takes the CT slice nearest the points, at most 10 degrees from the disc's plane; as those
  of `ct_plane` `slice`;
- `auto` takes the slice where it shows the same as the plane, else reformats where it can.

The half side, its limits, and what must not leave the image are those of training.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ct2mr_tf.imaging import slice_choice
from ct2mr_tf.imaging.crop import DiscPoints, is_axial, square_crop
from ct2mr_tf.imaging.ct_choice import MrSide, choose_ct
from ct2mr_tf.imaging.landmarks import LEVELS
from ct2mr_tf.imaging.pairing import Refusal
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
from ct2mr_tf.imaging.slice_choice import Candidate
from ct2mr_tf.imaging.stacks import Stack

PLANES = {'disc': 'mr', 'slice': 'slice', 'auto': 'auto'}
"""Planes to cut a CT along, and the `ct_plane` of `PairingOptions` that treats it likewise."""

DEFAULT_SLAB_MM = 4.0
"""Thickness in mm over which a reformatted CT is averaged. In training it is the MR slice's, which
differs from patient to patient and is no property of the model; axial slices of lumbar T2 protocols
are commonly 3 to 4 mm thick."""


@dataclasses.dataclass(frozen=True, eq=False)
class PlannedPicture:
    """A picture to be cut from the CT.

    Attributes:
        level: the disc it shows, one of `landmarks.LEVELS`; '' between the discs.
        stack: the CT stack.
        cut: the square, and the slice or volume of the stack it is cut from.
        warnings: what a person should look at.
    """

    level: str
    stack: Stack
    cut: Cut
    warnings: tuple[Finding, ...] = ()

    @property
    def thickness_mm(self) -> float:
        """How thick the part of the patient is that the picture shows."""
        return max(self.cut.slab_mm, slice_choice.thickness_mm(self.stack))


def disc_normal(points: DiscPoints) -> np.ndarray:
    """The normal of the plane through a disc's points.

    The plane holds the line from the sac's centre to the ventral point and runs along the line
    that joins the lateral edges; with one edge marked, along the line from the sac to it; with
    none, along the patient's left-right axis.

    Args:
        points: of the disc, in mm.

    Returns:
        float64 (3,), unit, its sign without meaning; of no length at all (zeros) where the points
        lie on one line.
    """
    forward = np.asarray(points.ventral, dtype=np.float64) - points.sac
    left, right = points.left, points.right
    if left is not None and right is not None:
        across = np.asarray(left, dtype=np.float64) - right
    elif left is None and right is None:
        across = np.array([1.0, 0.0, 0.0])
    else:
        across = np.asarray(right if left is None else left, dtype=np.float64) - points.sac
    normal = np.cross(across, forward)
    length = np.linalg.norm(normal)
    return normal / length if length > 0 else normal


def plan_levels(
    stacks: Iterable[Stack], points: Mapping[str, DiscPoints], options: PairingOptions
) -> tuple[list[PlannedPicture], list[Refusal]]:
    """Plans a picture for each disc.

    Args:
        stacks: all stacks of the patient, of any modality and orientation.
        points: the points of each level on CT, in mm.
        options: the limits, `ct_plane` and `slab_mm`; what concerns MR plays no part.

    Returns:
        The pictures and the refusals: one of the two for each level, from head to foot.
    """
    candidates = slice_choice.candidates(stacks, 'CT', options.ct_series)
    planned, refusals = [], []
    for level in LEVELS:
        if level not in points:
            continue
        try:
            check_order(level, 'CT', points)
            planned.append(_plan(level, candidates, points[level], options))
        except NoPairError as error:
            refusals.append(Refusal(level, error.finding))
    return planned, refusals


def _plan(
    level: str, candidates: Sequence[Candidate], points: DiscPoints, options: PairingOptions
) -> PlannedPicture:
    """The picture of a disc.

    Raises:
        NoPairError: a limit is not kept.
    """
    if not candidates:
        raise NoPairError(Finding(Reason.NO_STACK, 'CT'))
    normal = disc_normal(points)
    if not (normal.any() and is_axial(normal)):
        detail = 'they lie on no axial plane'
        raise NoPairError(Finding(Reason.POINT_ORDER, 'CT', detail=detail))
    slab_mm = DEFAULT_SLAB_MM if options.slab_mm is None else options.slab_mm
    with contradictions_on('CT'):
        check_half_side(square_crop(points, normal).half_side_mm, options)
        # No MR asks for a larger square.
        choice, warnings = choose_ct(candidates, points, MrSide(normal, 0.0, slab_mm), options)
    return PlannedPicture(level, choice.nearest.stack, choice.cut, tuple(warnings))
