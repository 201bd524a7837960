"""Smooth random fields defined at every point of space: what makes no two shapes quite alike.

One periodic lattice of correlated Gaussian numbers is shared by all; a field is the lattice read
at a scale and an offset drawn from a seed: it costs nothing to make and is the same in any process.
"""

import functools

import numpy as np
from scipy import ndimage

LATTICE_SIZE = 64
"""Points along each side of the periodic lattice: a power of two, so that a mask wraps indices."""

CELLS_PER_FEATURE = 5.0
"""Lattice steps from one blob to the next; well above 2, so linear reading shows no kinks."""


_SIDE = LATTICE_SIZE + 1
"""Points along x and y of the table below, where the first is repeated after the last."""


@functools.lru_cache(maxsize=1)
def _lattice() -> np.ndarray:
    """Unit-variance, zero-mean, periodic Gaussian field, complex64 [65 * 65 * 64].

    The real part is the field, the imaginary part its step to the next point along z, so that one
    look-up brings both.
    """
    white = np.random.default_rng(20200316).standard_normal((LATTICE_SIZE,) * 3)
    smooth = ndimage.gaussian_filter(white, CELLS_PER_FEATURE / 3, mode='wrap')
    smooth = ((smooth - smooth.mean()) / smooth.std()).astype(np.float32)
    steps = np.roll(smooth, -1, axis=2) - smooth
    return np.pad(smooth + 1j * steps, ((0, 1), (0, 1), (0, 0)), mode='wrap').ravel()


def field(
    x: np.ndarray,
    y: np.ndarray,
    z: np.ndarray,
    feature_mm: tuple[float, float, float],
    seed: list[int],
) -> np.ndarray:
    """Reads a random field.

    Args:
        x: coordinates in mm, any shape.
        y: the same along the second axis.
        z: the same along the third.
        feature_mm: size of a blob along each of the three axes, in mm.
        seed: another seed is another place of the lattice.

    Returns:
        float32 of the coordinates' shape, zero mean and about unit standard deviation over space.
    """
    offset = np.random.default_rng(seed).uniform(0, LATTICE_SIZE, 3)
    shares, index = [], np.zeros(np.shape(x), dtype=np.int32)
    strides = (_SIDE * LATTICE_SIZE, LATTICE_SIZE, 1)
    for values, feature, start, stride in zip((x, y, z), feature_mm, offset, strides, strict=True):
        place = np.multiply(values, CELLS_PER_FEATURE / feature, dtype=np.float32)
        place += np.float32(start)
        cell = np.floor(place)
        shares.append(place - cell)
        index += (cell.astype(np.int32) & (LATTICE_SIZE - 1)) * np.int32(stride)
    # Linear along each axis: four edges of the cell, their mean by y, by x, then along z.
    lattice, (right, down, up) = _lattice(), shares
    edges = [lattice.take(index + corner) for corner in (0, LATTICE_SIZE)]
    near = edges[0] + (edges[1] - edges[0]) * down
    index += np.int32(strides[0])
    edges = [lattice.take(index + corner) for corner in (0, LATTICE_SIZE)]
    far = edges[0] + (edges[1] - edges[0]) * down
    near += (far - near) * right
    return near.real + near.imag * up
