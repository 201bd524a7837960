"""One step against an independent account of it: tape by tape, and Adam in numpy."""

import dataclasses
import math
import os
import signal
import threading
import time

import numpy as np
import pytest
import tensorflow as tf

from ct2mr_tf.config import Config
from ct2mr_tf.training import schedule
from ct2mr_tf.training.interruption import stop_on_signal
from ct2mr_tf.training.state import create_train_state
from ct2mr_tf.training.step import (
    SCALARS,
    compute_gradients,
    create_train_loop,
    sums_of,
    train_step,
)

# A high rate, so that gradients taken after the other network's update would be other gradients.
CONFIG = Config(
    image_size=(16, 16),
    batch_size=2,
    ngf=4,
    ndf=4,
    blocks=1,
    n_layers=2,
    lambda_l1=10.0,
    learning_rate=0.01,
    constant_steps=1,
    decay_steps=4,
    num_steps=5,
)

KERAS_EPSILON = 1e-8
BETA_1, BETA_2 = 0.5, 0.999


def _batch(number: int, config: Config = CONFIG) -> dict[str, tf.Tensor]:
    shape = [config.batch_size, *config.image_size, 1]
    ct, mr = (tf.random.stateless_uniform(shape, [number, k], -1, 1) for k in (0, 1))
    return {'ct': ct, 'mr': mr}


def _binary(logits: tf.Tensor, label: float) -> tf.Tensor:
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(tf.fill(logits.shape, label), logits)
    return tf.reduce_mean(entropy)


def _squared(logits: tf.Tensor, label: float) -> tf.Tensor:
    return tf.reduce_mean((logits - label) ** 2)


def _expected(state, config, batch) -> tuple[dict[str, float], list, list]:
    """Losses and gradients, each network with a forward pass and a tape of its own."""
    loss = {'vanilla': _binary, 'lsgan': _squared}[config.adversarial]
    middle = {'vanilla': 0, 'lsgan': 0.5}[config.adversarial]
    ct, mr = batch['ct'], batch['mr']
    with tf.GradientTape() as tape:
        synthetic = state.generator(ct)
        adversarial = loss(state.discriminator([ct, synthetic]), 1.0)
        l1 = tf.reduce_mean(tf.abs(synthetic - mr))
        total = adversarial + config.lambda_l1 * l1
    generator_gradients = tape.gradient(total, state.generator.trainable_variables)
    with tf.GradientTape() as tape:
        real_logits = state.discriminator([ct, mr])
        fake_logits = state.discriminator([ct, tf.stop_gradient(synthetic)])
        real, fake = loss(real_logits, 1.0), loss(fake_logits, 0.0)
        judged = (real + fake) / 2
    discriminator_gradients = tape.gradient(judged, state.discriminator.trainable_variables)
    right = [*(real_logits.numpy() > middle).ravel(), *(fake_logits.numpy() <= middle).ravel()]
    scalars = {
        'generator/total': total,
        'generator/adversarial': adversarial,
        'generator/l1': l1,
        'generator/gradient_norm': _norm(generator_gradients),
        'discriminator/total': judged,
        'discriminator/real': real,
        'discriminator/fake': fake,
        'discriminator/accuracy': np.mean(right),
        'discriminator/gradient_norm': _norm(discriminator_gradients),
    }
    return (
        {name: float(value) for name, value in scalars.items()},
        [gradient.numpy() for gradient in generator_gradients],
        [gradient.numpy() for gradient in discriminator_gradients],
    )


def _norm(gradients: list[tf.Tensor]) -> float:
    return math.sqrt(sum(float(np.sum(np.square(gradient))) for gradient in gradients))


class _NumpyAdam:
    """Adam as Kingma and Ba wrote it for speed (section 2): epsilon beside the plain root of v."""

    def __init__(self, weights: list[np.ndarray]):
        self.weights = [weight.astype(np.float64) for weight in weights]
        self.m = [np.zeros_like(weight) for weight in self.weights]
        self.v = [np.zeros_like(weight) for weight in self.weights]
        self.t = 0

    def update(self, gradients: list[np.ndarray], rate: float) -> None:
        self.t += 1
        alpha = rate * math.sqrt(1 - BETA_2**self.t) / (1 - BETA_1**self.t)
        for weight, m, v, gradient in zip(self.weights, self.m, self.v, gradients, strict=True):
            m += (1 - BETA_1) * (gradient - m)
            v += (1 - BETA_2) * (np.square(gradient, dtype=np.float64) - v)
            weight -= alpha * m / (np.sqrt(v) + KERAS_EPSILON)


def _close(found: list, expected: list[np.ndarray], share: float = 1e-4) -> None:
    """Each array within a share of its largest value."""
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=share * np.abs(other).max() + 1e-9)


