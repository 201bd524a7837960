"""Convolutions that reach the same sums by a shorter way than the operation made for them.

Each is Keras' own layer with the same weights; only the arithmetic differs, by rounding.
"""

import tensorflow as tf

PHASES = 4
"""Side of the blocks that PhasedConvolution computes at once: sides of pictures are multiples."""

WINOGRAD_CHANNELS = 256
"""Fewest channels for which WinogradConvolution pays: below, moving the maps costs what it saves.

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


@tf.keras.utils.register_keras_serializable('ct2mr_tf')
class PhasedConvolution(tf.keras.layers.Conv2D):
    """A convolution of stride 1 and few channels as one of stride 4 and sixteen times as many.

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


@tf.keras.utils.register_keras_serializable('ct2mr_tf')
class WinogradConvolution(tf.keras.layers.Conv2D):
    """A 3x3 convolution of stride 1 that, on a CPU, needs two thirds of the multiplications.

    Two rows of the result come from four products of rows instead of six: the minimal filter
    F(2, 3) of Winograd (Arithmetic Complexity of Computations, SIAM 1980) by the matrices of Lavin
    and Gray (CVPR 2016, section 4.1), here along the height alone, so that each product is a
    convolution with a 1x3 kernel. Forward pass and both gradients gain alike. A GPU's library
    chooses such an algorithm itself, and 16-bit sums would lose digits: both keep the plain one.
    """

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Convolves without padding.

        Args:
            inputs: map [N, H + 2, W + 2, C].
            kernel: [3, 3, C, channels].

        Returns:
            Map [N, H, W, channels].
        """
        if self._pays(kernel):
            return convolve_by_pairs_of_rows(inputs, kernel)
        return super().convolution_op(inputs, kernel)

    def _pays(self, kernel: tf.Tensor) -> bool:
        return (
            min(kernel.shape[2:]) >= WINOGRAD_CHANNELS
            and self.compute_dtype == 'float32'
            and not tf.config.list_physical_devices('GPU')
        )


def convolve_by_pairs_of_rows(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """The convolution of WinogradConvolution.

    Args:
        x: float map [N, H + 2, W + 2, C] of any H and W.
        kernel: [3, 3, C, channels].

    Returns:
        Map [N, H, W, channels].
    """
    shape = tf.shape(x)
    batch, rows, width = shape[0], shape[1], shape[2]
    pairs = (rows - 1) // 2
    maps = _combined(_ROWS_TO_FACTORS, _rows_of_pairs(x, pairs))
    kernels = _combined(_KERNEL_TO_FACTORS, kernel[:, tf.newaxis])
    a, b, c, d = (
        tf.nn.conv2d(factor, weights, 1, 'VALID')
        for factor, weights in zip(maps, kernels, strict=True)
    )
    # Sums and differences in turn: TensorFlow would make one operation of three terms to be added,
    # and begin with whichever lies in a buffer that is free, so that rounding depends on threads.
    joined = tf.stack([a + b - c, b + c - d], axis=2)
    joined = tf.reshape(joined, [batch, 2 * pairs, width - 2, kernel.shape[-1]])
    # An odd height has a row too many.
    return joined[:, : rows - 2]


def _rows_of_pairs(x: tf.Tensor, pairs: tf.Tensor) -> tf.Tensor:
    """Rows 2i .. 2i + 3 of [N, rows, W, C] for each of the pairs i: [4, N, pairs, W, C].

    They are gathered from [N * rows, W, C], which is several times as fast as slicing with stride
    2, and whose gradient is a sum by row number.
    """
    shape = tf.shape(x)
    batch, rows = shape[0], shape[1]
    within = 2 * tf.range(pairs) + tf.range(4)[:, tf.newaxis, tf.newaxis]
    starts = rows * tf.range(batch)[:, tf.newaxis]
    flat = tf.reshape(x, [batch * rows, shape[2], x.shape[-1]])
    return tf.gather(flat, starts + tf.minimum(within, rows - 1))


def _combined(matrix: tuple[tuple[float, ...], ...], parts: tf.Tensor) -> list[tf.Tensor]:
    """The weighted sums of [n, ...] along its first axis, one for each row of the matrix."""
    sums = tf.tensordot(tf.constant(matrix, parts.dtype), parts, axes=1)
    return tf.unstack(sums, num=len(matrix))
