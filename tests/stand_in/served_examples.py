"""Models for a server: a network without guards, and the examples of the API's documentation."""

import pathlib

import numpy as np
import tensorflow as tf

from ct2mr_tf.evaluation.metrics import HALF_RANGE
from ct2mr_tf.models import blocks


def generated(generator: tf.keras.Model, ct: np.ndarray) -> np.ndarray:
    """What the Keras generator makes of slices: float32 [N, H, W, 1], grey levels."""
    scaled = ct[..., np.newaxis].astype(np.float32) / HALF_RANGE - 1
    return (generator(scaled, training=False).numpy() + 1) * HALF_RANGE


def zero_padded_generator() -> tf.keras.Model:
    """The generator with zeros beyond the borders, whose first operation is a convolution.

    The padding by reflection that ours begins with happens to check the rank.
    """
    initial = blocks.SeededInitializers(5)
    ct = tf.keras.Input([None, None, 1])
    x = blocks.convolution(ct, 4, 7, initial)
    for channels in (8, 16):
        x = tf.nn.relu(blocks.norm(blocks.convolution(x, channels, 3, initial, strides=2)))
    x = blocks.residual_block(x, initial)
    for channels in (8, 4):
        x = tf.nn.relu(blocks.norm(blocks.upsampled(x, channels, 'transposed', initial)))
    x = tf.nn.tanh(blocks.convolution(x, 1, 7, initial, bias=True))
    return tf.keras.Model(ct, x)


def export_unguarded(generator: tf.keras.Model, folder: pathlib.Path) -> None:
    """A SavedModel as tutorials write it: the signature names the shape, nothing checks it."""
    module = tf.Module()
    module.generator = generator

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 1], tf.float32, 'ct')])
    def serve(ct: tf.Tensor) -> dict[str, tf.Tensor]:
        return {'mr': (generator(ct / HALF_RANGE - 1, training=False) + 1) * HALF_RANGE}

    tf.saved_model.save(module, str(folder), {'serving_default': serve})


def export_documented(folder: pathlib.Path) -> None:
    """The examples of the API's documentation: y = x / 2 + 3, and several named tensors."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, 'x')])
    def half_plus_three(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {'y': x / 2 + 3}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, 'tag'),
            tf.TensorSpec([None, None], tf.float32, 'signal'),
        ]
    )
    def named(tag: tf.Tensor, signal: tf.Tensor) -> dict[str, tf.Tensor]:
        return {'tag': tag, 'tag_bytes': tag, 'total': tf.reduce_sum(signal, axis=1)}

    signatures = {'serving_default': half_plus_three, 'named': named}
    tf.saved_model.save(tf.Module(), str(folder), signatures)
