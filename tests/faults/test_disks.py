"""A disk of a few megabytes that fills up, and one that can no longer be written to."""

import dataclasses
import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from folder_trees import tree
from train_process import (
    SMALL,
    TrainProcess,
    assert_same_state,
    newest_step,
    saved_state,
)

from ct2mr_tf.config import Config
from ct2mr_tf.training.loop import train_and_evaluate
from ct2mr_tf.training.state import create_train_state, restore_checkpoint

pytestmark = pytest.mark.long


@pytest.fixture(scope='module')
def config(tiny_set, tmp_path_factory) -> Config:
    # A checkpoint of these networks is 1.6 MB: the second one does not fit on the disk.
    changed = {'ngf': 12, 'ndf': 12, 'checkpoint_every': 5}
    return Config(data_dir=str(tiny_set(tmp_path_factory.mktemp('data'))), **{**SMALL, **changed})


def _mount(options: str, folder: pathlib.Path) -> None:
    command = ['mount', '-t', 'tmpfs', '-o', options, 'tmpfs', str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f'no disk of its own: {done.stderr.strip()}')


@pytest.fixture
def disk(tmp_path) -> Iterator[pathlib.Path]:
    """A file system of 3 MB."""
    if not shutil.which('mount') or os.geteuid():
        pytest.skip('only root mounts a disk')
    folder = tmp_path / 'disk'
    folder.mkdir()
    _mount('size=3m', folder)
    yield folder
    subprocess.run(['umount', '--lazy', str(folder)], check=True)


def _ends_with_2(run: TrainProcess, found: str) -> None:
    code, _ = run.end()
    assert code == 2, run.said
    assert found in run.said
    assert 'Traceback' not in run.said


@pytest.mark.fault(
    'a disk of 3 MB fills up while saving',
    'exits 2, the last state is whole; with room it continues to the uninterrupted weights',
)
def test_a_disk_that_fills_up(config, start_training, disk, tmp_path):
    workdir = disk / 'run'
    _ends_with_2(start_training(config, workdir), 'no space left on the device')
    step = newest_step(workdir)
    assert restore_checkpoint(create_train_state(config), workdir) == step
    _mount('remount,size=60m', disk)
    config = dataclasses.replace(config, num_steps=step + 7)
    for folder in (workdir, tmp_path / 'whole'):
        train_and_evaluate(config, folder)
    last = step + 7
    assert_same_state(saved_state(workdir, last), saved_state(tmp_path / 'whole', last))


@pytest.mark.fault('the run folder is read-only', 'exits 2; nothing changes')
def test_a_disk_that_is_read_only(config, start_training, disk):
    workdir = disk / 'run'
    config = dataclasses.replace(config, num_steps=1)
    _mount('remount,size=60m', disk)
    train_and_evaluate(config, workdir)
    before = tree(workdir)
    _mount('remount,ro', disk)
    _ends_with_2(
        start_training(dataclasses.replace(config, num_steps=9), workdir), 'Read-only file system'
    )
    assert tree(workdir) == before
