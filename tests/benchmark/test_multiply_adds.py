"""Counts against sums by hand, and against what TensorFlow's own profiler counts."""

import dataclasses

import pytest
import tensorflow as tf

from ct2mr_tf.benchmark.multiply_adds import FLOP, count_multiply_adds, forward_multiply_adds
from ct2mr_tf.config import Config
from ct2mr_tf.models.discriminator import create_discriminator
from ct2mr_tf.models.generator import create_generator

# Of one 256x256 slice: places x kernel x in x out.
GENERATOR = [
    256 * 256 * 49 * 64,
    128 * 128 * 9 * 64 * 128,
    64 * 64 * 9 * 128 * 256,
    *[64 * 64 * 9 * 256 * 256] * 18,
    64 * 64 * 9 * 256 * 128,  # transposed: each place of its input is spread out
    128 * 128 * 9 * 128 * 64,
    256 * 256 * 49 * 64,
]
DISCRIMINATOR = [
    128 * 128 * 16 * 2 * 64,
    64 * 64 * 16 * 64 * 128,
    32 * 32 * 16 * 128 * 256,
    16 * 16 * 16 * 256 * 512,
    8 * 8 * 16 * 512 * 512,
    8 * 8 * 16 * 512 * 512,
    8 * 8 * 16 * 512,
]


@pytest.fixture(scope='module')
def paper():
    return count_multiply_adds(Config())


def test_a_slice_of_the_paper(paper):
    assert paper.slice == sum(GENERATOR)
    assert FLOP * paper.slice / 1e9 == pytest.approx(97.5, abs=0.1)


def test_a_step_of_the_paper(paper):
    generator = sum(GENERATOR)  # forward
    generator += sum(GENERATOR)  # by weights
    generator += sum(GENERATOR[1:])  # by inputs, not by the CT
    real = sum(DISCRIMINATOR) * 2 + sum(DISCRIMINATOR[1:])
    synthetic = real + DISCRIMINATOR[0] // 2 + sum(DISCRIMINATOR[1:])
    assert paper.step == generator + real + synthetic
    assert FLOP * paper.step / 1e9 == pytest.approx(322, abs=1)


@pytest.mark.parametrize(
    'network',
    [
        create_generator(ngf=4, residual_blocks=2),
        create_generator(ngf=4, residual_blocks=1, upsampling='resize'),
        create_discriminator(ndf=4, n_layers=3),
    ],
    ids=['transposed', 'resize', 'discriminator'],
)
def test_forward_counts_equal_those_of_tensorflow(network):
    """Of convolutions; TensorFlow counts the last one of the generator as it is computed."""
    shape = (1, 32, 48, 1)
    shapes = [shape] * len(network.inputs)
    specs = [tf.TensorSpec(shape) for shape in shapes]
    graph = tf.function(lambda *x: network(list(x))).get_concrete_function(*specs).graph
    counted = sum(
        _flop(graph, operation)
        for operation in graph.get_operations()
        if operation.type in ('Conv2D', 'Conv2DBackpropInput')
    )
    found = forward_multiply_adds(network, shapes)
    if network.name == 'generator':
        plain, phased = 32 * 48 * 49 * 4, (8 * 12) * 100 * 4 * 16
        assert found[-1] == plain
        counted -= FLOP * (phased - plain)
    assert FLOP * sum(found) == counted


def _flop(graph: tf.Graph, operation: tf.Operation) -> int:
    from tensorflow.python.framework import ops  # the counts of its profiler

    return ops.get_stats_for_node_def(graph, operation.node_def, 'flops').value


def test_a_batch_needs_as_many_for_each_pair():
    small = Config(image_size=(32, 64), ngf=2, ndf=2, blocks=1, n_layers=3)
    one, three = (
        count_multiply_adds(dataclasses.replace(small, batch_size=size)) for size in (1, 3)
    )
    assert three.step == 3 * one.step
    assert three.slice == one.slice
