import dataclasses

import numpy as np
import pytest

from ct2mr_tf.imaging import crop
from ct2mr_tf.imaging.landmarks import LEVELS
from ct2mr_tf.phantom import anatomy, spine_axis
from ct2mr_tf.phantom import patient as patients
from ct2mr_tf.phantom.tissues import DISC, NAMES, SAC, Tissue


def _plane(patient, level, half_mm, step_mm, ahead_mm=0.0, up_mm=0.0):
    """Points [anterior, left, 3] of the level's plane, rows from back to front."""
    centre, normal = spine_axis.level_plane(patient, level)
    left, anterior = crop.plane_axes(normal)
    steps = np.arange(-half_mm, half_mm, step_mm)
    origin = centre + ahead_mm * anterior + up_mm * normal
    return origin + steps[:, None, None] * anterior + steps[None, :, None] * left


def test_every_tissue_has_a_name_of_its_own():
    assert set(NAMES) == set(Tissue)
    assert len(set(NAMES.values())) == len(Tissue) - 1
    assert NAMES[Tissue.DURA] == NAMES[Tissue.CEREBROSPINAL_FLUID]
    assert NAMES[Tissue.DISC_NUCLEUS] == 'disc nucleus'


def test_a_label_depends_on_its_point_alone():
    patient = patients.create_patient(3)
    points = _plane(patient, 'L4-5', 60, 1.3).reshape(-1, 3)
    whole = anatomy.tissue_labels(patient, points)
    order = np.random.default_rng(0).permutation(len(points))
    assert np.array_equal(anatomy.tissue_labels(patient, points[order]), whole[order])
    assert np.array_equal(anatomy.tissue_labels(patient, points[100:140]), whole[100:140])
    assert whole.dtype == np.uint8


def test_every_tissue_is_visible_at_l4_5():
    patient = patients.create_patient(1)
    near = anatomy.tissue_labels(patient, _plane(patient, 'L4-5', 60, 0.4))
    far = anatomy.tissue_labels(patient, _plane(patient, 'L4-5', 190, 1.5, ahead_mm=25))
    seen = set(np.unique(near)) | set(np.unique(far))
    # The kidneys end above this disc.
    assert {Tissue(label) for label in set(Tissue) - seen} == {Tissue.KIDNEY}
    high = anatomy.tissue_labels(patient, _plane(patient, 'L2-3', 190, 1.5, ahead_mm=25))
    assert Tissue.KIDNEY in high


@pytest.mark.parametrize('level', LEVELS)
@pytest.mark.parametrize('seed', [2, 11])
def test_landmarks_lie_on_the_labels(seed, level):
    patient = patients.create_patient(seed)
    points = anatomy.level_landmarks(patient, level)
    centre, normal = spine_axis.level_plane(patient, level)
    left, anterior = crop.plane_axes(normal)
    for point in points.stacked():
        assert abs((point - centre) @ normal) < 0.01
    assert anatomy.tissue_labels(patient, points.sac) in (*SAC, Tissue.NERVE_ROOT)
    # The sac ends at about the same distance to the left and to the right of its centre.
    steps = np.arange(0, 16, 0.1)
    reach = []
    for side in (-1, 1):
        labels = anatomy.tissue_labels(patient, points.sac + side * steps[:, None] * left)
        reach.append(steps[np.isin(labels, (*SAC, Tissue.NERVE_ROOT))].max())
    assert reach[0] == pytest.approx(reach[1], abs=4)
    # One step inwards from V, L and R is disc; from one step outwards on there is none.
    for point, outwards in (
        (points.ventral, anterior),
        (points.left, left),
        (points.right, -left),
    ):
        assert anatomy.tissue_labels(patient, point - 0.4 * outwards) in DISC
        beyond = anatomy.tissue_labels(patient, point + steps[5:, None] * outwards)
        assert not np.isin(beyond, DISC).any()


def test_the_patients_left_is_at_larger_x():
    patient = patients.create_patient(2)
    points = anatomy.level_landmarks(patient, 'L3-4')
    assert points.left[0] - points.right[0] > 35
    assert points.ventral[1] < points.sac[1] - 30


def test_discs_and_bodies_alternate_along_the_spine():
    patient = patients.create_patient(4)
    table = spine_axis.axis(patient)
    rows = (table.start + 0.25 * np.arange(len(table.centre)) <= table.disc_s[1]) & (
        table.start + 0.25 * np.arange(len(table.centre)) >= table.disc_s[5]
    )
    labels = anatomy.tissue_labels(patient, table.centre[rows])
    kinds = np.where(
        np.isin(labels, DISC), 'd', np.where(labels == Tissue.CANCELLOUS_BONE, 'b', '')
    )
    runs = ''.join(kinds)
    while 'dd' in runs or 'bb' in runs:
        runs = runs.replace('dd', 'd').replace('bb', 'b')
    assert runs == 'dbdbdbdbd'


def test_a_protrusion_presses_the_sac():
    patient = patients.create_patient(2)
    number = spine_axis.segment_number('L4-5')

    def with_protrusion(depth_mm):
        segments = list(patient.segments)
        segments[number] = dataclasses.replace(
            segments[number], protrusion_mm=depth_mm, protrusion_at_mm=0.0, protrusion_width_mm=4.0
        )
        return dataclasses.replace(patient, segments=tuple(segments))

    areas = []
    for depth_mm in (0.0, 3.0, 6.0):
        changed = with_protrusion(depth_mm)
        labels = anatomy.tissue_labels(changed, _plane(changed, 'L4-5', 40, 0.5))
        areas.append(np.isin(labels, SAC).sum())
    assert areas[0] > areas[1] > areas[2] > 0.3 * areas[0]


def test_more_fat_in_the_patient_is_more_fat_in_the_muscle():
    patient = patients.create_patient(2)
    shares = []
    for muscle_fat in (0.03, 0.15, 0.3):
        fatty = dataclasses.replace(patient, muscle_fat=muscle_fat)
        labels = anatomy.tissue_labels(fatty, _plane(fatty, 'L4-5', 70, 0.8))
        fat = (labels == Tissue.INTRAMUSCULAR_FAT).sum()
        shares.append(fat / (fat + (labels == Tissue.PARASPINAL_MUSCLE).sum()))
    assert shares[0] < 0.16
    assert shares[0] < shares[1] < shares[2]
