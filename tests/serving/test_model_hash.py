"""The hash of a model: the same for the same model, another for anything that changes its MR."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from ct2mr_tf.config import Config
from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.serving.model_hash import model_sha256

CONFIG = Config(image_size=(32, 32), ngf=4, blocks=1, n_layers=2)
WINDOW = Window(-200, 600)


def generator(seed=1):
    from ct2mr_tf.models.generator import create_generator

    return create_generator(ngf=4, residual_blocks=1, seed=seed)


def test_the_same_weights_in_networks_built_one_after_the_other():
    """Keras numbers the layers of a process: the names of the second network are others."""
    first, second = generator(), generator()
    assert first.weights[0].name != second.weights[0].name
    hashes = {model_sha256(network, CONFIG, WINDOW) for network in (first, second)}
    assert len(hashes) == 1
    assert len(hashes.pop()) == 64


def test_what_leaves_it_as_it_is():
    network = generator()
    other = dataclasses.replace(CONFIG, data_dir='elsewhere', seed=5, lambda_l1=3.0)
    assert model_sha256(network, other, WINDOW) == model_sha256(network, CONFIG, WINDOW)


def test_the_same_bytes_in_another_shape_or_order_are_another_model():
    """As for kernels of 2 x 3 and 3 x 2, and two that change places."""
    ones, zeros = np.ones((2, 3), np.float32), np.zeros((2, 3), np.float32)
    hashes = {
        model_sha256(SimpleNamespace(weights=weights), CONFIG, WINDOW)
        for weights in (
            [tf.Variable(ones, name='a/kernel'), tf.Variable(zeros, name='a/kernel')],
            [tf.Variable(zeros, name='a/kernel'), tf.Variable(ones, name='a/kernel')],
            [tf.Variable(ones.T, name='a/kernel'), tf.Variable(zeros, name='a/kernel')],
            [tf.Variable(ones, name='a/kernel'), tf.Variable(zeros, name='a/bias')],
        )
    }
    assert len(hashes) == 4


def test_whatever_changes_the_mr_changes_it():
    network = generator()
    hashes = [
        model_sha256(network, CONFIG, WINDOW),
        model_sha256(generator(2), CONFIG, WINDOW),
        model_sha256(network, CONFIG, Window(-200, 601)),
        model_sha256(network, dataclasses.replace(CONFIG, upsampling='resize'), WINDOW),
        model_sha256(network, dataclasses.replace(CONFIG, precision='bfloat16'), WINDOW),
    ]
    gamma = network.weights[1]
    gamma[0].assign(gamma[0] * (1 + 2**-23))
    hashes.append(model_sha256(network, CONFIG, WINDOW))
    assert len(set(hashes)) == len(hashes)
