"""Who the patient is: the numbers a lumbar patient is drawn from, and how they are drawn.

A `Patient` holds numbers only, no pictures. Everything else in this room is a function of it: the
same patient gives the same labels at the same points in any process, in any order.
"""

import dataclasses

import numpy as np

from ct2mr_tf.imaging.landmarks import LEVELS
from ct2mr_tf.phantom import bowel

SEGMENT_NAMES = ('T12-L1', *LEVELS, 'S1-2')
"""All modelled discs, from head to foot: one more at each end, so that volumes go on there."""

DISC_HEIGHT_MM = (7.5, 8.5, 10.0, 11.0, 11.8, 11.0, 1.6)
"""Mid-disc height of a healthy adult at each segment (lower three: Zhou et al., Eur Spine
J 2000;9:242)."""

PITCH_MM = (34.5, 35.5, 36.5, 37.5, 38.5, 33.0)
"""Distance between the centres of neighbouring discs: vertebral height plus disc height."""

TILT_DEG = (-13.0, -12.0, -10.0, -4.0, 8.0, 26.0, 44.0)
"""Tilt of each mid-disc plane, positive where it falls towards the front. From T12-L1 to L5-S1 they
differ by 39 degrees; of 627 healthy people the lordosis T12-S1 was 36.8 +- 13.2 lying (Asian Spine
J, PMC6680033)."""

BODY_HALF_WIDTH_MM = (20.5, 21.5, 22.5, 23.5, 25.0, 25.5, 21.0)
"""Half the width of the endplates (Zhou et al. 2000; Panjabi et al., Spine 1992;17:299)."""

BODY_HALF_DEPTH_MM = (15.2, 16.0, 16.6, 17.0, 17.3, 17.0, 13.0)
"""Half the front-to-back depth of the endplates (same sources)."""

CONCAVITY_MM = (1.6, 1.7, 1.6, 1.2, 0.3, -1.2, 0.0)
"""How far the back of the disc is drawn in at its middle: concave at L1-4 in over 90 % of adults,
flat or convex below in over 85 % (Lee, Yang and Bahk, J Korean Radiol Soc 1984;20:391)."""

SAC_HALF_WIDTH_MM = (8.8, 8.8, 8.7, 8.6, 8.3, 7.0, 5.0)
"""Half the width of the thecal sac."""

SAC_HALF_DEPTH_MM = (7.4, 7.4, 7.2, 7.0, 6.7, 5.8, 4.2)
"""Half the front-to-back depth of the thecal sac."""

SAC_DISTANCE_MM = (8.1, 8.1, 7.9, 7.8, 7.7, 9.4, 8.5)
"""From the back of the disc to the middle of the sac: fat lies between them at L5-S1."""

FACET_ANGLE_DEG = (20.0, 24.0, 30.0, 38.0, 46.0, 53.0, 53.0)
"""Angle of the facet joints to the sagittal plane (Masharawi et al., Spine 2004;29:1755, means)."""

JOINT_MM = (12.5, 13.5, 15.0, 17.0, 19.5, 22.5, 22.0)
"""From the midline to the middle of the facet joints."""

JOINT_RADIUS_MM = (7.4, 7.8, 8.4, 9.2, 10.0, 10.6, 8.0)
"""Radius of curvature of the facet joints."""

FAT_RISE = (0.0, 0.0, 0.02, 0.05, 0.10, 0.16, 0.18)
"""By how much the share of fat in the back muscles exceeds that at L1-2 at each segment."""


