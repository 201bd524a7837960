import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from stack_builders import disc_points

from ct2mr_tf.imaging import crop
from ct2mr_tf.imaging.crop import DiscPoints, PointOrderError, SquareCrop

AXIAL = np.array([0.0, 0.0, 1.0])


def test_the_papers_square_by_hand():
    points = DiscPoints(np.array([5.0, 30, 700]), np.array([8.0, -10, 700]))
    square = crop.square_crop(points, AXIAL)
    assert square.half_side_mm == 40
    assert square.centre.tolist() == [5, 30, 700]
    assert square.left_axis.tolist() == [1, 0, 0]
    assert square.anterior_axis.tolist() == [0, -1, 0]
    assert square.normal.tolist() == [0, 0, 1]
    # Four pixels of 20 mm: the first is the patient's right and anterior.
    grid = square.grid(4)
    assert grid.shape == (4, 4, 3)
    assert grid[0, 0].tolist() == [-25, 0, 700]
    assert grid[0, 3].tolist() == [35, 0, 700]
    assert grid[3, 0].tolist() == [-25, 60, 700]
    corners = [[-35, -10, 700], [45, -10, 700], [45, 70, 700], [-35, 70, 700]]
    assert square.corners().tolist() == corners


def test_axes_of_a_tilted_plane_by_hand():
    # Turned by 30 degrees about the left-right axis: anterior goes up with the disc.
    left, anterior = crop.plane_axes([0, 0.5, np.sqrt(3) / 2])
    assert left == pytest.approx([1, 0, 0])
    assert anterior == pytest.approx([0, -np.sqrt(3) / 2, 0.5])


@pytest.mark.parametrize('sign', [1, -1])
def test_the_sign_of_the_normal_changes_nothing(sign):
    points = disc_points([0, 0, 0], 10)
    square = crop.square_crop(points, sign * np.array([0.05, np.sin(0.2), np.cos(0.2)]))
    assert square.left_axis[0] > 0.9
    assert square.normal[2] > 0.9


def test_ventral_point_on_the_upper_edge_and_sac_at_the_centre_of_the_picture():
    points = disc_points([3, 4, 5], 15, 42)
    square = crop.square_crop(points, Rotation.from_euler('x', 15, degrees=True).apply(AXIAL))
    assert square.half_side_mm == pytest.approx(42)
    assert square.to_picture(points.sac, 256) == pytest.approx([127.5, 127.5])
    assert square.to_picture(points.ventral, 256) == pytest.approx([127.5, -0.5])


def test_to_picture_undoes_grid():
    square = crop.square_crop(disc_points([3, 4, 5]), [0.1, 0.2, 1])
    x, y = np.moveaxis(square.to_picture(square.grid(6), 6), -1, 0)
    assert x == pytest.approx(np.tile(np.arange(6), (6, 1)), abs=1e-12)
    assert y == pytest.approx(np.tile(np.arange(6), (6, 1)).T, abs=1e-12)


def test_half_side_grows_to_hold_a_lateral_edge_and_never_shrinks():
    assert crop.square_crop(disc_points([0, 0, 0], left=47), AXIAL).half_side_mm == 47
    assert crop.square_crop(disc_points([0, 0, 0], left=30, right=44), AXIAL).half_side_mm == 44
    grown = disc_points([0, 0, 0], left=30, right=39)
    assert crop.square_crop(grown, AXIAL).half_side_mm == 40
    assert crop.ventral_half_side(disc_points([0, 0, 0], left=47), AXIAL) == 40


def test_how_far_the_body_reaches_from_the_sac():
    points = disc_points([5, 6, 7], 20, 42, left=31)
    square = crop.square_crop(points, Rotation.from_euler('x', 20, degrees=True).apply(AXIAL))
    extent = crop.body_extent(points, square)
    assert (extent.ventral_mm, extent.left_mm) == pytest.approx((42, 31))
    assert extent.right_mm is None
    both = disc_points([5, 6, 7], left=47, right=44)
    extent = crop.body_extent(both, crop.square_crop(both, AXIAL))
    # The square has grown to 47 mm; the body is where it was.
    assert (extent.ventral_mm, extent.left_mm, extent.right_mm) == pytest.approx((40, 47, 44))


