"""The discriminator: a PatchGAN that judges a CT slice with an MR slice (Isola et al., CVPR 2017).

    (CT, MR) 2 x [N, H, W, 1] -> n_layers strided 4x4 -> 4x4 -> 4x4, 1 -> logits [N, h, w, 1]

Each logit judges one patch: 286x286 pixels with n_layers 5, 70x70 with n_layers 3. h = ceil(H /
2^n_layers). Leaky ReLU follows every convolution but the last, instance norm all but the first and
the last.
"""

import tensorflow as tf

from ct2mr_tf.models import blocks

WIDEST = 8
"""The channels double from layer to layer up to 8 ndf."""


# AutoGraph would rewrite the source of each layer's call, and find nothing to convert.
@tf.autograph.experimental.do_not_convert
def create_discriminator(
    *, ndf: int = 64, n_layers: int = 5, seed: int = 0, precision: str = 'float32'
) -> tf.keras.Model:
    """Builds the discriminator for pictures of any size.

    Args:
        ndf: channels of the first convolution.
        n_layers: number of strided convolutions.
        seed: of the initial weights.
        precision: type to compute in, 'float32', 'bfloat16' or 'float16'; weights and the last
            convolution are float32 in all.

    Returns:
        A functional model from [ct, mr], each float32 [N, H, W, 1] in [-1, 1], to float32 logits
        [N, ceil(H / 2^n_layers), ceil(W / 2^n_layers), 1], positive where a patch looks real.
    """
    initial = blocks.SeededInitializers(seed)
    ct = tf.keras.Input([None, None, 1], name='ct')
    mr = tf.keras.Input([None, None, 1], name='mr')
    with blocks.computing_in(precision):
        x = tf.keras.layers.Concatenate()([ct, mr])
        x = blocks.convolution(x, ndf, 4, initial, strides=2, bias=True)
        x = tf.keras.layers.LeakyReLU(blocks.LEAKY_SLOPE)(x)
        for layer in range(1, n_layers + 1):
            channels = ndf * min(2**layer, WIDEST)
            strides = 2 if layer < n_layers else 1
            x = blocks.norm(blocks.convolution(x, channels, 4, initial, strides=strides))
            x = tf.keras.layers.LeakyReLU(blocks.LEAKY_SLOPE)(x)
    with blocks.computing_in('float32'):
        x = blocks.convolution(x, 1, 4, initial, bias=True)
        logits = tf.keras.layers.Activation('linear', name='logits')(x)
    return tf.keras.Model([ct, mr], logits, name='discriminator')
