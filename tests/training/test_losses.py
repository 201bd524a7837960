"""Losses against numbers worked out by hand, and against Keras' own."""

import math

import numpy as np
import pytest
import tensorflow as tf

from ct2mr_tf.training import losses

LN3 = math.log(3)
"""The logit of 3/4."""


def test_vanilla_losses_by_hand():
    # sigmoid(0) = 1/2 and sigmoid(ln 3) = 3/4.
    real, fake = tf.constant([[0.0, LN3]]), tf.constant([[LN3, LN3]])
    assert float(losses.vanilla_generator_loss(fake)) == pytest.approx(-math.log(3 / 4))
    loss = losses.vanilla_discriminator_loss(real, fake)
    assert float(loss['real']) == pytest.approx(-(math.log(1 / 2) + math.log(3 / 4)) / 2)
    assert float(loss['fake']) == pytest.approx(-math.log(1 / 4))
    assert float(loss['total']) == pytest.approx(0.5 * (math.log(8 / 3) / 2 + math.log(4)))


def test_lsgan_losses_by_hand():
    real, fake = tf.constant([1.0, 3.0]), tf.constant([0.0, 2.0])
    assert float(losses.lsgan_generator_loss(fake)) == 1  # (1 + 1) / 2
    loss = losses.lsgan_discriminator_loss(real, fake)
    assert {name: float(value) for name, value in loss.items()} == {
        'real': 2,  # (0 + 4) / 2
        'fake': 2,  # (0 + 4) / 2
        'total': 2,
    }


def test_l1_by_hand():
    mr, synthetic = tf.constant([[-1.0, 0], [0.5, 1]]), tf.constant([[1.0, 0], [0.25, 0.75]])
    assert float(losses.l1_loss(mr, synthetic)) == (2 + 0 + 0.25 + 0.25) / 4


def test_vanilla_losses_equal_keras_cross_entropy():
    rng = np.random.default_rng(0)
    real, fake = (tf.constant(rng.normal(0, 4, [3, 8, 8, 1]), tf.float32) for _ in range(2))
    entropy = tf.keras.losses.BinaryCrossentropy(from_logits=True)
    loss = losses.vanilla_discriminator_loss(real, fake)
    np.testing.assert_allclose(loss['real'], entropy(tf.ones_like(real), real), rtol=1e-5)
    np.testing.assert_allclose(loss['fake'], entropy(tf.zeros_like(fake), fake), rtol=1e-5)
    np.testing.assert_allclose(
        losses.vanilla_generator_loss(fake), entropy(tf.ones_like(fake), fake), rtol=1e-5
    )


@pytest.mark.parametrize(('logit', 'value', 'slope'), [(1000, 0, 0), (-1000, 1000, -1)])
def test_certain_logits_have_finite_losses_and_gradients(logit, value, slope):
    # Written as log(sigmoid) this would be log(0).
    logits = tf.constant([float(logit)])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = losses.vanilla_generator_loss(logits)
    assert float(loss) == value
    assert float(tape.gradient(loss, logits)[0]) == slope
