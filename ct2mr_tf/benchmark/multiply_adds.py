"""Multiply-adds that the networks need, counted layer by layer from the Keras models.

Only convolutions are counted, as plain ones: all else is less than one in a hundred. Those computed
by Winograd's way (`models/convolutions.py`) do two thirds of theirs. For one convolution, the
forward pass, the gradient by its weights and the gradient by its input need as many each. A step
needs

    generator        forward, by weights, by input of all but the first layer (nobody asks for the
                     gradient by the CT)
    discriminator    forward twice (real, synthetic), by weights twice, by input of all but the
                     first layer twice, all for its own loss; and by input of all layers once more
                     for the generator's loss, in the first layer for the MR channel only

The two losses of the discriminator's synthetic pass differ patch by patch, so that their gradients
cannot be taken from one pass. Products with the zeros of 'same' padding are counted, as is usual. A
multiply-add is two floating-point operations.
"""

import dataclasses
import math

import tensorflow as tf

from ct2mr_tf.config import Config
from ct2mr_tf.models.discriminator import create_discriminator
from ct2mr_tf.models.generator import create_generator

FLOP = 2
"""Floating-point operations in a multiply-add."""


@dataclasses.dataclass(frozen=True)
class MultiplyAdds:
    """How many a configuration needs.

    Attributes:
        slice: for one slice through the generator.
        step: for one training step of the whole batch.
    """

    slice: int
    step: int


def count_multiply_adds(config: Config) -> MultiplyAdds:
    """Counts those of a configuration.

    Args:
        config: its networks, image_size and batch_size are read.
    """
    shape = (1, *config.image_size, 1)
    generator = forward_multiply_adds(
        create_generator(
            ngf=config.ngf, residual_blocks=config.blocks, upsampling=config.upsampling
        ),
        [shape],
    )
    discriminator = forward_multiply_adds(
        create_discriminator(ndf=config.ndf, n_layers=config.n_layers), [shape, shape]
    )
    forward, judged = sum(generator), sum(discriminator)
    for_generator = 3 * forward - generator[0]
    for_discriminator = 2 * (3 * judged - discriminator[0])
    through_discriminator = judged - discriminator[0] // 2
    step = for_generator + for_discriminator + through_discriminator
    return MultiplyAdds(forward, config.batch_size * step)


def forward_multiply_adds(
    network: tf.keras.Model, shapes: list[tuple[int, int, int, int]]
) -> list[int]:
    """Multiply-adds of the forward pass of each convolution of a network, from first to last.

    Args:
        network: a functional model.
        shapes: of its inputs, [N, H, W, C].
    """
    layers = [layer for layer in network.layers if isinstance(layer, tf.keras.layers.Conv2D)]
    maps = tf.keras.Model(network.inputs, [[layer.input, layer.output] for layer in layers])
    specs = [tf.TensorSpec(shape) for shape in shapes]
    counted = tf.function(lambda *inputs: maps(list(inputs)), autograph=False)
    traced = counted.get_concrete_function(*specs)
    return [
        _of_layer(layer, *shapes)
        for layer, shapes in zip(layers, traced.output_shapes, strict=True)
    ]


def _of_layer(layer: tf.keras.layers.Conv2D, before: tf.TensorShape, after: tf.TensorShape) -> int:
    """A weight is used once for each place: of the result, or of what is spread out."""
    transposed = isinstance(layer, tf.keras.layers.Conv2DTranspose)
    batch, height, width, _ = (before if transposed else after).as_list()
    return batch * height * width * math.prod(layer.kernel.shape)
