"""Padding by reflection, and convolutions that reach their sums by a shorter way.

The convolutions are Keras' own layer with the same weights; only the arithmetic differs, by
rounding.
"""

from collections.abc import Callable
from typing import TypeAlias

import tensorflow as tf

Size: TypeAlias = int | tf.Tensor
"""A side of a map: a number where it is known when the graph is made."""

PHASES = 4
"""Side of the blocks that PhasedConvolution computes at once: sides of pictures are multiples."""

WINOGRAD_CHANNELS = 256
"""Fewest channels for which Winograd's way pays: below, moving the maps costs what it saves.

Measured on two cores with AVX-512: 128 channels at 64x64 take as long either way.
"""

_ROWS_TO_FACTORS = (
    (1.0, 0.0, -1.0, 0.0),
    (0.0, 1.0, 1.0, 0.0),
    (0.0, 1.0, -1.0, 0.0),
    (0.0, 1.0, 0.0, -1.0),
)
"""B^T of F(2, 3), its third row negated: from four rows of a map to one factor of each product."""

_KERNEL_TO_FACTORS = ((1.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0.0, 0.0, 1.0))
"""G of F(2, 3): from the three rows of a kernel to the other factor of each product."""


def _sizes(x: tf.Tensor) -> list[Size]:
    """Batch, height and width of a map: numbers where all are known already, else tensors."""
    known = x.shape[:3]
    return known.as_list() if known.is_fully_defined() else tf.unstack(tf.shape(x))[:3]


def _mirrored(size: Size, pad: int) -> tf.Tensor:
    """Places 0..size - 1 with `pad` more on each side, mirrored; an error unless size > pad."""
    return tf.pad(tf.range(size), [[pad, pad]], 'REFLECT')


def _padded(x: tf.Tensor, pad: int) -> tf.Tensor:
    """Gathered: TensorFlow's own operation takes several times as long on CPUs."""
    batch, height, width = _sizes(x)
    rows = _mirrored(height, pad)[:, tf.newaxis]
    pixels = tf.reshape(x, [batch, height * width, x.shape[-1]])
    return tf.gather(pixels, rows * width + _mirrored(width, pad), axis=1)


