"""The parts of both networks: padding, convolutions with or without a norm, residual blocks.

All maps are [batch, height, width, channels]. A convolution followed by a norm has no bias: the
norm would subtract it again.
"""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

with warnings.catch_warnings():
    # tensorflow-addons says at import that its development has ended; it is pinned, and tested
    # here.
    warnings.filterwarnings('ignore', message=r'\s*TensorFlow Addons \(TFA\)')
    import tensorflow_addons as tfa

from ct2mr_tf.models.convolutions import PhasedConvolution, ReflectedConvolution

INITIAL_STDDEV = 0.02
"""Standard deviation of the initial weights (Isola et al., CVPR 2017, appendix 6.2)."""

NORM_EPSILON = 1e-5
"""Added to the variance in instance norm (as pix2pix; the default of tensorflow-addons is 1e-3)."""

LEAKY_SLOPE = 0.2
"""Slope of the discriminator's leaky ReLU below zero (Isola et al., CVPR 2017, appendix 6.1)."""

_POLICIES = {'float32': 'float32', 'bfloat16': 'mixed_bfloat16', 'float16': 'mixed_float16'}
"""Keras' name for: computing in this type, with weights in float32."""


@contextlib.contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Layers built inside compute in a type; their weights are float32 in every one.

    Keras takes a policy for all layers from a global only, which is put back on leaving.

    Args:
        precision: 'float32', 'bfloat16' or 'float16'.

    Raises:
        ValueError: another precision.
    """
    if precision not in _POLICIES:
        raise ValueError(f'precision is {" or ".join(_POLICIES)}, not {precision!r}')
    outside = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy(_POLICIES[precision])
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(outside)


@tf.keras.utils.register_keras_serializable('ct2mr_tf')
class InstanceNormalization(tfa.layers.InstanceNormalization):
    """Instance norm of tensorflow-addons, computed by TensorFlow's fused batch norm.

    A batch norm over [1, H, W, N*C] in training mode is the instance norm of [N, H, W, C], and its
    kernel reads the map once. Statistics, gamma and beta are float32 whatever the type of the map.
    """

    def add_weight(self, *args: Any, **kwargs: Any) -> tf.Variable:
        """Adds gamma or beta: read as the float32 it is, where Keras would round it to 16 bits."""
        return super().add_weight(*args, experimental_autocast=False, **kwargs)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Normalises each channel of each picture to mean beta and standard deviation gamma.

        Args:
            inputs: float map [N, H, W, C].

        Returns:
            A map of the same shape and dtype.
        """
        scale, offset = self.gamma, self.beta
        if inputs.shape[0] == 1:
            # Nothing to fold: of 33 norms, that takes seconds from the making of a step's graph.
            return self._normed(inputs, scale, offset)
        batch, height, width, _ = tf.unstack(tf.shape(inputs))
        folded = tf.transpose(inputs, [1, 2, 0, 3])
        folded = tf.reshape(folded, [1, height, width, -1])
        normed = self._normed(folded, tf.tile(scale, [batch]), tf.tile(offset, [batch]))
        normed = tf.reshape(normed, [height, width, -1, inputs.shape[-1]])
        return tf.ensure_shape(tf.transpose(normed, [2, 0, 1, 3]), inputs.shape)

    def _normed(self, folded: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
        normed, *_ = tf.raw_ops.FusedBatchNormV3(
            x=folded,
            scale=scale,
            offset=offset,
            mean=tf.zeros([0]),
            variance=tf.zeros([0]),
            epsilon=self.epsilon,
            is_training=True,
        )
        return normed


@tf.keras.utils.register_keras_serializable('ct2mr_tf')
class NearestUpsampling(tf.keras.layers.Layer):
    """Repeats every pixel twice along both sides.

    Keras' UpSampling2D is made of an operation whose gradient XLA cannot compile.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Enlarges [N, H, W, C] to [N, 2H, 2W, C]."""
        enlarged = tf.repeat(tf.repeat(inputs, 2, axis=1), 2, axis=2)
        return tf.ensure_shape(enlarged, [None, None, None, inputs.shape[-1]])


class SeededInitializers:
    """Normal initial weights, every layer from a seed of its own, all from one seed."""

    def __init__(self, seed: int):
        self._seed = seed
        self._layers = 0

    def weights(self) -> tf.keras.initializers.Initializer:
        """The initializer of the next layer: normal, mean 0, standard deviation 0.02."""
        self._layers += 1
        # A stride of 1000 a network seed keeps the layers of different seeds apart.
        seed = self._seed * 1000 + self._layers
        return tf.keras.initializers.RandomNormal(0.0, INITIAL_STDDEV, seed=seed)


def norm(x: tf.Tensor) -> tf.Tensor:
    """Instance norm with a scale and an offset for each channel, 1 and 0 at first."""
    return InstanceNormalization(epsilon=NORM_EPSILON)(x)


def convolution(
    x: tf.Tensor,
    channels: int,
    kernel: int,
    initial: SeededInitializers,
    strides: int = 1,
    bias: bool = False,
) -> tf.Tensor:
    """A convolution padded with zeros ('same')."""
    return tf.keras.layers.Conv2D(
        channels,
        kernel,
        strides=strides,
        padding='same',
        use_bias=bias,
        kernel_initializer=initial.weights(),
    )(x)


def reflected_convolution(
    x: tf.Tensor, channels: int, kernel: int, initial: SeededInitializers
) -> tf.Tensor:
    """A convolution of stride 1 padded by reflection, kernel // 2 pixels on each side."""
    return ReflectedConvolution(
        channels, kernel, use_bias=False, kernel_initializer=initial.weights()
    )(x)


def last_convolution(
    x: tf.Tensor, channels: int, kernel: int, initial: SeededInitializers
) -> tf.Tensor:
    """A convolution like `reflected_convolution`, with a bias, made for few channels."""
    return PhasedConvolution(channels, kernel, kernel_initializer=initial.weights())(x)


def residual_block(x: tf.Tensor, initial: SeededInitializers) -> tf.Tensor:
    """Two reflection-padded 3x3 convolutions with norms, added to their input (He et al., 2016)."""
    channels = x.shape[-1]
    y = reflected_convolution(x, channels, 3, initial)
    y = tf.keras.layers.ReLU()(norm(y))
    y = reflected_convolution(y, channels, 3, initial)
    return tf.keras.layers.Add()([x, norm(y)])


def upsampled(x: tf.Tensor, channels: int, kind: str, initial: SeededInitializers) -> tf.Tensor:
    """Twice the height and width: by a strided transposed convolution, or resize and convolution.

    Args:
        x: map [N, H, W, C].
        channels: of the result.
        kind: 'transposed' or 'resize' (Odena et al., Distill 2016: no checkerboard).
        initial: initial weights.

    Returns:
        Map [N, 2H, 2W, channels], not yet normalised.

    Raises:
        ValueError: another kind.
    """
    if kind == 'transposed':
        return tf.keras.layers.Conv2DTranspose(
            channels,
            3,
            strides=2,
            padding='same',
            use_bias=False,
            kernel_initializer=initial.weights(),
        )(x)
    if kind == 'resize':
        return convolution(NearestUpsampling()(x), channels, 3, initial)
    raise ValueError(f"upsampling is 'transposed' or 'resize', not {kind!r}")
