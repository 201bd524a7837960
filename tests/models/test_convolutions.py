"""The convolutions by shorter ways give the sums and gradients of the plain one."""

import numpy as np
import pytest
import tensorflow as tf

from ct2mr_tf.models import convolutions


def _values_and_gradients(layer, x, values, weights):
    """The output, and the gradients of its weighted sum by the input and every variable."""
    layer.build(x.shape)
    layer.set_weights(values)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        total = tf.reduce_sum(y * weights)
    return [y, *tape.gradient(total, [x, *layer.trainable_variables])]


@pytest.mark.parametrize(('kernel', 'channels'), [(7, 1), (3, 2), (1, 1)])
def test_phased_convolution_equals_the_plain_one_in_values_and_gradients(kernel, channels):
    rng = np.random.default_rng(kernel)
    x = tf.constant(rng.normal(size=(2, 8 + kernel - 1, 12 + kernel - 1, 5)), tf.float32)
    weights = tf.constant(rng.normal(size=(2, 8, 12, channels)), tf.float32)
    values = [rng.normal(size=(kernel, kernel, 5, channels)), rng.normal(size=channels)]
    phased, plain = (
        _values_and_gradients(kind(channels, kernel), x, values, weights)
        for kind in (convolutions.PhasedConvolution, tf.keras.layers.Conv2D)
    )
    for one, other in zip(phased, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_pairs_of_rows_by_hand():
    # One column in, one out: the middle column of the kernel is a filter (1, 2, 3) along the
    # height, so that rows 1 0 0 2 give 1*1 + 2*0 + 3*0 = 1 and 1*0 + 2*0 + 3*2 = 6.
    x = np.zeros((1, 4, 3, 1), np.float32)
    x[0, :, 1, 0] = [1, 0, 0, 2]
    kernel = np.zeros((3, 3, 1, 1), np.float32)
    kernel[:, 1, 0, 0] = [1, 2, 3]
    y = convolutions.convolve_by_pairs_of_rows(tf.constant(x), tf.constant(kernel))
    np.testing.assert_allclose(y[0, :, 0, 0], [1, 6], rtol=1e-6)


@pytest.mark.parametrize(
    'shape', [(1, 6, 6, 3), (2, 5, 8, 4), (3, 3, 3, 1), (2, 7, 4, 2), (1, 4, 9, 5)], ids=str
)
def test_pairs_of_rows_equal_the_plain_convolution_in_values_and_gradients(shape):
    rng = np.random.default_rng(sum(shape))
    x = tf.constant(rng.normal(size=shape), tf.float64)
    kernel = tf.constant(rng.normal(size=(3, 3, shape[-1], 6)), tf.float64)
    found = []
    for convolve in (
        convolutions.convolve_by_pairs_of_rows,
        lambda x, kernel: tf.nn.conv2d(x, kernel, 1, 'VALID'),
    ):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = convolve(x, kernel)
            total = tf.reduce_sum(y * tf.cos(tf.reshape(tf.range(tf.size(y)), tf.shape(y)) / 7))
        found.append([y, *tape.gradient(total, [x, kernel])])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def test_pairs_of_rows_know_no_size_beforehand():
    kernel = tf.constant(np.random.default_rng(0).normal(size=(3, 3, 2, 3)), tf.float32)
    convolve = tf.function(
        convolutions.convolve_by_pairs_of_rows,
        input_signature=[tf.TensorSpec([None, None, None, 2]), tf.TensorSpec(kernel.shape)],
    )
    for shape in [(1, 8, 5, 2), (2, 7, 6, 2)]:
        x = tf.random.stateless_normal(shape, shape[:2])
        expected = tf.nn.conv2d(x, kernel, 1, 'VALID')
        np.testing.assert_allclose(convolve(x, kernel), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ('channels', 'dtype', 'products'),
    [(256, 'float32', 4), (256, 'mixed_bfloat16', 1), (128, 'float32', 1)],
)
def test_winograd_is_for_wide_float32_layers_on_cpus(channels, dtype, products):
    if tf.config.list_physical_devices('GPU'):
        products = 1
    layer = convolutions.WinogradConvolution(channels, 3, use_bias=False, dtype=dtype)
    spec = tf.TensorSpec([1, 6, 6, channels])
    graph = tf.function(layer).get_concrete_function(spec).graph
    kinds = [operation.type for operation in graph.get_operations()]
    assert kinds.count('Conv2D') == products


def test_a_wide_winograd_layer_equals_the_plain_one():
    rng = np.random.default_rng(1)
    x = tf.constant(rng.normal(size=(1, 10, 8, 256)), tf.float32)
    weights = tf.constant(rng.normal(size=(1, 8, 6, 256)), tf.float32)
    values = [rng.normal(0, 0.02, size=(3, 3, 256, 256))]
    ours, plain = (
        _values_and_gradients(kind(256, 3, use_bias=False), x, values, weights)
        for kind in (convolutions.WinogradConvolution, tf.keras.layers.Conv2D)
    )
    for one, other in zip(ours, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=3e-5)
