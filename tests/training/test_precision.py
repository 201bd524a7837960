"""Half precision: who may use it, and float16's loss scale, which no other precision has."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from ct2mr_tf.config import Config
from ct2mr_tf.problems import UserError
from ct2mr_tf.training import precision
from ct2mr_tf.training.loop import train_and_evaluate
from ct2mr_tf.training.state import (
    create_train_state,
    restore_checkpoint,
    restore_generator,
    save_best,
    save_checkpoint,
)
from ct2mr_tf.training.step import compute_gradients, train_step

CONFIG = Config(
    image_size=(16, 16), ngf=4, ndf=4, blocks=1, n_layers=2, learning_rate=0.01, num_steps=5
)
FIRST_SCALE = 2.0**15
"""Where Keras begins."""

HALF = [dataclasses.replace(CONFIG, precision=name) for name in ('bfloat16', 'float16')]
HALVES = pytest.mark.parametrize('config', HALF, ids=['bfloat16', 'float16'])


def _batch(number: int, factor: float = 1.0) -> dict[str, tf.Tensor]:
    ct, mr = (
        factor * tf.random.stateless_uniform([1, 16, 16, 1], [number, k], -1, 1) for k in (0, 1)
    )
    return {'ct': ct, 'mr': mr}


def _step(state, config, batch) -> tuple[dict[str, float], bool]:
    scalars = train_step(
        state, config, lambda ct, mr: compute_gradients(state, config, ct, mr), batch
    )
    numbers = {name: float(value) for name, value in scalars.items()}
    return numbers, np.isfinite(list(numbers.values())).all()


def _weights(state) -> list[np.ndarray]:
    return [*state.generator.get_weights(), *state.discriminator.get_weights()]


@HALVES
def test_losses_and_gradients_are_near_those_of_float32(config):
    exact, half = create_train_state(CONFIG), create_train_state(config)
    for one, other in zip(_weights(exact), _weights(half), strict=True):
        np.testing.assert_array_equal(one, other)
    for optimizer in (half.generator_optimizer, half.discriminator_optimizer):
        for variable in precision.scale_variables(optimizer)[:1]:
            variable.assign(64)  # networks as small as these have large gradients
    batch = _batch(0)
    scalars, *gradients = compute_gradients(exact, CONFIG, batch['ct'], batch['mr'])
    found, *half_gradients = compute_gradients(half, config, batch['ct'], batch['mr'])
    for name in set(scalars) - {'discriminator/accuracy'}:
        assert float(found[name]) == pytest.approx(float(scalars[name]), rel=0.02), name
    for ours, theirs in zip(half_gradients, gradients, strict=True):
        assert {gradient.dtype for gradient in ours} == {tf.float32}
        difference = tf.linalg.global_norm([a - b for a, b in zip(ours, theirs, strict=True)])
        assert float(difference) < 0.1 * float(tf.linalg.global_norm(theirs))


@HALVES
def test_training_lowers_the_loss(config):
    state = create_train_state(config)
    losses = [_step(state, config, _batch(0))[0]['generator/l1'] for _ in range(15)]
    assert losses[-1] < 0.8 * losses[0]


def test_only_float16_has_a_loss_scale():
    for config in (CONFIG, *HALF):
        optimizer = create_train_state(config).generator_optimizer
        scaled = config.precision == 'float16'
        assert isinstance(optimizer, tf.keras.mixed_precision.LossScaleOptimizer) == scaled
        assert float(precision.scaled_loss(optimizer, tf.constant(2.0))) == (
            2 * FIRST_SCALE if scaled else 2
        )
        assert len(precision.scale_variables(optimizer)) == 2 * scaled


def test_an_overflow_leaves_the_weights_and_halves_the_scale():
    config = HALF[1]
    state = create_train_state(config)
    scale, good_steps = precision.scale_variables(state.generator_optimizer)
    scale.assign(2.0**40)
    good_steps.assign(7)
    generator, discriminator = state.generator.get_weights(), state.discriminator.get_weights()
    scalars, finite = _step(state, config, _batch(0))
    assert finite
    assert scalars['generator/gradient_norm'] == 0
    assert scalars['discriminator/gradient_norm'] > 0
    assert (float(scale), int(good_steps), int(state.step)) == (2.0**39, 0, 1)
    for before, after in zip(generator, state.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    changed = map(np.array_equal, discriminator, state.discriminator.get_weights())
    assert not any(changed)


def test_what_no_smaller_scale_can_cure_is_not_finite():
    config = HALF[1]
    state = create_train_state(config)
    assert not _step(state, config, _batch(0, factor=float('nan')))[1]
    gradients = [tf.constant([1.0, float('inf')])]
    optimizer = state.generator_optimizer
    assert float(precision.norm_applied(optimizer, gradients)) == 0
    precision.scale_variables(optimizer)[0].assign(precision.LEAST_SCALE)
    assert float(precision.norm_applied(optimizer, gradients)) == float('inf')


def test_the_scale_is_in_the_checkpoint_and_among_the_variables(tmp_path):
    state = create_train_state(HALF[1])
    values = {}
    for number, optimizer in enumerate([state.generator_optimizer, state.discriminator_optimizer]):
        for variable, value in zip(precision.scale_variables(optimizer), (64, 5), strict=True):
            variable.assign(value + number)
            values[id(variable)] = value + number
    assert values.keys() <= {id(variable) for variable in state.variables}
    save_checkpoint(state, tmp_path)
    fresh = create_train_state(HALF[1])
    restore_checkpoint(fresh, tmp_path)
    optimizers = [fresh.generator_optimizer, fresh.discriminator_optimizer]
    found = [float(v) for optimizer in optimizers for v in precision.scale_variables(optimizer)]
    assert found == [64, 5, 65, 6]


def test_the_generator_of_a_run_can_be_restored_in_any_precision(tmp_path):
    state = create_train_state(CONFIG)
    save_best(state, tmp_path)
    for name in ('float32', 'bfloat16', 'float16'):
        config = dataclasses.replace(CONFIG, precision=name)
        generator, _ = restore_generator(config, tmp_path, 'best')
        assert generator.layers[2].compute_dtype == name
        for ours, theirs in zip(
            generator.get_weights(), state.generator.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.skipif(
    bool(tf.config.list_physical_devices('GPU')), reason='a GPU computes in float16'
)
def test_float16_without_a_gpu_is_refused(tmp_path, tiny_set):
    config = dataclasses.replace(HALF[1], data_dir=str(tiny_set(tmp_path / 'set')))
    with pytest.raises(UserError) as raised:
        train_and_evaluate(config, tmp_path / 'run')
    (problem,) = raised.value.problems
    assert problem.where == '--precision=float16'
    assert 'bfloat16' in problem.cure
    assert 'avx512_bf16 or AMX' in problem.cure
    assert not (tmp_path / 'run').exists()
    for allowed in ('float32', 'bfloat16'):
        precision.refuse_without_gpu(allowed)
