"""The parts of the networks, each against numbers by hand or another library's."""

import numpy as np
import pytest
import tensorflow as tf

from ct2mr_tf.models import blocks

# Below ct2mr_tf.models.blocks, which silences the notice of tensorflow-addons.
# isort: split
import tensorflow_addons as tfa

SHAPES = [(1, 8, 8, 4), (2, 5, 7, 3), (3, 4, 4, 16), (1, 2, 2, 1), (2, 1, 9, 2)]


def _values_and_gradients(layer, x, gamma, beta, weights):
    """The output, and the gradients of its weighted sum by input, gamma and beta."""
    x = tf.constant(x)
    layer.build(x.shape)
    layer.set_weights([gamma, beta])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        total = tf.reduce_sum(tf.cast(y, tf.float32) * weights)
    return [y, *tape.gradient(total, [x, *layer.trainable_variables])]


@pytest.mark.parametrize('shape', SHAPES, ids=str)
def test_instance_norm_equals_tensorflow_addons_in_values_and_gradients(shape):
    rng = np.random.default_rng(sum(shape))
    x = rng.normal(3, 2, shape).astype(np.float32)
    gamma, beta = (rng.normal(1, 1, shape[-1]).astype(np.float32) for _ in range(2))
    weights = rng.normal(size=shape).astype(np.float32)
    ours, theirs = (
        _values_and_gradients(kind(epsilon=blocks.NORM_EPSILON), x, gamma, beta, weights)
        for kind in (blocks.InstanceNormalization, tfa.layers.InstanceNormalization)
    )
    for name, one, other in zip(('y', 'dx', 'dgamma', 'dbeta'), ours, theirs, strict=True):
        assert one.dtype == other.dtype == tf.float32
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-4, err_msg=name)


def test_instance_norm_by_hand():
    layer = blocks.InstanceNormalization(epsilon=0.25)
    # Mean 2 and variance 1 in the first channel, mean 10 and variance 0 in the second.
    x = tf.constant([1.0, 10, 3, 10], shape=[1, 1, 2, 2])
    layer.build(x.shape)
    layer.set_weights([np.array([2.0, 5.0]), np.array([0.5, -1.0])])
    root = np.sqrt(1 + 0.25)
    expected = np.array([-2 / root + 0.5, -1, 2 / root + 0.5, -1]).reshape(1, 1, 2, 2)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-6)


def test_instance_norm_knows_no_neighbour_in_the_batch():
    x = (
        tf.random.stateless_normal([3, 6, 6, 5], [1, 2])
        * tf.constant([1.0, 10, 100])[:, None, None, None]
    )
    layer = blocks.InstanceNormalization(epsilon=blocks.NORM_EPSILON)
    together = layer(x)
    for row in range(3):
        np.testing.assert_allclose(together[row], layer(x[row : row + 1])[0], atol=1e-5)


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_half_precision_maps_keep_their_type_and_have_float32_statistics(dtype):
    # The squares of these values overflow float16, and bfloat16 cannot add 1 to 256.
    x = tf.cast(300 + 10 * tf.random.stateless_normal([2, 16, 16, 3], [3, 4]), dtype)
    layer = blocks.InstanceNormalization(epsilon=blocks.NORM_EPSILON, dtype=f'mixed_{dtype}')
    reference = blocks.InstanceNormalization(epsilon=blocks.NORM_EPSILON)
    y = layer(x)
    assert y.dtype == dtype
    assert {variable.dtype for variable in layer.variables} == {tf.float32}
    # The last rounding may fall the other way.
    unit = {'float16': 2**-10, 'bfloat16': 2**-7}[dtype]
    exact = reference(tf.cast(x, tf.float32))
    np.testing.assert_allclose(tf.cast(y, tf.float32), exact, rtol=unit, atol=unit / 100)


def _enlargement(kind: str, kernel: np.ndarray) -> tf.keras.Model:
    """The enlargement of one channel to one channel with a given 3x3 kernel."""
    inputs = tf.keras.Input([None, None, 1])
    outputs = blocks.upsampled(inputs, 1, kind, blocks.SeededInitializers(0))
    network = tf.keras.Model(inputs, outputs)
    network.set_weights([kernel.reshape(3, 3, 1, 1)])
    return network


