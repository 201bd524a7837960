import numpy as np
import pytest
from spine_points import canvas_at, plane

from ct2mr_tf.phantom import patient as patients
from ct2mr_tf.phantom import spine_axis, vertebrae
from ct2mr_tf.phantom.tissues import Tissue

BONE = (Tissue.CORTICAL_BONE, Tissue.CANCELLOUS_BONE)


@pytest.fixture(scope='module')
def patient():
    return patients.create_patient(2)


@pytest.fixture(scope='module')
def disc_s(patient):
    return spine_axis.axis(patient).disc_s


def test_tables_are_read_linearly_and_end_in_their_ends():
    t = np.array([-1.0, 0.0, 0.25, 1.0, 5.5, 6.0, 9.0], np.float32)
    values = (1.0, 2.0, 4.0, 3.0, 0.0, -5.0, 7.0)
    expected = np.interp(t, np.arange(7), values)
    assert np.allclose(vertebrae.along(t, values), expected, atol=1e-6)
    columns = vertebrae.columns_along(t, np.array([values, values[::-1]]))
    assert np.allclose(columns, [expected, np.interp(t, np.arange(7), values[::-1])], atol=1e-6)


def test_a_body_is_spongy_bone_in_a_shell(patient, disc_s):
    middle = (disc_s[3] + disc_s[4]) / 2
    u = np.arange(-40.0, 40.0, 0.1)
    canvas = canvas_at(patient, u, 0.0, middle)
    vertebrae.paint_body(canvas, patient, 4)
    bone = np.isin(canvas.labels, BONE)
    segments = patient.segments[3:5]
    width = sum(segment.half_width_mm for segment in segments)
    # The waist is up to 2.4 mm narrower on each side than the endplates.
    assert width - 5.2 * patient.size < np.ptp(u[bone]) < width
    shell = (canvas.labels == Tissue.CORTICAL_BONE).sum() * 0.1 / 2
    assert shell == pytest.approx(vertebrae.SHELL_MM, abs=0.25)
    assert (canvas.labels[np.abs(u) < 15] == Tissue.CANCELLOUS_BONE).all()


def test_bodies_end_where_discs_begin(patient, disc_s):
    s = np.arange(disc_s[4], disc_s[3], 0.1)
    canvas = canvas_at(patient, 0.0, 0.0, s)
    vertebrae.paint_body(canvas, patient, 4)
    bone = s[np.isin(canvas.labels, BONE)]
    # In the middle a disc is 1.06 of its height: endplates are hollow.
    lower, upper = patient.segments[4], patient.segments[3]
    assert bone.min() - disc_s[4] == pytest.approx(0.53 * lower.disc_height_mm, abs=0.2)
    assert disc_s[3] - bone.max() == pytest.approx(0.53 * upper.disc_height_mm, abs=0.2)


def test_joints_lie_on_both_sides_at_the_height_of_the_disc(patient, disc_s):
    segment = patient.segments[4]
    canvas, shape = plane(patient, disc_s[4], step_mm=0.4)
    vertebrae.paint_arch(canvas, patient, 4)
    vertebrae.paint_arch(canvas, patient, 5)
    cartilage = (canvas.labels == Tissue.JOINT_CARTILAGE).reshape(shape)
    columns = np.flatnonzero(cartilage.any(axis=0)) * 0.4 - 60
    for side, (low, high) in enumerate([(-60, 0), (0, 60)]):
        found = columns[(columns > low) & (columns < high)]
        assert np.abs(found).mean() == pytest.approx(segment.joint_mm[side], abs=5)
    # Bone on either side of each joint: it faces outwards and inwards.
    bone = np.isin(canvas.labels, BONE).reshape(shape)
    row = np.flatnonzero(cartilage.any(axis=1)).mean().astype(int)
    places = np.flatnonzero(cartilage[row])
    assert bone[row, places.min() - 8 : places.min()].any()
    assert bone[row, places.max() + 1 : places.max() + 9].any()


def test_an_arch_leaves_the_canal_open(patient, disc_s):
    middle = (disc_s[3] + disc_s[4]) / 2 + 6.5
    canvas, shape = plane(patient, middle, step_mm=0.5)
    vertebrae.paint_body(canvas, patient, 4)
    vertebrae.paint_arch(canvas, patient, 4)
    bone = np.isin(canvas.labels, BONE).reshape(shape)
    half_depth = vertebrae.half_depth(patient, canvas.t[:1])[0]
    row = int((60 + half_depth + 8) / 0.5)
    # Pedicle, canal, pedicle.
    across = bone[row, 60:181]
    assert not across[50:71].any()
    assert across[:45].any()
    assert across[76:].any()
