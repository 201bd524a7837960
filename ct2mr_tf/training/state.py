"""Everything a run carries from step to step, and its way to disk and back.

The order in which a run finds its state: the newest checkpoint that can be read; where that is not
the newest of all, the ones that could not be read are named. A run folder that should have a
checkpoint and has none that can be read is an error, never a fresh start.

TensorFlow's own bookkeeping file ('checkpoint') is not trusted: where it is missing or garbled,
`latest_checkpoint` says None. The folder is listed instead.
"""

import logging
import math
import os
import pathlib
import re
import shutil
from collections.abc import Callable

import tensorflow as tf

from ct2mr_tf.config import Config
from ct2mr_tf.files import taken_for_pattern
from ct2mr_tf.models.discriminator import create_discriminator
from ct2mr_tf.models.generator import create_generator
from ct2mr_tf.problems import Problem, UserError, raise_if_any
from ct2mr_tf.training.adam import FusedAdam
from ct2mr_tf.training.precision import scale_variables, with_loss_scale

ADAM_BETA_1 = 0.5
"""Decay of Adam's mean of gradients (Isola et al., CVPR 2017, section 3.3)."""

ADAM_BETA_2 = 0.999
"""Decay of Adam's mean of squared gradients (the same source)."""

ADAM_EPSILON = 1e-8
"""Added to the root of the squared gradients (Kingma and Ba, ICLR 2015; Keras' default is 1e-7)."""

CHECKPOINTS_FOLDER = 'checkpoints'
"""Checkpoints of the whole state, in the run folder."""

BEST_FOLDER = 'best'
"""The generator with the lowest validation MAE, in the run folder."""

UNFINISHED = '.writing-'
"""What the names of files begin with while a checkpoint is being written."""

KEPT = 3
"""Newest checkpoints kept, so that damage to one or two of them loses little."""

UNREADABLE = (tf.errors.OpError, ValueError, AssertionError, LookupError)
"""What restoring raises on a cut (IndexError), flipped or foreign checkpoint."""


class TrainState:
    """Networks, optimizers, step counter and best validation of a run.

    Attributes:
        generator: the network that is trained.
        discriminator: its judge.
        ema_generator: the moving average of the generator, or None where `ema_decay` is 0.
        generator_optimizer: Adam with its slots, and its loss scale where the precision is float16.
        discriminator_optimizer: the same.
        step: int64 variable, training steps done.
        best_mae: float32 variable, lowest validation MAE so far, grey levels; infinity at first.
        best_step: int64 variable, the step of that MAE; -1 at first.
    """

    def __init__(self, config: Config):
        self.generator = create_generator_for(config)
        self.discriminator = create_discriminator(
            ndf=config.ndf,
            n_layers=config.n_layers,
            seed=2 * config.seed + 1,
            precision=config.precision,
        )
        self.ema_generator = create_generator_for(config) if config.ema_decay > 0 else None
        self.generator_optimizer = _adam(self.generator, config)
        self.discriminator_optimizer = _adam(self.discriminator, config)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name='step')
        self.best_mae = tf.Variable(math.inf, trainable=False, name='best_mae')
        self.best_step = tf.Variable(-1, dtype=tf.int64, trainable=False, name='best_step')

    @property
    def eval_generator(self) -> tf.keras.Model:
        """The generator that is measured and exported: the average where there is one."""
        return self.generator if self.ema_generator is None else self.ema_generator

    @property
    def variables(self) -> list[tf.Variable]:
        """Every variable of the state, in an order that depends on the configuration alone."""
        parts = [part for part in vars(self).values() if part is not None]
        return [
            variable
            for part in parts
            for variable in ([part] if isinstance(part, tf.Variable) else part.variables)
        ] + [
            *scale_variables(self.generator_optimizer),
            *scale_variables(self.discriminator_optimizer),
        ]

    def checkpoint(self) -> tf.train.Checkpoint:
        """All of the state as one object to save and restore."""
        parts = {name: part for name, part in vars(self).items() if part is not None}
        return tf.train.Checkpoint(**parts)


def create_train_state(config: Config) -> TrainState:
    """A fresh state: seeded weights, empty optimizers, step 0."""
    return TrainState(config)


def create_generator_for(config: Config) -> tf.keras.Model:
    """A generator of a configuration, with its seeded weights."""
    return create_generator(
        ngf=config.ngf,
        residual_blocks=config.blocks,
        upsampling=config.upsampling,
        seed=2 * config.seed,
        precision=config.precision,
    )


def _adam(network: tf.keras.Model, config: Config) -> tf.keras.optimizers.Optimizer:
    optimizer = FusedAdam(config.learning_rate, ADAM_BETA_1, ADAM_BETA_2, ADAM_EPSILON)
    optimizer.build(network.trainable_variables)
    return with_loss_scale(optimizer, config.precision)


def save_checkpoint(state: TrainState, workdir: pathlib.Path) -> None:
    """Saves the whole state as `checkpoints/ckpt-<step>`; keeps the newest three.

    A checkpoint of the same step is written again: it may be the one that could not be read. Those
    of later steps go: a run that went on from an earlier one has left them behind.

    Raises:
        tf.errors.OpError: the disk is full or cannot be written to; older checkpoints stay whole.
    """
    folder = workdir / CHECKPOINTS_FOLDER
    step = int(state.step.numpy())
    _write_whole(state.checkpoint(), folder, step)
    _keep_only(folder, [known for known in _steps(folder) if known <= step][-KEPT:])


