"""Pictures of parallel squares as one volume: a common grid, NIfTI, and views along the canal.

The squares move and change their size from slice to slice, but viewers stack slices of one grid
only. So each picture is brought onto a grid that holds all squares, with the finest of their
pixels, by linear interpolation. What no square covers is OUTSIDE: below every grey level, and told
apart from black tissue.
"""

import gzip
from collections.abc import Sequence

import cv2
import nibabel as nib
import numpy as np

from ct2mr_tf.imaging import resampling
from ct2mr_tf.imaging.crop import SquareCrop
from ct2mr_tf.imaging.geometry import StackGeometry

OUTSIDE = -1
"""What stands where nothing was made: no grey level, and darker than all of them."""

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""DICOM's x and y grow to the patient's left and back, NIfTI's to right and front (nifti1.h)."""

_SCANNER_ANATOMICAL = 1
"""NIFTI_XFORM_SCANNER_ANAT: coordinates of the scanner that made the source (nifti1.h)."""


def common_grid(crops: Sequence[SquareCrop], size: int) -> StackGeometry:
    """The grid that holds the pictures of squares; of one square, the very grid of its picture.

    Args:
        crops: at least one, with common axes, ordered from foot to head.
        size: N, pixels a side of each square's picture.

    Returns:
        A slice for each square, in its plane; rows run to the patient's left, columns backwards.
        Pixels are as large as the smallest of the pictures'.
    """
    left, back = crops[0].left_axis, -crops[0].anterior_axis
    normal = crops[0].normal
    halves = np.array([crop.half_side_mm for crop in crops])
    pixel_mm = float(halves.min()) * 2 / size
    first, counts = [], []
    for axis in (left, back):
        centres = np.array([crop.centre @ axis for crop in crops])
        low, high = (centres - halves).min(), (centres + halves).max()
        counts.append(int(np.ceil((high - low) / pixel_mm - 1e-6)))
        first.append(low + pixel_mm / 2)
    corner = first[0] * left + first[1] * back
    heights = np.array([crop.centre @ normal for crop in crops])
    origins = corner + heights[:, np.newaxis] * normal
    return StackGeometry(origins, left, back, (pixel_mm, pixel_mm), counts[1], counts[0])


def placed(picture: np.ndarray, crop: SquareCrop, grid: StackGeometry, index: int) -> np.ndarray:
    """A square's picture on a slice of the common grid.

    Args:
        picture: uint8 [N, N], grey levels.
        crop: its square.
        grid: see `common_grid`.
        index: which slice of the grid.

    Returns:
        int16 [rows, columns], grey levels, OUTSIDE beyond the square.
    """
    rows, columns = np.mgrid[: grid.rows, : grid.columns]
    places = grid.to_patient(index, np.stack([rows, columns], axis=-1))
    rows_columns = crop.to_picture(places, len(picture))[..., ::-1]
    values = resampling.interpolate(picture, rows_columns)
    return np.where(np.isnan(values), OUTSIDE, np.rint(values)).astype(np.int16)


def nifti_bytes(volume: np.ndarray, grid: StackGeometry, description: str) -> bytes:
    """A volume as the bytes of a compressed NIfTI-1 file (.nii.gz), always the same for the same.

    Args:
        volume: int16 [slices, rows, columns].
        grid: where it lies; evenly spaced.
        description: at most 79 ASCII characters; names nobody.

    Returns:
        The file: axes to the patient's left, back and head, coordinates in RAS mm.
    """
    steps = (grid.origins[-1] - grid.origins[0]) / (len(grid) - 1)
    affine = np.eye(4)
    affine[:3, 0] = grid.row_direction * grid.pixel_spacing[1]
    affine[:3, 1] = grid.column_direction * grid.pixel_spacing[0]
    affine[:3, 2] = steps
    affine[:3, 3] = grid.origins[0]
    image = nib.Nifti1Image(volume.transpose(2, 1, 0), None)
    for set_form in (image.set_sform, image.set_qform):
        set_form(_LPS_TO_RAS @ affine, _SCANNER_ANATOMICAL)
    image.header.set_xyzt_units('mm')
    image.header['descrip'] = description.encode('ascii')
    return gzip.compress(image.to_bytes(), mtime=0)


def canal_views(
    volume: np.ndarray, grid: StackGeometry, centres: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sagittal and coronal pictures through the canal.

    Both are curved: every row is taken where the canal is in that slice. Along the row and along
    the body lengths are true; only the depth of the plane changes from row to row.

    Args:
        volume: int16 [slices, rows, columns], on the grid.
        grid: where it lies; evenly spaced, from foot to head.
        centres: (slices, 3) in mm, the centre of the sac in each slice.

    Returns:
        (sagittal, coronal): uint8 [height, width], head up, in square pixels of the grid's size;
        the sagittal with anterior on the left, the coronal with the patient's right on the left;
        black where nothing was made.
    """
    sagittal, coronal = [], []
    for index, (pixels, centre) in enumerate(zip(volume, centres, strict=True)):
        row, column = grid.to_pixels(index, centre)
        shown = np.maximum(pixels, 0).astype(np.float32)
        sagittal.append(_line(shown.T, column))
        coronal.append(_line(shown, row))
    step_mm = float(grid.steps_mm.mean())
    height = max(1, round(len(volume) * step_mm / grid.pixel_spacing[0]))
    return (
        _stretched(np.stack(sagittal[::-1]), height),
        _stretched(np.stack(coronal[::-1]), height),
    )


def _line(pixels: np.ndarray, place: float) -> np.ndarray:
    """The row of pixels at a fractional place, float32, by linear interpolation."""
    first = int(np.clip(np.floor(place), 0, len(pixels) - 2))
    share = np.clip(place - first, 0, 1)
    return (1 - share) * pixels[first] + share * pixels[first + 1]


def _stretched(rows: np.ndarray, height: int) -> np.ndarray:
    """A picture at another height, uint8."""
    size = (rows.shape[1], height)
    stretched = cv2.resize(rows.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return np.clip(np.rint(stretched), 0, 255).astype(np.uint8)
