"""Where the pixels of a stack of slices lie in the patient: LPS millimetres to pixels and back.

Patient coordinates are DICOM's: x to the patient's left, y posterior, z to the head, in mm, in one
frame of reference. Nothing here depends on how the patient lay in the scanner: feet first or prone
only turns the directions of rows and columns. Source: DICOM PS3.3, equation C.7.6.2.1-1.
"""

import dataclasses
import functools

import numpy as np

_DIRECTION_TOLERANCE = 1e-3
"""How far a direction's length may be from 1, and two directions' cosine from 0 (no unit).

DICOM writes direction cosines as decimal strings, some scanners with four digits only.
"""


@dataclasses.dataclass(frozen=True, eq=False)
class StackGeometry:
    """Parallel slices of the same size: the geometry of a CT volume, an MR packet or one slice.

    The two directions are made exactly unit and orthogonal when the object is built. The slices
    may be sheared (a tilted gantry moves each origin within its plane) and unevenly spaced.

    Attributes:
        origins: float64 (n, 3), the centre of the first pixel of each slice
            (ImagePositionPatient) in mm, ordered along `normal`.
        row_direction: float64 (3,), unit: where the column index grows (the first triple of
            ImageOrientationPatient).
        column_direction: float64 (3,), unit: where the row index grows (the second triple).
        pixel_spacing: (between rows, between columns) in mm, in the order of PixelSpacing.
        rows: number of rows of a slice.
        columns: number of columns of a slice.

    Raises:
        ValueError: a shape is wrong, a value is not finite, the directions are not unit and
            orthogonal, spacing or size is not positive, or the slices do not rise along `normal`.
    """

    origins: np.ndarray
    row_direction: np.ndarray
    column_direction: np.ndarray
    pixel_spacing: tuple[float, float]
    rows: int
    columns: int

    def __post_init__(self) -> None:
        origins = np.array(self.origins, dtype=np.float64)
        if origins.ndim != 2 or origins.shape[0] < 1 or origins.shape[1] != 3:
            raise ValueError(f'origins must be (n, 3), got {origins.shape}')
        if not np.isfinite(origins).all():
            raise ValueError('an origin is not finite')
        row, column = _orthonormal(self.row_direction, self.column_direction)
        spacing = tuple(float(mm) for mm in self.pixel_spacing)
        if len(spacing) != 2 or not all(0 < mm < np.inf for mm in spacing):
            raise ValueError(f'pixel spacing must be two positive lengths, got {spacing}')
        if self.rows < 1 or self.columns < 1:
            raise ValueError(f'a slice needs pixels, got {self.rows} x {self.columns}')
        if np.any(np.diff(origins @ np.cross(row, column)) <= 0):
            raise ValueError('the slices must be ordered along their normal, none twice')
        for name, value in (('origins', origins), ('row_direction', row)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, 'column_direction', column)
        object.__setattr__(self, 'pixel_spacing', spacing)

    def __len__(self) -> int:
        return len(self.origins)

    @functools.cached_property
    def normal(self) -> np.ndarray:
        """Unit normal of the slices, float64 (3,): row direction x column direction."""
        return np.cross(self.row_direction, self.column_direction)

    @functools.cached_property
    def steps_mm(self) -> np.ndarray:
        """Distances between neighbouring slices along the normal in mm, float64 (n - 1,)."""
        return np.diff(self.origins @ self.normal)

    def part(self, slices: range) -> 'StackGeometry':
        """The geometry of some neighbouring slices, as if they were all there is."""
        return dataclasses.replace(self, origins=self.origins[slices.start : slices.stop])

    def plane_distances(self, points: np.ndarray) -> np.ndarray:
        """Signed distances of points from the slice planes.

        Args:
            points: (..., 3) in mm.

        Returns:
            float64 (n, ...) in mm, positive on the side the normal points to.
        """
        along = np.asarray(points, dtype=np.float64) @ self.normal
        planes = self.origins @ self.normal
        return along[np.newaxis] - planes.reshape(-1, *(1,) * along.ndim)

    def to_patient(self, index: int, row_column: np.ndarray) -> np.ndarray:
        """Patient coordinates of pixels of one slice.

        Args:
            index: which slice.
            row_column: (..., 2) row and column, fractional, 0 at the centre of the first pixel.

        Returns:
            float64 (..., 3) in mm.
        """
        row, column = np.moveaxis(np.asarray(row_column, dtype=np.float64), -1, 0)
        return (
            self.origins[index]
            + (column * self.pixel_spacing[1])[..., np.newaxis] * self.row_direction
            + (row * self.pixel_spacing[0])[..., np.newaxis] * self.column_direction
        )

    def to_pixels(self, index: int, points: np.ndarray) -> np.ndarray:
        """Row and column of points in one slice, onto which they are projected.

        Args:
            index: which slice.
            points: (..., 3) in mm.

        Returns:
            float64 (..., 2): row and column, fractional, 0 at the centre of the first pixel.
        """
        offsets = np.asarray(points, dtype=np.float64) - self.origins[index]
        axes = np.stack([self.column_direction, self.row_direction], axis=-1)
        return offsets @ axes / self.pixel_spacing

    def to_voxels(self, points: np.ndarray) -> np.ndarray:
        """Slice, row and column of points in the volume that the slices span.

        Between two slices the index grows linearly, and the line joining the same pixel of both
        keeps its row and column (so a sheared volume is read right). Beyond the first and the
        last slice the steps at that end go on.

        Args:
            points: (..., 3) in mm.

        Returns:
            float64 (..., 3): slice, row and column, fractional, 0 at the first pixel's centre.

        Raises:
            ValueError: there is one slice only, which spans no volume.
        """
        if len(self) < 2:
            raise ValueError('one slice spans no volume')
        points = np.asarray(points, dtype=np.float64)
        planes, along = self.origins @ self.normal, points @ self.normal
        below = np.clip(np.searchsorted(planes, along, side='right') - 1, 0, len(self) - 2)
        share = (along - planes[below]) / self.steps_mm[below]
        voxels = [below + share]
        for direction, pixel_mm in zip(
            (self.column_direction, self.row_direction), self.pixel_spacing, strict=True
        ):
            # A number a slice, not a vector: pictures have 65,536 points and more.
            first_pixels = self.origins @ direction
            first_pixel = first_pixels[below] + share * np.diff(first_pixels)[below]
            voxels.append((points @ direction - first_pixel) / pixel_mm)
        return np.stack(voxels, axis=-1)


