"""Discs, ligaments, and the canal: epidural fat, thecal sac, cauda equina and exiting roots.

Coordinates as in `vertebrae`: u to the left, b backwards from the back of the disc, w up from the
disc's middle, all in mm.
"""

import numpy as np

from ct2mr_tf.phantom import shapes, spine_axis, vertebrae
from ct2mr_tf.phantom.canvas import Canvas
from ct2mr_tf.phantom.patient import Patient, Segment
from ct2mr_tf.phantom.tissues import Tissue

DURA_MM = 0.35
"""Thickness of dura and arachnoid as an image shows them; the tissue itself measures 0.3 mm."""

ROOTS_A_SIDE = 11
"""Strands of the cauda equina drawn on each side at L1-2: ventral and dorsal roots of L2 to S4."""

ROOT_RADIUS_MM = 0.62
"""Radius of a strand; lumbar roots within the sac measure 0.5 to 0.9 mm."""

NUCLEUS_SHARE = (0.60, 0.56)
"""Half width and half depth of the nucleus as shares of the disc's: a third of its area."""


def disc_distance(part: Canvas, patient: Patient, number: int) -> np.ndarray:
    """Distance to the outline of disc `number` in its plane, with its bulge and protrusion."""
    segment = patient.segments[number]
    flat = vertebrae.outline(
        part.u, part.v, segment.half_width_mm, segment.half_depth_mm, segment.concavity_mm
    )
    disc = flat - segment.bulge_mm
    if segment.protrusion_mm:
        back = -segment.half_depth_mm - segment.bulge_mm + 1.5
        lump = shapes.ellipse(
            part.u - segment.protrusion_at_mm,
            part.v - back,
            1.7 * segment.protrusion_width_mm,
            segment.protrusion_mm + 1.5,
        )
        disc = shapes.union(disc, lump, blend=2.5)
    return disc


def paint_disc(canvas: Canvas, patient: Patient, number: int) -> None:
    """Paints disc `number`: nucleus, inner annulus, outer annulus with the long ligaments."""
    segment = patient.segments[number]
    disc_s = spine_axis.axis(patient).disc_s[number]
    half = 0.6 * segment.disc_height_mm
    part = canvas.where(
        vertebrae.part_between(canvas, disc_s - half, disc_s + half)
        & (np.abs(canvas.u) < 40 * patient.size)
        & (np.abs(canvas.v) < 34 * patient.size)
    )
    if not part.u.size:
        return
    share = np.abs(vertebrae.disc_height_share(part, patient, number))
    distance = disc_distance(part, patient, number)
    inside = (distance < 0) & (share < 1)
    # Fibres of the outer annulus are thickest in front, and take over as a disc degenerates.
    rim = 1.9 + 0.9 * np.clip(part.v / segment.half_depth_mm, -0.4, 1) + 1.0 * segment.degeneration
    shrunk = 1 - 0.12 * segment.degeneration
    nucleus = shapes.ellipse(
        part.u,
        part.v + 0.1 * segment.half_depth_mm,
        NUCLEUS_SHARE[0] * shrunk * segment.half_width_mm,
        NUCLEUS_SHARE[1] * shrunk * segment.half_depth_mm,
    )
    part.paint(inside, Tissue.OUTER_ANNULUS)
    part.paint(inside & (distance < -rim - segment.bulge_mm), Tissue.INNER_ANNULUS)
    part.paint(inside & (nucleus < 0) & (share < 0.9), Tissue.DISC_NUCLEUS)


def flavum_distance(
    part: Canvas, b: np.ndarray, w: np.ndarray, segment: Segment, size: float
) -> np.ndarray:
    """Distance to the ligamenta flava of one disc: a V from the joints' front to the midline."""
    fronts = []
    for side, gap in enumerate(segment.joint_gap_mm):
        centre = vertebrae.facet_centre(segment, size, side)
        angle = np.radians(segment.facet_angle_deg[side]) + vertebrae.JOINT_HALF_ANGLE
        reach = segment.joint_radius_mm + gap / 2
        fronts.append((centre[0] + reach * np.cos(angle), centre[1] - reach * np.sin(angle) + 0.8))
    start_u, start_b = np.mean(fronts, axis=0)
    end = (1.0, vertebrae.apex_behind(segment, size) + 1.6)
    half = segment.flavum_mm / 2
    radii = (1.05 * half, 0.85 * half)
    band = shapes.capsule(np.abs(part.u), b, (start_u, start_b), end, radii)
    return shapes.intersection(band, w - 12, -w - 16, blend=2.0)


