"""The whole step compiled by XLA against the step that is not."""

import numpy as np
import pytest
import tensorflow as tf

from ct2mr_tf.config import Config
from ct2mr_tf.training import schedule
from ct2mr_tf.training.state import TrainState, create_generator_for, create_train_state
from ct2mr_tf.training.step import SCALARS, create_step, create_train_loop

CONFIG = Config(image_size=(16, 16), ngf=4, ndf=4, blocks=1, n_layers=2, num_steps=5, ema_decay=0.9)


def _batch() -> dict[str, tf.Tensor]:
    ct, mr = (tf.random.stateless_uniform([1, 16, 16, 1], [0, k], -1, 1) for k in (0, 1))
    return {'ct': ct, 'mr': mr}


def _after_one_step(jit_compile: bool) -> tuple[TrainState, dict[str, float]]:
    state = create_train_state(CONFIG)
    row = create_step(state, CONFIG, jit_compile)(_batch()).numpy()
    assert np.isfinite(row).all()
    assert int(state.step) == 1
    return state, dict(zip(SCALARS, row.tolist(), strict=True))


@pytest.fixture(scope='module')
def both():
    return _after_one_step(jit_compile=True), _after_one_step(jit_compile=False)


def test_losses_and_norms_are_the_same(both):
    (_, compiled), (_, plain) = both
    assert compiled == pytest.approx(plain, rel=1e-4)


@pytest.mark.parametrize('network', ['generator', 'discriminator'])
def test_weights_and_means_are_the_same(both, network):
    compiled, plain = (state for state, _ in both)
    for found, expected in zip(_means(compiled, network), _means(plain, network), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    for mean, *weights in zip(
        _means(plain, network),
        getattr(compiled, network).get_weights(),
        getattr(plain, network).get_weights(),
        strict=True,
    ):
        # Adam's first update is as large as the rate for any gradient: its sign must be sure.
        sure = np.abs(mean) > 1e-5
        np.testing.assert_allclose(weights[0][sure], weights[1][sure], rtol=0, atol=1e-6)
        assert np.abs(weights[0] - weights[1]).max() <= 2.01 * CONFIG.learning_rate


def test_the_moving_average_follows(both):
    for state, _ in both:
        first = create_generator_for(CONFIG).get_weights()
        decay = float(schedule.ema_decay(tf.constant(0, tf.int64), CONFIG))
        for start, now, mean in zip(
            first, state.generator.get_weights(), state.ema_generator.get_weights(), strict=True
        ):
            expected = decay * start + (1 - decay) * now
            np.testing.assert_allclose(mean, expected, rtol=0, atol=1e-7)
            assert np.abs(now - start).max() > 0


def _means(state: TrainState, network: str) -> list[np.ndarray]:
    """Adam's mean of the gradients of each weight."""
    iteration, *slots = getattr(state, f'{network}_optimizer').variables
    assert int(iteration) == 1
    return [slot.numpy() for slot in slots[::2]]


def test_it_runs_in_the_loop_and_stops_there():
    state = create_train_state(CONFIG)
    loop = create_train_loop(state, CONFIG, jit_compile=True)
    batches = iter(tf.data.Dataset.from_tensors(_batch()).repeat())
    stop = tf.Variable(False)
    assert len(loop(batches, tf.constant(3), stop)) == int(state.step) == 3
    stop.assign(True)
    assert len(loop(batches, tf.constant(3), stop)) == 0
