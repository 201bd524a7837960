"""The trunk around the spine: skin, fat, abdominal wall, muscles, vessels, kidneys, hip bones.

Coordinates of the spine: u to the patient's left, v to the front of the disc centres, s to the
head, in mm; tables have one entry a segment, T12-L1 to S1-2, for a patient of size 1.
"""

import dataclasses

import numpy as np
from scipy import special

from ct2mr_tf.phantom import shapes, spine_axis, vertebrae
from ct2mr_tf.phantom.canvas import Canvas
from ct2mr_tf.phantom.patient import FAT_RISE, Patient
from ct2mr_tf.phantom.tissues import Tissue

SKIN_MM = 2.0
"""Thickness of the skin of the trunk."""

BACK_FASCIA_MM = 53.0
"""From the back of the bodies to the thoracolumbar fascia at the midline."""

WALL_ANGLES = (-90, -66, -62, -52, -44, -20, 15, 44, 56, 68, 90)
"""Angles about the middle of the trunk, from its front (-90) over the side (0) to its back."""

WALL_MM = (9.5, 9.5, 2.0, 2.5, 13.0, 18.0, 17.0, 13.0, 8.0, 1.8, 1.8)
"""Thickness of the muscular wall at those angles: straight muscle, its lateral sheath, three flat
muscles, and the thin broad muscle of the back."""

MULTIFIDUS = ((8, 32, 5.5, 9), (9.5, 33, 6.5, 10), (10.5, 34, 8, 11.5), (12.5, 35.5, 9.8, 13.2),
              (15, 36.5, 12, 14.5), (17, 36.5, 13.5, 14.5), (18, 34, 13, 13))  # fmt: skip
"""(u, b, half width, half depth) of the multifidus of one side; it grows towards the sacrum."""

ERECTOR = ((31, 33, 22, 15), (33, 33, 24, 16.5), (35, 33, 25, 17.5), (38, 32.5, 25.5, 18),
           (43, 32, 22.5, 17.5), (45, 34, 15, 14), (40, 38, 9, 10))  # fmt: skip
"""The same for the erector spinae, which shrinks to a tendon."""

SQUARE_MUSCLE = ((44, 9, 10, 4), (49, 8, 15, 5), (54, 7, 17, 6.5), (60, 5, 18, 8),
                 (67, 2, 16, 9), (76, -6, 3, 2), (76, -6, 0.1, 0.1))  # fmt: skip
"""The same for the quadratus lumborum, which ends at the iliac crest."""

PSOAS = ((2.0, -8, 4, 6), (5, -8, 7, 10), (8.5, -7, 10.5, 14), (12.5, -5, 14, 17.5),
         (16.0, 0, 17, 20), (20, 8, 17.5, 18.5), (26, 18, 17, 16))  # fmt: skip
"""(u beyond the edge of the body, v, half width, half depth) of the psoas."""

ARTERY_RADIUS_MM = 8.6
"""Radius of the aorta below the renal arteries; an iliac artery has 0.58 of it."""

TRANSVERSE_MUSCLE = ((25, 10, 4, 3), (26, 9, 4.5, 3.2), (28, 8, 5, 3.5), (31, 7, 5.5, 4),
                     (34, 5, 6, 4.5), (38, 6, 4.5, 4), (38, 6, 0.1, 0.1))  # fmt: skip
"""(u, b, half width, half depth) of the muscles between the transverse processes."""

STREAKS = (
    (0.55, (1.7, 4.0, 26.0)),
    (0.60, (4.0, 7.0, 40.0)),
    (0.58, (12.0, 14.0, 60.0)),
)
"""(weight, size of a blob in mm) of the textures that fat follows between bundles of muscle fibres;
the squares of the weights sum to 1."""


def _row(canvas: Canvas, table: tuple[tuple[float, ...], ...], scale: float) -> list[np.ndarray]:
    """Reads each column of a table at the points' segment numbers."""
    columns = scale * np.array(table).T
    return vertebrae.columns_along(canvas.t, columns)