@pytest.mark.parametrize('adversarial', ['vanilla', 'lsgan'])
@pytest.mark.parametrize('lambda_l1', [0.0, 10.0])
def test_losses_and_gradients_of_both_networks(adversarial, lambda_l1):
    config = dataclasses.replace(CONFIG, adversarial=adversarial, lambda_l1=lambda_l1)
    state, batch = create_train_state(config), _batch(0)
    scalars, expected_generator, expected_discriminator = _expected(state, config, batch)
    found, *gradients = compute_gradients(state, config, batch['ct'], batch['mr'])
    for name, value in found.items():
        assert float(value) == pytest.approx(scalars[name], rel=1e-5), name
    _close(gradients[0], expected_generator)
    _close(gradients[1], expected_discriminator)


def _step(state, config, batch) -> dict[str, float]:
    def gradients_fn(ct, mr):
        return compute_gradients(state, config, ct, mr)

    scalars = train_step(state, config, gradients_fn, batch)
    return {name: float(value) for name, value in scalars.items()}


def test_three_steps_equal_adam_by_hand_on_gradients_taken_before_either_update():
    config = dataclasses.replace(CONFIG, ema_decay=0.15)
    state = create_train_state(config)
    generator = _NumpyAdam(state.generator.get_weights())
    discriminator = _NumpyAdam(state.discriminator.get_weights())
    average = [weight.copy() for weight in generator.weights]
    for step in range(3):
        batch = _batch(step)
        expected, generator_gradients, discriminator_gradients = _expected(state, config, batch)
        rate = config.learning_rate * (1, 1, 3 / 4)[step]
        scalars = _step(state, config, batch)
        generator.update(generator_gradients, rate)
        discriminator.update(discriminator_gradients, rate)
        decay = (1 / 10, 0.15, 0.15)[step]
        average = [
            decay * old + (1 - decay) * new
            for old, new in zip(average, generator.weights, strict=True)
        ]
        assert scalars.pop('learning_rate') == pytest.approx(rate)
        assert scalars == pytest.approx(expected, rel=1e-4)
        assert state.generator_optimizer.iterations == step + 1 == int(state.step)
        assert state.discriminator_optimizer.iterations == step + 1
        _close(state.generator.get_weights(), generator.weights, 1e-3)
        _close(state.discriminator.get_weights(), discriminator.weights, 1e-3)
        _close(state.ema_generator.get_weights(), average, 1e-3)
    # What tells most of which gradients Adam was given.
    _close(_means(state.discriminator_optimizer), discriminator.m, 1e-3)
    _close(_means(state.generator_optimizer), generator.m, 1e-3)


def _means(optimizer: tf.keras.optimizers.Optimizer) -> list[np.ndarray]:
    """Adam's means of gradients, in the order of the network's weights."""
    return [slot.numpy() for slot in optimizer.variables if slot.name.startswith('m/')]


def test_gradients_of_the_judge_do_not_wait_for_the_generator():
    # Guards the test above: taken one after the other, the gradients differ by far more than its
    # tolerance.
    state, batch = create_train_state(CONFIG), _batch(0)
    _, _, before = _expected(state, CONFIG, batch)
    judge = state.discriminator.get_weights()
    _step(state, CONFIG, batch)
    state.discriminator.set_weights(judge)
    _, _, after = _expected(state, CONFIG, batch)
    changes = [
        np.abs(new - old).max() / np.abs(old).max() for new, old in zip(after, before, strict=True)
    ]
    assert max(changes) > 0.01


def test_first_update_of_adam_is_the_rate_towards_the_gradient():
    state, batch = create_train_state(CONFIG), _batch(0)
    _, gradients, _ = _expected(state, CONFIG, batch)
    before = state.generator.get_weights()
    _step(state, CONFIG, batch)
    for old, new, gradient in zip(before, state.generator.get_weights(), gradients, strict=True):
        # alpha m / (sqrt(v) + eps) with m = 0.5 g, v = 0.001 g^2, alpha = rate sqrt(0.001) / 0.5.
        expected = 0.01 * gradient / (np.abs(gradient) + KERAS_EPSILON / math.sqrt(0.001))
        large = np.abs(gradient) > 1e-5
        np.testing.assert_allclose((old - new)[large], expected[large], rtol=0, atol=2e-5)
        assert np.abs(old - new).max() <= 0.01 * (1 + 1e-4)


def test_both_networks_step_at_one_rate_from_one_counter():
    state = create_train_state(CONFIG)
    for step in range(4):
        scalars = _step(state, CONFIG, _batch(step))
        expected = float(schedule.learning_rate(tf.constant(step, tf.int64), CONFIG))
        assert scalars['learning_rate'] == expected
        assert state.generator_optimizer.learning_rate == expected
        assert state.discriminator_optimizer.learning_rate == expected
    assert int(state.step) == 4


