"""What a person should know of a stack before using it: gaps, tilt, mixed and missing values.

A note is a line of text for tables and messages; it names nobody and quotes no text of a file.
"""

import math
from collections.abc import Sequence, Set

import numpy as np

from ct2mr_tf.imaging import dicom_pixels
from ct2mr_tf.imaging.geometry import StackGeometry
from ct2mr_tf.imaging.slices import SliceHeader

_GAP_RATIO = 1.5
"""A step longer than this many usual steps is a gap: a slice is missing, or a packet ends."""

_UNEVEN_SHARE = 0.05
"""Steps that differ from the usual one by more than this share are reported as uneven."""

_TILT_DEGREES = 0.5
"""Shears below are rounding of positions."""


def of_steps(geometry: StackGeometry) -> list[str]:
    """What is unusual in how the slices of a stack follow each other.

    Args:
        geometry: of the stack.

    Returns:
        A line each for gaps, for uneven steps, and for slices that do not lie straight above each
        other: sheared evenly (the gantry was tilted) or not.
    """
    if len(geometry) < 2:
        return []
    steps = geometry.steps_mm
    usual = float(np.median(steps))
    gaps = steps > _GAP_RATIO * usual
    notes = []
    if gaps.any():
        notes.append(f'{gaps.sum()} gaps, up to {steps.max():.2f} mm where {usual:.2f} mm is usual')
    even = steps[~gaps]
    if np.abs(even / usual - 1).max() > _UNEVEN_SHARE:
        notes.append(f'slices {even.min():.2f} to {even.max():.2f} mm apart')
    shifts = np.diff(geometry.origins, axis=0) - steps[:, np.newaxis] * geometry.normal
    shears = shifts / steps[:, np.newaxis]
    degrees = np.degrees(np.arctan(np.linalg.norm(shears, axis=1)))
    if degrees.max() > _TILT_DEGREES:
        alike = np.linalg.norm(shears - shears.mean(axis=0), axis=1).max()
        if math.degrees(math.atan(alike)) <= _TILT_DEGREES:
            notes.append(f'sheared by {degrees.mean():.1f} degrees (tilted gantry)')
        else:
            shift = np.linalg.norm(shifts, axis=1).max()
            notes.append(f'slices shifted within their plane by up to {shift:.2f} mm')
    return notes


def of_headers(slices: Sequence[SliceHeader]) -> list[str]:
    """What the headers of a stack's slices leave out, or do not agree on.

    Args:
        slices: of the stack.

    Returns:
        A line for each such thing.
    """
    notes = []
    values: dict[str, Set[object]] = {
        'slice thicknesses': {header.slice_thickness_mm for header in slices},
        'repetition times': {header.repetition_time_ms for header in slices},
        'dates': {header.identity.date for header in slices},
        'weightings': {header.t2_weighted for header in slices},
    }
    notes += [f'{len(found)} different {what}' for what, found in values.items() if len(found) > 1]
    if None in values['dates']:
        notes.append('the date is unknown')
    if not slices[0].identity.frame_of_reference_uid:
        notes.append('no frame of reference')
    if not slices[0].identity.patient_id:
        notes.append('no PatientID: the study stands for the patient')
    if any(header.image_type.upper().startswith('DERIVED') for header in slices):
        notes.append('derived pictures')
    syntaxes = {header.pixels.element.transfer_syntax_uid for header in slices}
    notes += [text for syntax in sorted(syntaxes) if (text := dicom_pixels.missing_decoder(syntax))]
    return notes
