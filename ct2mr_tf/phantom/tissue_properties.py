"""What CT and MR see in each tissue: HU, proton density, T1 and T2."""

import dataclasses

from ct2mr_tf.phantom.tissues import Tissue

HU: dict[Tissue, float] = {
    Tissue.AIR: -1000,
    Tissue.SKIN: 30,
    Tissue.SUBCUTANEOUS_FAT: -105,
    Tissue.DEEP_FAT: -100,
    Tissue.FASCIA: 60,
    Tissue.WALL_MUSCLE: 55,
    Tissue.PARASPINAL_MUSCLE: 55,
    Tissue.PSOAS: 55,
    Tissue.INTRAMUSCULAR_FAT: -95,
    Tissue.CORTICAL_BONE: 800,
    Tissue.CANCELLOUS_BONE: 160,
    Tissue.DISC_NUCLEUS: 76,
    Tissue.INNER_ANNULUS: 84,
    Tissue.OUTER_ANNULUS: 92,
    Tissue.JOINT_CARTILAGE: 70,
    Tissue.LIGAMENTUM_FLAVUM: 66,
    Tissue.LIGAMENT: 70,
    Tissue.EPIDURAL_FAT: -98,
    Tissue.DURA: 45,
    Tissue.CEREBROSPINAL_FLUID: 14,
    Tissue.NERVE_ROOT: 38,
    Tissue.ARTERY: 42,
    Tissue.VEIN: 42,
    Tissue.BOWEL_WALL: 40,
    Tissue.BOWEL_CONTENT: 18,
    Tissue.BOWEL_GAS: -850,
    Tissue.KIDNEY: 32,
}
"""Mean CT number (HU) of each tissue at 120 kV without contrast medium.

- Air and water are the scale's fixed points; gas in the bowel is air blurred by its surroundings.
- Fat: -190 to -30, mean about -100 (Kvist et al., Am J Clin Nutr 1988;48:1351).
- Muscle without visible fat: 50 to 60 (Goodpaster et al., J Appl Physiol 2000;89:104, whose 35 to
  50 count the fat inside as well, which is a tissue of its own here).
- Cancellous bone: 226 +- 44 below 30 years, falling by 2.5 a year (Jang et al., Radiology
  2019;291:360); each patient has a value of its own, the table's is that of a middle age.
- Cortical bone: 800, the mean of thin shells as a clinical kernel shows them; solid compact bone
  reaches 1200 and more.
- Disc: 50 to 100, nucleus and annulus hardly apart; thecal sac 0 to 30 (textbook ranges of lumbar
  CT, Prokop and Galanski, Spiral and Multislice CT of the Body, 2003); ligamentum flavum, other
  ligaments, fascia and cartilage as dense collagen, 60 to 70.
- Blood 40 to 45, kidney 30, bowel wall 40, fluid content 10 to 20 (the same textbook).
- Skin, dura and nerve: soft tissue of 30 to 45, thinner than a pixel resolves; assumed.
"""


@dataclasses.dataclass(frozen=True)
class Relaxation:
    """How a tissue answers a spin echo at 1.5 T.

    Attributes:
        proton_density: of water and fat free enough to be seen, pure water being 1.
        t1_ms: longitudinal relaxation time.
        t2_ms: transverse relaxation time, as a fast spin echo sees it.
    """

    proton_density: float
    t1_ms: float
    t2_ms: float


RELAXATION: dict[Tissue, Relaxation] = {
    Tissue.AIR: Relaxation(0.0, 1000, 1),
    Tissue.SKIN: Relaxation(0.7, 900, 35),
    Tissue.SUBCUTANEOUS_FAT: Relaxation(0.9, 343, 145),
    Tissue.DEEP_FAT: Relaxation(0.9, 343, 140),
    Tissue.FASCIA: Relaxation(0.6, 900, 22),
    Tissue.WALL_MUSCLE: Relaxation(0.79, 1008, 44),
    Tissue.PARASPINAL_MUSCLE: Relaxation(0.79, 1008, 44),
    Tissue.PSOAS: Relaxation(0.79, 1008, 44),
    Tissue.INTRAMUSCULAR_FAT: Relaxation(0.9, 343, 135),
    Tissue.CORTICAL_BONE: Relaxation(0.15, 200, 5),
    Tissue.CANCELLOUS_BONE: Relaxation(0.75, 549, 84),
    Tissue.DISC_NUCLEUS: Relaxation(0.85, 1200, 108),
    Tissue.INNER_ANNULUS: Relaxation(0.78, 1000, 55),
    Tissue.OUTER_ANNULUS: Relaxation(0.7, 900, 36),
    Tissue.JOINT_CARTILAGE: Relaxation(0.85, 1100, 120),
    Tissue.LIGAMENTUM_FLAVUM: Relaxation(0.65, 900, 38),
    Tissue.LIGAMENT: Relaxation(0.65, 700, 45),
    Tissue.EPIDURAL_FAT: Relaxation(0.9, 343, 140),
    Tissue.DURA: Relaxation(0.6, 900, 30),
    Tissue.CEREBROSPINAL_FLUID: Relaxation(1.0, 4200, 1500),
    Tissue.NERVE_ROOT: Relaxation(0.75, 815, 77),
    Tissue.ARTERY: Relaxation(0.8, 1441, 290),
    Tissue.VEIN: Relaxation(0.8, 1441, 180),
    Tissue.BOWEL_WALL: Relaxation(0.75, 1000, 60),
    Tissue.BOWEL_CONTENT: Relaxation(0.9, 1500, 120),
    Tissue.BOWEL_GAS: Relaxation(0.0, 1000, 1),
    Tissue.KIDNEY: Relaxation(0.82, 1100, 87),
}
"""Relaxation of each tissue at 1.5 T.

- Muscle, nerve (optic nerve), blood: Stanisz et al., Magn Reson Med 2005;54:507 (muscle 1008 and
  44 ms, optic nerve 815 and 77, blood 1441 and 290; venous blood, less oxygenated, decays faster).
- Fat, marrow, kidney: T1 of subcutaneous fat 343 ms, marrow of L4 549 ms, T2 of the kidney 87 ms
  (de Bazelaire et al., Radiology 2004;230:652). The T2 of fat and marrow is longer here than their
  58 and 49 ms by single echoes: the closely spaced refocusing pulses of a fast spin echo undo the
  J-coupling, which is why fat is bright on it (Henkelman et al., J Magn Reson Imaging 1992;2:533).
- Disc: T2 in 479 discs, as in `signal`, where each disc has a value of its own.
- Cerebrospinal fluid: T1 4200 ms, T2 above 1500 ms at 1.5 T.
- Joint: a mixture of cartilage (T2 30 to 45 ms, Stanisz) and fluid (above 500 ms).
- Cortical bone, ligament, fascia, dura, ligamentum flavum, skin: bound water of short T2, black or
  nearly so at TE 100; the flavum, four fifths elastin, is the brightest of them. Assumed.
- Interspinous ligament: collagen streaked with fat. Bowel wall and content: assumed.
- Proton density: water content (Woodard and White, Br J Radiol 1986;59:1209) less what is bound.
"""
