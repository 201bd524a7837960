"""Padding, and the convolutions by shorter ways: the sums and gradients of the plain one."""

import os

import numpy as np
import pytest
import tensorflow as tf

from ct2mr_tf.models import convolutions


def test_reflection_by_hand():
    picture = tf.reshape(tf.range(9.0), [1, 3, 3, 1])
    padded = convolutions.reflected(picture, 1)
    expected = [
        [4, 3, 4, 5, 4],
        [1, 0, 1, 2, 1],
        [4, 3, 4, 5, 4],
        [7, 6, 7, 8, 7],
        [4, 3, 4, 5, 4],
    ]
    np.testing.assert_array_equal(padded[0, ..., 0], expected)


@pytest.mark.parametrize(
    ('pad', 'shape'), [(1, (2, 5, 4, 3)), (3, (1, 4, 9, 2)), (0, (1, 2, 2, 1))]
)
def test_reflection_and_its_gradient_equal_those_of_tensorflow(pad, shape):
    x = tf.random.stateless_normal(shape, [1, pad])
    sides = [pad, pad]
    weights = tf.random.stateless_normal(
        [shape[0], shape[1] + 2 * pad, shape[2] + 2 * pad, shape[3]], [2, pad]
    )
    results = []
    for padded in (
        tf.function(lambda x: convolutions.reflected(x, pad, training=True)),
        lambda x: tf.pad(x, [[0, 0], sides, sides, [0, 0]], 'REFLECT'),
    ):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = padded(x)
            total = tf.reduce_sum(y * weights)
        results.append((y, tape.gradient(total, x)))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(convolutions.reflected(x, pad), results[0][0])


def test_a_map_no_larger_than_its_padding_is_refused():
    too_small = tf.zeros([1, 3, 8, 1])
    with pytest.raises(tf.errors.InvalidArgumentError):
        convolutions.reflected(too_small, 3)
    # As XLA tells it.
    with pytest.raises(tf.errors.InternalError):
        tf.function(lambda x: convolutions.reflected(x, 3), jit_compile=True)(too_small)


def _mirrored(x: tf.Tensor, pad: int) -> tf.Tensor:
    return tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]], 'REFLECT')


def test_pairs_of_rows_by_hand():
    # One column in, one out: the middle column of the kernel is a filter (1, 2, 3) along the
    # height, so that rows 1 0 0 2, mirrored to 0 1 0 0 2 0, give
    # 0 + 2*1 + 0 = 2, 1*1 + 0 + 0 = 1, 0 + 0 + 3*2 = 6 and 0 + 2*2 + 0 = 4.
    x = np.zeros((1, 4, 3, 1), np.float32)
    x[0, :, 1, 0] = [1, 0, 0, 2]
    kernel = np.zeros((3, 3, 1, 1), np.float32)
    kernel[:, 1, 0, 0] = [1, 2, 3]
    y = convolutions.convolve_by_pairs_of_rows(tf.constant(x), tf.constant(kernel))
    np.testing.assert_allclose(y[0, :, 1, 0], [2, 1, 6, 4], rtol=1e-6)


@pytest.mark.parametrize(
    'shape', [(1, 4, 4, 3), (2, 3, 6, 4), (3, 2, 2, 1), (2, 5, 2, 2), (1, 2, 7, 5)], ids=str
)
def test_pairs_of_rows_equal_the_plain_convolution_in_values_and_gradients(shape):
    rng = np.random.default_rng(sum(shape))
    x = tf.constant(rng.normal(size=shape), tf.float64)
    kernel = tf.constant(rng.normal(size=(3, 3, shape[-1], 6)), tf.float64)
    found = []
    for convolve in (
        convolutions.convolve_by_pairs_of_rows,
        lambda x, kernel: tf.nn.conv2d(_mirrored(x, 1), kernel, 1, 'VALID'),
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
    for shape in [(1, 6, 3, 2), (2, 5, 4, 2)]:
        x = tf.random.stateless_normal(shape, shape[:2])
        expected = tf.nn.conv2d(_mirrored(x, 1), kernel, 1, 'VALID')
        np.testing.assert_allclose(convolve(x, kernel), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ('channels', 'dtype', 'products'),
    [(256, 'float32', 4), (256, 'mixed_bfloat16', 1), (128, 'float32', 1)],
)
def test_winograd_is_for_wide_float32_layers_on_cpus(channels, dtype, products):
    if tf.config.list_physical_devices('GPU'):
        products = 1
    layer = convolutions.ReflectedConvolution(channels, 3, use_bias=False, dtype=dtype)
    spec = tf.TensorSpec([1, 6, 6, channels])
    graph = tf.function(layer).get_concrete_function(spec).graph
    kinds = [operation.type for operation in graph.get_operations()]
    assert kinds.count('Conv2D') == products


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize(
    ('kind', 'channels', 'filters', 'kernel', 'bias'),
    [
        (convolutions.ReflectedConvolution, 256, 256, 3, False),
        (convolutions.ReflectedConvolution, 4, 4, 3, False),
        (convolutions.ReflectedConvolution, 4, 4, 7, True),
        (convolutions.PhasedConvolution, 5, 1, 7, True),
        (convolutions.PhasedConvolution, 5, 2, 3, True),
        (convolutions.PhasedConvolution, 5, 1, 1, False),
    ],
)
def test_reflected_convolutions_equal_padding_and_the_plain_one(
    kind, channels, filters, kernel, bias, training
):
    rng = np.random.default_rng(channels + kernel)
    x = tf.constant(rng.normal(size=(2, 8, 12, channels)), tf.float32)
    weights = tf.constant(rng.normal(size=(2, 8, 12, filters)), tf.float32)
    layer = kind(filters, kernel, use_bias=bias)
    layer.build(x.shape)
    layer.set_weights([rng.normal(0, 0.02, size=weight.shape) for weight in layer.weights])
    found = []
    for convolve in (
        tf.function(lambda x: layer(x, training=training)),
        lambda x: (
            tf.nn.conv2d(_mirrored(x, kernel // 2), layer.kernel, 1, 'VALID')
            + (layer.bias if bias else 0)
        ),
    ):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = convolve(x)
            total = tf.reduce_sum(y * weights)
        found.append([y, *tape.gradient(total, [x, *layer.trainable_variables])])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=3e-5)


def test_a_wide_layer_in_training_gives_the_same_bits_on_one_core_and_on_two(warm_command):
    script = """
import hashlib, os, sys
os.sched_setaffinity(0, map(int, sys.argv[1:]))
import tensorflow as tf
from ct2mr_tf.models import convolutions
x = tf.random.stateless_normal([2, 16, 16, 256], [1, 2])
start = tf.keras.initializers.RandomNormal(0, 0.02, seed=3)
layer = convolutions.ReflectedConvolution(256, 3, use_bias=False, kernel_initializer=start)
layer.build(x.shape)
@tf.function
def step(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
        total = tf.reduce_sum(tf.square(y))
    return (y, *tape.gradient(total, [x, layer.kernel]))
for _ in range(20):
    print(hashlib.sha256(b''.join(value.numpy().tobytes() for value in step(x))).hexdigest())
"""
    cores = sorted(os.sched_getaffinity(0))
    digests = set()
    for allowed in (cores[:1], cores):
        done = warm_command('-c', script, *allowed)
        assert done.returncode == 0, done.stderr
        digests |= set(done.stdout.split())
    assert len(digests) == 1
