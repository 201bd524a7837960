"""Paired augmentation: one draw moves CT and MR alike.

A pair is float32 [2, H, W, 1], CT and MR as two pictures, in grey levels 0..255. What moves is done
as one bilinear warp, with edges filled with air (black). Every random number is a function of
(seed, example number): nothing here holds a state.
"""

import dataclasses
import math

import tensorflow as tf

MID_GREY = 127.5
"""Grey level about which CT contrast is changed: the middle of 0..255."""

WHITE = 255.0
"""The largest grey level."""

DRAWS = 7
"""Uniform random numbers drawn for each example, one for each use below."""


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How far a draw may go; the defaults change nothing.

    Attributes:
        zoom: largest enlargement before the random crop, at least 1 (pix2pix: 286/256).
        flip: whether half of the draws are mirrored left to right.
        rotation_deg: largest rotation about the centre, degrees.
        shift: largest shift beyond the crop, share of the side.
        ct_gain: largest relative change of CT contrast about mid-grey.
        ct_offset: largest change of CT brightness, share of 0..255.
    """

    zoom: float = 1.0
    flip: bool = False
    rotation_deg: float = 0.0
    shift: float = 0.0
    ct_gain: float = 0.0
    ct_offset: float = 0.0

    @property
    def moves(self) -> bool:
        """Whether any draw moves pixels."""
        return self.zoom > 1 or self.flip or self.rotation_deg > 0 or self.shift > 0

    @property
    def changes_grey(self) -> bool:
        """Whether any draw changes grey levels of the CT."""
        return self.ct_gain > 0 or self.ct_offset > 0


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


def augment(pair: tf.Tensor, uniform: tf.Tensor, options: Augmentation) -> tf.Tensor:
    """Moves CT and MR alike and changes the grey levels of the CT, as drawn.

    Args:
        pair: float32 [2, H, W, 1], CT and MR, grey levels 0..255.
        uniform: the draw, float32 [DRAWS] in [-1, 1).
        options: how far a draw may go.

    Returns:
        float32 [2, H, W, 1], grey levels 0..255.
    """
    if options.moves:
        pair = _warp(pair, _transform(tf.shape(pair)[1:3], uniform, options))
    if options.changes_grey:
        pair = _change_grey(pair, uniform, options)
    return pair


def _transform(size: tf.Tensor, uniform: tf.Tensor, options: Augmentation) -> tf.Tensor:
    """The warp as eight numbers that take a pixel of the result to its place in the source.

    Enlarging by s shows 1/s of the source; the crop is free to move within the rest, until the
    centre of its outermost pixel meets that of the source.
    """
    height, width = tf.unstack(tf.cast(size, tf.float32))
    scale = 1 + (options.zoom - 1) * (uniform[0] + 1) / 2
    angle = math.radians(options.rotation_deg) * uniform[1]
    mirror = tf.where(options.flip & (uniform[2] < 0), -1.0, 1.0)
    slack = (1 - 1 / scale) / 2
    shift_x = (slack * (width - 1) + options.shift * width) * uniform[3]
    shift_y = (slack * (height - 1) + options.shift * height) * uniform[4]
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


def _change_grey(pair: tf.Tensor, uniform: tf.Tensor, options: Augmentation) -> tf.Tensor:
    """Contrast about mid-grey, then brightness, of the CT, as one product and one sum."""
    gain = 1 + options.ct_gain * uniform[5]
    offset = MID_GREY * (1 - gain) + WHITE * options.ct_offset * uniform[6]
    gains, offsets = (
        tf.reshape(tf.stack(of_both), [2, 1, 1, 1]) for of_both in ([gain, 1.0], [offset, 0.0])
    )
    return tf.clip_by_value(pair * gains + offsets, 0, WHITE)
