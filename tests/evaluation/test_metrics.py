"""Metrics: by hand, against scikit-image and TensorFlow, and the paper's PSNR convention."""

import math

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies
from hypothesis.extra import numpy as numpy_strategies
from skimage import measure
from skimage import metrics as reference

from ct2mr_tf.evaluation.metrics import (
    METRICS,
    PAPER_PSNR_OFFSET_DB,
    slice_metrics,
    to_grey_levels,
)

PICTURES = numpy_strategies.arrays(np.uint8, (12, 13))


def two_pictures(seed=0, size=(40, 56)):
    rng = np.random.default_rng(seed)
    real = rng.integers(0, 256, size, np.uint8)
    synthetic = np.clip(real + rng.normal(scale=30, size=size), 0, 255).astype(np.uint8)
    return real, synthetic


def test_a_constant_difference_by_hand():
    real = np.full((16, 16), 100, np.uint8)
    real[:, 8:] = 60
    measured = slice_metrics(real, real + np.uint8(10))
    assert measured['mae'] == 10
    assert measured['rmse'] == 10
    assert measured['psnr_db'] == pytest.approx(20 * math.log10(25.5))  # 28.13 dB
    assert measured['pearson'] == pytest.approx(1)


def test_unequal_differences_by_hand():
    """A quarter of the pixels differs by 8, the others by 0: MAE 2, MSE 16."""
    real = np.full((12, 12), 50, np.uint8)
    synthetic = real.copy()
    synthetic[:6, :6] = 58
    measured = slice_metrics(real, synthetic)
    assert measured['mae'] == 2
    assert measured['rmse'] == 4
    assert measured['psnr_db'] == pytest.approx(10 * math.log10(255**2 / 16))


def test_black_against_white():
    black = np.zeros((16, 16), np.uint8)
    measured = slice_metrics(black, black + np.uint8(255))
    assert (measured['mae'], measured['rmse'], measured['psnr_db']) == (255, 255, 0)
    assert math.isnan(measured['pearson'])


def test_equal_pictures():
    real, _ = two_pictures()
    measured = slice_metrics(real, real)
    assert (measured['mae'], measured['rmse']) == (0, 0)
    assert measured['psnr_db'] == measured['psnr_paper_db'] == math.inf
    assert measured['ssim'] == pytest.approx(1)
    assert measured['pearson'] == pytest.approx(1)


def test_the_inverted_picture_correlates_at_minus_one():
    real, _ = two_pictures()
    assert slice_metrics(real, 255 - real)['pearson'] == pytest.approx(-1)


def test_the_convention_of_the_paper():
    assert pytest.approx(48.1308, abs=5e-5) == PAPER_PSNR_OFFSET_DB
    # The paper's mean and range of 'PSNR', and what they are in truth.
    for paper, true in ((64.92, 16.79), (61.96, 13.83), (68.16, 20.03)):
        assert paper - PAPER_PSNR_OFFSET_DB == pytest.approx(true, abs=0.005)
    measured = slice_metrics(*two_pictures())
    assert measured['psnr_paper_db'] - measured['psnr_db'] == pytest.approx(PAPER_PSNR_OFFSET_DB)


def test_the_paper_exceeds_what_its_mean_error_allows():
    """MSE >= MAE^2, so a mean absolute error of 21.19 caps the true PSNR at 21.61 dB."""
    cap = 20 * math.log10(255 / 21.19)
    assert cap == pytest.approx(21.61, abs=0.005)
    assert cap < 30 < 64.92


@pytest.mark.parametrize('seed', range(3))
def test_against_scikit_image(seed):
    real, synthetic = two_pictures(seed)
    measured = slice_metrics(real, synthetic)
    expected = reference.peak_signal_noise_ratio(real, synthetic, data_range=255)
    assert measured['psnr_db'] == pytest.approx(expected, rel=1e-12)
    rmse = math.sqrt(reference.mean_squared_error(real, synthetic))
    assert measured['rmse'] == pytest.approx(rmse, rel=1e-12)
    correlation = measure.pearson_corr_coeff(real, synthetic)[0]
    assert measured['pearson'] == pytest.approx(correlation, rel=1e-9)


@pytest.mark.parametrize('contrast', [0.05, 0.3, 1.0])
def test_against_tensorflow(contrast):
    """At low contrast the constants of SSIM weigh most."""
    real, synthetic = ((picture * contrast).astype(np.uint8) for picture in two_pictures())
    measured = slice_metrics(real, synthetic)
    batches = [tf.constant(picture[np.newaxis, ..., np.newaxis]) for picture in (real, synthetic)]
    (psnr,), (ssim,) = (f(*batches, 255).numpy() for f in (tf.image.psnr, tf.image.ssim))
    assert measured['psnr_db'] == pytest.approx(psnr, abs=1e-4)
    assert measured['ssim'] == pytest.approx(ssim, abs=1e-5)


@hypothesis.given(PICTURES, PICTURES)
def test_relations_that_always_hold(real, synthetic):
    measured = slice_metrics(real, synthetic)
    assert list(measured) == list(METRICS)
    assert measured['mae'] <= measured['rmse'] + 1e-9
    assert -1 - 1e-9 <= measured['ssim'] <= 1 + 1e-9
    if not math.isnan(measured['pearson']):
        assert -1 - 1e-9 <= measured['pearson'] <= 1 + 1e-9
    swapped = slice_metrics(synthetic, real)
    for name in METRICS:
        assert swapped[name] == pytest.approx(measured[name], abs=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ('real', 'synthetic'),
    [
        (np.zeros((16, 16), np.uint8), np.zeros((16, 12), np.uint8)),
        (np.zeros((16, 16), np.uint8), np.zeros((16, 16), np.float32)),
        (np.zeros((16, 16), np.int16), np.zeros((16, 16), np.uint8)),
    ],
)
def test_only_two_pictures_of_one_form(real, synthetic):
    with pytest.raises(ValueError, match='two uint8 pictures of one shape'):
        slice_metrics(real, synthetic)


def test_grey_levels_by_hand():
    values = np.array([-1, 1, 0, -2, 3, 99.4 / 127.5 - 1, 99.6 / 127.5 - 1])
    assert to_grey_levels(values).tolist() == [0, 255, 128, 0, 255, 99, 100]
    assert to_grey_levels(values).dtype == np.uint8


@hypothesis.given(strategies.integers(0, 255))
def test_every_grey_level_survives_the_way_there_and_back(level):
    assert to_grey_levels(np.float32(level) / 127.5 - 1) == level