def _trunk(canvas: Canvas, patient: Patient) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances to the skin's surface and to the deep fascia, and the angle about the trunk."""
    behind = vertebrae.half_depth(patient, canvas.t) + BACK_FASCIA_MM * patient.size
    half = patient.trunk_depth_mm / 2
    y = -canvas.v - behind + half
    fascia = shapes.superellipse(canvas.u, y, patient.trunk_half_width_mm, half, 2.5)
    fat = patient.subcutaneous_mm
    furrow = 0.35 * fat * np.exp(-((canvas.u / 14) ** 2)) * (y > 0)
    outside = shapes.superellipse(
        canvas.u, y, patient.trunk_half_width_mm + 0.85 * fat, half + fat + SKIN_MM, 2.4
    )
    angle = np.degrees(np.arctan2(y / half, np.abs(canvas.u) / patient.trunk_half_width_mm))
    return outside + furrow, fascia, angle


def paint_trunk(canvas: Canvas, patient: Patient) -> None:
    """Paints skin, subcutaneous fat, the wall of the abdomen, and fat inside it."""
    skin, fascia, angle = _trunk(canvas, patient)
    canvas.paint(skin < 0, Tissue.SKIN)
    canvas.paint(skin < -SKIN_MM, Tissue.SUBCUTANEOUS_FAT)
    fat = canvas.where((skin < -SKIN_MM) & (fascia >= 0))
    fat.paint(np.abs(fat.noise((34, 15, 40), 32)) < 0.02, Tissue.FASCIA)
    canvas.paint(fascia < 0, Tissue.FASCIA)
    thick = patient.muscle * np.interp(angle, WALL_ANGLES, WALL_MM)
    depth = -fascia - 1.0
    canvas.paint(depth > 0, Tissue.WALL_MUSCLE)
    layers = (angle > -48) & (angle < 36)
    for share in (0.33, 0.64):
        canvas.paint(layers & (np.abs(depth - share * thick) < 0.5), Tissue.DEEP_FAT)
    canvas.paint((depth > 0) & (angle < -60) & (np.abs(canvas.u) < 3.5), Tissue.FASCIA)
    canvas.paint(depth > thick, Tissue.DEEP_FAT)


def paint_small_vessels(canvas: Canvas) -> None:
    """Paints the small vessels and nerves that run through deep and foraminal fat."""
    fat = canvas.where(np.isin(canvas.now(), (Tissue.DEEP_FAT, Tissue.EPIDURAL_FAT)))
    # Two fields pass zero together along winding lines.
    first, second = (fat.noise((11, 11, 26), number) for number in (33, 34))
    fat.paint(np.hypot(first, second) < 0.16, Tissue.VEIN)


def _streaks(part: Canvas, share: np.ndarray, first: int) -> np.ndarray:
    """Mask of intramuscular fat: a random texture cut so that `share` of the volume is fat."""
    # Bundles of fibres fan out from the midline, so streaks lean outwards on either side.
    leaning = dataclasses.replace(part, u=part.u + 0.5 * part.v * np.sign(part.u))
    texture = sum(
        weight * leaning.noise(feature, first + number)
        for number, (weight, feature) in enumerate(STREAKS)
    )
    return special.ndtr(texture) > 1 - share


