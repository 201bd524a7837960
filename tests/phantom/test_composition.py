import numpy as np
import pytest

from ct2mr_tf.phantom import anatomy, composition, pairs
from ct2mr_tf.phantom import patient as patients
from ct2mr_tf.phantom.tissues import DISC, Tissue


@pytest.fixture(scope='module')
def slice_():
    patient = patients.create_patient(7)
    square = pairs.render_pair(patient, 'L4-5', 16).square
    return composition.compose(patient, composition.slab_of_square(square, 96, 3.0))


def test_shares_of_every_pixel_sum_to_one(slice_):
    assert slice_.shares.shape == (96, 96, len(Tissue))
    assert np.allclose(slice_.shares.sum(axis=-1), 1, atol=1e-5)
    assert slice_.shares.min() >= 0


def test_labels_are_the_tissue_at_the_pixels_centre_but_for_borders(slice_):
    labels = anatomy.tissue_labels(patients.create_patient(7), slice_.points)
    assert (labels == slice_.labels).mean() > 0.85


def test_borders_are_mixtures_and_discs_are_gradients(slice_):
    largest = slice_.shares.max(axis=-1)
    mixed = (largest < 0.9).mean()
    assert 0.1 < mixed < 0.7
    disc = slice_.shares[..., list(DISC)]
    row = disc[24, np.isin(slice_.labels[24], DISC), 0]
    # From annulus to nucleus no step is larger than a fifth.
    assert row.max() > 0.9
    assert np.abs(np.diff(row)).max() < 0.2


def test_the_nearest_disc_is_known(slice_):
    assert (slice_.segments == 4).all()


def test_a_thick_slice_mixes_more():
    patient = patients.create_patient(7)
    square = pairs.render_pair(patient, 'L4-5', 16).square
    thin, thick = (
        composition.compose(patient, composition.slab_of_square(square, 64, mm))
        for mm in (0.0, 12.0)
    )
    bone = Tissue.CORTICAL_BONE
    assert thick.shares[..., bone].astype(bool).sum() > thin.shares[..., bone].astype(bool).sum()


def test_blur_has_the_width_asked_for():
    point = np.zeros((81, 81), np.float32)
    point[40, 40] = 1
    spread = composition.blurred(point, fwhm_mm=4.0, pixel_mm=0.5)
    assert spread.sum() == pytest.approx(1, abs=1e-4)
    # 2 mm, half the full width, is 4 pixels from the peak.
    assert spread[40, 44] / spread[40, 40] == pytest.approx(0.5, abs=0.01)
