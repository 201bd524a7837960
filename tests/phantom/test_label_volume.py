import numpy as np
import pytest
from scipy import ndimage

from ct2mr_tf.phantom import anatomy, label_volume
from ct2mr_tf.phantom import patient as patients
from ct2mr_tf.phantom.tissues import Tissue

SHAPE = (7, 40, 51)
STEPS = np.array([[0, 0, 1.5], [0, 0.9, 0], [0.9, 0, 0.0]])
ORIGIN = np.array([-23.0, -30.0, -38.0])
"""A volume about the disc L4-5, of odd and even sizes."""


@pytest.fixture(scope='module')
def patient():
    return patients.create_patient(4)


@pytest.fixture(scope='module')
def volume(patient):
    return label_volume.label_volume(patient, SHAPE, ORIGIN, STEPS)


def read(patient, volume, offset=(0.0, 0.0, 0.0)):
    """Labels of every voxel, one by one, at an offset in voxels."""
    indices = np.moveaxis(np.indices(SHAPE), 0, -1)
    return anatomy.tissue_labels(patient, volume.points(indices + np.array(offset)))


def test_voxels_lie_where_origin_and_steps_say(volume):
    assert np.allclose(volume.points(np.array([2, 10, 20])), ORIGIN + [18, 9, 3])
    assert (volume.step_mm, volume.pixel_mm) == (1.5, 0.9)


def test_nearly_all_soft_tissue_is_what_is_read_at_the_middle_of_its_voxel(patient, volume):
    expected = read(patient, volume)
    near_bone = ndimage.binary_dilation(np.isin(expected, label_volume.BONE), np.ones((5, 5, 5)))
    for reading in volume.labels:
        assert (reading != expected)[~near_bone].mean() < 0.01
    # Not because there is little to get wrong.
    assert (np.diff(expected, axis=2) != 0).mean() > 0.05


def test_surfaces_of_bone_are_read_twice(patient, volume):
    surface = read(patient, volume) == Tissue.CORTICAL_BONE
    odd = np.indices(SHAPE).sum(axis=0) % 2
    for number, reading in enumerate(volume.labels):
        even_labels, odd_labels = (
            read(patient, volume, offsets[number]) for offsets in label_volume.OFFSETS
        )
        expected = np.where(odd, odd_labels, even_labels)
        assert (reading != expected)[surface].mean() < 0.02
    first, second = volume.labels
    assert 0.1 < (first != second)[surface].mean() < 0.9


def test_work_done_in_parts_is_the_same(patient, volume, monkeypatch):
    monkeypatch.setattr(label_volume, 'SLICES_AT_ONCE', 2)
    again = label_volume.label_volume(patient, SHAPE, ORIGIN, STEPS)
    assert np.array_equal(again.labels, volume.labels)


def test_one_voxel_is_a_volume(patient):
    one = label_volume.label_volume(patient, (1, 1, 1), np.zeros(3), STEPS)
    assert one.labels.shape == (2, 1, 1, 1)
