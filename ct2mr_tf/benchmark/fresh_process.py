"""A training run in a process of its own: how soon its first step is done, and its memory."""

import dataclasses
import json
import logging
import pathlib
import resource
import subprocess
import sys
import time
from typing import IO, cast

from ct2mr_tf.config import Config, load_config, save_config

STEPS = 3
"""Steps of the run; one validation and one checkpoint follow."""

FIRST_STEP = 'step 1/'
"""How the log line begins that says that the first step is done."""


@dataclasses.dataclass(frozen=True)
class FreshProcess:
    """What a run came to.

    Attributes:
        first_step_s: seconds from the start of the process, with all imports, the first
            checkpoint and the tracing, to the end of the first step.
        peak_memory_gib: largest resident memory, with a validation and a checkpoint.
    """

    first_step_s: float
    peak_memory_gib: float


def train_in_fresh_process(config: Config, work: pathlib.Path) -> FreshProcess:
    """Trains a few steps in a new process.

    Args:
        config: of the run; its data_dir is read.
        work: an empty folder.

    Returns:
        What it came to.

    Raises:
        subprocess.CalledProcessError: the run failed; its messages are on standard error.
    """
    config = dataclasses.replace(config, num_steps=STEPS, log_every=1)
    save_config(config, work)
    script = f'from {__name__} import train_here; train_here()'
    command = [sys.executable, '-c', script, str(work)]
    started = time.perf_counter()
    first_step = 0.0
    errors = work / 'errors.txt'
    with (
        # At a terminal the run would show a bar in the place of its log lines.
        errors.open('wb') as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process,
    ):
        for line in cast(IO[str], process.stdout):
            if line.startswith(FIRST_STEP):
                first_step = time.perf_counter() - started
            last = line
    if process.returncode:
        sys.stderr.write(errors.read_text(encoding='utf-8'))
        raise subprocess.CalledProcessError(process.returncode, command)
    return FreshProcess(first_step, json.loads(last) / 2**20)


def train_here() -> None:
    """Runs the configuration in the folder that the command line names; prints its peak memory.

    The last line is the number of kibibytes; the lines before it are those of the log.
    """
    logging.basicConfig(stream=sys.stdout, format='%(message)s', level=logging.INFO)
    from ct2mr_tf.training.loop import train_and_evaluate

    work = pathlib.Path(sys.argv[1])
    train_and_evaluate(load_config(work), work / 'run')
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)
