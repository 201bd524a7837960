"""Training to be timed: one step alone, the loop that trains, and the pipeline that feeds it."""

import dataclasses
import functools
import pathlib

import tensorflow as tf

from ct2mr_tf.benchmark.timing import Task
from ct2mr_tf.config import Config
from ct2mr_tf.data.examples import load_examples
from ct2mr_tf.data.pipeline import create_train_dataset
from ct2mr_tf.training.loop import use_xla
from ct2mr_tf.training.progress import Meter
from ct2mr_tf.training.state import TrainState
from ct2mr_tf.training.step import compute_gradients, create_train_loop, train_step
from ct2mr_tf.training.summaries import RunSummaries

PIPELINE_PAIRS = 600
"""Pairs that one run of the pipeline reads."""


def create_step_task(state: TrainState, config: Config) -> Task:
    """One step at a time, on one batch that is in memory."""
    gradients_fn = tf.function(
        functools.partial(compute_gradients, state, config), jit_compile=use_xla(config)
    )

    @tf.function
    def step(batch: dict[str, tf.Tensor]) -> tf.Tensor:
        return train_step(state, config, gradients_fn, batch)[1]

    shape = [config.batch_size, *config.image_size, 1]
    ct, mr = (tf.random.stateless_uniform(shape, [0, number], -1, 1) for number in (0, 1))

    def run() -> None:
        step({'ct': ct, 'mr': mr}).numpy()

    return Task(run)


def create_loop_task(
    state: TrainState, config: Config, data_dir: pathlib.Path, logs: pathlib.Path, steps: int
) -> Task:
    """The loop of a training run with its pipeline, and its TensorBoard log after each call.

    Args:
        state: is trained.
        config: of the run.
        data_dir: prepared data set.
        logs: folder for the log.
        steps: in one call; a run logs every `log_every` steps, which is less often.
    """
    examples = load_examples(data_dir, required=('train',))['train']
    batches = iter(create_train_dataset(examples, config))
    train_loop = create_train_loop(state, config, use_xla(config))
    stop, summaries = tf.Variable(False), RunSummaries(logs)

    def run() -> None:
        result = train_loop(batches, tf.constant(steps, tf.int64), stop)
        result = tf.nest.map_structure(lambda value: value.numpy(), result)
        meter = Meter()
        meter.add(result['sums'], int(result['done']), 1.0)
        summaries.write_train(meter.means(), int(state.step.numpy()))

    return Task(run, units=steps)


def create_pipeline_task(config: Config, data_dir: pathlib.Path) -> Task:
    """The pipeline alone, with every kind of augmentation on."""
    examples = load_examples(data_dir, required=('train',))['train']
    everything = dataclasses.replace(
        config,
        augment_zoom=max(config.augment_zoom, 1.1),
        augment_flip=True,
        augment_rotation_deg=max(config.augment_rotation_deg, 5.0),
        augment_shift=max(config.augment_shift, 0.05),
        augment_ct_gain=max(config.augment_ct_gain, 0.1),
        augment_ct_offset=max(config.augment_ct_offset, 0.1),
    )
    batches = iter(create_train_dataset(examples, everything))
    count = -(-PIPELINE_PAIRS // config.batch_size)

    def run() -> None:
        for _ in range(count):
            next(batches)

    return Task(run, units=count * config.batch_size)