@dataclasses.dataclass(frozen=True)
class Segment:
    """One disc with the joints and ligaments at its height. Pairs are (right, left).

    Attributes:
        disc_height_mm: height at its middle.
        half_width_mm: half the endplates' width.
        half_depth_mm: half the endplates' depth.
        concavity_mm: how far the back of the disc is drawn in (negative: it bulges).
        degeneration: what CT can see of it, 0 (none) to 1 (severe).
        bulge_mm: how far the disc stands out all round.
        protrusion_mm: depth of a focal protrusion, 0 where there is none.
        protrusion_at_mm: its place, from the midline towards the patient's left.
        protrusion_width_mm: its standard deviation along the disc's back.
        osteophyte_mm: how far the rims of the endplates stand out.
        facet_angle_deg: angle of each joint to the sagittal plane.
        joint_mm: from the midline to the middle of each facet joint.
        joint_radius_mm: radius of curvature of the joints.
        joint_gap_mm: width of each joint, cartilage and fluid.
        facet_growth: hypertrophy of the joints, 0 (none) to 1 (severe).
        flavum_mm: thickness of the ligamentum flavum.
        sac_half_width_mm: half the sac's width where nothing presses on it.
        sac_half_depth_mm: half its depth.
        sac_distance_mm: from the back of the disc to its middle.
        sac_corner: how triangular it is, 0 (oval) to 0.12.
    """

    disc_height_mm: float
    half_width_mm: float
    half_depth_mm: float
    concavity_mm: float
    degeneration: float
    bulge_mm: float
    protrusion_mm: float
    protrusion_at_mm: float
    protrusion_width_mm: float
    osteophyte_mm: float
    facet_angle_deg: tuple[float, float]
    joint_mm: tuple[float, float]
    joint_radius_mm: float
    joint_gap_mm: tuple[float, float]
    facet_growth: float
    flavum_mm: float
    sac_half_width_mm: float
    sac_half_depth_mm: float
    sac_distance_mm: float
    sac_corner: float


@dataclasses.dataclass(frozen=True)
class Patient:
    """One patient. Lengths in mm, angles in degrees; `size` scales all tables of lengths.

    Attributes:
        seed: what the patient was drawn from; also seeds the fine texture of its tissues.
        age: years; fat, degeneration and bone density follow it.
        size: body size, 1 for the tables' adult.
        segments: seven, from head to foot (see SEGMENT_NAMES).
        pitch_mm: six distances between neighbouring disc centres.
        tilt_deg: seven tilts of the mid-disc planes, positive where they fall to the front.
        rotation_deg: (at the top, at the bottom) turn of the spine about its axis, positive
            where the front turns to the patient's left.
        side_bend_mm: how far the middle of the lumbar spine lies to the left of its ends.
        muscle: size of the muscles, 1 for the tables' adult.
        muscle_fat: share of fat in the multifidus at L1-2; more below (see FAT_RISE).
        fat_asymmetry: difference of that share, left minus right.
        subcutaneous_mm: thickness of the fat under the skin of the back.
        trunk_half_width_mm: half the width of the trunk inside that fat.
        trunk_depth_mm: its depth from the front to the fascia of the back.
        bifurcation: where the aorta divides, as a segment number (4 is L4-5).
        iliac_crest_mm: height of the iliac crests above the disc L4-5.
        cancellous_hu: mean density of the spongy bone of the bodies, HU.
        spinous_length_mm: length of the spinous processes.
        spinous_drop_mm: how far their roots reach below the middle of their vertebra: to the disc
            or not quite, so that a slice shows the process or the ligament between two.
        loops: the bowel.
    """

    seed: int
    age: float
    size: float
    segments: tuple[Segment, ...]
    pitch_mm: tuple[float, ...]
    tilt_deg: tuple[float, ...]
    rotation_deg: tuple[float, float]
    side_bend_mm: float
    muscle: float
    muscle_fat: float
    fat_asymmetry: float
    subcutaneous_mm: float
    trunk_half_width_mm: float
    trunk_depth_mm: float
    bifurcation: float
    iliac_crest_mm: float
    cancellous_hu: float
    spinous_length_mm: float
    spinous_drop_mm: float
    loops: tuple[bowel.Loop, ...]

    def __hash__(self) -> int:
        """Of the seed alone: tables are looked up by patient many times a picture."""
        return hash(self.seed)


