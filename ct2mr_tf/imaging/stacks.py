"""From single slices to stacks: what was scanned together, ordered along its normal.

A stack is not a series. A lumbar axial T2 series is commonly several angled packets, one a disc;
a series may hold several echoes, or the same slices at several times. Slices belong together that
are of one series and have the same size, spacing, orientation and echo time. Their order is that of
their places along the normal, never that of InstanceNumber.
"""

import dataclasses
import datetime
import itertools
import math
from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np

from ct2mr_tf.imaging import mr_contrast, stack_notes
from ct2mr_tf.imaging.geometry import StackGeometry
from ct2mr_tf.imaging.slices import Identity, SliceHeader

_COSINE_TOLERANCE = 1e-3
"""How far direction cosines may differ within a stack: 0.06 degrees, the rounding of scanners that
write four digits. Packets are angled apart by degrees."""

_SPACING_TOLERANCE = 1e-3
"""How far pixel spacings may differ within a stack, as a share: half a pixel across 512."""

_ECHO_TOLERANCE_MS = 0.5
"""How far echo times may differ within a stack: rounding; echoes lie milliseconds apart."""

_SAME_PLACE_MM = 0.01
"""Slices nearer than this along the normal are pictures of the same place."""

_OBLIQUE_DEGREES = 40.0
"""A plane turned further than this from the nearest axis has no name but 'oblique'. Slices along
the L5-S1 disc, tilted up to that, are still called axial."""

_AXIS_NAMES = ('sagittal', 'coronal', 'axial')
"""Names of planes by the patient axis (x, y, z) that their normal lies along."""


@dataclasses.dataclass(frozen=True, eq=False)
class Stack:
    """Slices scanned together.

    Attributes:
        slices: at least one, ordered along the normal.
        geometry: where they lie.
        notes: what a person should know before using them; names nobody.
    """

    slices: tuple[SliceHeader, ...] = dataclasses.field(repr=False)
    geometry: StackGeometry
    notes: tuple[str, ...]

    @property
    def identity(self) -> Identity:
        """Whose stack it is, and its date; the same for all slices but for SOPInstanceUID."""
        return self.slices[0].identity

    @property
    def modality(self) -> str:
        """'CT' or 'MR'."""
        return self.slices[0].modality

    @property
    def series_description(self) -> str:
        """SeriesDescription as it stands: free text, to be matched but not to be written."""
        return self.identity.series_description

    @property
    def description(self) -> str:
        """The words of the description that are safe to write; see mr_contrast.safe_words."""
        return mr_contrast.safe_words(self.series_description)

    @property
    def series_instance_uid(self) -> str:
        """SeriesInstanceUID."""
        return self.identity.series_instance_uid

    @property
    def sop_instance_uids(self) -> tuple[str, ...]:
        """SOPInstanceUID of each slice; the same for the frames of a multi-frame object."""
        return tuple(header.identity.sop_instance_uid for header in self.slices)

    @property
    def frame_of_reference_uid(self) -> str:
        """FrameOfReferenceUID, '' where there is none."""
        return self.identity.frame_of_reference_uid

    @property
    def date(self) -> datetime.date | None:
        """The day of the acquisition, the first of two that midnight parts; None where unknown.

        Slices of further days are of several acquisitions: their day is unknown.
        """
        dates = {header.identity.date for header in self.slices}
        known = sorted(day for day in dates if day is not None)
        if len(known) < len(dates) or (known[-1] - known[0]).days > 1:
            return None
        return known[0]

    @property
    def slice_thickness(self) -> float | None:
        """The thinnest slice's thickness in mm; None where none is known."""
        known = [mm for header in self.slices if (mm := header.slice_thickness_mm) is not None]
        return min(known, default=None)

    @property
    def spacing_between(self) -> float | None:
        """The usual distance between neighbouring slices in mm; None for a single slice."""
        return float(np.median(self.geometry.steps_mm)) if len(self.slices) > 1 else None

    @property
    def echo_time_ms(self) -> float | None:
        """Echo time; None where unknown."""
        return self.slices[0].echo_time_ms

    @property
    def repetition_time_ms(self) -> float | None:
        """Repetition time of the first slice; None where unknown."""
        return self.slices[0].repetition_time_ms

    @property
    def is_t2(self) -> bool:
        """Whether all slices are T2-weighted; see mr_contrast.is_t2_weighted."""
        return all(header.t2_weighted for header in self.slices)

    @property
    def orientation(self) -> str:
        """'axial', 'sagittal', 'coronal' or 'oblique'."""
        return orientation_name(self.geometry.normal)


def orientation_name(normal: np.ndarray) -> str:
    """The name of a plane in the patient.

    Args:
        normal: its unit normal (3,), of either sign.

    Returns:
        'axial', 'sagittal' or 'coronal' by the nearest axis, 'oblique' if that is more than 40
        degrees away.
    """
    axis = int(np.argmax(np.abs(normal)))
    degrees = math.degrees(math.acos(min(1.0, float(abs(normal[axis])))))
    return _AXIS_NAMES[axis] if degrees <= _OBLIQUE_DEGREES else 'oblique'


def build_stacks(slices: Iterable[SliceHeader]) -> tuple[Stack, ...]:
    """Groups slices into stacks.

    Args:
        slices: in any order; the result does not depend on it.

    Returns:
        The stacks, ordered by patient, study, series and place.
    """
    ordered = sorted(slices, key=_order)
    stacks = []
    for _, series in itertools.groupby(ordered, key=_series):
        for alike in _alike(series):
            plane = _geometry(alike[:1], alike[0])
            parts = _passes(alike, plane.normal, _PASSES)
            stacks += [_stack(part, alike[0], len(parts)) for part in parts]
    return tuple(stacks)


