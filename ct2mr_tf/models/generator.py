"""The generator: a residual network from a CT slice to an MR slice (Johnson et al., ECCV 2016).

    CT [N, H, W, 1] -> 7x7, ngf -> two strided 3x3, 2 ngf and 4 ngf -> residual blocks ->
    two enlargements, 2 ngf and ngf -> 7x7, 1, tanh -> MR [N, H, W, 1]

Both pictures are float32 in [-1, 1]; H and W are multiples of 4. Instance norm and ReLU follow
every convolution but the last.
"""

import tensorflow as tf

from ct2mr_tf.models import blocks


# AutoGraph would rewrite the source of each layer's call, and find nothing to convert.
@tf.autograph.experimental.do_not_convert
def create_generator(
    *,
    ngf: int = 64,
    residual_blocks: int = 9,
    upsampling: str = 'transposed',
    seed: int = 0,
    precision: str = 'float32',
) -> tf.keras.Model:
    """Builds the generator for pictures of any size that is a multiple of 4.

    Args:
        ngf: channels of the first convolution.
        residual_blocks: number of residual blocks, nine in the paper.
        upsampling: 'transposed' (the paper) or 'resize'.
        seed: of the initial weights.
        precision: type to compute in, 'float32', 'bfloat16' or 'float16'; weights and the last
            convolution are float32 in all.

    Returns:
        A functional model from float32 [N, H, W, 1] to float32 [N, H, W, 1], both in [-1, 1].
    """
    initial = blocks.SeededInitializers(seed)
    relu = tf.keras.layers.ReLU
    ct = tf.keras.Input([None, None, 1], name='ct')
    with blocks.computing_in(precision):
        x = blocks.reflected_convolution(ct, ngf, 7, initial)
        x = relu()(blocks.norm(x))
        for channels in (2 * ngf, 4 * ngf):
            x = relu()(blocks.norm(blocks.convolution(x, channels, 3, initial, strides=2)))
        for _ in range(residual_blocks):
            x = blocks.residual_block(x, initial)
        for channels in (2 * ngf, ngf):
            x = relu()(blocks.norm(blocks.upsampled(x, channels, upsampling, initial)))
    with blocks.computing_in('float32'):
        x = blocks.last_convolution(x, 1, 7, initial)
        mr = tf.keras.layers.Activation('tanh', name='mr')(x)
    return tf.keras.Model(ct, mr, name='generator')