def _orthonormal(row: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two nearly unit, nearly orthogonal vectors made exactly so.

    Raises:
        ValueError: they are further from it than rounding explains, or not (3,) and finite.
    """
    row, column = np.array(row, dtype=np.float64), np.array(column, dtype=np.float64)
    if row.shape != (3,) or column.shape != (3,):
        raise ValueError(f'directions must be (3,), got {row.shape} and {column.shape}')
    errors = (np.linalg.norm(row) - 1, np.linalg.norm(column) - 1, row @ column)
    if not np.max(np.abs(errors)) <= _DIRECTION_TOLERANCE:  # true for NaN as well
        raise ValueError(f'directions {row} and {column} are not unit and orthogonal')
    row = row / np.linalg.norm(row)
    column = column - (column @ row) * row
    return row, column / np.linalg.norm(column)


def angle_between_planes(normal: np.ndarray, other: np.ndarray) -> float:
    """The angle between two planes, given their normals (3,) of any length and sign.

    Returns:
        Degrees, 0 to 90.
    """
    # From sine and cosine together: the arc cosine alone is blind to angles below 1e-6 degrees.
    sine, cosine = np.linalg.norm(np.cross(normal, other)), abs(np.dot(normal, other))
    return float(np.degrees(np.arctan2(sine, cosine)))
