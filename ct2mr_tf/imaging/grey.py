"""Grey scale: HU or MR signal to 8-bit grey levels, and grey levels back to HU or signal."""

import dataclasses
import math

import numpy as np

GREY_LEVELS = 256
"""Grey levels of a prepared picture: the 256 of the paper (Lee et al., 2020, Methods)."""


@dataclasses.dataclass(frozen=True)
class Window:
    """The range of values that the grey scale spans; what lies outside it is clipped.

    The ends are the values of the darkest and the brightest grey level themselves, so this is
    neither the centre nor the width of a DICOM VOI LUT, which count half a value more.

    Attributes:
        low: the value shown as grey level 0, in HU (CT) or in signal units (MR).
        high: the value shown as grey level 255, in the same unit.

    Raises:
        ValueError: an end is not finite, or `high` is not above `low`.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise ValueError(f'a window needs finite ends, got {self.low} to {self.high}')
        if self.high <= self.low:
            raise ValueError(f'a window must rise, got {self.low} to {self.high}')


DEFAULT_CT_WINDOW = Window(-200.0, 600.0)
"""The CT window, in HU, where the user gives none (the paper states none).

HU below are textbook ranges at 120 kV.

- The low end lies below fat (-120 to -60 HU), by three to four standard deviations of the noise
  of a body CT (10 to 25 HU), so that fat is not cut off at black. What lies lower is gas and the
  air outside the body, which is black on T2-weighted MR as well.
- The high end lies above cancellous bone (100 to 300 HU) and reaches into endplates and facets.
  What lies higher is compact bone or metal, black on MR whatever its HU: nothing that MR shows is
  lost by cutting it off, and bone of the thin cortical shells, blurred to 300 to 600 HU, stays.
- One grey level is 3.14 HU, so rounding errs by 0.9 HU (standard deviation), a tenth of the noise
  or less. The soft tissues that MR separates and CT hardly does - cerebrospinal fluid near 10,
  muscle near 55, disc near 90 HU - still stand 14 and 11 grey levels apart. A bone window
  (-500 to 1500 HU) would leave them 6 and 4, an abdominal one (-160 to 240 HU) would turn all
  spongy and compact bone into one white patch.
"""


DEFAULT_MR_PERCENTILES = (0.5, 99.5)
"""Percentiles of an MR stack's signal shown as black and as white.

They cut off half a percent at each end, so that the few voxels of fat under a surface coil that
outshine everything else do not press the rest into the dark. The dural sac (about 2 cm2) is itself
about half a percent of a slice of 20 cm x 20 cm: where the coil's shading was corrected and
cerebrospinal fluid is the brightest of all, its brighter part becomes plain white, and the nerve
roots in it, far darker, stay.
"""


def to_grey(values: np.ndarray, window: Window) -> np.ndarray:
    """Shows values as grey levels: linear, `window.low` as 0, `window.high` as 255, clipped.

    Args:
        values: real array of any shape, in HU or signal units; infinities are clipped.
        window: the range to show.

    Returns:
        uint8 array of the same shape, 0 to 255, rounded to the nearest level.

    Raises:
        ValueError: a value is NaN, which has no grey level.
    """
    values = np.asarray(values)
    if np.isnan(values).any():
        raise ValueError('a value that is not a number has no grey level')
    # Clipped before it is scaled: the largest floats must not overflow on the way.
    inside = np.clip(values.astype(np.float64), window.low, window.high)
    levels = (inside - window.low) / (window.high - window.low) * (GREY_LEVELS - 1)
    return np.rint(levels).astype(np.uint8)


def from_grey(grey: np.ndarray, window: Window) -> np.ndarray:
    """Gives the values that grey levels stand for: the inverse of `to_grey` but for its rounding.

    Args:
        grey: array of any shape, grey levels 0 to 255; may be fractional, as a model's output.
        window: the window the grey levels were made with.

    Returns:
        float32 array of the same shape, in the unit of the window; for values inside the window,
        within (high - low) / 510 of those that `to_grey` was given.
    """
    share = np.asarray(grey, dtype=np.float64) / (GREY_LEVELS - 1)
    return (window.low + share * (window.high - window.low)).astype(np.float32)


def percentile_window(
    values: np.ndarray,
    valid: np.ndarray | None = None,
    low: float = DEFAULT_MR_PERCENTILES[0],
    high: float = DEFAULT_MR_PERCENTILES[1],
) -> Window:
    """Finds the window of an MR stack, whose signal has no unit, from its percentiles.

    One window a stack, not a slice, keeps the slices of a patient comparable.

    Args:
        values: real array of any shape: the signal of the whole stack.
        valid: bool array of the same shape, False where the scanner padded; None if it did not.
        low: percentile (0 to 100) shown as black.
        high: percentile shown as white.

    Returns:
        The window, in signal units.

    Raises:
        ValueError: the percentiles do not rise within 0 to 100, the shapes differ, no pixel is
            valid, a value is not finite, or the stack is constant between the percentiles.
    """
    if not 0 <= low < high <= 100:
        raise ValueError(f'percentiles must rise within 0 to 100, got {low} and {high}')
    values = np.asarray(values)
    if valid is not None:
        if valid.shape != values.shape:
            raise ValueError(f'valid has shape {valid.shape}, the values have {values.shape}')
        values = values[valid]
    if values.size == 0:
        raise ValueError('no valid pixel to take percentiles of')
    if not np.isfinite(values).all():
        raise ValueError('percentiles need finite values, found NaN or infinity')
    ends = np.percentile(values, (low, high))
    if ends[0] == ends[1]:
        raise ValueError(f'a constant stack has no window: both percentiles are {ends[0]:g}')
    return Window(float(ends[0]), float(ends[1]))
