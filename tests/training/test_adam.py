"""The fused update against Keras' own, from the same state."""

import numpy as np
import tensorflow as tf

from ct2mr_tf.training.adam import FusedAdam


def _steps(kind, count: int = 5) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Weights and slots after some updates with gradients of very different sizes."""
    weights = [tf.Variable(tf.random.stateless_normal([3, 4], [1, 2])), tf.Variable([1.0, 2.0])]
    optimizer = kind(0.01, beta_1=0.5, beta_2=0.999, epsilon=1e-8, jit_compile=False)
    optimizer.build(weights)
    for step in range(count):
        optimizer.learning_rate.assign(0.01 / (1 + step))
        gradients = [
            tf.random.stateless_normal(weight.shape, [step, 3]) * 10.0 ** (2 * step - 5)
            for weight in weights
        ]
        optimizer.apply_gradients(zip(gradients, weights, strict=True))
    return [w.numpy() for w in weights], [v.numpy() for v in optimizer.variables]


def test_updates_and_state_are_those_of_keras():
    weights, slots = _steps(FusedAdam)
    expected_weights, expected_slots = _steps(tf.keras.optimizers.Adam)
    for found, expected in zip(weights, expected_weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    for found, expected in zip(slots, expected_slots, strict=True):
        # 1 - 0.999 in float32 is 0.00100005.
        np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_checkpoint_of_keras_adam_restores(tmp_path):
    def made(kind):
        weight = tf.Variable([1.0, 2.0, 3.0])
        optimizer = kind(0.1, jit_compile=False)
        optimizer.build([weight])
        return weight, optimizer

    weight, keras = made(tf.keras.optimizers.Adam)
    keras.apply_gradients([(tf.constant([1.0, -2.0, 3.0]), weight)])
    path = tf.train.Checkpoint(weight=weight, optimizer=keras).write(str(tmp_path / 'saved'))
    other, fused = made(FusedAdam)
    tf.train.Checkpoint(weight=other, optimizer=fused).read(path).assert_consumed()
    for ours, theirs in zip(fused.variables, keras.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
