"""Signed distances (mm, negative inside) of the plane shapes that anatomy is drawn with.

All functions are pure, take and return float arrays of one shape, and broadcast. Where an exact
distance has no closed form, the approximation is exact on the outline, which is what labels see.
"""

import numpy as np

TINY = 1e-6
"""Added to lengths before dividing by them (mm)."""

Length = float | np.ndarray
"""A length in mm: one for all points, or one for each."""


def ellipse(x: np.ndarray, y: np.ndarray, half_x: Length, half_y: Length) -> np.ndarray:
    """First-order distance to an ellipse at the origin: k(k - 1)/|grad k|, k = |(x/a, y/b)|."""
    k = np.hypot(x / half_x, y / half_y)
    gradient = np.hypot(x / half_x**2, y / half_y**2)
    return k * (k - 1) / (gradient + TINY)


def superellipse(
    x: np.ndarray, y: np.ndarray, half_x: Length, half_y: Length, power: float
) -> np.ndarray:
    """Distance along the ray from the centre to (|x|/a)^p + (|y|/b)^p = 1."""
    across, along = np.abs(x / half_x), np.abs(y / half_y)
    larger = np.maximum(across, along)
    rho = larger * (1 + (np.minimum(across, along) / (larger + TINY)) ** power) ** (1 / power)
    return np.hypot(x, y) * (1 - 1 / (rho + TINY)) - np.where(
        rho < TINY, np.minimum(half_x, half_y), 0
    )


def capsule(
    x: np.ndarray,
    y: np.ndarray,
    start: tuple[float, float],
    end: tuple[float, float],
    radii: tuple[float, float],
) -> np.ndarray:
    """Distance to a rod with round ends whose radius goes linearly from radii[0] to radii[1]."""
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    share = ((x - start[0]) * along_x + (y - start[1]) * along_y) / (along_x**2 + along_y**2 + TINY)
    share = np.clip(share, 0, 1)
    distance = np.hypot(x - start[0] - share * along_x, y - start[1] - share * along_y)
    return distance - (radii[0] + share * (radii[1] - radii[0]))


def turned(
    x: np.ndarray, y: np.ndarray, centre: tuple[Length, Length], degrees: float
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates about `centre`, along axes turned by `degrees` from x towards y."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y = x - centre[0], y - centre[1]
    return x * cos + y * sin, y * cos - x * sin


def union(*distances: np.ndarray, blend: float = 0.0) -> np.ndarray:
    """Union of shapes, corners filled over `blend` mm (quadratic smooth minimum)."""
    result = distances[0]
    for distance in distances[1:]:
        smaller = np.minimum(result, distance)
        if blend:
            overlap = np.maximum(blend - np.abs(result - distance), 0)
            smaller = smaller - overlap**2 / (4 * blend)
        result = smaller
    return result


def intersection(*distances: np.ndarray, blend: float = 0.0) -> np.ndarray:
    """What lies in all the shapes, edges rounded over `blend` mm."""
    return -union(*(-distance for distance in distances), blend=blend)