def test_resize_repeats_every_pixel_then_convolves():
    x = np.random.default_rng(1).normal(size=(1, 4, 6, 1)).astype(np.float32)
    delta = np.zeros((3, 3), np.float32)
    delta[1, 1] = 1
    enlarged = _enlargement('resize', delta)(x)
    np.testing.assert_array_equal(enlarged, x.repeat(2, axis=1).repeat(2, axis=2))
    # Inside, every pixel has the same nine weights: no checkerboard in a flat picture.
    flat = _enlargement('resize', np.arange(9, dtype=np.float32))(np.ones_like(x))
    assert np.unique(flat[0, 1:-1, 1:-1]).tolist() == [36]


def test_transposed_convolution_spreads_each_pixel_over_its_kernel():
    kernel = np.arange(1, 10, dtype=np.float32).reshape(3, 3)
    x = np.array([[1, 10], [100, 1000]], np.float32)
    # 'same' keeps the first 4 of 5 rows and columns.
    spread = np.zeros((5, 5))
    for row, column in np.ndindex(2, 2):
        spread[2 * row : 2 * row + 3, 2 * column : 2 * column + 3] += x[row, column] * kernel
    enlarged = _enlargement('transposed', kernel)(x.reshape(1, 2, 2, 1))
    np.testing.assert_array_equal(enlarged[0, ..., 0], spread[:4, :4])


def test_an_unknown_enlargement_is_refused():
    with pytest.raises(ValueError, match="'transposed' or 'resize', not 'bilinear'"):
        blocks.upsampled(tf.zeros([1, 4, 4, 1]), 1, 'bilinear', blocks.SeededInitializers(0))


def test_computing_in_puts_the_policy_back():
    outside = tf.keras.mixed_precision.global_policy().name
    with pytest.raises(RuntimeError), blocks.computing_in('bfloat16'):
        assert tf.keras.layers.ReLU().compute_dtype == 'bfloat16'
        with blocks.computing_in('float32'):
            assert tf.keras.layers.ReLU().compute_dtype == 'float32'
        assert tf.keras.layers.ReLU().compute_dtype == 'bfloat16'
        raise RuntimeError
    assert tf.keras.mixed_precision.global_policy().name == outside == 'float32'


def test_residual_block_adds_to_its_input():
    inputs = tf.keras.Input([None, None, 4])
    network = tf.keras.Model(inputs, blocks.residual_block(inputs, blocks.SeededInitializers(0)))
    x = tf.random.stateless_normal([2, 6, 8, 4], [5, 6])
    last_norm = [
        layer for layer in network.layers if isinstance(layer, blocks.InstanceNormalization)
    ][-1]
    last_norm.gamma.assign(tf.zeros([4]))
    last_norm.beta.assign([0.0, 1, 2, 3])
    expected = x + tf.constant([0.0, 1, 2, 3])
    np.testing.assert_array_equal(network(x), expected)


def test_seeded_initializers_differ_from_layer_to_layer_and_from_seed_to_seed():
    def draws(seed: int) -> list[np.ndarray]:
        initial = blocks.SeededInitializers(seed)
        return [initial.weights()([4]).numpy() for _ in range(40)]

    first, again, second, large = draws(0), draws(0), draws(1), draws(2**31)
    np.testing.assert_array_equal(first, again)
    rows = np.concatenate([first, second, large])
    assert len(np.unique(rows, axis=0)) == len(rows)


@pytest.mark.parametrize('precision', ['bfloat16', 'float16'])
def test_scale_and_offset_of_a_norm_are_not_rounded_to_16_bits(precision):
    x = tf.random.stateless_normal([1, 128, 128, 2], [1, 2])
    with blocks.computing_in(precision):
        layer = blocks.InstanceNormalization(epsilon=blocks.NORM_EPSILON)
    layer.build(x.shape)
    layer.set_weights([np.ones(2), np.zeros(2)])
    with tf.GradientTape() as tape:
        # 16,384 pixels: a sum that float16 cannot hold.
        total = tf.reduce_sum(tf.cast(layer(x), tf.float32)) * 5.001
    (offset,) = tape.gradient(total, [layer.beta])
    np.testing.assert_allclose(
        offset, 5.001 * 128 * 128, rtol=1e-2 if precision == 'bfloat16' else 1e-3
    )
    layer.set_weights([np.full(2, 1.003), np.zeros(2)])
    seen = []
    layer._normed = lambda folded, scale, offset: seen.append(scale) or folded
    layer(x)
    np.testing.assert_allclose(seen[0], 1.003, rtol=1e-6)
