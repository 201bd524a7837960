"""Paired augmentation: one draw moves CT and MR alike.

A pair is float32 [2, H, W, 1], CT and MR as two pictures, in grey levels 0..255. What moves is done
as one bilinear warp, with edges filled with air (black). Every random number is a function of
(seed, example number): nothing here holds a state.
"""

import math

import tensorflow as tf

from ct2mr_tf.config import Config

MID_GREY = 127.5
"""Grey level about which CT contrast is changed: the middle of 0..255."""

WHITE = 255.0
"""The largest grey level."""

DRAWS = 7
"""Uniform random numbers drawn for each example, one for each use below."""


def draw(seed: int, number: tf.Tensor) -> tf.Tensor:
    """The random numbers of one example.

    Args:
        seed: of the run.
        number: int64 scalar, the example's number from the start of training.

    Returns:
        float32 [DRAWS], uniform in [-1, 1).
    """
    key = tf.stack([tf.constant(seed, tf.int64), number])
    return tf.random.stateless_uniform([DRAWS], key, -1.0, 1.0)


def augment(pair: tf.Tensor, uniform: tf.Tensor, config: Config) -> tf.Tensor:
    """Moves CT and MR alike and changes the grey levels of the CT, as drawn.

    Args:
        pair: float32 [2, H, W, 1], CT and MR, grey levels 0..255.
        uniform: the draw, float32 [DRAWS] in [-1, 1).
        config: its augmentation flags are read: how far a draw may go.

    Returns:
        float32 [2, H, W, 1], grey levels 0..255.
    """
    if (
        config.augment_zoom > 1
        or config.augment_flip
        or config.augment_rotation_deg > 0
        or config.augment_shift > 0
    ):
        pair = _warp(pair, _transform(tf.shape(pair)[1:3], uniform, config))
    if config.augment_ct_gain > 0 or config.augment_ct_offset > 0:
        pair = _change_grey(pair, uniform, config)
    return pair


def _transform(size: tf.Tensor, uniform: tf.Tensor, config: Config) -> tf.Tensor:
    """The warp as eight numbers that take a pixel of the result to its place in the source.

    Enlarging by s shows 1/s of the source; the crop is free to move within the rest, until the
    centre of its outermost pixel meets that of the source.
    """
    height, width = tf.unstack(tf.cast(size, tf.float32))
    scale = 1 + (config.augment_zoom - 1) * (uniform[0] + 1) / 2
    angle = math.radians(config.augment_rotation_deg) * uniform[1]
    mirror = tf.where(config.augment_flip & (uniform[2] < 0), -1.0, 1.0)
    slack = (1 - 1 / scale) / 2
    shift_x = (slack * (width - 1) + config.augment_shift * width) * uniform[3]
    shift_y = (slack * (height - 1) + config.augment_shift * height) * uniform[4]
    cos, sin = tf.cos(angle) / scale, tf.sin(angle) / scale
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    a, b = cos * mirror, -sin
    c, d = sin * mirror, cos
    to_x = centre_x + shift_x - a * centre_x - b * centre_y
    to_y = centre_y + shift_y - c * centre_x - d * centre_y
    zero = tf.zeros([])
    return tf.stack([a, b, to_x, c, d, to_y, zero, zero])


def _warp(pair: tf.Tensor, transform: tf.Tensor) -> tf.Tensor:
    warped = tf.raw_ops.ImageProjectiveTransformV3(
        images=pair,
        transforms=transform[tf.newaxis],
        output_shape=tf.shape(pair)[1:3],
        fill_value=0.0,
        interpolation='BILINEAR',
        fill_mode='CONSTANT',
    )
    return tf.ensure_shape(warped, pair.shape)


def _change_grey(pair: tf.Tensor, uniform: tf.Tensor, config: Config) -> tf.Tensor:
    """Contrast about mid-grey, then brightness, of the CT, as one product and one sum."""
    gain = 1 + config.augment_ct_gain * uniform[5]
    offset = MID_GREY * (1 - gain) + WHITE * config.augment_ct_offset * uniform[6]
    gains, offsets = (
        tf.reshape(tf.stack(of_both), [2, 1, 1, 1]) for of_both in ([gain, 1.0], [offset, 0.0])
    )
    return tf.clip_by_value(pair * gains + offsets, 0, WHITE)
