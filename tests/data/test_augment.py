"""Paired augmentation: each operation by its own measure, and all together against scipy.

Ramp pictures, whose grey levels are the coordinates, show where each pixel of the result came from.
"""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from ct2mr_tf.config import Config
from ct2mr_tf.data.augment import DRAWS, augment, draw

OFF = {
    'zoom': 1.0,
    'flip': False,
    'rotation_deg': 0.0,
    'shift': 0.0,
    'ct_gain': 0.0,
    'ct_offset': 0.0,
}


def only(**options):
    """The configuration in which nothing but these augmentation flags is on."""
    return Config(**{f'augment_{name}': value for name, value in {**OFF, **options}.items()})


ALONE = {
    'zoom': only(zoom=286 / 256),
    'flip': only(flip=True),
    'rotation_deg': only(rotation_deg=5.0),
    'shift': only(shift=0.1),
    'ct_gain': only(ct_gain=0.3),
    'ct_offset': only(ct_offset=0.2),
}
ALL = only(zoom=1.2, flip=True, rotation_deg=10.0, shift=0.05, ct_gain=0.3, ct_offset=0.2)
MOVING = ('zoom', 'flip', 'rotation_deg', 'shift')
SIZE = (33, 47)
"""Odd and not square: the centre is a pixel, and x and y cannot be mistaken for each other."""


def picture(size=SIZE, seed=0):
    noise = np.random.default_rng(seed).uniform(0, 255, (*size, 2))
    return ndimage.gaussian_filter(noise, (2, 2, 0)).astype(np.float32)


def ramps(size=SIZE):
    """x in the first channel and y in the second, plus 1 so that air (0) can be told apart."""
    y, x = np.mgrid[: size[0], : size[1]]
    return np.stack([x + 1, y + 1], axis=-1).astype(np.float32)


def as_planes(pair):
    return tf.constant(np.moveaxis(pair, -1, 0)[..., np.newaxis])


def as_channels(planes):
    return np.moveaxis(planes[..., 0], 0, -1)


def augmented(pair, uniform, options):
    """The augmentation of [H, W, 2], in which a pixel's two values stand together."""
    return as_channels(augment(as_planes(pair), tf.constant(uniform), options).numpy())


def applied(pair, options, seed=0, number=0):
    return augmented(pair, draw(seed, tf.constant(number, tf.int64)), options)


def uniforms(count=100, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, DRAWS)).astype(np.float32)


def with_draw(pair, options, **at):
    """The augmentation at a chosen draw: `with_draw(pair, options, u2=-1)` sets number 2."""
    uniform = np.zeros(DRAWS, np.float32)
    for name, value in at.items():
        uniform[int(name[1:])] = value
    return augmented(pair, uniform, options)


def linear_part(result):
    """The 2x2 matrix by which steps in the result become steps in the source, about the centre."""
    row, column = (side // 2 for side in SIZE)
    per_x = (result[row, column + 2] - result[row, column - 2]) / 4
    per_y = (result[row + 2, column] - result[row - 2, column]) / 4
    return np.stack([per_x, per_y], axis=1)


def test_the_draw_is_a_function_of_seed_and_number():
    first = draw(3, tf.constant(5, tf.int64)).numpy()
    assert first.shape == (DRAWS,)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, draw(3, tf.constant(5, tf.int64)).numpy())
    assert not np.array_equal(first, draw(3, tf.constant(6, tf.int64)).numpy())
    assert not np.array_equal(first, draw(4, tf.constant(5, tf.int64)).numpy())


def test_draws_are_uniform_in_minus_one_to_one():
    values = tf.map_fn(lambda n: draw(0, n), tf.range(500, dtype=tf.int64), tf.float32).numpy()
    assert values.min() >= -1
    assert values.max() < 1
    # The mean of 500 such numbers has a deviation of 0.026; their standard deviation is 0.577.
    assert np.all(np.abs(values.mean(axis=0)) < 0.12)
    assert np.all(np.abs(values.std(axis=0) - 1 / math.sqrt(3)) < 0.05)
    assert np.abs(np.corrcoef(values.T) - np.eye(DRAWS)).max() < 0.2


