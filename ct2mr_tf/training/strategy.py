"""Where the replicas of a run are: one device, all GPUs of a machine, or several machines.

The batch size is that of a whole step: of R replicas, replica r takes rows r B/R to (r + 1) B/R of
it, and all average their gradients. So a step comes to the same on any number of replicas, but for
the order in which floats are added, and a run may be continued on another number.

Several machines are told of each other by TF_CONFIG, one process each, as TensorFlow has it:

    {"cluster": {"worker": ["a.lan:2222", "b.lan:2222"]}, "task": {"type": "worker", "index": 0}}

Worker 0 is the chief. It alone reads and writes the run folder; the others get the state from it
when they start, so that of all files only the data set must be in reach of them.
"""

import dataclasses
import hashlib
import json
import logging
import os
from collections.abc import Sequence
from typing import Any, TypeAlias

import tensorflow as tf

from ct2mr_tf.config import Config, to_json
from ct2mr_tf.problems import Problem, UserError, raise_if_any
from ct2mr_tf.training.interruption import ended_by_signal
from ct2mr_tf.version import VERSION

Strategy: TypeAlias = tf.distribute.Strategy

LOST_ERRORS = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)
"""What the next exchange between workers raises when one of them is gone."""


class WorkerLost(Exception):  # noqa: N818 - what is wrong is with another worker
    """Another worker of the run is gone; this one can only end too, with exit code 75."""

    def __init__(self) -> None:
        super().__init__(
            'another worker of TF_CONFIG is gone, its own messages say why; '
            'the newest checkpoint is whole'
        )


