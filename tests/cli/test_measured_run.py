"""A run and the pairs it is measured on, without a network: opened, checked, fed to a predictor."""

import json

import numpy as np
import pandas as pd
import pytest

from ct2mr_tf.cli.measured_run import open_run, open_runs
from ct2mr_tf.config import Config, save_config
from ct2mr_tf.data.examples import load_examples, read_pair
from ct2mr_tf.data.fingerprint import describe_data_set
from ct2mr_tf.evaluation.cases import case_table
from ct2mr_tf.problems import UserError


@pytest.fixture
def make_run(tiny_set, tmp_path):
    """Writes a run folder with its configuration, and a data set if it is not there yet."""

    def make(name, set_name='set', size=(16, 24)):
        data_dir = tmp_path / set_name
        if not data_dir.exists():
            tiny_set(data_dir, size)
        save_config(Config(data_dir=str(data_dir), image_size=size, n_layers=2), tmp_path / name)
        return tmp_path / name

    return make


def found(error):
    return [problem.found for problem in error.value.problems]


def test_a_run_measures_its_own_data_set(make_run, tmp_path):
    run = open_run(make_run('run'), '', 'test')
    assert run.measured.pair_ids == ('test_00', 'test_01')
    assert len(run.trained_on) == 4
    assert run.name == f'{tmp_path.name}/run'
    assert run.data_set == f'{tmp_path.name}/set'
    assert run.table().patient_id.tolist() == ['patient_test'] * 2
    table = case_table(run.predict(lambda ct: ct))
    assert table.index.tolist() == ['test_00', 'test_01']
    ct, mr = read_pair(tmp_path / 'set' / 'test' / 'test_00.png')
    expected = np.abs(ct.astype(float) - mr).mean()
    assert table.mae['test_00'] == pytest.approx(expected)


def test_baselines_know_the_training_pairs_only(make_run, tmp_path):
    mean = open_run(make_run('run'), '', 'test').baselines()['mean MR']
    paths = sorted((tmp_path / 'set' / 'train').iterdir())
    expected = np.mean([read_pair(path)[1] for path in paths], axis=0)
    predicted = mean(np.zeros((1, 16, 24, 1), np.float32))
    assert (predicted[0, ..., 0] + 1) * 127.5 == pytest.approx(expected, abs=1e-3)


def test_a_data_set_without_a_table_has_no_rows(make_run, tmp_path):
    workdir = make_run('run')
    (tmp_path / 'set' / 'pairs.csv').unlink()
    assert open_run(workdir, '', 'test').table().empty


def test_two_runs_on_one_data_set(make_run, tmp_path):
    other = make_run('other', 'another')
    with pytest.raises(UserError) as error:
        open_runs([make_run('run'), other], '', 'test')
    assert found(error) == [f'{tmp_path / "set"} and {tmp_path / "another"}']


def test_two_runs_at_one_size(make_run):
    with pytest.raises(UserError) as error:
        open_runs([make_run('run'), make_run('large', size=(32, 48))], '', 'test')
    assert found(error) == ['16x24 pixels and 32x48 pixels']


def test_a_data_set_named_for_both(make_run, tmp_path, tiny_set):
    """Its test patients must be new to both: here one run was trained on them."""
    runs = [make_run('run'), make_run('other', 'another')]
    third = tiny_set(tmp_path / 'third', (16, 24))
    first, second = open_runs(runs, str(third), 'test')
    assert first.data_dir == second.data_dir == third
    table = pd.read_csv(tmp_path / 'another' / 'pairs.csv')
    table.loc[table.split == 'test', 'patient_id'] = 'elsewhere'
    table.loc[table.split == 'train', 'patient_id'] = 'patient_test'
    table.to_csv(tmp_path / 'another' / 'pairs.csv', index=False)
    with pytest.raises(UserError) as error:
        open_runs(runs, str(third), 'test')
    assert found(error) == ['in the test split, and trained on']


@pytest.mark.parametrize('split', ['train', 'test'])
def test_a_data_set_that_was_moved_is_still_that_of_the_run(make_run, tmp_path, split):
    workdir, moved = make_run('run'), tmp_path / 'moved'
    described = describe_data_set(tmp_path / 'set', load_examples(tmp_path / 'set', ('train',)))
    (workdir / 'data.json').write_text(json.dumps(described))
    (tmp_path / 'set').rename(moved)
    run = open_run(workdir, f'{moved}', split)
    assert len(run.trained_on) == 4
    assert run.trained_on.paths[0].is_relative_to(moved)


def test_another_data_set_does_not_stand_in_for_one_that_is_gone(make_run, tmp_path):
    workdir = make_run('run')
    make_run('other', 'another')
    (tmp_path / 'set').rename(tmp_path / 'moved')
    (workdir / 'data.json').write_text('{"sha256": "that of the set that is gone"}')
    with pytest.raises(UserError) as error:
        open_run(workdir, f'{tmp_path / "another"}', 'test')
    assert error.value.problems[0].where == f'{tmp_path / "set"}'
    assert error.value.problems[0].cure.startswith('put it back')


def test_a_data_set_that_is_gone_is_told_with_the_flag_that_names_its_new_place(make_run, tmp_path):
    workdir = make_run('run')
    (tmp_path / 'set').rename(tmp_path / 'moved')
    with pytest.raises(UserError) as error:
        open_run(workdir, '', 'test')
    (problem,) = error.value.problems
    assert problem.where == f'{tmp_path / "set"}'
    assert '--data_dir' in problem.cure
