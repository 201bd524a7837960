import pytest
from dicom_builders import PLANTED

from ct2mr_tf.imaging import mr_contrast
from ct2mr_tf.imaging.mr_contrast import Contrast


@pytest.mark.parametrize(
    ('description', 'echo', 'repetition', 'expected'),
    [
        ('t2_tse_tra', 102, 4000, True),
        ('AX FRFSE', 110, 3500, True),
        ('Ax T2 SPACE', 130, 1200, True),
        ('t2_tse_tra', 60, 1000, True),
        ('t2_tse_tra', 59, 4000, False),  # proton density, whatever its name
        ('t2_tse_tra', 102, 600, False),
        ('myelo haste', 900, 8000, False),
        ('t2 haste', 251, 8000, False),
        ('t1_tse_tra', 10, 600, False),
        ('t1_tse_tra', 100, 4000, False),
        ('STIR sag', 80, 4000, False),
        ('t2_tse_tra_fs', 102, 4000, False),
        ('t2 FatSat', 102, 4000, False),
        ('FAT: Ax T2 FSE Flex', 102, 4000, False),
        ('OutPhase: Ax T2 FSE Flex', 102, 4000, False),
        ('InPhase: Ax T2 FSE Flex', 102, 4000, True),
        ('t2* axial', 100, 4000, False),
        ('T2', None, 4000, True),
        ('T2W_TSE', None, None, True),
        ('axial', None, None, False),
        ('t20', None, None, False),
    ],
)
def test_the_rule(description, echo, repetition, expected):
    assert mr_contrast.is_t2_weighted(Contrast(description, echo, repetition)) == expected


@pytest.mark.parametrize(
    'other', [{'spin_echo': False}, {'inversion': True}, {'fat_suppressed': True}]
)
def test_other_sequences_are_not_t2_weighted(other):
    assert not mr_contrast.is_t2_weighted(Contrast('t2', 100, 4000, **other))


@pytest.mark.parametrize(
    ('description', 'expected'),
    [
        ('localizer', True),
        ('3-plane LOC', True),
        ('3Plane', True),
        ('Topogram  0.6', True),
        ('L-SPINE SCOUT', True),
        ('Surview', True),
        ('t2_tse_tra', False),
        ('lumbar block L4', False),
        ('local coil', False),
        ('', False),
    ],
)
def test_names_of_localizers(description, expected):
    assert mr_contrast.names_localizer(description) == expected


def test_only_words_of_protocols_are_safe():
    assert mr_contrast.safe_words(f'T2_TSE tra {PLANTED} L4-L5 4711 19600101 Müller') == (
        't2 tse tra l4 l5'
    )


def test_a_description_is_never_shown():
    assert PLANTED not in repr(Contrast(PLANTED, 100, 4000))