def save_best(state: TrainState, workdir: pathlib.Path) -> None:
    """Saves the generator that is measured as `best/ckpt-<step>` and removes the one before it."""
    folder = workdir / BEST_FOLDER
    step = int(state.step.numpy())
    checkpoint = tf.train.Checkpoint(generator=state.eval_generator)
    _write_whole(checkpoint, folder, step)
    _keep_only(folder, [step])


def restore_checkpoint(state: TrainState, workdir: pathlib.Path) -> int:
    """Restores the newest checkpoint that can be read.

    Returns:
        Its step.

    Raises:
        UserError: there is none, or none can be read.
    """
    checkpoint = state.checkpoint()

    def restore(path: str) -> None:
        checkpoint.read(path).assert_consumed()

    return _restore_newest(workdir / CHECKPOINTS_FOLDER, restore)


def restore_generator(
    config: Config, workdir: pathlib.Path, which: str
) -> tuple[tf.keras.Model, int]:
    """Restores the generator of a run, for evaluation and export.

    Args:
        config: of the run; its precision may be another, the weights are the same in all.
        workdir: its folder.
        which: 'best' by validation MAE, or 'newest'.

    Returns:
        The generator (its moving average, where the run has one) and the step it was saved at.

    Raises:
        UserError: there is no such checkpoint, or none can be read.
        ValueError: another `which`.
    """
    generator = create_generator_for(config)
    if which == 'best':
        folder, part = BEST_FOLDER, 'generator'
    elif which == 'newest':
        folder, part = CHECKPOINTS_FOLDER, 'ema_generator' if config.ema_decay > 0 else 'generator'
    else:
        raise ValueError(f"'best' or 'newest', not {which!r}")
    checkpoint = tf.train.Checkpoint(**{part: generator})

    def restore(path: str) -> None:
        checkpoint.read(path).assert_existing_objects_matched().expect_partial()

    return generator, _restore_newest(workdir / folder, restore)


def has_checkpoints(workdir: pathlib.Path) -> bool:
    """Whether the run folder holds any checkpoint of a step beyond the first."""
    return any(step > 0 for step in _steps(workdir / CHECKPOINTS_FOLDER))


def _refuse_unusable(folder: pathlib.Path) -> None:
    """Refuses a path that TensorFlow cannot write to, or would never find again.

    It takes paths as UTF-8 only, and reads names as patterns.

    Raises:
        UserError: the path is of one of these kinds.
    """
    problems = taken_for_pattern(folder, f'{folder}')
    try:
        os.fsencode(folder).decode()
    except UnicodeDecodeError:
        found = 'bytes that are no UTF-8, to which TensorFlow writes nothing'
        cure = 'name another --workdir, or rename the folder of the run'
        problems.append(Problem(f'{folder}', found, 'a path in UTF-8', cure))
    raise_if_any(problems)


def _restore_newest(folder: pathlib.Path, restore: Callable[[str], None]) -> int:
    _refuse_unusable(folder)
    problems = []
    for step in reversed(_steps(folder)):
        path = _path(folder, step)
        try:
            restore(str(path))
        except UNREADABLE as error:
            problem = Problem(
                f'{path}',
                f'cannot be read: {str(error).splitlines()[0][:200]}',
                'a whole checkpoint of this run',
                'restore the file from a backup, or remove it to use the one before it',
            )
            problems.append(problem)
            continue
        for problem in problems:
            logging.warning('%s\nThe checkpoint of step %d is used instead.', problem, step)
        return step
    cure = 'restore the folder from a backup, or start anew in another --workdir'
    found = 'no checkpoint that can be read' if problems else 'no checkpoint'
    raise UserError([*problems, Problem(f'{folder}', found, 'the state of the run', cure)])


def _path(folder: pathlib.Path, step: int) -> pathlib.Path:
    return folder / f'ckpt-{step}'


def _steps(folder: pathlib.Path) -> list[int]:
    """Steps of the checkpoints in a folder, ascending. The index file is written last."""
    found = (re.fullmatch(r'ckpt-(\d+)\.index', path.name) for path in folder.glob('ckpt-*.index'))
    return sorted(int(match[1]) for match in found if match)


def _write_whole(checkpoint: tf.train.Checkpoint, folder: pathlib.Path, step: int) -> None:
    """Writes a checkpoint that appears whole or not at all: its index is renamed into place last.

    TensorFlow writes the index in place; a process killed meanwhile leaves a part of it.
    """
    _refuse_unusable(folder)
    path = _path(folder, step)
    temporary = folder / f'{UNFINISHED}{path.name}'
    checkpoint.write(str(temporary))
    written = folder.glob(f'{temporary.name}.*')
    for part in sorted(written, key=lambda part: part.suffix == '.index'):
        part.replace(part.with_name(part.name.removeprefix(UNFINISHED)))


def _keep_only(folder: pathlib.Path, steps: list[int]) -> None:
    """Removes the checkpoints of all other steps, and what a save that was cut off left of them."""
    # The index goes first: what is left without it is no checkpoint to anybody.
    for path in sorted(folder.glob('ckpt-*'), key=lambda p: p.suffix != '.index'):
        match = re.match(r'ckpt-(\d+)(\.|_temp)', path.name)
        if match and int(match[1]) not in steps:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in folder.glob(f'{UNFINISHED}*'):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
