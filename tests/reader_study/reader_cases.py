"""Cases for the tests of reader studies, straight from arrays."""

import numpy as np
from scipy import ndimage

from ct2mr_tf.evaluation.cases import Case
from ct2mr_tf.evaluation.metrics import slice_metrics


def smooth_picture(rng, side):
    """Blobs of all grey levels."""
    blobs = ndimage.gaussian_filter(rng.normal(size=(side, side)), side / 10, mode='wrap')
    return np.interp(blobs, (blobs.min(), blobs.max()), (0, 255)).astype(np.uint8)


def make_cases(count, side=16, seed=0):
    """Cases whose real and synthetic MR are drawn alike: their pixels tell nothing."""
    rng = np.random.default_rng(seed)
    cases = []
    for number in range(count):
        ct, real, synthetic = (smooth_picture(rng, side) for _ in range(3))
        metrics = slice_metrics(real, synthetic)
        cases.append(Case(f'pair_{number:02d}', ct, real, synthetic, metrics))
    return cases
