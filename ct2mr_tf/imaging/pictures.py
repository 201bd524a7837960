"""From slices on disk to the picture of a square: HU or signal, or grey levels.

Training pictures and pictures that a model is asked about are made here alike.
"""

import numpy as np

from ct2mr_tf.imaging import dicom_pixels, grey, resampling
from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.imaging.pairing_rules import Finding, NoPairError, Reason
from ct2mr_tf.imaging.resampling import Cut
from ct2mr_tf.imaging.stacks import Stack


def cut_picture(stack: Stack, cut: Cut, size: int) -> np.ndarray:
    """Reads the slices a square is cut from, and resamples them once.

    Args:
        stack: the stack that `cut` was made for.
        cut: the square and its source.
        size: N, pixels a side of the picture.

    Returns:
        float32 (N, N) in HU (CT) or signal units (MR); NaN where the scanner padded.

    Raises:
        UserError: pixels of a slice cannot be read.
    """
    needed = resampling.slices_needed(cut)
    pixels = dicom_pixels.load_pixels(stack.slices[needed.start : needed.stop])
    pixels.values[~pixels.valid] = np.nan
    return resampling.resample(cut, pixels.values, size)


def grey_picture(
    stack: Stack, cut: Cut, size: int, window: Window, max_padding_share: float
) -> np.ndarray:
    """The picture of a square in grey levels; padding shows as air does.

    Args:
        stack: the stack that `cut` was made for.
        cut: the square and its source.
        size: N, pixels a side of the picture.
        window: the HU or signal shown as grey levels.
        max_padding_share: how much of the picture the scanner may have padded, 0 to 1.

    Returns:
        uint8 (N, N), 0 to 255.

    Raises:
        NoPairError: more of it is padding than allowed.
        UserError: pixels of a slice cannot be read.
    """
    values = cut_picture(stack, cut, size)
    padded = np.isnan(values)
    share = float(padded.mean())
    if share > max_padding_share:
        limit = 100 * max_padding_share
        raise NoPairError(Finding(Reason.NOT_MEASURED, stack.modality, 100 * share, limit, '%'))
    padding = dicom_pixels.AIR_HU if stack.modality == 'CT' else window.low
    return grey.to_grey(np.where(padded, padding, values), window)


def signal_window(stack: Stack, percentiles: tuple[float, float]) -> Window:
    """The window of an MR stack, from the percentiles of all its slices without padding.

    Args:
        stack: the stack.
        percentiles: the ones shown as black and as white.

    Returns:
        The window, in signal units.

    Raises:
        UserError: pixels of a slice cannot be read.
        ValueError: the stack is padding all over, or constant between the percentiles.
    """
    pixels = dicom_pixels.load_pixels(stack.slices)
    return grey.percentile_window(pixels.values, pixels.valid, *percentiles)
