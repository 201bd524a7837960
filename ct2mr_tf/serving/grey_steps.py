"""Where the grey scale steps from level to level: `imaging.grey.to_grey` as a table.

TensorFlow rewrites the arithmetic of a graph, dividing by one constant and multiplying by another
in one go, and some whole HU lie exactly half way between two levels (in the window -200 to 600:
-120, 40, 200, 360 and 520), where the last bit decides. A table of steps has nothing to rewrite.
"""

import numpy as np

from ct2mr_tf.imaging.grey import GREY_LEVELS, Window, from_grey, to_grey


def first_of_levels(window: Window) -> np.ndarray:
    """The least value of each grey level but the lowest.

    Args:
        window: of the grey scale.

    Returns:
        float32 [255], rising, in the window's unit: `to_grey` of any float32 is the number of
        these that it reaches.
    """
    levels = np.arange(1, GREY_LEVELS)
    below = _ordered(from_grey(levels - 1.0, window))
    reached = _ordered(from_grey(levels * 1.0, window))
    # Bisection over the float32 themselves, of which there are fewer than 2^32.
    for _ in range(32):
        middle = (below + reached) // 2
        high_enough = to_grey(_float32(middle), window) >= levels
        reached = np.where(high_enough, middle, reached)
        below = np.where(high_enough, below, middle)
    return _float32(reached)


def _ordered(values: np.ndarray) -> np.ndarray:
    """The place of each float32 among all, as int64: neighbours differ by one (IEEE 754)."""
    bits = np.asarray(values, np.float32).view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)


def _float32(places: np.ndarray) -> np.ndarray:
    """The inverse of `_ordered`."""
    magnitudes = np.abs(places).astype(np.int32).view(np.float32)
    return np.where(places < 0, -magnitudes, magnitudes)
