import numpy as np
import pytest

from ct2mr_tf.phantom import scanning
from ct2mr_tf.phantom.cohort import Member
from ct2mr_tf.phantom.study_plan import StudyOptions, plan_studies
from ct2mr_tf.phantom.tissues import DISC, Tissue


@pytest.fixture(scope='module')
def plan():
    options = StudyOptions(ct_matrix=48, ct_step_mm=3.0, mr_matrix=64, position='HFS')
    return plan_studies(Member(1, 5, ('L4-5',)), options)


@pytest.fixture(scope='module')
def packet(plan):
    return scanning.take_packet(plan, 'L4-5')


def test_the_middle_of_a_packet_shows_the_disc_and_its_ends_do_not(packet):
    disc = [np.isin(slice_.labels, DISC).sum() for slice_ in packet.slices]
    assert disc[packet.middle] == max(disc) > 100
    bone = [(slice_.labels == Tissue.CANCELLOUS_BONE).sum() for slice_ in packet.slices]
    assert bone[packet.middle] < min(bone[0], bone[-1])


def test_stored_values_are_those_of_a_scanner(packet):
    stored = packet.stored
    assert stored.shape == (len(packet.geometry), 64, 64)
    assert stored.dtype == np.float32
    assert np.array_equal(stored, np.rint(stored))
    assert stored.min() >= 0
    assert 500 < np.percentile(stored, 99) <= 4095


def test_slices_have_noise_of_their_own(plan):
    geometry = plan.localizers()[0]
    first, again, other = (scanning.take_overview(plan, geometry, n) for n in (100, 100, 101))
    assert np.array_equal(first, again)
    assert (first != other).mean() > 0.5
    # The patient is the same.
    assert np.corrcoef(first.ravel(), other.ravel())[0, 1] > 0.99


def test_a_sagittal_picture_shows_discs_and_bodies_one_above_the_other(plan):
    geometry = plan.sagittal()
    pictures = scanning.take_overview(plan, geometry, 200)
    middle = len(geometry) // 2
    centres = [plan.mr.to_frame(np.array([0.0, y, 0.0])) for y in (0.0, 25.0)]
    rows, columns = np.rint(geometry.to_pixels(middle, np.array(centres))).astype(int).T
    assert pictures.shape == (5, 32, 32)
    # Head up, front on the left: the sac, bright, lies right of the disc.
    assert columns[1] > columns[0]
    sac = pictures[middle, rows[0], columns[1] - 1 : columns[1] + 2].max()
    assert sac > 1.2 * pictures[middle, rows[0], columns[0]]


def test_the_ct_holds_air_fat_and_bone(plan):
    hu = scanning.ct_hu(plan)
    geometry = plan.ct_volume()
    assert hu.shape == (len(geometry), 48, 48)
    assert hu.dtype == np.float32
    assert hu.min() < -900
    assert hu.max() > 400
    assert np.array_equal(hu, scanning.ct_hu(plan))