@pytest.fixture(scope='module')
def traced():
    """A state, its loop in the graph, which takes seconds to trace, and its first values."""
    state = create_train_state(CONFIG)
    loop = create_train_loop(state, CONFIG, jit_compile=False)
    return state, loop, [variable.numpy() for variable in _variables(state)]


@pytest.fixture
def loop(traced):
    """A fresh state and its loop."""
    state, train_loop, first = traced
    _reset(state, first)
    return state, train_loop


def _variables(state) -> list[tf.Variable]:
    parts = (
        state.generator,
        state.discriminator,
        state.generator_optimizer,
        state.discriminator_optimizer,
    )
    return [state.step, *(variable for part in parts for variable in part.variables)]


def _reset(state, values: list[np.ndarray]) -> None:
    for variable, value in zip(_variables(state), values, strict=True):
        variable.assign(value)


def _batches(*numbers: int, broken: int = -1):
    """An endless repetition of some batches; the one called `broken` has a CT without numbers."""

    def batch(number):
        made = _batch(number)
        ct = tf.where(number == broken, math.nan, made['ct'])
        return {'ct': ct, 'mr': made['mr']}

    return iter(tf.data.Dataset.from_tensor_slices(list(numbers)).map(batch).repeat())


def _run(loop, iterator, steps: int, stop: bool = False) -> np.ndarray:
    return loop(iterator, tf.constant(steps), tf.Variable(stop)).numpy()


def test_loop_trains_and_gives_the_scalars_of_each_step(loop, traced):
    state, train_loop = loop
    rows = _run(train_loop, _batches(1, 2, 3), 3)
    assert int(state.step) == 3
    _reset(state, traced[-1])
    apart = [_step(state, CONFIG, _batch(number)) for number in (1, 2, 3)]
    for row, expected in zip(rows, apart, strict=True):
        assert dict(zip(SCALARS, row, strict=True)) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_sums_are_over_steps():
    rows = np.arange(2 * len(SCALARS), dtype=np.float32).reshape(2, -1)
    sums = sums_of(rows)
    assert list(sums) == list(SCALARS)
    assert sums['generator/total'] == 0 + len(SCALARS)
    assert sums['learning_rate'] == 3 * len(SCALARS) - 2


def test_one_call_of_many_steps_equals_many_calls(loop, traced):
    state, train_loop = loop
    together = _run(train_loop, _batches(1, 2, 3), 3)
    weights = [variable.numpy() for variable in _variables(state)]
    _reset(state, traced[-1])
    iterator = _batches(1, 2, 3)
    apart = [_run(train_loop, iterator, 1) for _ in range(3)]
    np.testing.assert_array_equal(together, np.concatenate(apart))
    for variable, expected in zip(_variables(state), weights, strict=True):
        np.testing.assert_array_equal(variable, expected)


def test_loop_does_not_begin_where_it_is_stopped(loop):
    state, train_loop = loop
    assert _run(train_loop, _batches(1), 5, stop=True).shape == (0, len(SCALARS))
    assert int(state.step) == 0


def test_loop_ends_after_the_step_in_which_it_is_stopped(loop):
    """On a CPU it does not run ahead of its steps. The third batch is read one step early."""
    state, train_loop = loop
    stop = tf.Variable(False)

    def batches():
        for number in range(10):
            if number == 2:
                stop.assign(True)
            yield _batch(number)

    spec = tf.nest.map_structure(tf.TensorSpec.from_tensor, _batch(0))
    iterator = iter(tf.data.Dataset.from_generator(batches, output_signature=spec))
    assert 2 <= len(train_loop(iterator, tf.constant(10), stop)) == int(state.step) <= 3


def test_a_step_that_is_not_finite_is_told_by_its_row(loop):
    _, train_loop = loop
    finite = np.isfinite(_run(train_loop, _batches(1, 2, 3, broken=2), 5)).all(axis=1)
    assert finite.tolist() == [True, False, False, False, False]


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_even_a_call_of_a_hundred_thousand_steps(loop, number):
    state, train_loop = loop
    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    sent = []

    def send_when_running() -> None:
        while int(state.step) < 5:
            time.sleep(0.01)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), number)

    with stop_on_signal() as stop:
        threading.Thread(target=send_when_running).start()
        rows = train_loop(_batches(1), tf.constant(100_000), stop)
        waited = time.perf_counter() - sent[0]
        assert bool(stop)
    assert 5 <= len(rows) == int(state.step) < 100_000
    assert waited < 2
    assert handlers == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))