def paint_back_muscles(canvas: Canvas, patient: Patient) -> None:
    """Paints multifidus, erector spinae and lumbar square muscle, fat in and between them."""
    size = patient.size * patient.muscle
    part = canvas.where(
        (np.abs(canvas.u) < 95 * size) & (canvas.v < 20) & (canvas.now() != Tissue.AIR)
    )
    if not part.u.size:
        return
    part = _roughened(part)
    _, fascia, _ = _trunk(part, patient)
    b = -part.v - vertebrae.half_depth(patient, part.t)
    side = np.abs(part.u)
    inside = (fascia < -1.4) & (b > -25)
    multifidus, erector, square, slip = (
        shapes.superellipse(*shapes.turned(side, b, (u, at_b), lean), half_u, half_b, 2.4)
        for (u, at_b, half_u, half_b), lean in (
            (_row(part, MULTIFIDUS, size), -12),
            (_row(part, ERECTOR, size), -8),
            (_row(part, SQUARE_MUSCLE, size), -28),
            (_row(part, TRANSVERSE_MUSCLE, size), 25),
        )
    )
    muscle = np.minimum(np.minimum(multifidus, erector), slip)
    bare = inside & (muscle < 0)
    part.paint(inside & (square < 0), Tissue.WALL_MUSCLE)
    part.paint(bare, Tissue.PARASPINAL_MUSCLE)
    chosen = np.flatnonzero(bare)
    part, multifidus, erector = part.where(bare), multifidus[chosen], erector[chosen]
    b, side = b[chosen], side[chosen]
    base = patient.muscle_fat + np.sign(part.u) * patient.fat_asymmetry / 2
    rise = np.clip(base, 0.02, None) * 8 * vertebrae.along(part.t, FAT_RISE)
    # Fat gathers deep in the multifidus, beside lamina and spinous process.
    deep = np.clip(1.3 - np.hypot(side, b - 27) / 22, 0, 1) * base * 1.5
    share = np.where(multifidus < erector, base + rise + deep, 0.55 * base + 0.3 * rise)
    part.paint(_streaks(part, np.clip(share, 0, 0.85), 20), Tissue.INTRAMUSCULAR_FAT)
    # A cleft of fat parts the multifidus from the erector, thinner ones the erector's columns.
    cleft = np.abs(multifidus - erector) < 0.4 + 4 * patient.muscle_fat
    part.paint(cleft & (np.minimum(-multifidus, -erector) < 7), Tissue.DEEP_FAT)
    column = np.abs(side - (41 + 0.25 * (b - 30)) * size - 4 * np.sin(b / 9))
    columns = (column < 0.25 + 1.5 * patient.muscle_fat) & (erector < multifidus)
    part.paint(columns, Tissue.INTRAMUSCULAR_FAT)


def _roughened(part: Canvas) -> Canvas:
    """The same points, shifted by up to some mm: muscles are less regular than bones."""
    du, dv = (1.4 * part.noise((20, 20, 60), number) for number in (30, 31))
    return dataclasses.replace(part, u=part.u + du, v=part.v + dv)


def paint_psoas(canvas: Canvas, patient: Patient) -> None:
    """Paints the psoas of both sides with a little fat between its bundles."""
    size = patient.size * patient.muscle
    part = canvas.where(
        (np.abs(canvas.u) > 12)
        & (np.abs(canvas.u) < 80 * size)
        & (np.abs(canvas.v + 5) < 45 * size)
        & np.isin(canvas.now(), (Tissue.DEEP_FAT, Tissue.EPIDURAL_FAT))
    )
    if not part.u.size:
        return
    part = _roughened(part)
    width = vertebrae.along(part.t, [segment.half_width_mm for segment in patient.segments])
    u, v, half_u, half_v = _row(part, PSOAS, size)
    at = (width + u, v)
    psoas = shapes.superellipse(*shapes.turned(np.abs(part.u), part.v, at, 18), half_u, half_v, 2.2)
    body = vertebrae.outline(
        part.u, part.v, width, vertebrae.half_depth(patient, part.t), np.zeros_like(width)
    )
    inside = shapes.intersection(psoas, 1.7 - body, blend=2.0) < 0
    part.paint(inside, Tissue.PSOAS)
    part = part.where(inside)
    share = np.full(part.u.shape, 0.015 + 0.2 * patient.muscle_fat)
    part.paint(_streaks(part, share, 25), Tissue.INTRAMUSCULAR_FAT)


def paint_vessels(canvas: Canvas, patient: Patient) -> None:
    """Paints aorta and vena cava, below their division the iliac arteries and veins."""
    size = patient.size
    part = canvas.where((np.abs(canvas.u) < 75 * size) & (canvas.v > 0) & (canvas.v < 70 * size))
    if not part.u.size:
        return
    front = part.v - vertebrae.half_depth(patient, part.t)
    below = part.t - patient.bifurcation
    spread = np.clip(below, 0, 3)
    radius = ARTERY_RADIUS_MM * size
    small = np.where(below < 0, radius, 0.58 * radius)
    veins_below = np.clip(below - 0.45, 0, 3)
    vein_radius = np.where(veins_below > 0, 6.2, 9.4) * size
    for side in (-1, 1):
        at = np.where(below < 0, 6.0, (3.0 + side * (5 + 17 * spread)) * 1.0) * size
        ahead = 1.5 + radius + (2 + 1.5 * spread) * size
        vein_at = np.where(veins_below > 0, -4 + side * (9 + 14 * veins_below), -15.0) * size
        vein_ahead = np.where(veins_below > 0, 5.5 + 3 * veins_below, 9.0) * size
        vein = shapes.ellipse(
            part.u - vein_at, front - vein_ahead, 1.15 * vein_radius, 0.82 * vein_radius
        )
        part.paint(vein < 0, Tissue.VEIN)
        part.paint(np.hypot(part.u - at, front - ahead) < small, Tissue.ARTERY)
    # The crura of the diaphragm end on the bodies of L1 to L3.
    crus = shapes.ellipse(np.abs(part.u) - 11 * size, front - 3.5 * size, 6 * size, 3 * size)
    crus = crus + np.clip(part.t - 1.2, 0, 9) * 3
    loose = part.now() == Tissue.DEEP_FAT
    part.paint(loose & (crus < 0), Tissue.WALL_MUSCLE)