def _series(header: SliceHeader) -> tuple:
    """What is exactly equal for the slices of a stack."""
    identity = header.identity
    return (
        identity.patient,
        identity.study_instance_uid,
        identity.series_instance_uid,
        identity.frame_of_reference_uid,
        header.modality,
        header.pixels.rows,
        header.pixels.columns,
    )


def _order(header: SliceHeader) -> tuple:
    """A full order of slices that their files' names and places do not enter."""
    return (
        *_series(header),
        header.orientation,
        header.position,
        header.identity.sop_instance_uid,
        header.place.frame,
    )


def _alike(slices: Iterable[SliceHeader]) -> list[list[SliceHeader]]:
    """Splits the slices of a series by what is equal within a tolerance.

    A slice joins the first group whose first slice it is like.
    """
    groups: list[list[SliceHeader]] = []
    for header in slices:
        for group in groups:
            if _is_like(header, group[0]):
                group.append(header)
                break
        else:
            groups.append([header])
    return groups


def _is_like(header: SliceHeader, other: SliceHeader) -> bool:
    """Whether two slices of a series have the same orientation, pixel spacing and echo time."""
    cosines = zip(header.orientation, other.orientation, strict=True)
    spacings = zip(header.pixel_spacing, other.pixel_spacing, strict=True)
    echo, other_echo = header.echo_time_ms, other.echo_time_ms
    return (
        all(abs(one - two) <= _COSINE_TOLERANCE for one, two in cosines)
        and all(abs(one / two - 1) <= _SPACING_TOLERANCE for one, two in spacings)
        and (echo is None) == (other_echo is None)
        and abs((echo or 0) - (other_echo or 0)) <= _ECHO_TOLERANCE_MS
    )


_PASSES: tuple[Callable[[SliceHeader], Hashable], ...] = (
    lambda header: header.image_type,
    lambda header: header.temporal_position or 0,
    lambda header: header.acquisition_number or 0,
)
"""What tells pictures of the same place apart, in the order it is tried: magnitude from phase, one
time from the next, one acquisition from the next."""


def _passes(
    slices: list[SliceHeader],
    normal: np.ndarray,
    keys: Sequence[Callable[[SliceHeader], Hashable]],
) -> list[list[SliceHeader]]:
    """Splits slices so that no place is pictured twice in a part, and orders each along the normal.

    Where no key tells pictures of one place apart, the first of every place goes into the first
    part, the second into the second.
    """
    turns = _turns(slices, normal)
    if len(turns) == 1 and not _acquisitions_overlap(turns[0]):
        return turns
    if not keys:
        return turns
    parts: dict[Hashable, list[SliceHeader]] = {}
    for header in slices:
        parts.setdefault(keys[0](header), []).append(header)
    some = [part for _, part in sorted(parts.items())]
    if keys[0] is _PASSES[-1]:
        some = _joined(some, normal)
    return [part for one in some for part in _passes(one, normal, keys[1:])]


def _joined(parts: list[list[SliceHeader]], normal: np.ndarray) -> list[list[SliceHeader]]:
    """Acquisitions put together, each with the first of those before it beside which it fits.

    A scanner that moves the table between slices may number each of them.
    """
    joined: list[list[SliceHeader]] = []
    for part in parts:
        for other in joined:
            turns = _turns(other + part, normal)
            if len(turns) == 1 and not _acquisitions_overlap(turns[0]):
                other += part
                break
        else:
            joined.append(part)
    return joined


def _turns(slices: list[SliceHeader], normal: np.ndarray) -> list[list[SliceHeader]]:
    """The slices along their normal; the k-th picture of a place in the k-th list."""
    places = np.array([header.position for header in slices]) @ normal
    order = sorted(
        range(len(slices)), key=lambda index: (places[index], slices[index].instance_number or 0)
    )
    turns: list[list[SliceHeader]] = []
    last, turn = -math.inf, 0
    for index in order:
        turn = turn + 1 if places[index] - last < _SAME_PLACE_MM else 0
        if turn == 0:
            last = places[index]
        if turn == len(turns):
            turns.append([])
        turns[turn].append(slices[index])
    return turns


def _acquisitions_overlap(slices: list[SliceHeader]) -> bool:
    """Whether ordered CT slices come from acquisitions that scanned the same part twice.

    The patient may have moved between the two: their slices must not be interleaved. An MR stack
    may be taken in several acquisitions, every second slice in the first.
    """
    if slices[0].modality != 'CT':
        return False
    seen = [header.acquisition_number for header in slices]
    runs = [number for number, _ in itertools.groupby(seen)]
    return len(runs) > len(set(runs))


def _stack(slices: list[SliceHeader], like: SliceHeader, parts: int) -> Stack:
    """The stack of ordered slices.

    Args:
        slices: at least one.
        like: the slice whose orientation and spacing stand for all.
        parts: into how many stacks slices alike were split, this one among them.
    """
    geometry = _geometry(slices, like)
    notes = (*stack_notes.of_steps(geometry), *stack_notes.of_headers(slices))
    if parts > 1:
        notes += (f'one of {parts} stacks of a series that pictures some places more than once',)
    return Stack(tuple(slices), geometry, notes)


def _geometry(slices: list[SliceHeader], like: SliceHeader) -> StackGeometry:
    """The geometry of ordered slices with the orientation and spacing of one of them."""
    return StackGeometry(
        origins=np.array([header.position for header in slices]),
        row_direction=np.array(like.orientation[:3]),
        column_direction=np.array(like.orientation[3:]),
        pixel_spacing=like.pixel_spacing,
        rows=like.pixels.rows,
        columns=like.pixels.columns,
    )
