"""What `train.py` says to wrong flags, a wrong data set and a full disk, as a person runs it."""

import dataclasses
import errno
import re

import cv2
import numpy as np
import pandas as pd
import pytest

from ct2mr_tf.config import Config, save_config

SMALL = {'image_size': (16, 24), 'ngf': 4, 'ndf': 4, 'blocks': 1, 'n_layers': 2}
SMALL_FLAGS = ('--image_size=16,24', '--ngf=4', '--ndf=4', '--blocks=1', '--n_layers=2')

FAILING_WRITES = """
import runpy, sys
sys.path.append('tests')
from failing_writes import fail_writes
fail_writes(int(sys.argv.pop(1)))
sys.argv[0] = 'train.py'
runpy.run_path('train.py', run_name='__main__')
"""
"""train.py where the kernel answers an error number to writes."""


def test_without_folders_it_says_what_is_missing_and_loads_no_tensorflow(command):
    done = command('-X', 'importtime', 'train.py', '--ngf=0', '--image_size=30')
    assert done.returncode == 2
    assert 'train.py' not in done.stdout
    imported = {line.rpartition('|')[2].strip() for line in done.stderr.splitlines()}
    assert 'absl.flags' in imported
    assert not {'tensorflow', 'keras', 'cv2', 'pandas'} & imported
    for flag in ('--data_dir', '--workdir', '--ngf', '--image_size'):
        assert f'  {flag}\n' in done.stderr


def test_unknown_flags_and_wrong_values_are_named_together(command):
    done = command(
        *('train.py', '--workdr=x', '--ngff=4', '--dropout'),
        *('--batch_size=0', '--ngf=many', '--augment_flip=perhaps'),
    )
    assert done.returncode == 2
    assert 'Traceback' not in done.stderr
    for flag, near in (('--workdr', 'workdir'), ('--ngff', 'ngf'), ('--dropout', '')):
        assert f'  {flag}\n' in done.stderr
        assert near in done.stderr
    for wrong in ('  --batch_size\n', '  --ngf\n', '--augment_flip=perhaps', '  --data_dir\n'):
        assert wrong in done.stderr
    assert done.stderr.startswith('8 problems:')


def test_help_shows_every_flag_and_what_is_written(command):
    done = command('train.py', '--help')
    assert done.returncode == 0
    for field in dataclasses.fields(Config):
        assert f'--{field.name}:' in done.stdout or f'--[no]{field.name}:' in done.stdout
    assert '--workdir:' in done.stdout
    assert 'config.json' in done.stdout
    assert 'python train.py --flagfile=' in done.stdout


def test_a_run_in_a_process_of_its_own_says_its_log_lines_and_nothing_else(
    command, tiny_set, tmp_path
):
    data_dir = tiny_set(tmp_path / 'set', size=(16, 24))
    flags = (f'--data_dir={data_dir}', f'--workdir={tmp_path / "run"}', '--num_steps=1')
    done = command('train.py', *flags, *SMALL_FLAGS)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ''
    for line in done.stderr.splitlines():
        assert re.match(r'\d\d:\d\d:\d\d  ', line), line
    assert 'step 1/1  generator/adversarial' in done.stderr


def test_a_wrong_data_set_is_refused_with_all_its_problems(warm_command, tiny_set, tmp_path):
    """One fault of each kind; the run folder is not begun."""
    data_dir = tiny_set(tmp_path / 'set', size=(16, 24), pairs={'train': 6, 'test': 1})
    for number, picture in enumerate(
        (
            np.zeros((16, 49), np.uint8),
            np.zeros((16, 48, 3), np.uint8),
            np.zeros((16, 48), np.uint16),
            np.zeros((18, 48), np.uint8),
        )
    ):
        path = data_dir / 'train' / f'train_{number:02d}.png'
        path.write_bytes(cv2.imencode('.png', picture)[1].tobytes())
    path = data_dir / 'train' / 'train_04.png'
    path.write_bytes(path.read_bytes()[:-30])
    table = pd.read_csv(data_dir / 'pairs.csv')
    table.loc[table.pair_id == 'test_00', 'patient_id'] = 'patient_train'
    table.loc[0, 'split'] = 'trian'
    table.to_csv(data_dir / 'pairs.csv', index=False)
    workdir = tmp_path / 'run'
    done = warm_command('train.py', f'--data_dir={data_dir}', f'--workdir={workdir}', *SMALL_FLAGS)
    assert done.returncode == 2
    assert 'Traceback' not in done.stderr
    for said in (
        f'{data_dir / "val"}\n    found:    no pictures',
        'train/train_00.png\n    found:    49 pixels wide',
        'train/train_01.png\n    found:    8-bit RGB',
        'train/train_02.png\n    found:    16-bit grey',
        'train/train_03.png\n    found:    halves of 18x24 pixels',
        'train/train_04.png\n    found:    cut off',
        "pairs.csv, line 2\n    found:    split 'trian'",
        'pairs.csv, patient patient_train\n    found:    pairs in test and train',
    ):
        assert said in done.stderr
    assert done.stderr.count('expected:') == done.stderr.count('cure:') == 8
    assert not workdir.exists()


@pytest.mark.parametrize(
    ('number', 'found', 'cure'),
    [
        pytest.param(
            errno.ENOSPC,
            'no space left on the device',
            'free some space',
            marks=pytest.mark.fault(
                'the disk is full while saving (the kernel answers ENOSPC to writes)',
                'exits 2; older checkpoints are untouched',
            ),
        ),
        pytest.param(
            errno.EROFS,
            'Read-only file system',
            'look at the disk',
            marks=pytest.mark.fault(
                'the disk turns read-only while training (EROFS to writes)',
                'exits 2; older checkpoints are untouched',
            ),
        ),
        pytest.param(
            errno.EIO,
            'Input/output error',
            'look at the disk',
            marks=[
                pytest.mark.long,
                pytest.mark.fault(
                    'the disk breaks while saving (EIO to writes)',
                    'exits 2; older checkpoints are untouched',
                ),
            ],
        ),
    ],
)
def test_a_disk_that_fails_while_saving_loses_nothing(
    number, found, cure, warm_command, tiny_set, tmp_path
):
    from ct2mr_tf.training.state import create_train_state, restore_checkpoint, save_checkpoint

    data_dir = tiny_set(tmp_path / 'set', size=(16, 24))
    workdir = tmp_path / 'run'
    config = Config(data_dir=str(data_dir), num_steps=2, **SMALL)
    state = create_train_state(config)
    save_checkpoint(state, workdir)
    save_config(config, workdir)
    folder = workdir / 'checkpoints'
    before = {path: path.read_bytes() for path in folder.iterdir()}

    done = warm_command(
        *('-c', FAILING_WRITES, str(number)),
        *(f'--data_dir={data_dir}', f'--workdir={workdir}', '--num_steps=2', *SMALL_FLAGS),
    )
    assert done.returncode == 2, done.stderr
    assert found in done.stderr
    assert cure in done.stderr
    assert 'Traceback' not in done.stderr
    assert {path: path.read_bytes() for path in before} == before
    assert not list(folder.glob('ckpt-2.index'))
    assert restore_checkpoint(create_train_state(config), workdir) == 0
