"""Pictures on a common grid: by hand, and as others read them."""

import gzip

import nibabel as nib
import numpy as np
import pytest

from ct2mr_tf.imaging import volumes
from ct2mr_tf.imaging.crop import SquareCrop
from ct2mr_tf.imaging.geometry import StackGeometry

LEFT, ANTERIOR = np.array([1.0, 0, 0]), np.array([0.0, -1, 0])


def square(x, y, z, half=4.0):
    return SquareCrop(np.array([x, y, z], dtype=float), LEFT, ANTERIOR, half)


def test_the_grid_of_one_square_is_that_of_its_picture():
    turned = SquareCrop(
        np.array([1.0, 2, 3]), np.array([0.8, 0, -0.6]), np.array([0, -1.0, 0]), 10.0
    )
    grid = volumes.common_grid([turned], 8)
    assert (len(grid), grid.rows, grid.columns) == (1, 8, 8)
    assert grid.pixel_spacing == (2.5, 2.5)
    places = grid.to_patient(0, np.stack(np.mgrid[:8, :8], axis=-1))
    assert np.abs(places - turned.grid(8)).max() < 1e-12
    picture = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    assert np.array_equal(volumes.placed(picture, turned, grid, 0), picture)


def test_the_grid_of_many_holds_all_with_the_finest_pixels():
    squares = [square(0, 0, 0), square(2, -1, 3), square(1, 1, 6, half=6.0)]
    grid = volumes.common_grid(squares, 8)
    assert grid.pixel_spacing == (1.0, 1.0)
    # x from -5 to 7, y from -5 to 7: the largest square holds all others.
    assert (grid.rows, grid.columns) == (12, 12)
    assert grid.origins.tolist() == [[-4.5, -4.5, 0], [-4.5, -4.5, 3], [-4.5, -4.5, 6]]
    assert grid.row_direction.tolist() == [1, 0, 0]
    assert grid.column_direction.tolist() == [0, 1, 0]


def test_a_picture_is_moved_by_whole_pixels_as_it_is_and_halves_are_means():
    squares = [square(0, 0, 0), square(2, 0.5, 3)]
    grid = volumes.common_grid(squares, 8)
    assert (grid.rows, grid.columns) == (9, 10)
    picture = np.arange(64, dtype=np.uint8).reshape(8, 8)
    first = volumes.placed(picture, squares[0], grid, 0)
    assert np.array_equal(first[:8, :8], picture)
    assert (first[8] == volumes.OUTSIDE).all() and (first[:, 8:] == volumes.OUTSIDE).all()
    second = volumes.placed(2 * picture, squares[1], grid, 1)
    assert (second[:, :2] == volumes.OUTSIDE).all()
    # Half a pixel down: a row lies between two rows of the picture, 8 apart.
    assert np.array_equal(second[1:8, 2:], 2 * picture[1:].astype(int) - 8)


def test_nothing_is_made_up_beyond_a_square():
    squares = [square(0, 0, 0), square(40, 0, 3)]
    grid = volumes.common_grid(squares, 8)
    white = np.full((8, 8), 255, np.uint8)
    covered = [volumes.placed(white, one, grid, i) >= 0 for i, one in enumerate(squares)]
    assert [one.sum() for one in covered] == [64, 64]
    assert not (covered[0] & covered[1]).any()


def test_nifti_is_the_same_each_time_and_turns_to_ras():
    origins = np.array([[10.0, -20, 30], [10, -20, 32.5], [10, -20, 35]])
    grid = StackGeometry(origins, LEFT, -ANTERIOR, (0.5, 0.5), 4, 6)
    volume = np.random.default_rng(0).integers(-1, 256, (3, 4, 6)).astype(np.int16)
    content = volumes.nifti_bytes(volume, grid, 'what it is')
    assert content == volumes.nifti_bytes(volume, grid, 'what it is')
    image = nib.Nifti1Image.from_bytes(gzip.decompress(content))
    assert image.shape == (6, 4, 3)
    assert nib.aff2axcodes(image.affine) == ('L', 'P', 'S')
    index = np.array([5, 3, 2, 1])
    assert image.affine @ index == pytest.approx([-(10 + 2.5), 20 - 1.5, 35, 1])
    assert np.asarray(image.dataobj)[5, 3, 2] == volume[2, 3, 5]
    assert image.header['descrip'] == b'what it is'
    assert image.header.get_xyzt_units()[0] == 'mm'
    for form in (image.get_qform, image.get_sform):
        affine, code = form(coded=True)
        assert code == 1
        assert np.abs(affine - image.affine).max() < 1e-6


def test_views_follow_the_canal_with_true_lengths():
    """A bright rod that wanders is straight on both views, and as long as it is."""
    grid = StackGeometry(
        np.array([[0.0, 0, 3 * z] for z in range(10)]), LEFT, -ANTERIOR, (1.5, 1.5), 20, 24
    )
    volume = np.full((10, 20, 24), volumes.OUTSIDE, np.int16)
    centres = []
    for index in range(10):
        row, column = 5 + index, 18 - index
        volume[index] = 10
        volume[index, row, column] = 200
        centres.append(grid.to_patient(index, [row, column]))
    sagittal, coronal = volumes.canal_views(volume, grid, np.array(centres))
    assert sagittal.shape == (20, 20) and coronal.shape == (20, 24)
    # Head up: the last slice is the first row; anterior (low rows of a slice) on the left.
    assert [row.argmax() for row in sagittal[::2]] == list(range(14, 4, -1))
    assert [row.argmax() for row in coronal[::2]] == list(range(9, 19))
    assert sagittal.max() == coronal.max() == 200


def test_a_canal_between_two_pixels_is_shown_in_proportion():
    grid = StackGeometry(np.array([[0.0, 0, 0], [0, 0, 1]]), LEFT, -ANTERIOR, (1, 1), 4, 4)
    values = np.tile(np.int16([0, 100, 200, 0]), (2, 4, 1))
    centres = np.array([grid.to_patient(index, [1.25, 1.25]) for index in range(2)])
    assert (volumes.canal_views(values, grid, centres)[0] == 125).all()
    assert (volumes.canal_views(values.swapaxes(1, 2), grid, centres)[1] == 125).all()


def test_what_was_not_made_is_black_on_views():
    grid = StackGeometry(np.array([[0.0, 0, 0], [0, 0, 1]]), LEFT, -ANTERIOR, (1, 1), 4, 4)
    volume = np.full((2, 4, 4), volumes.OUTSIDE, np.int16)
    for view in volumes.canal_views(volume, grid, np.array([[1.0, 1, 0], [2, 2, 1]])):
        assert view.max() == 0