def paint_ligaments(canvas: Canvas, patient: Patient, number: int) -> None:
    """Paints the ligaments of disc `number` behind the canal, over which bone is painted later."""
    segment, size = patient.segments[number], patient.size
    disc_s = spine_axis.axis(patient).disc_s[number]
    half = min(20.0, 0.5 * patient.pitch_mm[min(number, 5)])
    part = canvas.where(
        vertebrae.part_between(canvas, disc_s - half, disc_s + half)
        & (np.abs(canvas.u) < 22 * size)
        & (canvas.v < -12)
        & (canvas.v > -80 * size)
    )
    if not part.u.size:
        return
    b = -part.v - vertebrae.half_depth(patient, part.t)
    w = part.s - disc_s
    apex = vertebrae.apex_behind(segment, size)
    side = np.abs(part.u)
    sheet = shapes.capsule(
        side, b, (0, apex + 3), (0, apex + patient.spinous_length_mm), (1.6, 2.4)
    )
    part.paint(sheet < 0, Tissue.LIGAMENT)
    part.paint(flavum_distance(part, b, w, segment, size) < 0, Tissue.LIGAMENTUM_FLAVUM)


def paint_epidural_fat(canvas: Canvas, patient: Patient) -> None:
    """Fills canal and foramina with fat, over which everything else is painted."""
    size = patient.size
    part = canvas.where((np.abs(canvas.u) < 30 * size) & (canvas.v < -8) & (canvas.v > -50 * size))
    b = -part.v - vertebrae.half_depth(patient, part.t)
    canal = shapes.ellipse(part.u, b - 10 * size, 27 * size, 13 * size)
    part.paint((canal < 0) & (b > -3), Tissue.EPIDURAL_FAT)


def _sac_distance(part: Canvas, b: np.ndarray, patient: Patient) -> tuple[np.ndarray, ...]:
    """Distance to the free outline of the sac, and coordinates as shares of its half axes."""
    segments = patient.segments
    width = vertebrae.along(part.t, [segment.sac_half_width_mm for segment in segments])
    depth = vertebrae.along(part.t, [segment.sac_half_depth_mm for segment in segments])
    middle = vertebrae.along(part.t, [segment.sac_distance_mm for segment in segments])
    corner = vertebrae.along(part.t, [segment.sac_corner for segment in segments])
    across, back = part.u / width, (b - middle) / depth
    # Three corners: one behind and two in front at the sides, where roots leave.
    angle = np.arctan2(across, back)
    rho = np.hypot(across, back) / (1 + corner * np.cos(3 * angle) - corner)
    return (rho - 1) * np.minimum(width, depth), across, back


def paint_sac(canvas: Canvas, patient: Patient) -> None:
    """Paints dura, fluid and roots; discs, ligaments and bones press the sac out of shape."""
    size = patient.size
    part = canvas.where((np.abs(canvas.u) < 15 * size) & (canvas.v < -12) & (canvas.v > -46 * size))
    if not part.u.size:
        return
    b = -part.v - vertebrae.half_depth(patient, part.t)
    distance, across, back = _sac_distance(part, b, patient)
    near = distance < 3
    part, b, across, back = part.where(near), b[near], across[near], back[near]
    walls = _walls_distance(part, b, patient)
    sac = shapes.intersection(distance[near], 0.9 - walls, blend=2.0)
    part.paint(sac < 0, Tissue.DURA)
    part.paint(sac < -DURA_MM, Tissue.CEREBROSPINAL_FLUID)
    inside = sac < -DURA_MM - 0.1
    for root_across, root_back, radius in _strands(part.t[inside], patient):
        width = vertebrae.along(
            part.t[inside], [segment.sac_half_width_mm for segment in patient.segments]
        )
        depth = vertebrae.along(
            part.t[inside], [segment.sac_half_depth_mm for segment in patient.segments]
        )
        du = (across[inside] - root_across) * width
        db = (back[inside] - root_back) * depth
        hit = np.zeros_like(inside)
        hit[inside] = np.hypot(du, db) < radius
        part.paint(hit, Tissue.NERVE_ROOT)


