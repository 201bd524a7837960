"""Two replicas on two logical CPUs against one device; run by test_conformance.

    python -m tests.two_replicas RESULTS

A process of its own, since logical devices can only be made before TensorFlow starts.
"""

import dataclasses
import functools
import pathlib
import pickle
import sys

import numpy as np
import tensorflow as tf

from ct2mr_tf.config import Config
from ct2mr_tf.problems import UserError
from ct2mr_tf.training.predictor import create_predictor
from ct2mr_tf.training.state import TrainState, create_generator_for, create_train_state
from ct2mr_tf.training.step import SCALARS, compute_gradients, create_step, train_step
from ct2mr_tf.training.strategy import create_strategy
from tests.test_conformance import NETWORKS, perturbed, pictures_for

CONFIG = Config(image_size=(16, 16), ngf=4, ndf=4, blocks=1, n_layers=2, learning_rate=0.01)


def _per_replica(strategy: tf.distribute.Strategy, tensors: list[tf.Tensor]):
    """Row k of each tensor for replica k."""

    def rows(context: tf.distribute.InputContext) -> list[tf.Tensor]:
        row = context.replica_id_in_sync_group
        return [tensor[row : row + 1] for tensor in tensors]

    return strategy.experimental_distribute_values_from_function(rows)


def _gradients(network: tf.keras.Model, pictures: list[tf.Tensor]) -> list[tf.Tensor]:
    with tf.GradientTape() as tape:
        y = network(pictures, training=True)
        total = tf.reduce_sum(y**2)
    return [y, *tape.gradient(total, network.trainable_variables)]


def _compare_network(strategy: tf.distribute.Strategy, create) -> dict[str, list[np.ndarray]]:
    """Output and gradients on one device, and concatenated and summed over two replicas."""
    alone = perturbed(create(seed=1))
    pictures = [picture[:2] for picture in pictures_for(alone)]
    with strategy.scope():
        replicated = perturbed(create(seed=1))

    @tf.function(autograph=False)
    def on_both(values):
        return strategy.run(functools.partial(_gradients, replicated), args=(values,))

    y, *gradients = on_both(_per_replica(strategy, pictures))
    two = [tf.concat(strategy.experimental_local_results(y), axis=0)]
    two += [strategy.reduce('SUM', gradient, axis=None) for gradient in gradients]
    one = _gradients(alone, pictures)
    return {'one': [a.numpy() for a in one], 'two': [a.numpy() for a in two]}


def _weights(state: TrainState, replica: int | None = None) -> list[np.ndarray]:
    variables = [*state.generator.variables, *state.discriminator.variables]
    if replica is None:
        return [variable.numpy() for variable in variables]
    return [variable.values[replica].numpy() for variable in variables]


def _slots(state: TrainState) -> list[np.ndarray]:
    """Adam's means of gradients: after the first step, half the gradients that were applied."""
    optimizers = (state.generator_optimizer, state.discriminator_optimizer)
    return [
        slot.numpy()
        for optimizer in optimizers
        for slot in optimizer.variables
        if slot.name.startswith('m/')
    ]


def _compare_step(strategy: tf.distribute.Strategy) -> dict[str, object]:
    """Three steps with two pictures on one device, and with one picture on each of two."""
    alone = create_train_state(CONFIG)
    before = _weights(alone)
    with strategy.scope():
        replicated = create_train_state(CONFIG)
        step = create_step(replicated, CONFIG, jit_compile=True)

    @tf.function(autograph=False)
    def on_both(values):
        return strategy.run(
            lambda tensors: step({'ct': tensors[0], 'mr': tensors[1]}), args=(values,)
        )

    first = None
    for number in range(3):
        ct, mr = (
            tf.random.stateless_uniform([2, 16, 16, 1], [number, seed], -1, 1) for seed in (1, 2)
        )
        plain = functools.partial(compute_gradients, alone, CONFIG)
        one = train_step(alone, CONFIG, plain, {'ct': ct, 'mr': mr})
        two = on_both(_per_replica(strategy, [ct, mr]))
        first = first or {
            'scalars': [
                {name: [float(value)] for name, value in one.items()},
                _numbers(strategy, two),
            ],
            'slots': [_slots(state) for state in (alone, replicated)],
        }
    return {
        **first,
        'before': before,
        'one': _weights(alone),
        'replicas': [_weights(replicated, replica) for replica in (0, 1)],
    }


def _numbers(strategy: tf.distribute.Strategy, rows: tf.Tensor) -> dict[str, list[float]]:
    """Each scalar as every replica has it."""
    columns = np.stack(strategy.experimental_local_results(rows), axis=1).tolist()
    return dict(zip(SCALARS, columns, strict=True))


def _predicted(strategy: tf.distribute.Strategy) -> list[np.ndarray]:
    """Three slices by one device, and by two replicas compiled by XLA, as where GPUs are."""
    slices = np.random.default_rng(3).uniform(-1, 1, (3, 16, 16, 1)).astype(np.float32)
    alone = create_predictor(create_generator_for(CONFIG))(slices)
    with strategy.scope():
        replicated = create_generator_for(CONFIG)
        return [alone, create_predictor(replicated, jit_compile=True)(slices)]


def _refused_batch() -> str:
    """What is said to a batch of three pairs where there are two devices."""
    config = dataclasses.replace(CONFIG, strategy='mirrored', batch_size=3)
    try:
        create_strategy(config)
    except UserError as error:
        return str(error)
    return ''


def main() -> None:
    (cpu,) = tf.config.list_physical_devices('CPU')
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, halves)
    strategy = tf.distribute.MirroredStrategy(['/cpu:0', '/cpu:1'])
    results = {name: _compare_network(strategy, create) for name, create in NETWORKS.items()}
    results['step'] = _compare_step(strategy)
    results['predicted'] = _predicted(strategy)
    results['refused batch'] = _refused_batch()
    pathlib.Path(sys.argv[1]).write_bytes(pickle.dumps(results))


if __name__ == '__main__':
    main()
