"""What a model must beat: predictors fitted on the training pairs without any network."""

from collections.abc import Iterable

import numpy as np

from ct2mr_tf.evaluation.cases import Predictor
from ct2mr_tf.evaluation.metrics import HALF_RANGE, LEVELS, to_grey_levels


def fit_baselines(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> dict[str, Predictor]:
    """Fits the baselines in one pass over the training pairs.

    Args:
        pairs: (CT, MR), each uint8 [H, W] in grey levels, at least one.

    Returns:
        By name: 'mean MR' (the mean training MR, whatever the CT), 'CT itself', 'lookup mean' (each
        CT grey level becomes the mean MR level seen with it: the table with the best PSNR), 'lookup
        median' (the median: the table with the best MAE).

    Raises:
        ValueError: there is no pair.
    """
    joint, mr_sum, count = np.zeros((LEVELS, LEVELS), np.int64), np.zeros(()), 0
    for ct, mr in pairs:
        codes = ct.ravel().astype(np.int64) * LEVELS + mr.ravel()
        joint += np.bincount(codes, minlength=LEVELS**2).reshape(LEVELS, LEVELS)
        mr_sum = mr_sum + mr.astype(np.float64)
        count += 1
    if not count:
        raise ValueError('there is no training pair to fit the baselines on')
    mean_mr = (mr_sum / count)[..., np.newaxis]
    return {
        'mean MR': lambda ct: np.broadcast_to(mean_mr / HALF_RANGE - 1, ct.shape),
        'CT itself': lambda ct: ct,
        'lookup mean': _lookup(_conditional_mean(joint)),
        'lookup median': _lookup(_conditional_median(joint)),
    }


def _conditional_mean(joint: np.ndarray) -> np.ndarray:
    """Mean MR level of each CT level; not a number where the level was never seen."""
    counts = joint.sum(axis=1)
    with np.errstate(invalid='ignore'):
        return (joint @ np.arange(LEVELS)) / counts


def _conditional_median(joint: np.ndarray) -> np.ndarray:
    """Lower median MR level of each CT level; not a number where the level was never seen."""
    cumulative = joint.cumsum(axis=1)
    total = cumulative[:, -1]
    median = np.argmax(2 * cumulative >= total[:, np.newaxis], axis=1).astype(np.float64)
    return np.where(total > 0, median, np.nan)


def _lookup(table: np.ndarray) -> Predictor:
    """A predictor from a table; levels never seen are interpolated from their neighbours."""
    seen = np.flatnonzero(np.isfinite(table))
    whole = np.interp(np.arange(LEVELS), seen, table[seen]) / HALF_RANGE - 1

    def predict(ct: np.ndarray) -> np.ndarray:
        return whole[to_grey_levels(ct)]

    return predict
