"""A run in a process of its own tells when its first step is done, and its memory."""

import contextlib
import os
import pty
import subprocess
import time

import pytest

from ct2mr_tf.benchmark.fresh_process import train_in_fresh_process
from ct2mr_tf.config import Config
from ct2mr_tf.training.run_folder import METRICS_FILE

CONFIG = Config(image_size=(16, 16), ngf=2, ndf=2, blocks=1, n_layers=2)


@contextlib.contextmanager
def at_a_terminal():
    """A terminal as error output, where a run shows a bar in the place of its log lines."""
    terminal, inner = pty.openpty()
    kept = os.dup(2)
    os.dup2(inner, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        for number in (kept, terminal, inner):
            os.close(number)


def test_a_run_in_a_new_process(tmp_path, tiny_set):
    data = tiny_set(tmp_path / 'set', size=(16, 16))
    work = tmp_path / 'work'
    work.mkdir()
    started = time.perf_counter()
    with at_a_terminal():
        found = train_in_fresh_process(Config(**{**vars(CONFIG), 'data_dir': str(data)}), work)
    # Importing TensorFlow alone takes over a second and some hundred megabytes.
    assert 1 < found.first_step_s < time.perf_counter() - started
    assert 0.2 < found.peak_memory_gib < 4
    assert (work / 'run' / METRICS_FILE).exists(), 'it validates, which takes memory too'


def test_a_run_that_fails_is_no_figure(tmp_path, capfd):
    config = Config(**{**vars(CONFIG), 'data_dir': str(tmp_path / 'missing')})
    with pytest.raises(subprocess.CalledProcessError):
        train_in_fresh_process(config, tmp_path)
    assert 'missing' in capfd.readouterr().err