def paint_kidneys(canvas: Canvas, patient: Patient) -> None:
    """Paints both kidneys, T12 to L3, with the fat of the sinus."""
    size = patient.size
    for side, bottom in ((-1, 4.0), (1, 16.0)):
        middle = spine_axis.axis(patient).disc_s[2] + (bottom + 42) * size
        part = canvas.where(
            (np.abs(canvas.u - side * 66 * size) < 40) & (np.abs(canvas.v + 2) < 45)
            & (np.abs(canvas.s - middle) < 60)
            & (canvas.now() == Tissue.DEEP_FAT)
        )  # fmt: skip
        if not part.u.size:
            continue
        lean = side * 0.15 * (part.s - middle)
        x, y = shapes.turned(part.u, part.v, (side * 66 * size + lean * -1, -2), -35 * side)
        z = (part.s - middle) / (54 * size)
        rho = np.sqrt((x / (29 * size)) ** 2 + (y / (22 * size)) ** 2 + z**2)
        sinus = np.sqrt(((x + side * 14) / 15) ** 2 + (y / 9) ** 2 + (1.9 * z) ** 2)
        part.paint((rho < 1) & (sinus > 1), Tissue.KIDNEY)


def paint_hips(canvas: Canvas, patient: Patient) -> None:
    """Paints the wings of the iliac bones, the muscles on their faces, the wings of the sacrum."""
    size = patient.size
    disc_s = spine_axis.axis(patient).disc_s
    crest = disc_s[4] + patient.iliac_crest_mm
    part = canvas.where(
        (canvas.s < crest + 4) & (np.abs(canvas.u) > 14) & (canvas.now() != Tissue.AIR)
    )
    if not part.u.size:
        return
    side, y = np.abs(part.u), -part.v
    depth = np.maximum(crest - part.s, 0)
    middle = np.array([92.0, 20.0]) * size
    forward = np.minimum(1.5 * depth, 62) * size
    backward = np.minimum(1.9 * depth, 68) * size
    along_x, along_y = shapes.turned(side, y, tuple(middle), 122)
    bow = 0.0035 * along_x**2
    past = np.maximum(along_x - backward, 0) + np.maximum(-along_x - forward, 0)
    thick = 4.0 + 3.5 * np.clip(along_x / 60, -0.3, 1) + 2.0 * np.exp(-depth / 10)
    plate = np.hypot(along_y + bow - 4, past) - thick * np.clip(depth / 6, 0, 1)
    fascia = _trunk(part, patient)[1]
    free = (part.now() == Tissue.DEEP_FAT) | (part.now() == Tissue.WALL_MUSCLE)
    muscle = (plate < np.where(along_y + bow > 4, 11, 20)) & (depth > 9) & (past < 2)
    part.paint(free & muscle & (fascia < -1), Tissue.WALL_MUSCLE)
    wing = shapes.capsule(side, y, (20 * size, 8 * size), (50 * size, 30 * size), (13, 12))
    wing = shapes.intersection(wing, part.s - disc_s[5] + 7 + 0.12 * side, blend=3.0)
    plate = np.maximum(np.where(depth > 0, plate, 9), fascia + 5)
    bone = np.minimum(plate, wing)
    part.paint(bone < 0, Tissue.CORTICAL_BONE)
    part.paint(bone < -1.5, Tissue.CANCELLOUS_BONE)
