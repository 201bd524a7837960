"""The limits a pair must keep, and how a limit that is not kept is written down."""

import contextlib
import dataclasses
import enum
import math
import re
from collections.abc import Iterator, Mapping

from ct2mr_tf.imaging.crop import DiscPoints, PointOrderError
from ct2mr_tf.imaging.landmarks import LEVELS

CT_PLANES = ('auto', 'slice', 'mr')
"""Where a CT picture may come from: see `ct2mr_tf.imaging.pairing`."""


@dataclasses.dataclass(frozen=True)
class PairingOptions:
    """The limits of pairing; the defaults are the paper's where it states any.

    Attributes:
        max_days: most days between CT and MR (the paper: three).
        allow_unknown_dates: whether CT and MR may be paired where a date is unknown.
        max_angle_deg: largest angle between the CT slice and the MR slice. 10 degrees change the
            measured area of the dural sac by -15 to +32 %.
        warn_angle_deg: the angle above which a pair carries a warning.
        max_off_plane_share: how far a landmark may lie off its slice, as a share of the slice's
            thickness.
        ct_plane: one of CT_PLANES.
        max_step_mm: largest distance between slices of a CT that can be reformatted. Across
            thicker steps, interpolation blurs endplates into the disc.
        slab_mm: thickness over which a reformatted CT is averaged; None for the MR slice's.
        min_half_side_mm: smallest half side of a square. From the sac's centre to the body's
            ventral edge it is 35 to 50 mm in adults; less than this is a misplaced point.
        max_half_side_mm: largest half side of a square, likewise.
        warn_half_side_share: difference of the half sides on CT and MR, as a share of the larger,
            above which a pair carries a warning: one patient has one size.
        ct_series: regular expression sought in the SeriesDescription of CT stacks, in any case.
        mr_series: the same for MR; where given, it decides in place of T2 weighting.

    Raises:
        ValueError: limits are negative, infinite or the wrong way round, `ct_plane` is unknown, or
            a regular expression cannot be read; all of it in one message.
    """

    max_days: int = 3
    allow_unknown_dates: bool = False
    max_angle_deg: float = 10.0
    warn_angle_deg: float = 5.0
    max_off_plane_share: float = 0.5
    ct_plane: str = 'auto'
    max_step_mm: float = 3.0
    slab_mm: float | None = None
    min_half_side_mm: float = 20.0
    max_half_side_mm: float = 80.0
    warn_half_side_share: float = 0.15
    ct_series: str = ''
    mr_series: str = ''

    def __post_init__(self) -> None:
        found = [
            f'{name} must be a number from 0, got {value}'
            for name, value in dataclasses.asdict(self).items()
            if isinstance(value, int | float) and not 0 <= value < math.inf
        ]
        if self.ct_plane not in CT_PLANES:
            found.append(f'ct_plane must be one of {CT_PLANES}, got {self.ct_plane!r}')
        if self.max_half_side_mm < self.min_half_side_mm:
            found.append('max_half_side_mm must not be below min_half_side_mm')
        if self.max_angle_deg < self.warn_angle_deg:
            found.append('max_angle_deg must not be below warn_angle_deg')
        for name in ('ct_series', 'mr_series'):
            try:
                re.compile(getattr(self, name))
            except re.error as error:
                found.append(f'{name} is no regular expression: {error}')
        if found:
            raise ValueError('; '.join(found))


