"""Whose a run folder is: started, continued or refused, and never written over."""

import dataclasses
import json
import os
import pathlib

import numpy as np
import pytest

from ct2mr_tf.config import CONFIG_FILE, Config, load_config
from ct2mr_tf.problems import UserError
from ct2mr_tf.training import run_folder
from ct2mr_tf.training.state import CHECKPOINTS_FOLDER, create_train_state, save_checkpoint

CONFIG = Config(
    data_dir='somewhere', image_size=(16, 16), ngf=2, ndf=2, blocks=1, n_layers=2, num_steps=10
)

DATA = {'sha256': 'ab' * 32, 'train': 4, 'val': 2, 'test': 2}


def _content(folder: pathlib.Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }


@pytest.fixture
def refused(tmp_path):
    """A function that opens the run in tmp_path and gives the problems; nothing may change."""

    def open_and_compare(config: Config = CONFIG, data: dict = DATA) -> dict[str, tuple[str, str]]:
        before = _content(tmp_path)
        with pytest.raises(UserError) as raised:
            run_folder.open_run(config, tmp_path, data)
        assert _content(tmp_path) == before
        return {
            problem.where: (problem.found, problem.expected) for problem in raised.value.problems
        }

    return open_and_compare


def test_an_empty_folder_gets_a_state_and_a_config(tmp_path):
    state = run_folder.open_run(CONFIG, tmp_path, DATA)
    assert int(state.step) == 0
    assert load_config(tmp_path) == CONFIG
    assert (tmp_path / CHECKPOINTS_FOLDER / 'ckpt-0.index').exists()


def test_a_run_is_continued_and_only_what_changes_no_weight_may_change(tmp_path):
    state = run_folder.open_run(CONFIG, tmp_path, DATA)
    state.step.assign(7)
    state.generator.variables[0].assign_add(state.generator.variables[0])
    save_checkpoint(state, tmp_path)
    changed = dataclasses.replace(
        CONFIG,
        num_steps=20,
        log_every=3,
        eval_every=4,
        checkpoint_every=5,
        steps_per_loop=6,
        panels=2,
    )
    continued = run_folder.open_run(changed, tmp_path, DATA)
    assert int(continued.step) == 7
    np.testing.assert_array_equal(continued.generator.variables[0], state.generator.variables[0])
    assert load_config(tmp_path) == changed


def test_another_configuration_is_refused_with_every_difference(tmp_path, refused):
    run_folder.open_run(CONFIG, tmp_path, DATA)
    other = dataclasses.replace(CONFIG, seed=4, lambda_l1=100.0, upsampling='resize', num_steps=30)
    assert refused(other) == {
        '--seed': ('4', '0, with which this run was started'),
        '--lambda_l1': ('100.0', '10.0, with which this run was started'),
        '--upsampling': ("'resize'", "'transposed', with which this run was started"),
    }


def test_a_folder_of_other_things_is_refused(tmp_path, refused):
    (tmp_path / 'thesis.txt').write_text('years of work')
    ((where, (found, _)),) = refused().items()
    assert where == str(tmp_path)
    assert found == 'no config.json, but thesis.txt'


def test_of_many_other_things_five_are_named(tmp_path, refused):
    for number in range(7):
        (tmp_path / f'file{number}').touch()
    ((_, (found, _)),) = refused().items()
    assert found == 'no config.json, but file0, file1, file2, file3, file4 and 2 more'


def test_a_run_that_lost_its_config_is_refused(tmp_path, refused):
    state = run_folder.open_run(CONFIG, tmp_path, DATA)
    state.step.assign(5)
    save_checkpoint(state, tmp_path)
    (tmp_path / CONFIG_FILE).unlink()
    ((_, (found, _)),) = refused().items()
    assert found == 'no config.json, but checkpoints'


@pytest.mark.parametrize('folder', ['best', 'train', 'val'])
def test_what_only_a_run_that_took_steps_leaves_is_refused(folder, tmp_path, refused):
    (tmp_path / folder).mkdir()
    ((_, (found, _)),) = refused().items()
    assert folder in found


def test_a_run_that_lost_its_checkpoints_is_refused_and_kept(tmp_path, refused):
    run_folder.open_run(CONFIG, tmp_path, DATA)
    for path in (tmp_path / CHECKPOINTS_FOLDER).iterdir():
        path.unlink()
    assert list(refused()) == [str(tmp_path / CHECKPOINTS_FOLDER)]


def test_a_garbled_config_is_refused(tmp_path, refused):
    run_folder.open_run(CONFIG, tmp_path, DATA)
    (tmp_path / CONFIG_FILE).write_text('{"seed": ')
    assert list(refused()) == [str(tmp_path / CONFIG_FILE)]


