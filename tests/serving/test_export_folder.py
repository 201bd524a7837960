"""Versions appear whole or not at all: numbers, refusals, failures, a process that is killed."""

import os
import signal
import subprocess
import sys

import filelock
import pytest

from ct2mr_tf.problems import UserError
from ct2mr_tf.serving import export_folder, verification, warmup
from ct2mr_tf.serving.export_folder import write_version
from ct2mr_tf.serving.saved_model import LARGEST_VERSION


@pytest.fixture
def write(tiny_generator, tiny_card, pictures):
    """The function that exports the tiny model; compared on one picture."""
    return lambda *arguments: write_version(tiny_generator, tiny_card, pictures[:1], *arguments)


def names(folder):
    """What lies in a folder, but the lock."""
    return sorted(path.name for path in folder.iterdir() if path.name != '.lock')


def test_what_a_version_holds(exported):
    files = sorted(f'{path.relative_to(exported)}' for path in exported.rglob('*'))
    assert files == [
        'assets',
        'assets.extra',
        'assets.extra/model_card.json',
        'assets.extra/tf_serving_warmup_requests',
        'fingerprint.pb',
        'saved_model.pb',
        'variables',
        'variables/variables.data-00000-of-00001',
        'variables/variables.index',
    ]
    # A server of another user must be able to read it.
    assert all(path.stat().st_mode & 0o004 for path in exported.rglob('*'))
    assert exported.stat().st_mode & 0o005 == 0o005


def test_numbers_and_what_a_server_sees_meanwhile(write, tmp_path, monkeypatch):
    """What has a number for a name is whole at every moment; here, while a version is compared."""
    for name in ('7', 'notes', '.exporting-99'):
        (tmp_path / name).mkdir()
    seen = []

    def look(*arguments, real=verification.differences):
        seen.append(names(tmp_path))
        return real(*arguments)

    monkeypatch.setattr(verification, 'differences', look)
    assert write(tmp_path) == tmp_path / '8'
    assert write(tmp_path, 3) == tmp_path / '3'
    assert seen == [['.exporting-8', '7', 'notes'], ['.exporting-3', '7', '8', 'notes']]
    assert names(tmp_path) == ['3', '7', '8', 'notes']


def test_a_version_is_on_the_disk_before_it_has_its_name(write, tmp_path, monkeypatch):
    """Its own list of files, too: else a power cut may leave a version without its graph."""
    flushed = []

    def flush(path, real=export_folder._flush):
        flushed.append(f'{path.relative_to(tmp_path)}')
        real(path)

    monkeypatch.setattr(export_folder, '_flush', flush)
    version = write(tmp_path)
    written = [f'.exporting-1/{path.relative_to(version)}' for path in version.rglob('*')]
    assert sorted(flushed) == sorted(['.exporting-1', *written])


def test_a_version_that_exists_is_never_written_over(write, tmp_path):
    (tmp_path / '007').mkdir()
    with pytest.raises(UserError, match='a version that exists'):
        write(tmp_path, 7)
    assert names(tmp_path) == ['007']


def test_no_number_comes_after_the_last_that_a_server_takes(write, tmp_path):
    last = str(LARGEST_VERSION)
    (tmp_path / last).mkdir()
    with pytest.raises(UserError, match='a number after it'):
        write(tmp_path)
    assert names(tmp_path) == [last]


def test_a_model_that_differs_leaves_nothing(write, tmp_path, monkeypatch):
    monkeypatch.setattr(verification, 'TOLERANCES', {'float32': -2.0})
    with pytest.raises(UserError, match='grey levels from the generator') as caught:
        write(tmp_path)
    assert len(caught.value.problems) == 3
    assert names(tmp_path) == []


def test_a_failure_on_the_way_leaves_nothing(write, tmp_path, monkeypatch):
    """Ctrl-C, which SIGTERM becomes in commands."""

    def fail(path, card):
        path.write_bytes(b'half')
        raise KeyboardInterrupt

    monkeypatch.setattr(warmup, 'write_warmup', fail)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path)
    assert names(tmp_path) == []


def test_a_full_disk_is_the_users_concern(write, tmp_path, monkeypatch):
    import tensorflow as tf

    def fail(*arguments):
        raise tf.errors.ResourceExhaustedError(None, None, 'No space left on device')

    monkeypatch.setattr(tf.saved_model, 'save', fail)
    with pytest.raises(UserError, match='no space left on the device'):
        write(tmp_path)
    assert names(tmp_path) == []


def test_one_export_at_a_time(write, tmp_path):
    with filelock.FileLock(tmp_path / '.lock'), pytest.raises(UserError, match='another process'):
        write(tmp_path)


def test_a_place_that_is_a_file(write, tmp_path):
    (tmp_path / 'models').write_text('notes')
    with pytest.raises(UserError, match='--export_dir'):
        write(tmp_path / 'models')


KILLED = """
import pathlib, sys, time
import numpy as np
sys.path.insert(0, sys.argv[2])
from ct2mr_tf.models.generator import create_generator
from ct2mr_tf.serving import export_folder, warmup
from ct2mr_tf.serving.model_card import ModelCard

def wait(path, card):
    print('half', flush=True)
    time.sleep(60)

warmup.write_warmup = wait
card = ModelCard.from_json(sys.stdin.read(), 'card')
generator = create_generator(ngf=4, residual_blocks=1)
export_folder.write_version(
    generator, card, np.zeros((1, 32, 40), np.uint8), pathlib.Path(sys.argv[1])
)
"""


def test_a_killed_export_shows_a_server_nothing(write, tiny_card, tmp_path, root):
    with subprocess.Popen(
        [sys.executable, '-c', KILLED, f'{tmp_path}', f'{root}'],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        process.stdin.write(tiny_card.to_json())
        process.stdin.close()
        assert process.stdout.readline() == 'half\n'
        assert (tmp_path / '.exporting-1' / 'saved_model.pb').exists()
        os.kill(process.pid, signal.SIGKILL)
    assert names(tmp_path) == ['.exporting-1']
    assert write(tmp_path) == tmp_path / '1'
    assert names(tmp_path) == ['1']
