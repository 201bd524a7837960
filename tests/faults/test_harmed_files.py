"""Files of a run that were harmed between two starts; the run goes on to the same weights."""

import dataclasses
import pathlib
import shutil

import cv2
import numpy as np
import pytest
from file_damage import cut, flip
from folder_trees import tree
from train_process import SMALL, assert_same_state, saved_state

from ct2mr_tf.config import Config
from ct2mr_tf.problems import UserError
from ct2mr_tf.training.loop import train_and_evaluate
from ct2mr_tf.training.run_folder import DATA_FILE

STEPS, MORE_STEPS = 6, 8
"""Where the run is harmed, and where it is continued to; checkpoints are every two steps."""

CONTINUES = 'continues to the uninterrupted weights'


@pytest.fixture(scope='module')
def config(tiny_set, tmp_path_factory) -> Config:
    changed = {'num_steps': STEPS, 'checkpoint_every': 2, 'eval_every': 4}
    data_dir = tiny_set(tmp_path_factory.mktemp('data') / 'set')
    return Config(data_dir=str(data_dir), **{**SMALL, **changed})


@pytest.fixture(scope='module')
def begun(config, tmp_path_factory) -> pathlib.Path:
    workdir = tmp_path_factory.mktemp('begun') / 'run'
    train_and_evaluate(config, workdir)
    return workdir


@pytest.fixture
def workdir(begun, tmp_path) -> pathlib.Path:
    """A copy of the run, to be harmed."""
    return shutil.copytree(begun, tmp_path / 'run')


@pytest.fixture(scope='module')
def whole(begun, config, tmp_path_factory) -> dict[str, np.ndarray]:
    """The state of the run continued without harm."""
    workdir = shutil.copytree(begun, tmp_path_factory.mktemp('whole') / 'run')
    train_and_evaluate(dataclasses.replace(config, num_steps=MORE_STEPS), workdir)
    return saved_state(workdir, MORE_STEPS)


def _state_file(content: str | None, workdir: pathlib.Path) -> None:
    path = workdir / 'checkpoints' / 'checkpoint'
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_text(content)


def _data(workdir: pathlib.Path, step: int) -> pathlib.Path:
    return workdir / 'checkpoints' / f'ckpt-{step}.data-00000-of-00001'


def _cut_newest(workdir: pathlib.Path) -> None:
    cut(_data(workdir, STEPS))


def _flip_newest(workdir: pathlib.Path) -> None:
    flip(_data(workdir, STEPS))


def _cut_and_flip(workdir: pathlib.Path) -> None:
    cut(_data(workdir, STEPS))
    flip(_data(workdir, STEPS - 2))


def _case(name: str, harm: object, *marks: pytest.MarkDecorator) -> object:
    return pytest.param(harm, id=name, marks=[pytest.mark.fault(name, CONTINUES), *marks])


@pytest.mark.parametrize(
    'harm',
    [
        _case("TensorFlow's state file deleted", lambda w: _state_file(None, w), pytest.mark.long),
        _case("TensorFlow's state file emptied", lambda w: _state_file('', w), pytest.mark.long),
        _case("TensorFlow's state file garbled", lambda w: _state_file('model_\0: "ckpt-9', w)),
        _case('the newest checkpoint truncated', _cut_newest, pytest.mark.long),
        _case('a byte of the newest checkpoint flipped', _flip_newest, pytest.mark.long),
        _case('the newest truncated, the one before it flipped', _cut_and_flip),
    ],
)
def test_a_harmed_run_goes_on(harm, workdir, config, whole):
    harm(workdir)
    train_and_evaluate(dataclasses.replace(config, num_steps=MORE_STEPS), workdir)
    assert_same_state(saved_state(workdir, MORE_STEPS), whole)


@pytest.mark.fault('every checkpoint truncated', 'exits 2, names all; nothing is written over')
def test_a_run_without_a_checkpoint_that_can_be_read_is_refused(workdir, config):
    for path in (workdir / 'checkpoints').glob('*.data-*'):
        cut(path)
    before = tree(workdir)
    with pytest.raises(UserError) as raised:
        train_and_evaluate(dataclasses.replace(config, num_steps=MORE_STEPS), workdir)
    assert len(raised.value.problems) == 4  # three checkpoints, and the folder
    assert tree(workdir) == before


def _add_pair(data_dir: pathlib.Path) -> None:
    shutil.copy(data_dir / 'train' / 'train_00.png', data_dir / 'train' / 'train_99.png')
    with (data_dir / 'pairs.csv').open('a') as table:
        table.write('train_99,patient_train,train,L1-2,\n')


def _change_picture(data_dir: pathlib.Path) -> None:
    path = data_dir / 'train' / 'train_00.png'
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    path.write_bytes(cv2.imencode('.png', picture // 2)[1].tobytes())


def _change_table(data_dir: pathlib.Path) -> None:
    table = data_dir / 'pairs.csv'
    table.write_text(table.read_text().replace('L1-2', 'L2-3', 1))


@pytest.mark.fault(
    'the data set changed between two starts', 'exits 2; goes on with --allow_changed_data'
)
@pytest.mark.parametrize('change', [_add_pair, _change_picture, _change_table])
def test_another_data_set_is_refused_unless_told(change, workdir, config, tmp_path):
    data_dir = shutil.copytree(config.data_dir, tmp_path / 'set')
    # Moved, it is the same data set.
    config = dataclasses.replace(config, data_dir=str(data_dir))
    train_and_evaluate(config, workdir)
    change(data_dir)
    before = tree(workdir)
    with pytest.raises(UserError) as raised:
        train_and_evaluate(config, workdir)
    (problem,) = raised.value.problems
    assert problem.where == '--data_dir'
    assert '--allow_changed_data' in problem.cure
    assert tree(workdir) == before
    train_and_evaluate(config, workdir, allow_changed_data=True)
    assert (workdir / DATA_FILE).read_text() != (before[DATA_FILE])
    # What it was told of once, it knows.
    train_and_evaluate(config, workdir)