def _walls_distance(part: Canvas, b: np.ndarray, patient: Patient) -> np.ndarray:
    """Distance to whatever borders the canal at each point."""
    disc_s = spine_axis.axis(patient).disc_s
    walls = np.full(part.u.shape, 9.0, dtype=np.float32)
    for number, segment in enumerate(patient.segments):
        w = part.s - disc_s[number]
        if not np.any(np.abs(w) < 22):
            continue
        share = np.abs(vertebrae.disc_height_share(part, patient, number))
        disc = disc_distance(part, patient, number) + np.maximum(share - 1, 0) * 3
        flavum = flavum_distance(part, b, w, segment, patient.size)
        lower, upper, joint = vertebrae.facet_distances(part, b, w, segment, patient.size)
        walls = np.minimum(walls, shapes.union(disc, flavum, lower, upper, joint))
    return np.minimum(walls, b + 0.5)


def _strands(t: np.ndarray, patient: Patient) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Place (shares of the sac's half axes) and radius (mm) of each strand at segment numbers t.

    In a lying patient the strands gather along the back of the sac, nearest to the midline those
    that leave last; each moves to the front corner of its side before it leaves the sac.
    """
    rng = np.random.default_rng([patient.seed, 1])
    strands = []
    for side in (-1, 1):
        for number in range(ROOTS_A_SIDE):
            share = number / (ROOTS_A_SIDE - 1)
            leaves = 6.9 - 5.0 * share + 0.15 * rng.normal()
            angle = np.radians(8 + 62 * share + rng.normal(0, 5))
            rho = np.clip(0.74 - 0.16 * (number % 2) + rng.normal(0, 0.05), 0.35, 0.86)
            wander = 0.06 * np.sin(2.1 * t + rng.uniform(0, 6.3))
            exiting = np.clip((t - leaves + 0.9) / 0.9, 0, 1)
            turn = angle + (np.radians(122) - angle) * exiting + wander
            out = rho + (0.8 - rho) * exiting
            radius = np.where(t < leaves, ROOT_RADIUS_MM * (1 + 0.45 * exiting), 0)
            strands.append((side * np.sin(turn) * out, np.cos(turn) * out, radius))
    # The conus ends about L1-2 (Saifuddin et al., Spine 1998;23:1452: lower third of L1).
    end = 0.9 + rng.normal(0, 0.3)
    strands.append((0 * t, 0 * t + 0.1, 4.2 * np.clip(end - t + 0.35, 0, 1) ** 0.5))
    return strands


def paint_exiting_roots(canvas: Canvas, patient: Patient, number: int) -> None:
    """Paints the roots outside the sac about disc `number`: two pairs.

    The pair of the vertebra above has left through the foramen above and swells to its ganglion;
    that of the vertebra below lies in the lateral recess, beside the sac.
    """
    segment, size = patient.segments[number], patient.size
    disc_s = spine_axis.axis(patient).disc_s[number]
    part = canvas.where(
        vertebrae.part_between(canvas, disc_s - 18, disc_s + 18)
        & (np.abs(canvas.u) < 45 * size)
        & (canvas.v < 4)
        & (canvas.v > -46 * size)
    )
    if not part.u.size:
        return
    b = -part.v - vertebrae.half_depth(patient, part.t)
    w, side = part.s - disc_s, np.abs(part.u)
    open_fat = part.now() == Tissue.EPIDURAL_FAT
    loose = open_fat | (part.now() == Tissue.DEEP_FAT)
    beside = 0.92 * segment.half_width_mm + 1.5 - 0.55 * w
    exited = np.hypot(side - beside, (b - 2.5 - 0.3 * w) * 1.15) - 2.7 * size
    part.paint(loose & (exited < 0) & (w > -18), Tissue.NERVE_ROOT)
    leaving = np.clip((4 - w) / 14, 0, 1) if number < 5 else 1.0
    recess = segment.sac_half_width_mm + 0.2 + 2.0 * leaving
    passing = np.hypot(side - recess, b - segment.sac_distance_mm + 3.2) - 1.5 * size
    part.paint(open_fat & (passing < 0) & (leaving > 0.15), Tissue.NERVE_ROOT)
