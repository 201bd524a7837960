"""Metrics of one slice: real against synthetic MR, both uint8 [H, W] in grey levels 0..255."""

import math

import numpy as np
from skimage.metrics import structural_similarity

LEVELS = 256
"""Grey levels of an 8-bit picture."""

GREY_RANGE = LEVELS - 1
"""Distance of black and white in it."""

HALF_RANGE = 127.5
"""Network values [-1, 1] become grey levels by (value + 1) * 127.5."""

PAPER_PSNR_OFFSET_DB = 20 * math.log10(GREY_RANGE)
"""What the paper's PSNR exceeds the true one by: 48.1308 dB.

The authors' evaluation code puts 255 * 255 in the place of the peak 255. Their mean of 64.92 dB is
16.79 dB: with their mean absolute error of 21.19, MSE >= MAE^2 allows 21.61 dB at most.
"""

METRICS = ('mae', 'rmse', 'psnr_db', 'psnr_paper_db', 'ssim', 'pearson')
"""Names of the metrics, in the order in which tables show them."""


def to_grey_levels(values: np.ndarray) -> np.ndarray:
    """Network values in [-1, 1] as uint8 grey levels, rounded and clipped; any shape."""
    levels = np.rint((np.asarray(values, np.float32) + 1) * HALF_RANGE)
    return np.clip(levels, 0, GREY_RANGE).astype(np.uint8)


def slice_metrics(real: np.ndarray, synthetic: np.ndarray) -> dict[str, float]:
    """All metrics of one slice.

    Args:
        real: uint8 [H, W], grey levels.
        synthetic: uint8 [H, W], grey levels.

    Returns:
        mae and rmse in grey levels; psnr_db against the peak 255 (infinite for equal pictures);
        psnr_paper_db, the paper's convention, 48.13 dB more; ssim of Wang et al. 2004 (Gaussian
        window of sigma 1.5; needs sides of at least 11); pearson, the correlation of the grey
        levels (not a number where a picture is constant).

    Raises:
        ValueError: dtypes or shapes differ from the above.
    """
    if real.dtype != np.uint8 or synthetic.dtype != np.uint8 or real.shape != synthetic.shape:
        found = f'{real.dtype} {real.shape} and {synthetic.dtype} {synthetic.shape}'
        raise ValueError(f'two uint8 pictures of one shape, not {found}')
    difference = real.astype(np.float64) - synthetic
    rmse = float(np.sqrt(np.mean(difference**2)))
    psnr_db = 20 * math.log10(GREY_RANGE / rmse) if rmse else math.inf
    return {
        'mae': float(np.mean(np.abs(difference))),
        'rmse': rmse,
        'psnr_db': psnr_db,
        'psnr_paper_db': psnr_db + PAPER_PSNR_OFFSET_DB,
        'ssim': _ssim(real, synthetic),
        'pearson': _pearson(real, synthetic),
    }


def _ssim(real: np.ndarray, synthetic: np.ndarray) -> float:
    # These options make scikit-image agree with tf.image.ssim and the original implementation.
    return float(
        structural_similarity(
            real,
            synthetic,
            data_range=GREY_RANGE,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
    )


def _pearson(real: np.ndarray, synthetic: np.ndarray) -> float:
    if real.std() == 0 or synthetic.std() == 0:
        return math.nan
    return float(np.corrcoef(real.ravel(), synthetic.ravel())[0, 1])
