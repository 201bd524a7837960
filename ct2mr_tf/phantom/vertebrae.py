"""The bones of the lumbar spine: bodies, and arches with pedicles, facets, laminae and processes.

Distances are signed, in mm, negative inside. Across the spine, u is counted to the patient's left
and b backwards from the back of the bodies; along it, `height` is counted upwards from the middle
of a vertebra, `w` from the middle of a disc. Vertebra number k lies above disc number k.
"""

from collections.abc import Sequence

import numpy as np

from ct2mr_tf.phantom import shapes, spine_axis
from ct2mr_tf.phantom.canvas import Canvas
from ct2mr_tf.phantom.patient import Patient, Segment
from ct2mr_tf.phantom.shapes import Length
from ct2mr_tf.phantom.tissues import Tissue

SHELL_MM = 0.9
"""Thickness of the cortex of bodies and arches as a slice shows it; the true shell of a body is
0.4 mm (Silva et al., Bone 1994;15:403) with denser spongy bone behind it."""

ENDPLATE_MM = 0.9
"""Thickness of the bony endplate with the dense bone under it."""

SUBCHONDRAL_MM = 1.15
"""Thickness of the dense bone under a facet's cartilage."""

JOINT_BEHIND_SAC_MM = 5.0
"""How far the middle of a facet joint lies behind the middle of the sac."""

JOINT_HALF_ANGLE = np.radians(46)
"""Half the angle that a facet joint spans about its centre of curvature."""

PEDICLE_MM = (12.0, 12.5, 13.0, 14.0, 16.5, 20.0, 18.0)
"""From the midline to the middle of the pedicle of the vertebra above each disc, and S1
(Zindrick et al., Spine 1987;12:160)."""

PEDICLE_HALF_WIDTH_MM = (3.6, 3.8, 4.2, 4.8, 5.8, 7.8, 9.0)
"""Half the width of those pedicles (same source)."""


def along(t: np.ndarray, values: Sequence[float]) -> np.ndarray:
    """Values of the seven segments (or six vertebrae), read linearly at segment numbers t."""
    return columns_along(t, np.array([values]))[0]


def columns_along(t: np.ndarray, columns: np.ndarray) -> list[np.ndarray]:
    """Columns [k, 6 or 7] of values read as `along` does: as np.interp, in a third of its time."""
    last = columns.shape[1] - 1
    place = np.clip(t, 0, np.float32(last))
    low = np.minimum(place.astype(np.int32), last - 1)
    share: np.ndarray = place - low.astype(np.float32)
    tables = columns.astype(np.float32)
    return [
        table.take(low) + share * steps.take(low)
        for table, steps in zip(tables, np.diff(tables), strict=True)
    ]


def half_depth(patient: Patient, t: np.ndarray) -> np.ndarray:
    """Half the depth of body or disc at segment numbers t: v = -half_depth is b = 0."""
    return along(t, [segment.half_depth_mm for segment in patient.segments])


def outline(
    u: np.ndarray, v: np.ndarray, half_width: Length, depth: Length, concavity: Length
) -> np.ndarray:
    """Distance to the kidney-bean outline of a body or disc: round in front, drawn in behind."""
    round_depth = np.where(v > 0, depth, 1.14 * depth)
    front = shapes.superellipse(u, v, half_width, round_depth, 2.15)
    back = -(v + depth - concavity * np.exp(-((u / (0.4 * half_width)) ** 2)))
    return shapes.intersection(front, back, blend=7.0)


