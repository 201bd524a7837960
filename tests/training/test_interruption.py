"""train.py as a person runs it, ended by real signals, and continued to the very same weights."""

import dataclasses
import pathlib
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import tensorflow as tf

from ct2mr_tf.config import load_config
from ct2mr_tf.training.interruption import stop_on_signal
from ct2mr_tf.training.loop import train_and_evaluate

FLAGS = {
    'image_size': '32',
    'ngf': '4',
    'ndf': '4',
    'blocks': '1',
    'n_layers': '2',
    'ema_decay': '0.99',
    'constant_steps': '0',
    'decay_steps': '1000000',
    'num_steps': '1000000',
    'log_every': '10',
    'eval_every': '1000000',
    'checkpoint_every': '15',
    'steps_per_loop': '1000000',
    'jit_compile': 'off',
}


@dataclasses.dataclass
class Ended:
    """A run that a signal ended.

    Attributes:
        workdir: its folder.
        code: exit code of the process.
        seconds: from the signal to the end of the process.
        stderr: what it printed.
        step: of its newest checkpoint.
    """

    workdir: pathlib.Path
    code: int
    seconds: float
    stderr: str
    step: int


def _start(root: pathlib.Path, data_dir: pathlib.Path, workdir: pathlib.Path) -> subprocess.Popen:
    flags = [f'--{name}={value}' for name, value in FLAGS.items()]
    command = [sys.executable, 'train.py', f'--data_dir={data_dir}', f'--workdir={workdir}']
    return subprocess.Popen(
        [*command, *flags], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _end(process: subprocess.Popen, workdir: pathlib.Path, number: int) -> Ended:
    """Sends the signal once two checkpoints are there, in the midst of further steps."""
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(process.stderr))
    reader.start()
    try:
        deadline = time.monotonic() + 300
        while _newest(workdir) < 30:
            assert process.poll() is None, ''.join(lines)
            assert time.monotonic() < deadline, ''.join(lines)
            time.sleep(0.02)
        sent = time.monotonic()
        process.send_signal(number)
        code = process.wait(timeout=60)
        seconds = time.monotonic() - sent
    finally:
        process.kill()
        reader.join()
        process.stdout.close()
        process.stderr.close()
    return Ended(workdir, code, seconds, ''.join(lines), _newest(workdir))


def _newest(workdir: pathlib.Path) -> int:
    found = (workdir / 'checkpoints').glob('ckpt-*.index')
    return max((int(path.stem.removeprefix('ckpt-')) for path in found), default=0)


@pytest.fixture(scope='module')
def data_dir(tiny_set, tmp_path_factory) -> pathlib.Path:
    return tiny_set(tmp_path_factory.mktemp('data'))


@pytest.fixture(scope='module')
def ended(data_dir, root, tmp_path_factory) -> dict[str, Ended]:
    """Two runs side by side, one ended by SIGTERM and one by SIGKILL, after some checkpoints."""
    folder = tmp_path_factory.mktemp('runs')
    numbers = {'SIGTERM': signal.SIGTERM, 'SIGKILL': signal.SIGKILL}
    processes = {name: _start(root, data_dir, folder / name) for name in numbers}

    try:
        return {
            name: _end(processes[name], folder / name, number) for name, number in numbers.items()
        }
    finally:
        for process in processes.values():
            process.kill()


@pytest.fixture(scope='module')
def last_step(ended) -> int:
    """The step to which all runs are continued."""
    return max(run.step for run in ended.values()) + 5


def _continued(started: Ended, workdir: pathlib.Path, last_step: int) -> dict[str, np.ndarray]:
    """Trains in `workdir` as the run `started` was configured; every tensor of the last state."""
    config = dataclasses.replace(load_config(started.workdir), num_steps=last_step)
    train_and_evaluate(config, workdir)
    reader = tf.train.load_checkpoint(str(workdir / 'checkpoints' / f'ckpt-{last_step}'))
    names = set(reader.get_variable_to_shape_map()) - {'_CHECKPOINTABLE_OBJECT_GRAPH'}
    return {name: reader.get_tensor(name) for name in names}


@pytest.fixture(scope='module')
def uninterrupted(ended, last_step, tmp_path_factory) -> dict[str, np.ndarray]:
    """The state of a run that nothing ever stopped."""
    return _continued(ended['SIGTERM'], tmp_path_factory.mktemp('runs') / 'whole', last_step)


@pytest.mark.parametrize('name', ['SIGTERM', 'SIGKILL'])
def test_interrupted_equals_uninterrupted_weight_for_weight(name, ended, last_step, uninterrupted):
    assert 30 <= ended[name].step < last_step
    continued = _continued(ended[name], ended[name].workdir, last_step)
    assert continued.keys() == uninterrupted.keys()
    # Three networks, slots and counters of two optimizers, the step and the best validation.
    assert len(continued) > 100
    for tensor, value in continued.items():
        np.testing.assert_array_equal(value, uninterrupted[tensor], err_msg=tensor)


def test_sigterm_is_obeyed_within_a_step_and_says_so(ended):
    run = ended['SIGTERM']
    assert run.code == 75
    assert run.seconds < 5
    last = run.stderr.splitlines()[-1]
    assert last == f'stopped at step {run.step}; the state is saved; the same command continues.'


def test_where_there_is_no_terminal_there_is_no_bar(ended):
    text = ended['SIGTERM'].stderr
    assert '\r' not in text
    assert 'Step 0 of 1000000. The first step builds the graph' in text
    assert 'step 10/1000000  generator/adversarial' in text
    assert 'Traceback' not in text


def test_sigkill_leaves_the_newest_checkpoint(ended):
    assert ended['SIGKILL'].code == -signal.SIGKILL
    assert ended['SIGKILL'].step % 15 == 0


def test_outside_the_main_thread_signals_are_left_alone():
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def work() -> None:
        with stop_on_signal() as stop:
            seen.extend([signal.getsignal(signal.SIGTERM), bool(stop)])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before, False]


def test_other_signals_do_not_stop_a_run():
    noticed = threading.Event()
    before = signal.signal(signal.SIGUSR1, lambda *_: noticed.set())
    try:
        with stop_on_signal() as stop:
            signal.raise_signal(signal.SIGUSR1)
            assert noticed.wait(5)
            time.sleep(0.1)
            assert not bool(stop)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_signal_before_the_first_step_is_not_lost():
    with stop_on_signal() as stop:
        signal.raise_signal(signal.SIGTERM)
        deadline = time.monotonic() + 5
        while not bool(stop) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert bool(stop)
