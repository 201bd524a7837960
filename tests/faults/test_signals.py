"""Training processes that are killed, asked to stop, or doubled; what is left continues."""

import dataclasses
import json
import pathlib
import random
import signal
import time

import pytest
from train_process import (
    SMALL,
    TrainProcess,
    assert_same_state,
    newest_step,
    saved_state,
)

from ct2mr_tf.config import CONFIG_FILE, Config
from ct2mr_tf.training.loop import train_and_evaluate
from ct2mr_tf.training.state import restore_generator

KILLS, KILLS_FULL = 3, 21
"""How often a run is killed, in the short and in the long form."""


@pytest.fixture(scope='module')
def config(tiny_set, tmp_path_factory) -> Config:
    return Config(data_dir=str(tiny_set(tmp_path_factory.mktemp('data'))), **SMALL)


def _compare_with_uninterrupted(config: Config, workdir: pathlib.Path, scratch: pathlib.Path):
    """Continues a run by some steps, and takes all its steps in another folder without a stop."""
    last = newest_step(workdir) + 5
    config = dataclasses.replace(config, num_steps=last)
    for folder in (workdir, scratch):
        train_and_evaluate(config, folder)
    assert_same_state(saved_state(workdir, last), saved_state(scratch, last))


def _is_saving(workdir: pathlib.Path) -> bool:
    """Whether TensorFlow is in the midst of writing a checkpoint."""
    folders = (workdir / 'checkpoints', workdir / 'best')
    return any(True for folder in folders for _ in folder.glob('.writing-*'))


def _wait_for_moment(run: TrainProcess, kind: str, rng: random.Random) -> None:
    """Waits for a random moment while starting or training, or until a save is under way."""
    if kind == 'starting':
        time.sleep(rng.uniform(0, 3))
        return
    run.wait_for_step(newest_step(run.workdir) + 1)
    if kind == 'training':
        time.sleep(rng.uniform(0, 1))
        return
    deadline = time.monotonic() + 60
    while not _is_saving(run.workdir):
        assert run.process.poll() is None, run.said
        assert time.monotonic() < deadline


@pytest.mark.fault(
    'SIGKILL at random moments: starting, training, saving',
    'the same command continues to the uninterrupted weights',
)
def test_killed_at_random_moments(config, start_training, tmp_path, request, record_property):
    config = dataclasses.replace(config, checkpoint_every=3, eval_every=7)
    kills = KILLS_FULL if request.config.getoption('--full') else KILLS
    workdir, rng = tmp_path / 'run', random.Random(0)
    for kill in range(kills):
        run = start_training(config, workdir)
        try:
            _wait_for_moment(run, ('saving', 'training', 'starting')[kill % 3], rng)
        finally:
            code, _ = run.end(signal.SIGKILL)
        assert code == -signal.SIGKILL, run.said
        assert 'cannot be read' not in run.said
    record_property('tried', f'{kills} kills, a third of them in the midst of a save')
    _compare_with_uninterrupted(config, workdir, tmp_path / 'whole')
    _, step = restore_generator(config, workdir, 'best')
    assert json.loads((workdir / 'metrics.json').read_text())['best']['step'] == step


@pytest.fixture(scope='module')
def stopped(
    config, start_training, tmp_path_factory
) -> tuple[TrainProcess, int, float, TrainProcess]:
    """A run ended by SIGTERM, its exit code, the seconds that took, and another in its folder."""
    workdir = tmp_path_factory.mktemp('stopped') / 'run'
    first = start_training(config, workdir)
    second = None
    try:
        # The folder is taken; the first step is seconds away, in which the second one starts.
        first.wait_until((workdir / CONFIG_FILE).exists)
        second = start_training(config, workdir)
        second.end()
        first.wait_for_step(newest_step(workdir) + 15)
    finally:
        code, seconds = first.end(signal.SIGTERM)
    return first, code, seconds, second


@pytest.mark.fault('SIGTERM', 'finishes the step, saves, exits 75; continues to the same weights')
def test_sigterm_is_obeyed_within_a_step(stopped, config, tmp_path):
    run, code, seconds, _ = stopped
    assert code == 75, run.said
    # The call into TensorFlow would take hours; a loaded machine needs seconds to save and exit.
    assert seconds < 20
    step = newest_step(run.workdir)
    last = run.said.splitlines()[-1]
    assert last == f'stopped at step {step}; the state is saved; the same command continues.'
    _compare_with_uninterrupted(config, run.workdir, tmp_path / 'whole')


@pytest.mark.fault('two processes on one run folder', 'the second exits 2, the first goes on')
def test_a_second_process_is_refused(stopped):
    first, _, _, second = stopped
    assert second.process.returncode == 2
    assert 'another process works in it' in second.said
    assert 'Traceback' not in first.said + second.said


def test_where_there_is_no_terminal_there_is_no_bar(stopped):
    text = stopped[0].said
    assert '\r' not in text
    assert 'Step 0 of 1000000. The first step builds the graph' in text
    assert 'step 10/1000000  generator/adversarial' in text
