"""Replicas of a run: which pairs they see, what TF_CONFIG must hold, and that they train as one."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from train_process import saved_state

from ct2mr_tf.config import Config
from ct2mr_tf.problems import UserError
from ct2mr_tf.training import strategy
from ct2mr_tf.training.loop import train_and_evaluate

SMALL = {
    'image_size': (32, 32),
    'batch_size': 2,
    'ngf': 4,
    'ndf': 4,
    'blocks': 1,
    'n_layers': 2,
    'ema_decay': 0.9,
    'learning_rate': 1e-3,
    'num_steps': 8,
    'log_every': 4,
    'eval_every': 4,
    'checkpoint_every': 4,
}

MIRRORED = """
import runpy, sys
import tensorflow as tf
(cpu,) = tf.config.list_physical_devices('CPU')
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
sys.argv[0] = 'train.py'
runpy.run_path('train.py', run_name='__main__')
"""
"""train.py on a machine with two devices."""


@pytest.fixture(scope='module')
def config(tiny_set, tmp_path_factory) -> Config:
    # Three pictures, which two replicas cannot share out evenly in a validation.
    pairs = {'train': 5, 'val': 3}
    return Config(data_dir=str(tiny_set(tmp_path_factory.mktemp('data'), pairs=pairs)), **SMALL)


@pytest.fixture(scope='module')
def alone(config, tmp_path_factory) -> pathlib.Path:
    workdir = tmp_path_factory.mktemp('alone') / 'run'
    train_and_evaluate(config, workdir)
    return workdir


@pytest.fixture(scope='module')
def mirrored(config, warm_command, tmp_path_factory) -> pathlib.Path:
    """A run that one device began and two replicas finished."""
    workdir = tmp_path_factory.mktemp('mirrored') / 'run'
    train_and_evaluate(dataclasses.replace(config, num_steps=4), workdir)
    values = {**dataclasses.asdict(config), 'image_size': '32', 'strategy': 'mirrored'}
    flags = [f'--{name}={value}' for name, value in values.items()]
    done = warm_command('-c', MIRRORED, f'--workdir={workdir}', *flags)
    assert done.returncode == 0, done.stderr
    assert '2 replicas, 1 pairs a step each.' in done.stderr
    assert 'Step 4 of 8.' in done.stderr
    return workdir


def test_two_replicas_go_on_from_the_checkpoint_of_one_and_train_as_one(alone, mirrored):
    begun, one, two = saved_state(alone, 4), saved_state(alone, 8), saved_state(mirrored, 8)
    assert one.keys() == two.keys()
    for name, value in one.items():
        moved = np.abs(value - begun[name]).max()
        # Adam turns rounding of a gradient near zero into a step; weights move by 1e-3 a step.
        np.testing.assert_allclose(two[name], value, atol=0.05 * moved + 1e-6, err_msg=name)


def test_validation_is_shared_by_the_replicas(alone, mirrored):
    one, two = (json.loads((run / 'metrics.json').read_text()) for run in (alone, mirrored))
    assert one['last']['step'] == two['last']['step'] == 8
    for name, value in one['last'].items():
        assert two['last'][name] == pytest.approx(value, rel=2e-3), name


def _cluster(workers: object, kind: str = 'worker', index: object = 0) -> str:
    return json.dumps({'cluster': {'worker': workers}, 'task': {'type': kind, 'index': index}})


@pytest.mark.parametrize(
    ('text', 'found'),
    [
        ('', 'nothing'),
        ('{"cluster": ', '{"cluster": '),
        ('{"cluster": {"worker": ["a:1"]}}', '{"cluster"'),
        ('["a:1", "b:1"]', '["a:1", "b:1"]'),
        (_cluster(['a:1', 'b:1'], 'chief'), 'tasks called chief, worker'),
        (_cluster(['a:1', 'b:1'], index=2), "worker 2 of ['a:1', 'b:1']"),
        (_cluster(['a:1', 'b:1'], index=-1), 'worker -1 of'),
        (_cluster(['a:1', 'b:1'], index='one'), '"one"'),
        (_cluster('a:1'), 'worker 0 of a:1'),
        (_cluster(['a:1', 'a:1']), 'an address twice'),
    ],
)
def test_a_wrong_cluster_is_refused(text, found):
    (problem,) = strategy.cluster_problems(text)
    assert problem.found.startswith(found) or found in problem.found
    assert 'TF_CONFIG' in problem.where


def test_a_right_cluster_is_not():
    assert strategy.cluster_problems(_cluster(['a:1', 'b:1'], index=1)) == []


def test_without_a_cluster_several_workers_are_refused_before_the_run_folder_is_begun(
    config, tmp_path, monkeypatch
):
    monkeypatch.delenv('TF_CONFIG', raising=False)
    config = dataclasses.replace(config, strategy='multi_worker')
    with pytest.raises(UserError, match='TF_CONFIG'):
        train_and_evaluate(config, tmp_path / 'run')
    assert not (tmp_path / 'run').exists()


def test_one_device_is_its_own_chief_and_waits_for_nobody(config):
    one = strategy.create_strategy(config)
    assert one.num_replicas_in_sync == 1
    assert strategy.is_chief(one)
    strategy.wait_for_workers(one)
    strategy.refuse_unlike_workers(one, config, 'ab')
    assert not strategy.any_worker(one, tf.Variable(False))
    assert strategy.any_worker(one, tf.Variable(True))
