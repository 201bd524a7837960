"""PyTorch in a process of its own, that works when it is told to.

Both libraries keep threads for all cores. In one process those of one would spin while the other
computes, and two copies of oneDNN and OpenMP would meet; in two processes that take turns, each has
the machine to itself. The process reads one name of a task a line, and answers each with
the seconds it took; its first line, JSON, tells what it is.
"""

import functools
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable
from typing import IO, cast

from ct2mr_tf.benchmark.timing import Task
from ct2mr_tf.config import Config, load_config, save_config
from ct2mr_tf.problems import Problem, UserError

STEP = 'step'
"""Name of the task of one training step."""

SLICES = (1, 8)
"""Batches to synthesise: the number is the name of the task."""

KEEP_MEMORY = {'MALLOC_MMAP_MAX_': '0', 'MALLOC_TRIM_THRESHOLD_': '-1'}
"""Settings of glibc's malloc, see mallopt(3), by which it keeps what was freed, for use again.

TensorFlow keeps its memory by itself. PyTorch gives it back to the kernel and asks again: without
these, eight slices of the paper's networks cost 1.3 million page faults, a fifth of the time.
"""


class TorchProcess:
    """The process, from outside.

    Attributes:
        about: its version and its number of threads, by names for the benchmark's JSON.
    """

    def __init__(self, config: Config, work: pathlib.Path):
        """Starts it.

        Args:
            config: networks, losses, pictures, batch and precision.
            work: a folder, for the configuration.

        Raises:
            UserError: PyTorch is not installed, or cannot be used.
        """
        save_config(config, work)
        script = f'from {__name__} import serve; serve()'
        self._process = subprocess.Popen(
            [sys.executable, '-c', script, str(work)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=KEEP_MEMORY | os.environ,
        )
        self._questions = cast(IO[str], self._process.stdin)
        self._answers = cast(IO[str], self._process.stdout)
        self.about: dict[str, object] = json.loads(self._answer())

    def task(self, name: str, units: float = 1.0) -> Task:
        """The task of that name, timed over there."""
        return Task(lambda: float(self._ask(name)), units)

    def close(self) -> None:
        """Ends the process."""
        self._questions.close()
        self._answers.close()
        self._process.wait()

    def _ask(self, line: str) -> str:
        self._questions.write(line + '\n')
        self._questions.flush()
        return self._answer()

    def _answer(self) -> str:
        answer = self._answers.readline()
        if not answer:
            cure = 'install the extra bench, or leave --against=torch out'
            raise UserError([Problem('PyTorch', 'no answer', 'a package that works', cure)])
        return answer.strip()


def serve() -> None:
    """Works off what standard input asks for, until it ends."""
    import torch

    tasks = _tasks(load_config(pathlib.Path(sys.argv[1])))
    about = {
        'torch': torch.__version__,
        'torch_threads': torch.get_num_threads(),
        'torch_malloc': {name: os.environ.get(name) for name in KEEP_MEMORY},
    }
    print(json.dumps(about), flush=True)
    for line in sys.stdin:
        run = tasks[line.strip()]
        started = time.perf_counter()
        run()
        print(time.perf_counter() - started, flush=True)


def _tasks(config: Config) -> dict[str, Callable[[], None]]:
    """What can be asked for, by name."""
    import torch

    from ct2mr_tf.benchmark.torch_step import TorchTwin, random_pictures

    twin = TorchTwin(config)
    ct, mr = (random_pictures(config, config.batch_size, twin.device) for _ in range(2))

    def synchronized(act: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            act()
            if twin.device.type == 'cuda':
                torch.cuda.synchronize()

        return run

    tasks = {STEP: synchronized(lambda: twin.step(ct, mr))}
    for count in SLICES:
        slices = random_pictures(config, count, twin.device)
        tasks[f'{count}'] = synchronized(functools.partial(twin.synthesize, slices))
    return tasks