def test_nothing_changes_where_all_is_off():
    np.testing.assert_array_equal(applied(picture(), only()), picture())


def test_every_flag_is_tried_alone():
    flags = {name for name in vars(Config()) if name.startswith('augment_')}
    assert flags == {f'augment_{name}' for name in ALONE}


@pytest.mark.parametrize('name', ALONE)
def test_each_alone_moves_both_or_changes_the_ct(name):
    results = [applied(picture(), ALONE[name], 0, number) for number in range(8)]
    for channel, changes in ((0, True), (1, name in MOVING)):
        before = picture()[..., channel]
        assert (
            any(not np.array_equal(result[..., channel], before) for result in results) == changes
        )


@pytest.mark.parametrize('options', [*ALONE.values(), ALL], ids=[*ALONE, 'all'])
def test_eager_and_within_a_dataset_are_equal(options):
    pair = picture()

    def load(number):
        return augment(as_planes(pair), draw(1, number), options)

    mapped = list(tf.data.Dataset.range(8).map(load, num_parallel_calls=2).as_numpy_iterator())
    for number, result in enumerate(mapped):
        expected = applied(pair, options, 1, number)
        np.testing.assert_allclose(as_channels(result), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize('name', [*MOVING, 'all'])
def test_ct_and_mr_move_alike(name):
    options = (
        dataclasses.replace(ALL, augment_ct_gain=0, augment_ct_offset=0)
        if name == 'all'
        else ALONE[name]
    )
    same = np.repeat(picture()[..., :1], 2, axis=-1)
    for number in range(10):
        result = applied(same, options, 0, number)
        np.testing.assert_array_equal(result[..., 0], result[..., 1])


def test_the_flip_is_exact():
    flipped = with_draw(picture(), ALONE['flip'], u2=-0.5)
    np.testing.assert_array_equal(flipped, picture()[:, ::-1])
    np.testing.assert_array_equal(with_draw(picture(), ALONE['flip'], u2=0.5), picture())


def test_half_of_the_draws_are_flipped():
    flips = [linear_part(augmented(ramps(), u, ALONE['flip']))[0, 0] < 0 for u in uniforms(100)]
    assert 30 <= sum(flips) <= 70  # four deviations either way


def test_the_rotation_is_about_the_centre_and_within_its_limit():
    angles = []
    for u in uniforms():
        options = ALONE['rotation_deg']
        result = augmented(ramps(), u, options)
        np.testing.assert_allclose(result[16, 23], [24, 17], atol=1e-3)
        matrix = linear_part(result)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(2), atol=1e-3)
        angles.append(math.degrees(math.atan2(matrix[1, 0], matrix[0, 0])))
    assert max(np.abs(angles)) <= 5.001
    assert min(angles) < -4.5
    assert max(angles) > 4.5


def test_a_quarter_turn_by_hand():
    square = picture((9, 9))
    turned = with_draw(square, only(rotation_deg=90.0), u1=1.0)
    np.testing.assert_allclose(turned, np.rot90(square), atol=1e-3)


def test_edges_are_air():
    white = np.full((*SIZE, 2), 255, np.float32)
    corners = with_draw(white, only(rotation_deg=45.0), u1=1.0)[[0, 0, -1, -1], [0, -1] * 2]
    np.testing.assert_array_equal(corners, 0)
    moved = with_draw(white, only(shift=0.2), u3=1.0, u4=0.0)
    np.testing.assert_array_equal(moved[:, -9:], 0)  # 0.2 of 47 pixels is 9.4
    np.testing.assert_array_equal(moved[:, :-10], 255)


def test_the_zoom_stays_inside_the_picture():
    options = only(zoom=2.0)
    white = np.full((*SIZE, 2), 255, np.float32)
    scales = []
    for u in uniforms():
        inside = augmented(white, u, options)
        np.testing.assert_allclose(inside, 255, atol=0.01)
        matrix = linear_part(augmented(ramps(), u, options))
        np.testing.assert_allclose(matrix, np.eye(2) * matrix[0, 0], atol=1e-4)
        scales.append(1 / matrix[0, 0])
    assert min(scales) < 1.05
    assert max(scales) > 1.95
    assert 1 <= min(scales) <= max(scales) <= 2