def create_strategy(config: Config) -> Strategy:
    """The strategy of a run; with several workers it waits until all of them are there.

    Must come before anything else that TensorFlow computes in the process.

    Args:
        config: its strategy and batch_size are read.

    Raises:
        UserError: TF_CONFIG is missing or wrong, or the batch cannot be dealt out evenly.
    """
    # TensorFlow tells of every exchange that it builds.
    logging.getLogger('tensorflow').setLevel(logging.WARNING)
    if config.strategy == 'multi_worker':
        raise_if_any(cluster_problems(os.environ.get('TF_CONFIG', '')))
        logging.info('Waiting for all workers of TF_CONFIG.')
        with ended_by_signal():
            strategy = tf.distribute.MultiWorkerMirroredStrategy()
    elif config.strategy == 'mirrored':
        devices = tf.config.list_logical_devices('GPU') or tf.config.list_logical_devices('CPU')
        strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
    else:
        return tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync
    if config.batch_size % replicas:
        expected = f'a multiple of {replicas}, the replicas of --strategy={config.strategy}'
        cure = 'change it, or the number of GPUs (CUDA_VISIBLE_DEVICES) or workers'
        raise UserError([Problem('--batch_size', f'{config.batch_size}', expected, cure)])
    logging.info('%d replicas, %d pairs a step each.', replicas, config.batch_size // replicas)
    return strategy


def cluster_problems(text: str) -> list[Problem]:
    """What is wrong with a TF_CONFIG.

    Args:
        text: the environment variable; empty where it is not set.
    """
    try:
        parsed = json.loads(text or 'null')
        workers, task = parsed['cluster']['worker'], parsed['task']
        kinds, index = {*parsed['cluster'], task['type']}, int(task['index'])
    except (ValueError, LookupError, TypeError):
        found = text or 'nothing'
    else:
        if kinds != {'worker'}:
            found = f'tasks called {", ".join(sorted(kinds))}'
        elif not isinstance(workers, list) or not 0 <= index < len(workers):
            found = f'worker {index} of {workers}'
        elif len(set(workers)) < len(workers):
            found = f'an address twice in {workers}'
        else:
            return []
    expected = '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
    cure = 'set it for every worker: the same list, and an index of its own from 0'
    return [Problem('TF_CONFIG, which --strategy=multi_worker needs', found, expected, cure)]


def is_chief(strategy: Strategy) -> bool:
    """Whether this process is the one that reads and writes the run folder."""
    return not _has_workers(strategy) or strategy.cluster_resolver.task_id == 0


def refuse_unlike_workers(strategy: Strategy, config: Config, data_sha256: str) -> None:
    """Ends all workers where some were given other flags, data or software than the others.

    Args:
        strategy: of the run.
        config: of this worker; only its data_dir may differ.
        data_sha256: hash of this worker's data set.

    Raises:
        UserError: in every worker.
    """
    flags = to_json(dataclasses.replace(config, data_dir=''))
    told = {'flags': flags, 'data sets': data_sha256, 'versions of ct2mr_tf': VERSION}
    everywhere = _gathered(strategy, [_number(text) for text in told.values()])
    raise_if_any(
        Problem(
            'the workers of TF_CONFIG',
            f'{what} that differ',
            'the same for all; only --data_dir may differ, not what is in it',
            'give all workers one command, one data set and one installation',
        )
        for what, numbers in zip(told, zip(*everywhere, strict=True), strict=True)
        if len(set(numbers)) > 1
    )


def copy_from_chief(strategy: Strategy, variables: Sequence[tf.Variable]) -> None:
    """Gives the variables of all workers the values that they have in the chief.

    Args:
        strategy: of the run; its scope is entered.
        variables: float or integer, the same in number, order and shape in all workers.
    """
    if not _has_workers(strategy):
        return

    @tf.function(autograph=False)
    def summed(values: Any) -> Any:
        return strategy.run(_sum_over_replicas, args=(values,))

    for dtype in dict.fromkeys(variable.dtype for variable in variables):
        of_dtype = [variable for variable in variables if variable.dtype == dtype]

        # One vector: TensorFlow packs a list into one too, by operations for each variable that
        # take seconds to trace. What is added to the values of the first replica, which is the
        # chief's, is zero.
        def term(context: Any, chosen: Sequence[tf.Variable] = of_dtype) -> tf.Tensor:
            flat = tf.concat([tf.reshape(variable, [-1]) for variable in chosen], axis=0)
            return flat if context.replica_id_in_sync_group == 0 else tf.zeros_like(flat)

        total = summed(strategy.experimental_distribute_values_from_function(term))
        sizes = [variable.shape.num_elements() for variable in of_dtype]
        parts = tf.split(strategy.experimental_local_results(total)[0], sizes)
        for variable, part in zip(of_dtype, parts, strict=True):
            variable.assign(tf.reshape(part, variable.shape))


def wait_for_workers(strategy: Strategy) -> None:
    """Returns when every worker has come here."""
    _gathered(strategy, [0])


def any_worker(strategy: Strategy, flag: tf.Variable) -> tf.Tensor:
    """Whether a bool variable is true in any worker: one answer for all; for use in graphs."""
    if not _has_workers(strategy):
        return flag.read_value()
    votes = strategy.run(lambda: tf.cast(flag.read_value(), tf.int32))
    return strategy.reduce(tf.distribute.ReduceOp.SUM, votes, axis=None) > 0


def mean_over_replicas(values: Any) -> Any:
    """The mean of each tensor of a structure over all replicas; called within a replica."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return values
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, values)


def _has_workers(strategy: Strategy) -> bool:
    """Whether other processes take part."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def _number(text: str) -> int:
    """A hash of a text that fits into an int64."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], 'big')


def _gathered(strategy: Strategy, numbers: list[int]) -> list[list[int]]:
    """The numbers of every replica of all workers."""
    if not _has_workers(strategy):
        return [numbers]
    rows = strategy.experimental_distribute_values_from_function(
        lambda _: tf.constant([numbers], tf.int64)
    )
    return strategy.gather(rows, axis=0).numpy().tolist()


def _sum_over_replicas(value: tf.Tensor) -> tf.Tensor:
    # What comes in from outside the replica has no device, which the reduction asks for.
    placed = tf.identity(value)
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, placed)
