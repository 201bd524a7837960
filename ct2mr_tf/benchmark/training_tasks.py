"""Training to be timed: one step alone, the loop that trains, and the pipeline that feeds it.

An iterator of tf.data has threads of its own, which go on reading until its buffers are full. What
is read between turns takes the processor from whoever is timed then, and is missing from the
reader's own time. So each turn begins with an iterator of its own, whose threads end with the turn.
"""

import dataclasses
import pathlib
import time

import tensorflow as tf

from ct2mr_tf.benchmark.timing import Task
from ct2mr_tf.config import Config
from ct2mr_tf.data.examples import load_examples
from ct2mr_tf.data.pipeline import create_train_dataset
from ct2mr_tf.training.compilation import use_xla
from ct2mr_tf.training.progress import Meter
from ct2mr_tf.training.state import TrainState
from ct2mr_tf.training.step import create_step, create_train_loop, sums_of
from ct2mr_tf.training.summaries import RunSummaries

PIPELINE_PAIRS = 600
"""Pairs that one run of the pipeline reads against the clock."""

PIPELINE_START = 100
"""Pairs read before these, while files come into memory and threads start."""


def create_step_task(state: TrainState, config: Config) -> Task:
    """One step at a time, on one batch that is in memory."""
    step = tf.function(create_step(state, config, use_xla(config)))
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

    Returns:
        The task. Its own clock starts when the first batch has been read, which a run waits for
        once.
    """
    examples = load_examples(data_dir, required=('train',))['train']
    dataset = create_train_dataset(examples, config)
    train_loop = create_train_loop(state, config, use_xla(config))
    stop, summaries = tf.Variable(False), RunSummaries(logs)

    def run() -> float:
        batches = iter(dataset)
        next(batches)
        started = time.perf_counter()
        rows = train_loop(batches, tf.constant(steps), stop).numpy()
        meter = Meter()
        meter.add(sums_of(rows), len(rows), 1.0)
        summaries.write_train(meter.means(), int(state.step.numpy()))
        return time.perf_counter() - started

    return Task(run, units=steps)


def create_pipeline_task(config: Config, data_dir: pathlib.Path) -> Task:
    """The pipeline alone, with every kind of augmentation on.

    It is read as fast as it can be, so that nothing lies ready when its own clock starts: the
    time is that of making the pairs, not of taking ready ones.
    """
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
    dataset = create_train_dataset(examples, everything)
    ahead, count = (-(-pairs // config.batch_size) for pairs in (PIPELINE_START, PIPELINE_PAIRS))

    def run() -> float:
        batches = iter(dataset)
        for _ in range(ahead):
            next(batches)
        started = time.perf_counter()
        for _ in range(count):
            next(batches)
        return time.perf_counter() - started

    return Task(run, units=count * config.batch_size)