def _padded_for_training(x: tf.Tensor, pad: int) -> tf.Tensor:
    """The same, with the gradient of TensorFlow's own operation, which is the faster one."""
    sides = [pad, pad]

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.MirrorPadGrad(
            input=upstream, paddings=[[0, 0], sides, sides, [0, 0]], mode='REFLECT'
        )

    @tf.custom_gradient
    def padded(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        return _padded(x, pad), gradient

    return padded(x)


def reflected(x: tf.Tensor, pad: int, training: bool | None = None) -> tf.Tensor:
    """Mirrors `pad` pixels beyond each side, so that borders stay clean.

    Args:
        x: map [N, H, W, C], H and W above `pad`.
        pad: pixels.
        training: whether it has TensorFlow's own gradient, which is the faster one.

    Returns:
        Map [N, H + 2 pad, W + 2 pad, C].
    """
    # An exported model would name its gradient each time it is loaded, and has no use for it.
    return (_padded_for_training if training else _padded)(x, pad)


@tf.keras.utils.register_keras_serializable('ct2mr_tf')
class ReflectedConvolution(tf.keras.layers.Conv2D):
    """A convolution of stride 1 whose input is mirrored beyond each side by kernel // 2 pixels.

    A wide 3x3 one is computed with two thirds of the multiplications on a CPU, see
    `convolve_by_pairs_of_rows`. A GPU's library chooses such an algorithm itself, and 16-bit sums
    would lose digits: both keep the plain one. The machine that makes the graph decides: what CPUs
    shall serve is best exported where there is no GPU.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Convolves [N, H, W, C] to [N, H, W, filters]; needs H, W > kernel // 2."""
        if not self._is_wide():
            return super().call(reflected(inputs, self.kernel_size[0] // 2, training))
        convolve = convolve_by_pairs_of_rows
        # What the gradient needs is computed again: to keep it takes twice the memory of the map.
        return (tf.recompute_grad(convolve) if training else convolve)(inputs, self.kernel)

    def _is_wide(self) -> bool:
        return (
            self.kernel_size == (3, 3)
            and self.strides == self.dilation_rate == (1, 1)
            and self.groups == 1
            and self.activation is tf.keras.activations.linear
            and min(self.kernel.shape[2:]) >= WINOGRAD_CHANNELS
            and not self.use_bias
            and self.compute_dtype == 'float32'
            and not tf.config.list_physical_devices('GPU')
        )


@tf.keras.utils.register_keras_serializable('ct2mr_tf')
class PhasedConvolution(ReflectedConvolution):
    """One of few channels, computed with stride 4 and sixteen times as many of them.

    CPUs and GPUs compute 16 channels or more at once, so that a single one wastes most of a
    convolution. Each of the 4 x 4 places of a pixel within a block gets its own copy of the kernel,
    moved to that place, and the channels that come out are laid side by side. The sums are the
    same: on a CPU the last layer of the generator takes a quarter of the time.
    """

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolves without padding; the result has sides that are multiples of 4.

        Args:
            inputs: map [N, H + k - 1, W + k - 1, C], H and W multiples of 4.
            kernel: [k, k, C, channels].

        Returns:
            Map [N, H, W, channels].
        """
        places = range(PHASES)
        moved = [
            tf.pad(kernel, [[y, PHASES - 1 - y], [x, PHASES - 1 - x], [0, 0], [0, 0]])
            for y in places
            for x in places
        ]
        phases = tf.nn.conv2d(inputs, tf.concat(moved, axis=-1), PHASES, 'VALID')
        return tf.nn.depth_to_space(phases, PHASES)


def convolve_by_pairs_of_rows(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """A 3x3 convolution padded by reflection, by Winograd's minimal filter.

    Two rows of the result come from four products of rows instead of six: F(2, 3) of Winograd
    (Arithmetic Complexity of Computations, SIAM 1980) by the matrices of Lavin and Gray (CVPR 2016,
    section 4.1), here along the height alone, so that each product is a convolution with a 1x3
    kernel. Both gradients gain alike.

    Args:
        x: float map [N, H, W, C], H and W at least 2.
        kernel: [3, 3, C, channels].

    Returns:
        Map [N, H, W, channels].
    """
    maps = _combined(_ROWS_TO_FACTORS, _rows_of_pairs(x))
    kernels = _combined(_KERNEL_TO_FACTORS, tf.expand_dims(kernel, 1))
    a, b, c, d = (
        tf.nn.conv2d(factor, weights, 1, 'VALID')
        for factor, weights in zip(maps, kernels, strict=True)
    )
    # Sums and differences in turn: TensorFlow would make one operation of three terms to be added,
    # and begin with whichever lies in a buffer that is free, so that rounding depends on threads.
    joined = tf.stack([a + b - c, b + c - d], axis=2)
    batch, height, width = _sizes(x)
    joined = tf.reshape(joined, [batch, 2 * ((height + 1) // 2), width, kernel.shape[-1]])
    # An odd height has a row too many. A slice, even of the whole, has a gradient that takes time.
    return joined if joined.shape[1] == x.shape[1] is not None else joined[:, :height]


def _rows_of_pairs(x: tf.Tensor) -> tf.Tensor:
    """Rows 2i - 1 .. 2i + 2 for each of the pairs i, mirrored: [4, N, pairs, W + 2, C].

    Pixels are gathered from [N * H * W, C], which is several times as fast as padding and slicing
    with stride 2, and whose gradient is a sum by place.
    """
    sizes = _sizes(x)
    pixels = tf.reshape(x, [-1, x.shape[-1]])
    if not isinstance(sizes[0], int):
        return tf.gather(pixels, _places_of_pairs(*sizes))
    # Computed at once: the index arithmetic of eighteen layers would double the graph of a step.
    with tf.init_scope():
        places = _places_of_pairs(*sizes).numpy()
    return tf.gather(pixels, places)


def _places_of_pairs(batch: Size, height: Size, width: Size) -> tf.Tensor:
    """Which pixels of [N * H * W] the rows of all pairs are: [4, N, pairs, W + 2]."""
    within = 2 * tf.range((height + 1) // 2) + tf.range(4)[:, tf.newaxis]
    rows = tf.gather(_mirrored(height, 1), tf.minimum(within, height + 1))[:, tf.newaxis]
    rows += height * tf.range(batch)[:, tf.newaxis]
    return rows[..., tf.newaxis] * width + _mirrored(width, 1)


def _combined(matrix: tuple[tuple[float, ...], ...], parts: tf.Tensor) -> list[tf.Tensor]:
    """The weighted sums of [n, ...] along its first axis, one for each row of the matrix."""
    sums = tf.tensordot(tf.constant(matrix, parts.dtype), parts, axes=1)
    return tf.unstack(sums, num=len(matrix))
