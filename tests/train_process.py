"""train.py as a process of its own: started, watched, harmed, and compared with an unharmed run."""

import dataclasses
import json
import pathlib
import signal
import socket
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from warm_start import WarmStart

from ct2mr_tf.config import Config

ROOT = pathlib.Path(__file__).resolve().parent.parent
"""The repository."""

SMALL = {
    'image_size': (32, 32),
    'ngf': 4,
    'ndf': 4,
    'blocks': 1,
    'n_layers': 2,
    'ema_decay': 0.99,
    'constant_steps': 0,
    'decay_steps': 1_000_000,
    'num_steps': 1_000_000,
    'log_every': 10,
    'eval_every': 1_000_000,
    'checkpoint_every': 15,
    'steps_per_loop': 1_000_000,
    'jit_compile': 'off',
}
"""A run of quick steps that does not end by itself."""


class TrainProcess:
    """`train.py` in a process, and what it says.

    Attributes:
        process: the process.
        workdir: its run folder.
    """

    def __init__(
        self,
        started: WarmStart,
        config: Config,
        workdir: pathlib.Path,
        cluster: dict | None = None,
    ):
        self.workdir = workdir
        sides = ','.join(map(str, config.image_size))
        values = {**dataclasses.asdict(config), 'image_size': sides, 'workdir': workdir}
        flags = [f'--{name}={value}' for name, value in values.items()]
        environment = {'TF_CONFIG': json.dumps(cluster)} if cluster else {}
        self.process = started.start('train.py', *flags, environment=environment)

    @property
    def said(self) -> str:
        """All that it said so far."""
        return self.process.stderr

    def wait_for_step(self, step: int) -> None:
        """Returns when a checkpoint of this step or a later one is there."""
        self.wait_until(lambda: newest_step(self.workdir) >= step)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Returns when a condition holds."""
        deadline = time.monotonic() + 300
        while not condition():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.02)

    def end(self, number: int | None = None, timeout: float = 120) -> tuple[int, float]:
        """Sends a signal, if one is given, and waits: the exit code, and the seconds it took."""
        sent = time.monotonic()
        try:
            if number is not None:
                self.process.send_signal(number)
            code = self.process.wait(timeout)
        finally:
            self.kill()
        return code, time.monotonic() - sent

    def kill(self) -> None:
        """Ends it, if it has not ended."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def newest_step(workdir: pathlib.Path) -> int:
    """The step of the newest checkpoint in a run folder; 0 where there is none."""
    found = (workdir / 'checkpoints').glob('ckpt-*.index')
    return max((int(path.stem.removeprefix('ckpt-')) for path in found), default=0)


def saved_state(workdir: pathlib.Path, step: int) -> dict[str, np.ndarray]:
    """Every tensor of a checkpoint: weights, slots and counters of optimizers, best validation."""
    reader = tf.train.load_checkpoint(str(workdir / 'checkpoints' / f'ckpt-{step}'))
    names = set(reader.get_variable_to_shape_map()) - {'_CHECKPOINTABLE_OBJECT_GRAPH'}
    return {name: reader.get_tensor(name) for name in names}


def assert_same_state(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    """The same tensors with the very same values."""
    assert one.keys() == other.keys()
    # Three networks, slots and counters of two optimizers, the step and the best validation.
    assert len(one) > 100
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


def two_clusters() -> list[dict]:
    """TF_CONFIG of two workers on this machine, at ports that are free."""
    with socket.socket() as first, socket.socket() as second:
        for free in (first, second):
            free.bind(('127.0.0.1', 0))
        workers = [f'127.0.0.1:{free.getsockname()[1]}' for free in (first, second)]
    return [
        {'cluster': {'worker': workers}, 'task': {'type': 'worker', 'index': index}}
        for index in (0, 1)
    ]