def test_the_centre_is_moved_onto_the_slice_along_its_normal():
    normal = np.array([0, 0.6, 0.8])
    points = disc_points([0, 0, 0])
    square = crop.square_crop(points, normal, on_plane=np.array([50.0, -8, 11]))
    # The plane lies (0.6 * -8 + 0.8 * 11) = 4 mm along the normal.
    assert square.centre == pytest.approx([0, 2.4, 3.2])


@pytest.mark.parametrize(
    ('points', 'contradiction', 'distance'),
    [
        (disc_points([0, 0, 0], ventral_mm=-12), 'ventral point lies behind', 12),
        (disc_points([0, 0, 0], left=-30), 'left edge', 30),
        (disc_points([0, 0, 0], right=-25), 'right edge', 25),
    ],
)
def test_points_on_the_wrong_side(points, contradiction, distance):
    with pytest.raises(PointOrderError, match=contradiction) as caught:
        crop.square_crop(points, AXIAL)
    assert caught.value.distance_mm == pytest.approx(distance)


@pytest.mark.parametrize('normal', [(0, 1, 0.1), (1, 0, 0.1), (1, 1, 0)])
def test_planes_that_are_not_axial(normal):
    assert not crop.is_axial(np.array(normal))
    with pytest.raises(ValueError, match='nearly'):
        crop.plane_axes(normal)
    assert crop.is_axial(AXIAL)


def test_both_squares_of_a_pair_can_take_one_size():
    square = crop.square_crop(disc_points([1, 2, 3]), AXIAL).with_half_side(50)
    assert square.half_side_mm == 50
    assert square.centre.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    'changes',
    [
        {'centre': [0, 0, np.nan]},
        {'left_axis': [2, 0, 0]},
        {'anterior_axis': [-1, 0, 0]},
        {'half_side_mm': 0},
        {'half_side_mm': np.inf},
    ],
)
def test_squares_that_are_none(changes):
    fields = {'centre': [0, 0, 0], 'left_axis': [1, 0, 0], 'anterior_axis': [0, -1, 0]}
    with pytest.raises(ValueError, match='must be'):
        SquareCrop(**{**fields, 'half_side_mm': 40, **changes})


@hypothesis.given(
    angles=st.tuples(st.floats(-25, 25), st.floats(-15, 15)),
    lengths=st.tuples(st.floats(30, 50), st.floats(-5, 5), st.floats(15, 60), st.floats(15, 60)),
)
def test_the_square_on_any_oblique_plane(angles, lengths):
    ventral_mm, aside_mm, left_mm, right_mm = lengths
    normal = Rotation.from_euler('xy', angles, degrees=True).apply(AXIAL)
    left, anterior = crop.plane_axes(normal)
    assert [left @ normal, anterior @ normal, left @ anterior] == pytest.approx([0, 0, 0], abs=1e-9)
    # The anterior axis is the direction of the plane nearest the patient's anterior.
    others = np.cos(np.arange(0, 6.3, 0.1))[:, None] * left
    others = others + np.sin(np.arange(0, 6.3, 0.1))[:, None] * anterior
    assert anterior @ [0, -1, 0] >= (others @ [0, -1, 0]).max() - 1e-12
    sac = np.array([7.0, 8, 9])
    points = DiscPoints(
        sac,
        sac + ventral_mm * anterior + aside_mm * left,
        sac + left_mm * left,
        sac - right_mm * left,
    )
    square = crop.square_crop(points, normal)
    pixels = square.to_picture(points.stacked(), 100)
    assert square.half_side_mm == pytest.approx(max(ventral_mm, left_mm, right_mm))
    assert ((pixels >= -0.5 - 1e-9) & (pixels <= 99.5 + 1e-9)).all()
    assert pixels[0] == pytest.approx([49.5, 49.5])
    assert pixels[2, 0] > pixels[0, 0] > pixels[3, 0]