def body_distance(part: Canvas, patient: Patient, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Distance to vertebral body `number` and height above its lower endplate's disc middle."""
    table = spine_axis.axis(patient)
    upper, lower = patient.segments[number - 1], patient.segments[number]
    gap_above = table.disc_s[number - 1] - part.s - _half_height(part, upper)
    gap_below = part.s - table.disc_s[number] - _half_height(part, lower)
    segments = patient.segments
    width = along(part.t, [segment.half_width_mm for segment in segments])
    depth = half_depth(patient, part.t)
    concavity = along(part.t, [segment.concavity_mm for segment in segments])
    to_endplate = np.maximum(np.minimum(gap_above, gap_below), 0)
    waist = 2.4 * patient.size * (1 - np.exp(-to_endplate / 6))
    rim = along(part.t, [segment.osteophyte_mm for segment in segments])
    # Rims grow at the front and sides, hardly into the canal.
    outward = np.clip(part.v / depth + 0.9, 0.15, 1) * np.exp(-to_endplate / 3)
    side = outline(part.u, part.v, width, depth, concavity) + waist - rim * outward
    ends = np.maximum(-gap_above, -gap_below)
    return shapes.intersection(side, ends, blend=1.0), ends


def _half_height(part: Canvas, segment: Segment) -> np.ndarray:
    """Half the height of a disc above each point of its plane: endplates are hollow."""
    rho2 = (part.u / segment.half_width_mm) ** 2 + (part.v / segment.half_depth_mm) ** 2
    return segment.disc_height_mm / 2 * (1.06 - 0.32 * np.minimum(rho2, 1.3))


def disc_height_share(part: Canvas, patient: Patient, number: int) -> np.ndarray:
    """Height above the middle of disc `number` as a share of its half height: +-1 at endplates."""
    w = part.s - spine_axis.axis(patient).disc_s[number]
    return w / _half_height(part, patient.segments[number])


def paint_body(canvas: Canvas, patient: Patient, number: int) -> None:
    """Paints the body of vertebra `number`: cortical shell, endplates, spongy bone."""
    table = spine_axis.axis(patient)
    reach = 42 * patient.size
    part = canvas.where(
        (part_between(canvas, table.disc_s[number], table.disc_s[number - 1]))
        & (np.abs(canvas.u) < reach)
        & (np.abs(canvas.v) < reach)
    )
    if part.u.size:
        distance, ends = body_distance(part, patient, number)
        part.paint(distance < 0, Tissue.CORTICAL_BONE)
        part.paint((distance < -SHELL_MM) & (ends < -ENDPLATE_MM), Tissue.CANCELLOUS_BONE)


def part_between(canvas: Canvas, low: float, high: float) -> np.ndarray:
    """Mask of the points whose place along the spine lies between two."""
    return (canvas.s > low) & (canvas.s < high)


def facet_centre(segment: Segment, size: float, side: int) -> tuple[float, float]:
    """(|u|, b) of a facet joint's centre of curvature, on the right (side 0) or the left (1)."""
    angle = np.radians(segment.facet_angle_deg[side])
    behind = segment.sac_distance_mm + JOINT_BEHIND_SAC_MM * size
    radius = segment.joint_radius_mm
    return segment.joint_mm[side] - radius * np.cos(angle), behind + radius * np.sin(angle)


def _pick(part: Canvas, right: float, left: float) -> np.ndarray:
    """One number for the points on the patient's right, another for those on the left."""
    return np.where(part.u < 0, np.float32(right), np.float32(left))


def _facet_polar(part: Canvas, b: np.ndarray, segment: Segment, size: float) -> tuple:
    """Coordinates about a joint's centre of curvature.

    Returns:
        (radius, angle from the joint's middle, component along the way the joint's surface faces,
        component across it, towards the sac).
    """
    right, left = (facet_centre(segment, size, side) for side in (0, 1))
    angle = np.radians(_pick(part, *segment.facet_angle_deg))
    du = np.abs(part.u) - _pick(part, right[0], left[0])
    db = b - _pick(part, right[1], left[1])
    facing = du * np.cos(angle) - db * np.sin(angle)
    across = -du * np.sin(angle) - db * np.cos(angle)
    return np.hypot(du, db), np.arctan2(across, facing), facing, across


def facet_distances(
    part: Canvas, b: np.ndarray, w: np.ndarray, segment: Segment, size: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances to inferior process, superior process and the joint between, at one disc."""
    radius, angle, facing, across = _facet_polar(part, b, segment, size)
    round_mm, growth = segment.joint_radius_mm, segment.facet_growth
    gap = _pick(part, *segment.joint_gap_mm)
    taper = np.maximum(-4 - w, 0) * 0.3
    # The inferior process is a lens: its articular face round, its back nearly flat.
    back = round_mm - (10.0 + 1.5 * growth) * size
    lens = np.maximum(across - 0.68 * round_mm, -across - 0.96 * round_mm)
    lens = lens + 0.15 * (round_mm - facing) - 0.8 * growth
    lower = shapes.intersection(radius - round_mm, back - facing, lens, blend=2.5) + taper
    lower = shapes.intersection(lower, -w - 12 * size, blend=3.0)
    # The superior process is a crescent around it, thickest behind and at the side.
    thick = (7.4 + 2.6 * growth) * size - np.maximum(w - 3, 0) * 0.3
    outer = np.hypot(facing - 3.5, across + 1.2) - (round_mm + gap + thick - 3.5)
    sector = radius * np.sin(np.clip(np.abs(angle + 0.04) - JOINT_HALF_ANGLE - 0.1, -1.5, 1.5))
    upper = shapes.intersection(outer, round_mm + gap - radius, sector, blend=3.0)
    upper = shapes.intersection(upper, w - 9 * size, blend=3.0)
    joint = np.maximum(np.maximum(radius - round_mm - gap, round_mm - radius), sector)
    joint = np.maximum(joint, np.abs(w + 2) - 10 * size)
    return lower, upper, joint


def arch_distance(part: Canvas, b: np.ndarray, patient: Patient, number: int) -> np.ndarray:
    """Distance to the arch of vertebra `number`: all of it behind the body, facets included."""
    disc_s = spine_axis.axis(patient).disc_s
    size = patient.size
    above, below = patient.segments[number - 1], patient.segments[number]
    height = part.s - (disc_s[number - 1] + disc_s[number]) / 2
    side = np.abs(part.u)
    lower, _, _ = facet_distances(part, b, part.s - disc_s[number], below, size)
    _, upper, _ = facet_distances(part, b, part.s - disc_s[number - 1], above, size)
    lower = np.maximum(lower, height - 4)
    upper = np.maximum(upper, -height - 4)
    process = sum(below.joint_mm) / 2 - 5.5 * size
    behind = below.sac_distance_mm + (JOINT_BEHIND_SAC_MM + 6.5) * size
    apex = apex_behind(below, size)
    slant = 0.14 * np.maximum(height + 14, -6)
    lamina = shapes.capsule(
        side,
        b + slant,
        (process, behind),
        (0, apex + 5.0),
        (4.4 * size, 3.4 * size),
    )
    lamina = shapes.intersection(lamina, height - 4, -height - 19.5 * size, blend=3.0)
    spine = _spinous_distance(side, b, height, patient, apex)
    pedicle_at = PEDICLE_MM[number] * size
    pedicle = shapes.ellipse(
        side - pedicle_at, height - 6.5, PEDICLE_HALF_WIDTH_MM[number] * size, 7.0 * size
    )
    pedicle = shapes.intersection(pedicle, -b - 9, b - 13 * size, blend=2.0)
    pars = np.hypot(side - (pedicle_at + process) / 2, b - 14.5 * size) - 4.6 * size
    pars = shapes.intersection(pars, height - 9, -height - 14, blend=3.0)
    transverse = shapes.capsule(
        side, b, (pedicle_at, 8 * size), (pedicle_at + 25 * size, 13 * size), (5.0, 3.0)
    )
    transverse = shapes.intersection(transverse, np.abs(height - 5) - 5.0 * size, blend=3.0)
    return shapes.union(lower, upper, lamina, spine, pedicle, pars, transverse, blend=2.0)


def apex_behind(segment: Segment, size: float) -> float:
    """The b at which both ligamenta flava meet, behind the sac and a pad of fat."""
    return segment.sac_distance_mm + segment.sac_half_depth_mm + 7.0 * size


def _spinous_distance(
    side: np.ndarray, b: np.ndarray, height: np.ndarray, patient: Patient, apex: float
) -> np.ndarray:
    """Distance to the spinous process: a plate that thickens towards its tip and hangs down."""
    length = patient.spinous_length_mm
    plate = shapes.capsule(side, b, (0, apex + 4), (0, apex + length), (2.7, 3.9))
    hang = np.clip((b - apex) / length, 0, 1) * 5
    return shapes.intersection(
        plate, height + hang - 2, -height - hang - patient.spinous_drop_mm, blend=3.0
    )


def paint_arch(canvas: Canvas, patient: Patient, number: int) -> None:
    """Paints the arch of vertebra `number`: cortex, thick under cartilage, and spongy bone."""
    disc_s = spine_axis.axis(patient).disc_s
    part = canvas.where(
        part_between(
            canvas, disc_s[number] - 14 * patient.size, disc_s[number - 1] + 11 * patient.size
        )
        & (np.abs(canvas.u) < 50 * patient.size)
        & (canvas.v < -8)
        & (canvas.v > -72 * patient.size)
    )
    if not part.u.size:
        return
    b = -part.v - half_depth(patient, part.t)
    distance = arch_distance(part, b, patient, number)
    shell = SHELL_MM * (1.0 + 0.25 * part.noise((5, 5, 5), 10))
    for disc in (number - 1, number):
        segment = patient.segments[disc]
        _, _, joint = facet_distances(part, b, part.s - disc_s[disc], segment, patient.size)
        shell = np.where(joint < SUBCHONDRAL_MM, np.maximum(shell, SUBCHONDRAL_MM), shell)
        part.paint((joint < 0) & (distance > 0), Tissue.JOINT_CARTILAGE)
    # Pedicles grow out of the body: spongy bone goes through, no shell lies between.
    open_ = part.now() != Tissue.CANCELLOUS_BONE
    part.paint((distance < 0) & open_, Tissue.CORTICAL_BONE)
    part.paint(distance < -shell, Tissue.CANCELLOUS_BONE)