def test_a_start_that_was_cut_off_is_begun_anew(tmp_path):
    # Killed between the first checkpoint and config.json, and then given another seed.
    save_checkpoint(create_train_state(dataclasses.replace(CONFIG, seed=1)), tmp_path)
    (tmp_path / CHECKPOINTS_FOLDER / 'ckpt-0_temp').mkdir()
    (tmp_path / '.writing-abc.json').write_text('{"seed"')
    run_folder.open_run(CONFIG, tmp_path, DATA)
    # From the disk.
    continued = run_folder.open_run(CONFIG, tmp_path, DATA)
    expected = create_train_state(CONFIG)
    np.testing.assert_array_equal(continued.generator.variables[0], expected.generator.variables[0])


OTHER_DATA = {**DATA, 'sha256': 'cd' * 32, 'train': 5}


def test_the_data_set_of_a_start_is_kept_and_another_refused(tmp_path, refused):
    run_folder.open_run(CONFIG, tmp_path, DATA)
    assert json.loads((tmp_path / run_folder.DATA_FILE).read_text()) == DATA
    found = refused(data=OTHER_DATA)
    assert found == {
        '--data_dir': (
            'sha256 cdcdcdcdcdcd, train 5, val 2, test 2',
            'sha256 abababababab, train 4, val 2, test 2, as at the last start',
        )
    }


def test_another_data_set_is_taken_and_kept_when_told(tmp_path, caplog):
    run_folder.open_run(CONFIG, tmp_path, DATA)
    run_folder.open_run(CONFIG, tmp_path, OTHER_DATA, allow_changed_data=True)
    assert 'train 5' in caplog.text
    assert json.loads((tmp_path / run_folder.DATA_FILE).read_text()) == OTHER_DATA


def test_a_run_of_old_that_kept_no_data_set_is_continued(tmp_path):
    run_folder.open_run(CONFIG, tmp_path, DATA)
    (tmp_path / run_folder.DATA_FILE).unlink()
    run_folder.open_run(CONFIG, tmp_path, OTHER_DATA)
    assert json.loads((tmp_path / run_folder.DATA_FILE).read_text()) == OTHER_DATA


@pytest.mark.parametrize('file', [run_folder.DATA_FILE, run_folder.METRICS_FILE])
@pytest.mark.parametrize('text', ['', '{"sha256": ', 'null', '[]'])
def test_a_garbled_account_of_data_set_or_metrics_is_refused(tmp_path, refused, file, text):
    run_folder.open_run(CONFIG, tmp_path, DATA)
    (tmp_path / file).write_text(text)
    assert list(refused()) == [str(tmp_path / file)]


def test_metrics_keep_the_best_and_the_last(tmp_path):
    run_folder.write_metrics(tmp_path, 10, {'mae': 5.0}, best=True)
    run_folder.write_metrics(tmp_path, 20, {'mae': 6.0}, best=False)
    assert json.loads((tmp_path / run_folder.METRICS_FILE).read_text()) == {
        'best': {'step': 10, 'mae': 5.0},
        'last': {'step': 20, 'mae': 6.0},
    }
    run_folder.write_metrics(tmp_path, 30, {'mae': 4.0}, best=True)
    assert json.loads((tmp_path / run_folder.METRICS_FILE).read_text()) == {
        'best': {'step': 30, 'mae': 4.0},
        'last': {'step': 30, 'mae': 4.0},
    }


def test_metrics_without_a_number_are_null(tmp_path):
    run_folder.write_metrics(tmp_path, 1, {'psnr_db': np.inf, 'pearson': np.nan}, best=True)

    def refuse(constant: str) -> None:
        pytest.fail(f'{constant} is no JSON')

    text = (tmp_path / run_folder.METRICS_FILE).read_text()
    written = json.loads(text, parse_constant=refuse)
    assert written['last'] == {'step': 1, 'psnr_db': None, 'pearson': None}


def test_metrics_of_a_step(tmp_path):
    assert run_folder.metrics_of_step(tmp_path, 10) == {}
    run_folder.write_metrics(tmp_path, 10, {'mae': 5.0, 'pearson': np.nan}, best=True)
    run_folder.write_metrics(tmp_path, 20, {'mae': 6.0}, best=False)
    assert run_folder.metrics_of_step(tmp_path, 10) == {'mae': 5.0, 'pearson': None}
    assert run_folder.metrics_of_step(tmp_path, 20) == {'mae': 6.0}
    assert run_folder.metrics_of_step(tmp_path, 15) == {}


@pytest.mark.parametrize('name', ['run[1]', 'run\\1'])
def test_a_name_that_tensorflow_cannot_read_again_is_refused(name, tmp_path):
    workdir = tmp_path / name
    workdir.mkdir()
    with pytest.raises(UserError, match='takes for a pattern'):
        run_folder.open_run(CONFIG, workdir, DATA)
    assert not (workdir / 'config.json').exists()


def test_a_name_in_bytes_that_tensorflow_cannot_write_is_refused(tmp_path):
    workdir = tmp_path / os.fsdecode(b'M\xfcller')
    workdir.mkdir()
    with pytest.raises(UserError, match='no UTF-8'):
        run_folder.open_run(CONFIG, workdir, DATA)
    assert list(workdir.iterdir()) == []