def create_patient(seed: int) -> Patient:
    """Draws a patient: the same seed gives the same patient, whatever was drawn before.

    Args:
        seed: any non-negative integer.

    Returns:
        The patient, 23 to 85 years old as those of Lee et al. (2020).
    """
    rng = np.random.default_rng([seed, 0])
    age = float(rng.uniform(23, 85))
    years = (age - 23) / 62
    size = float(np.clip(rng.normal(1, 0.055), 0.87, 1.13))
    stout = float(rng.beta(2.2, 3))
    lordosis = rng.uniform(0.75, 1.2)
    tilt_shift = rng.normal(0, 2)
    trunk_half_width_mm = size * (116 + 30 * stout)
    trunk_depth_mm = size * (146 + 75 * stout)
    return Patient(
        seed=seed,
        age=age,
        size=size,
        segments=tuple(_draw_segment(rng, number, size, years) for number in range(7)),
        pitch_mm=tuple(size * pitch for pitch in PITCH_MM),
        tilt_deg=tuple(float(lordosis * tilt + tilt_shift) for tilt in TILT_DEG),
        rotation_deg=(float(rng.normal(0, 2)), float(rng.normal(0, 2))),
        side_bend_mm=float(rng.normal(0, 2.5)),
        muscle=float(np.clip(rng.normal(1.04 - 0.12 * years, 0.06), 0.82, 1.18)),
        muscle_fat=float(
            np.clip(0.03 + 0.22 * years * rng.beta(2, 2) + rng.gamma(1.5, 0.02), 0, 0.4)
        ),
        fat_asymmetry=float(rng.normal(0, 0.02)),
        subcutaneous_mm=float(6 + 38 * stout * rng.uniform(0.6, 1.1)),
        trunk_half_width_mm=trunk_half_width_mm,
        trunk_depth_mm=trunk_depth_mm,
        bifurcation=float(np.clip(rng.normal(3.75, 0.15), 3.4, 4.1)),
        iliac_crest_mm=float(rng.normal(2, 5)),
        cancellous_hu=float(np.clip(rng.normal(226 - 150 * years, 35), 60, 300)),
        spinous_length_mm=size * float(rng.uniform(23, 29)),
        spinous_drop_mm=size * float(rng.uniform(10, 21)),
        loops=bowel.draw_loops(rng, trunk_half_width_mm, trunk_depth_mm),
    )


def _draw_segment(rng: np.random.Generator, number: int, size: float, years: float) -> Segment:
    """Draws the segment of that number; degeneration grows with age and towards the sacrum."""
    low = (0.0, 0.0, 0.05, 0.1, 0.25, 0.22, 0.0)[number]
    mean = np.clip(0.08 + 0.5 * years + low, 0.05, 0.9)
    degeneration = float(rng.beta(4 * mean, 4 * (1 - mean)))
    growth = float(np.clip(degeneration * rng.uniform(0.4, 1.2), 0, 1))
    protrudes = rng.random() < 0.45 * degeneration
    narrow = size * float(np.clip(rng.normal(1, 0.07), 0.84, 1.15))
    angle = FACET_ANGLE_DEG[number] + rng.normal(0, 4)
    joint = size * JOINT_MM[number] * rng.normal(1, 0.04) + rng.normal(0, 0.7, 2)
    gap = np.clip(1.3 + 0.6 * (1 - growth) + rng.normal(0, 0.25, 2), 0.8, 2.8)
    return Segment(
        disc_height_mm=size * DISC_HEIGHT_MM[number] * (1.05 - 0.5 * degeneration),
        half_width_mm=size * BODY_HALF_WIDTH_MM[number] * float(rng.normal(1, 0.025)),
        half_depth_mm=size * BODY_HALF_DEPTH_MM[number] * float(rng.normal(1, 0.025)),
        concavity_mm=CONCAVITY_MM[number] + float(rng.normal(0, 0.4)),
        degeneration=degeneration,
        bulge_mm=0.3 + 2.6 * degeneration * float(rng.uniform(0.4, 1.1)),
        protrusion_mm=float(rng.uniform(2, 5.5)) if protrudes else 0.0,
        protrusion_at_mm=float(rng.normal(0, 5)),
        protrusion_width_mm=float(rng.uniform(3, 5.5)),
        osteophyte_mm=3.2 * float(np.clip(degeneration * rng.uniform(0.3, 1.3) - 0.15, 0, 1)),
        facet_angle_deg=(float(angle + rng.normal(0, 3)), float(angle + rng.normal(0, 3))),
        joint_mm=(float(joint[0]), float(joint[1])),
        joint_radius_mm=size * JOINT_RADIUS_MM[number] * float(rng.normal(1, 0.08)),
        joint_gap_mm=(float(gap[0]), float(gap[1])),
        facet_growth=growth,
        flavum_mm=size * (2.9 + 2.4 * growth * float(rng.uniform(0.6, 1.2))),
        sac_half_width_mm=SAC_HALF_WIDTH_MM[number] * narrow,
        sac_half_depth_mm=SAC_HALF_DEPTH_MM[number] * narrow,
        sac_distance_mm=size * SAC_DISTANCE_MM[number],
        sac_corner=float(np.clip(0.015 * number + rng.normal(0.01, 0.02), 0, 0.12)),
    )
