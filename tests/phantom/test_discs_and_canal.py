import numpy as np
import pytest
from spine_points import canvas_at, plane

from ct2mr_tf.phantom import discs_and_canal, spine_axis, vertebrae
from ct2mr_tf.phantom import patient as patients
from ct2mr_tf.phantom.tissues import DISC, SAC, Tissue


@pytest.fixture(scope='module')
def patient():
    return patients.create_patient(2)


@pytest.fixture(scope='module')
def disc_s(patient):
    return spine_axis.axis(patient).disc_s


def test_a_disc_is_nucleus_in_inner_in_outer_annulus(patient, disc_s):
    segment = patient.segments[3]
    u = np.arange(-40.0, 40.0, 0.1)
    canvas = canvas_at(patient, u, 0.0, disc_s[3])
    discs_and_canal.paint_disc(canvas, patient, 3)
    runs = canvas.labels[np.flatnonzero(np.diff(canvas.labels.astype(int), prepend=-1))]
    nucleus, inner, outer = DISC
    assert runs.tolist() == [0, outer, inner, nucleus, inner, outer, 0]
    width = 2 * (segment.half_width_mm + segment.bulge_mm)
    assert np.ptp(u[np.isin(canvas.labels, DISC)]) == pytest.approx(width, abs=0.5)
    share = np.ptp(u[canvas.labels == nucleus]) / (2 * segment.half_width_mm)
    assert share == pytest.approx(0.6 * (1 - 0.12 * segment.degeneration), abs=0.02)


def test_a_disc_is_as_high_as_its_segment_says(patient, disc_s):
    s = np.arange(disc_s[3] - 15, disc_s[3] + 15, 0.1)
    canvas = canvas_at(patient, 0.0, 0.0, s)
    discs_and_canal.paint_disc(canvas, patient, 3)
    height = np.isin(canvas.labels, DISC).sum() * 0.1
    assert height == pytest.approx(1.06 * patient.segments[3].disc_height_mm, abs=0.3)


def test_the_sac_lies_behind_the_disc_and_holds_the_roots(patient, disc_s):
    segment = patient.segments[2]
    canvas, shape = plane(patient, disc_s[2], half_mm=45, step_mm=0.25)
    discs_and_canal.paint_sac(canvas, patient)
    labels = canvas.labels.reshape(shape)
    v = 45 - 0.25 * np.arange(shape[0])
    sac = np.isin(labels, (*SAC, Tissue.NERVE_ROOT))
    rows, columns = np.nonzero(sac)
    half_depth = vertebrae.half_depth(patient, canvas.t[:1])[0]
    behind = -v[rows] - half_depth
    assert behind.min() > 0
    assert behind.mean() == pytest.approx(segment.sac_distance_mm, abs=2.5)
    assert abs(columns.mean() * 0.25 - 45) < 1.5
    area = sac.sum() * 0.25**2
    free = np.pi * segment.sac_half_width_mm * segment.sac_half_depth_mm
    assert 0.5 * free < area < 1.05 * free
    # Roots gather at the back, and the dura is outermost.
    roots = labels == Tissue.NERVE_ROOT
    assert -v[np.nonzero(roots)[0]].mean() - half_depth > behind.mean() + 1
    edge = sac & ~(np.roll(sac, 1, 0) & np.roll(sac, -1, 0))
    assert (labels[edge] == Tissue.DURA).all()


def test_most_strands_have_left_the_sac_at_l5_s1(patient, disc_s):
    areas = []
    for number in (3, 5):
        canvas, _ = plane(patient, disc_s[number], half_mm=45, step_mm=0.25)
        discs_and_canal.paint_sac(canvas, patient)
        areas.append((canvas.labels == Tissue.NERVE_ROOT).sum())
    assert 0 < areas[1] < 0.8 * areas[0]


def test_the_flava_are_a_v_that_opens_to_the_front(patient, disc_s):
    canvas, shape = plane(patient, disc_s[3], half_mm=50, step_mm=0.5)
    discs_and_canal.paint_ligaments(canvas, patient, 3)
    flavum = (canvas.labels == Tissue.LIGAMENTUM_FLAVUM).reshape(shape)
    rows = np.flatnonzero(flavum.any(axis=1))
    spread = [np.ptp(np.flatnonzero(flavum[row])) for row in (rows[2], rows[-3])]
    assert spread[0] > 3 * spread[1]
    assert np.array_equal(flavum, flavum[:, ::-1])


def test_roots_outside_the_sac_lie_in_fat_only(patient, disc_s):
    for tissue, found in ((Tissue.EPIDURAL_FAT, True), (Tissue.CORTICAL_BONE, False)):
        canvas, _ = plane(patient, disc_s[3], half_mm=50, tissue=tissue)
        discs_and_canal.paint_exiting_roots(canvas, patient, 3)
        assert (Tissue.NERVE_ROOT in canvas.labels) == found