@pytest.mark.parametrize(('u3', 'u4'), [(-1, -1), (1, -1), (-1, 1), (1, 1)])
def test_the_crop_reaches_every_corner(u3, u4):
    result = with_draw(ramps(), only(zoom=1.5), u0=1.0, u3=u3, u4=u4)
    row, column = (0 if u4 < 0 else SIZE[0] - 1), (0 if u3 < 0 else SIZE[1] - 1)
    np.testing.assert_allclose(result[row, column], [column + 1, row + 1], atol=0.02)


def test_the_shift_is_a_share_of_the_side():
    result = with_draw(ramps(), only(shift=0.1), u3=1.0, u4=-0.5)
    expected = np.array([24 + 0.1 * 47, 17 - 0.05 * 33])
    np.testing.assert_allclose(result[16, 23], expected, atol=1e-3)


@pytest.mark.parametrize('name', ['ct_gain', 'ct_offset'])
def test_grey_levels_of_the_mr_stay(name):
    for number in range(10):
        result = applied(picture(), ALONE[name], 0, number)
        np.testing.assert_array_equal(result[..., 1], picture()[..., 1])
        assert result.min() >= 0
        assert result.max() <= 255


def test_contrast_and_brightness_by_hand():
    pair = np.full((4, 4, 2), 100, np.float32)
    # About the middle of the range: (100 - 127.5) * (1 + 0.2) + 127.5 = 94.5
    gained = with_draw(pair, only(ct_gain=0.4), u5=0.5)
    np.testing.assert_allclose(gained[..., 0], 94.5, atol=1e-4)
    # 100 - 0.5 * 0.2 * 255 = 74.5
    darker = with_draw(pair, only(ct_offset=0.2), u6=-0.5)
    np.testing.assert_allclose(darker[..., 0], 74.5, atol=1e-4)
    # Clipped at black: 100 - 0.9 * 255 < 0
    black = with_draw(pair, only(ct_offset=0.9), u6=-1.0)
    np.testing.assert_array_equal(black[..., 0], 0)


def reference(pair, u, options):
    """The same warp from textbook matrices in homogeneous coordinates, sampled by scipy."""
    height, width = pair.shape[:2]
    scale = 1 + (options.augment_zoom - 1) * (u[0] + 1) / 2
    angle = math.radians(options.augment_rotation_deg * u[1])
    share = (1 - 1 / scale) / 2

    def move(x, y):
        return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], float)

    to_centre = move(-(width - 1) / 2, -(height - 1) / 2)
    flip = np.diag([-1.0 if options.augment_flip and u[2] < 0 else 1.0, 1.0, 1.0])
    turn = np.array(
        [[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]]
    )
    shrink = np.diag([1 / scale, 1 / scale, 1.0])
    shift = move(
        u[3] * (share * (width - 1) + options.augment_shift * width),
        u[4] * (share * (height - 1) + options.augment_shift * height),
    )
    matrix = shift @ np.linalg.inv(to_centre) @ shrink @ turn @ flip @ to_centre
    swap = [1, 0]  # scipy takes rows first
    return np.stack(
        [
            ndimage.affine_transform(
                channel,
                matrix[:2, :2][np.ix_(swap, swap)],
                matrix[:2, 2][swap],
                order=1,
                mode='grid-constant',
            )
            for channel in np.moveaxis(pair.astype(np.float64), -1, 0)
        ],
        axis=-1,
    )


@pytest.mark.parametrize('options', [*ALONE.values(), ALL], ids=[*ALONE, 'all'])
def test_the_warp_agrees_with_scipy(options):
    options = dataclasses.replace(options, augment_ct_gain=0.0, augment_ct_offset=0.0)
    for u in uniforms(20, seed=5):
        result = augmented(picture(), u, options)
        np.testing.assert_allclose(result, reference(picture(), u, options), atol=0.05)
