import dataclasses

import numpy as np
import pytest
from scipy import ndimage
from spine_points import canvas_at, plane

from ct2mr_tf.phantom import patient as patients
from ct2mr_tf.phantom import soft_tissue, spine_axis
from ct2mr_tf.phantom.tissues import Tissue


@pytest.fixture(scope='module')
def patient():
    return patients.create_patient(2)


@pytest.fixture(scope='module')
def disc_s(patient):
    return spine_axis.axis(patient).disc_s


def test_layers_of_the_side_from_outside_to_inside(patient, disc_s):
    u = np.arange(230.0, 60.0, -0.2)
    canvas = canvas_at(patient, u, 45.0, disc_s[3])
    soft_tissue.paint_trunk(canvas, patient)
    first = {
        Tissue(label): np.flatnonzero(canvas.labels == label)[0] for label in set(canvas.labels)
    }
    layers = (
        Tissue.AIR, Tissue.SKIN, Tissue.SUBCUTANEOUS_FAT, Tissue.WALL_MUSCLE, Tissue.DEEP_FAT
    )  # fmt: skip
    places = [first[layer] for layer in layers]
    assert places == sorted(places)
    assert canvas.labels[-1] == Tissue.DEEP_FAT


def test_the_skin_is_as_thick_as_it_should_be(patient, disc_s):
    v = np.arange(-60.0, -190.0, -0.1)
    canvas = canvas_at(patient, 60.0, v, disc_s[3])
    soft_tissue.paint_trunk(canvas, patient)
    # Behind, skin is crossed nearly at right angles.
    skin = (canvas.labels == Tissue.SKIN).sum() * 0.1
    assert skin == pytest.approx(soft_tissue.SKIN_MM, abs=0.6)


@pytest.mark.parametrize(('level', 'arteries'), [(2, 1), (5, 2)])
def test_the_aorta_divides_in_two(patient, disc_s, level, arteries):
    canvas, shape = plane(patient, disc_s[level], half_mm=80)
    soft_tissue.paint_vessels(canvas, patient)
    artery = (canvas.labels == Tissue.ARTERY).reshape(shape)
    _, count = ndimage.label(artery)
    assert count == arteries
    if arteries == 1:
        # In front of the spine, left of its middle; the vena cava on the right.
        vein = (canvas.labels == Tissue.VEIN).reshape(shape)
        assert np.nonzero(artery)[1].mean() > 80 > np.nonzero(vein)[1].mean()


def test_psoas_lies_beside_the_body_on_both_sides(patient, disc_s):
    canvas, shape = plane(patient, disc_s[4], half_mm=80, tissue=Tissue.DEEP_FAT)
    soft_tissue.paint_psoas(canvas, patient)
    psoas = (canvas.labels == Tissue.PSOAS).reshape(shape)
    columns = np.nonzero(psoas)[1] - 80
    edge = patient.segments[4].half_width_mm
    assert columns[columns > 0].mean() > edge
    assert columns[columns < 0].mean() < -edge
    assert not psoas[:, 70:91].any()
    # Muscle runs into fat only.
    canvas, _ = plane(patient, disc_s[4], half_mm=80, tissue=Tissue.KIDNEY)
    soft_tissue.paint_psoas(canvas, patient)
    assert (canvas.labels == Tissue.KIDNEY).all()


def test_a_fatter_patient_has_more_fat_between_skin_and_fascia(patient, disc_s):
    shares = []
    for subcutaneous_mm in (10.0, 30.0):
        other = dataclasses.replace(patient, subcutaneous_mm=subcutaneous_mm)
        canvas = canvas_at(other, 60.0, np.arange(-60.0, -190.0, -0.1), disc_s[3])
        soft_tissue.paint_trunk(canvas, other)
        shares.append((canvas.labels == Tissue.SUBCUTANEOUS_FAT).sum() * 0.1)
    assert shares[1] - shares[0] == pytest.approx(20, abs=4)


def test_kidneys_end_above_the_lower_discs(patient, disc_s):
    found = []
    for number in (1, 4):
        canvas, _ = plane(patient, disc_s[number], half_mm=120, step_mm=2, tissue=Tissue.DEEP_FAT)
        soft_tissue.paint_kidneys(canvas, patient)
        found.append(Tissue.KIDNEY in canvas.labels)
    assert found == [True, False]


def test_hips_begin_at_the_crests(patient, disc_s):
    crest = disc_s[4] + patient.iliac_crest_mm
    for height, found in ((6.0, False), (-15.0, True)):
        canvas, _ = plane(
            patient, crest + height, half_mm=120, step_mm=2, tissue=Tissue.WALL_MUSCLE
        )
        soft_tissue.paint_hips(canvas, patient)
        assert (Tissue.CANCELLOUS_BONE in canvas.labels) == found