class Reason(enum.Enum):
    """Why there is no pair, or what to mind about one.

    Where every way to cut the CT fails, the failure listed last here is the one told: the way that
    came furthest.
    """

    EXCLUDED = 'excluded by hand'
    NO_STUDY = 'no study of this patient'
    SLICE_UNKNOWN = 'the listed slice is not among the images'
    NO_LANDMARKS = 'no landmarks'
    ONE_LEVEL = 'one disc with landmarks makes no volume'
    NO_STACK = 'no axial stack of the kind asked for'
    FEW_SLICES = 'there are too few slices'
    NO_VOLUME = 'the slices around the square are too far apart to reformat'
    GAPS = 'the slices around the square leave gaps'
    UNEVEN = 'the slices are not evenly spaced'
    OFF_PLANE = 'the landmarks lie off every slice'
    LEAVES_VOLUME = 'the reformatted square leaves the volume'
    ANGLE = 'the planes of CT and MR differ'
    LEAVES_IMAGE = 'the square leaves the image'
    SEVERAL_FRAMES = 'the landmarks fit several frames of reference'
    SEVERAL_STACKS = 'several stacks fit the landmarks equally well'
    POINT_ORDER = 'the landmarks contradict each other'
    HALF_SIDE = 'the half side is implausible'
    HALF_SIDES_DIFFER = 'the half sides on CT and MR differ'
    DAYS = 'CT and MR are too many days apart'
    DAYS_UNKNOWN = 'the days between CT and MR are unknown'
    UNREADABLE = 'the pixels cannot be read'
    NOT_MEASURED = 'part of the square was not measured (padding)'
    NO_CONTRAST = 'the stack has no contrast'


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something measured against a limit and found wanting.

    Attributes:
        reason: what is wrong.
        modality: 'CT' or 'MR'; '' where it concerns both.
        measured: what was measured; None where nothing could be.
        limit: what it should not have passed; None likewise.
        unit: of both: 'mm', 'deg', 'days', '%' or ''.
        detail: more about it: of an exclusion, the user's own reason.
    """

    reason: Reason
    modality: str = ''
    measured: float | None = None
    limit: float | None = None
    unit: str = ''
    detail: str = ''

    def __str__(self) -> str:
        text = f'{self.modality}: {self.reason.value}' if self.modality else self.reason.value
        text += f' ({self.detail})' if self.detail else ''
        if self.measured is None:
            return text
        measured = f'{self.measured:.4g} {self.unit}'.rstrip()
        return f'{text}: {measured}, limit {self.limit:.4g}'


class NoPairError(Exception):
    """There is no pair at a level.

    Attributes:
        finding: why.
    """

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(str(finding))


@contextlib.contextmanager
def contradictions_on(modality: str) -> Iterator[None]:
    """Turns a PointOrderError within into a NoPairError that names the modality.

    Raises:
        NoPairError: points contradict each other.
    """
    try:
        yield
    except PointOrderError as error:
        reason, detail = Reason.POINT_ORDER, error.contradiction
        finding = Finding(reason, modality, error.distance_mm, 0, 'mm', detail)
        raise NoPairError(finding) from error


def check_order(level: str, modality: str, points: Mapping[str, DiscPoints]) -> None:
    """Refuses a disc that lies beyond another of which its name says that it does not.

    Along z, which runs to the head in every scanner. Two names in each other's place are a slip
    that nothing else shows: CT and MR of different discs look like a pair.

    Args:
        level: the disc, one of LEVELS.
        modality: the one that the points were placed on.
        points: of all its discs there.

    Raises:
        NoPairError: with how far on the wrong side, in mm.
    """
    for other in LEVELS:
        if other not in points or other == level:
            continue
        upper, lower = sorted((level, other), key=LEVELS.index)
        above_mm = float(points[upper].sac[2] - points[lower].sac[2])
        if not above_mm > 0:
            detail = f'{upper} does not lie above {lower}'
            raise NoPairError(Finding(Reason.POINT_ORDER, modality, -above_mm, 0, 'mm', detail))


def check_half_side(half_side_mm: float, options: PairingOptions) -> None:
    """Refuses a square of a size that no disc has.

    Raises:
        NoPairError: with the size and the limit it passes.
    """
    smallest, largest = options.min_half_side_mm, options.max_half_side_mm
    if not smallest <= half_side_mm <= largest:
        limit = smallest if half_side_mm < smallest else largest
        raise NoPairError(Finding(Reason.HALF_SIDE, '', half_side_mm, limit, 'mm'))
