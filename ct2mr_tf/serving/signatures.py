"""The signatures of an exported model: grey levels, Hounsfield units, PNG files, and its card.

  serving_default  ct      float32 [N, H, W, 1], grey levels 0..255   -> mr             the same
  hu               hu      float32 [N, H, W, 1], Hounsfield units     -> mr             the same
  png              ct_png  string [N], 8-bit grey PNG files           -> mr_png_bytes   string [N]
  model_card       request string [N], whatever it says               -> model_card_json string [N]

`mr` is in grey levels 0..255, not rounded; a PNG is. HU are clipped and rounded to grey levels by
the training run's window exactly as `imaging.grey.to_grey` does, because the network has only ever
seen whole levels: `hu` of a slice and `serving_default` of its grey picture are the same numbers.

A name that ends in `_bytes` makes TensorFlow Serving answer base64. The graph holds TensorFlow's
own operations only, and is not compiled by XLA: servers come without it.
"""

import functools
from collections.abc import Callable

import tensorflow as tf

from ct2mr_tf.evaluation.metrics import HALF_RANGE
from ct2mr_tf.serving import guards
from ct2mr_tf.serving.grey_steps import first_of_levels
from ct2mr_tf.serving.model_card import ModelCard

DEFAULT, HU, PNG, CARD = 'serving_default', 'hu', 'png', 'model_card'
"""Names of the signatures."""

INPUTS = {DEFAULT: 'ct', HU: 'hu', PNG: 'ct_png', CARD: 'request'}
"""Name of the input of each signature."""

CHUNK_PIXELS = 256 * 256
"""Pixels that go through the network at a time: a batch of any size needs the memory of a chunk.

One slice of the paper's size; smaller ones go together. On two cores eight such slices at a time
took 1.2 to 1.8 times as long as one after the other, since instance norm transposes a map of more
than one picture, and the process 1.3 GB rather than 0.8.
"""

_PICTURES = tf.TensorSpec([None, None, None, 1], tf.float32)
"""CT or MR as numbers."""

_STRINGS = tf.TensorSpec([None], tf.string)
"""Files or texts."""


class ServedGenerator(tf.Module):
    """A generator behind its signatures, to be saved.

    Attributes:
        weights: the generator's variables. Not the Keras model itself, so that what is saved
            knows nothing of Keras, of tensorflow-addons or of this package.
    """

    def __init__(self, generator: tf.keras.Model, card: ModelCard):
        super().__init__()
        self.weights = list(generator.weights)
        self._card, self._limits = card.to_json(), card.limits
        self._grey_steps = tuple(first_of_levels(card.ct_window).tolist())
        self._generator = functools.partial(generator, training=False)

    def signatures(self) -> dict[str, Callable]:
        """The functions by the names of the signatures, traced, for `tf.saved_model.save`."""
        return {
            name: tf.function(
                serve, [tf.TensorSpec(spec.shape, spec.dtype, INPUTS[name])], autograph=False
            )
            for name, serve, spec in (
                (DEFAULT, self._serve_grey, _PICTURES),
                (HU, self._serve_hu, _PICTURES),
                (PNG, self._serve_png, _STRINGS),
                (CARD, self._serve_card, _STRINGS),
            )
        }

    def _generate(self, ct: tf.Tensor) -> tf.Tensor:
        """Grey levels of MR from grey levels of CT."""
        return (self._generator(ct / HALF_RANGE - 1) + 1) * HALF_RANGE

    def _serve_grey(self, ct: tf.Tensor) -> dict[str, tf.Tensor]:
        ct = guards.checked_grey(guards.checked_pictures(ct, self._limits))
        return {'mr': _in_chunks(self._generate, ct, tf.shape(ct)[1:3], _PICTURES)}

    def _serve_hu(self, hu: tf.Tensor) -> dict[str, tf.Tensor]:
        hu = guards.checked_pictures(hu, self._limits)

        def generate(hu: tf.Tensor) -> tf.Tensor:
            grey = tf.raw_ops.Bucketize(input=hu, boundaries=self._grey_steps)
            return self._generate(tf.cast(grey, tf.float32))

        return {'mr': _in_chunks(generate, hu, tf.shape(hu)[1:3], _PICTURES)}

    def _serve_png(self, ct_png: tf.Tensor) -> dict[str, tf.Tensor]:
        ct_png, size = guards.checked_png(ct_png, self._limits)

        def generate(ct_png: tf.Tensor) -> tf.Tensor:
            mr = self._generate(tf.cast(_decoded(ct_png, size), tf.float32))
            levels = tf.cast(tf.round(mr), tf.uint8)
            return tf.map_fn(tf.io.encode_png, levels, fn_output_signature=tf.string)

        return {'mr_png_bytes': _in_chunks(generate, ct_png, size, _STRINGS)}

    def _serve_card(self, request: tf.Tensor) -> dict[str, tf.Tensor]:
        request = guards.checked_card_requests(request)
        return {'model_card_json': tf.fill(tf.shape(request), self._card)}


def chunk_of(height: int, width: int) -> int:
    """Pictures of this size that go through the network at a time."""
    return max(1, CHUNK_PIXELS // (height * width))


def _decoded(png: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """The pictures of PNG files that all have this size: uint8 [N, H, W, 1]."""
    decode = functools.partial(tf.io.decode_png, channels=1)
    pictures = tf.map_fn(decode, png, fn_output_signature=tf.uint8)
    return tf.reshape(pictures, [-1, size[0], size[1], 1])


def _in_chunks(
    function: Callable[[tf.Tensor], tf.Tensor],
    values: tf.Tensor,
    size: tf.Tensor,
    result: tf.TensorSpec,
) -> tf.Tensor:
    """A function of a batch, for some pictures at a time.

    Args:
        function: keeps the first dimension.
        values: the batch, not empty.
        size: int32 [2], height and width of its pictures.
        result: what the function gives.

    Returns:
        What the function gives for the whole batch.
    """
    chunk = tf.maximum(1, CHUNK_PIXELS // tf.reduce_prod(size))
    chunks = -(-tf.shape(values)[0] // chunk)
    results = tf.TensorArray(result.dtype, size=chunks, infer_shape=False)

    def step(number: tf.Tensor, results: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        part = values[number * chunk : (number + 1) * chunk]
        return number + 1, results.write(number, function(part))

    # One after the other: iterations of a graph's loop may overlap, and then so does their memory.
    _, results = tf.while_loop(
        lambda number, _: number < chunks, step, [0, results], parallel_iterations=1
    )
    return tf.ensure_shape(results.concat(), result.shape)
