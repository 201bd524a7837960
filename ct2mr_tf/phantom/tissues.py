"""The tissues the phantom is made of: one number and one name each.

The numbers are what stands in a label map (uint8); the names are what evaluation reports by.
"""

import enum


class Tissue(enum.IntEnum):
    """Label number of every tissue; air, the outside of the body, is 0."""

    AIR = 0
    SKIN = 1
    SUBCUTANEOUS_FAT = 2
    DEEP_FAT = 3
    FASCIA = 4
    WALL_MUSCLE = 5
    PARASPINAL_MUSCLE = 6
    PSOAS = 7
    INTRAMUSCULAR_FAT = 8
    CORTICAL_BONE = 9
    CANCELLOUS_BONE = 10
    DISC_NUCLEUS = 11
    INNER_ANNULUS = 12
    OUTER_ANNULUS = 13
    JOINT_CARTILAGE = 14
    LIGAMENTUM_FLAVUM = 15
    LIGAMENT = 16
    EPIDURAL_FAT = 17
    DURA = 18
    CEREBROSPINAL_FLUID = 19
    NERVE_ROOT = 20
    ARTERY = 21
    VEIN = 22
    BOWEL_WALL = 23
    BOWEL_CONTENT = 24
    BOWEL_GAS = 25
    KIDNEY = 26


NAMES: dict[Tissue, str] = {
    Tissue.AIR: 'air',
    Tissue.SKIN: 'skin',
    Tissue.SUBCUTANEOUS_FAT: 'subcutaneous fat',
    Tissue.DEEP_FAT: 'retroperitoneal and intermuscular fat',
    Tissue.FASCIA: 'fascia',
    Tissue.WALL_MUSCLE: 'abdominal wall, hip and lumbar square muscle',
    Tissue.PARASPINAL_MUSCLE: 'erector spinae and multifidus',
    Tissue.PSOAS: 'psoas',
    Tissue.INTRAMUSCULAR_FAT: 'intramuscular fat',
    Tissue.CORTICAL_BONE: 'cortical bone and endplate',
    Tissue.CANCELLOUS_BONE: 'cancellous bone',
    Tissue.DISC_NUCLEUS: 'disc nucleus',
    Tissue.INNER_ANNULUS: 'inner annulus',
    Tissue.OUTER_ANNULUS: 'outer annulus',
    Tissue.JOINT_CARTILAGE: 'facet cartilage and fluid',
    Tissue.LIGAMENTUM_FLAVUM: 'ligamentum flavum',
    Tissue.LIGAMENT: 'interspinous and supraspinous ligament',
    Tissue.EPIDURAL_FAT: 'epidural and foraminal fat',
    # Thinner than a pixel, the dura has no grey of its own.
    Tissue.DURA: 'cerebrospinal fluid in the dura',
    Tissue.CEREBROSPINAL_FLUID: 'cerebrospinal fluid in the dura',
    Tissue.NERVE_ROOT: 'nerve roots and conus',
    Tissue.ARTERY: 'aorta and iliac arteries',
    Tissue.VEIN: 'vena cava and iliac veins',
    Tissue.BOWEL_WALL: 'bowel wall',
    Tissue.BOWEL_CONTENT: 'bowel content',
    Tissue.BOWEL_GAS: 'bowel gas',
    Tissue.KIDNEY: 'kidney',
}
"""The name of each tissue, as written in `truth/tissues.csv`."""

SAC = (Tissue.DURA, Tissue.CEREBROSPINAL_FLUID)
"""What the thecal sac is made of; the roots in it lie outside it too, so they do not mark it."""

DISC = (Tissue.DISC_NUCLEUS, Tissue.INNER_ANNULUS, Tissue.OUTER_ANNULUS)
"""What a disc is made of."""
