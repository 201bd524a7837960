"""What is timed really does what its name says."""

import dataclasses
import time
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from ct2mr_tf.benchmark import inference_tasks, matrix_rate, phantom_set, training_tasks
from ct2mr_tf.benchmark.timing import Task, time_in_turn
from ct2mr_tf.config import Config
from ct2mr_tf.data.examples import load_examples, read_pair
from ct2mr_tf.data.pipeline import create_train_dataset
from ct2mr_tf.models.generator import create_generator
from ct2mr_tf.serving.saved_model import LocalModel
from ct2mr_tf.training.state import create_train_state

CONFIG = Config(image_size=(16, 16), batch_size=2, ngf=2, ndf=2, blocks=1, n_layers=2)


@pytest.fixture(scope='module')
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp('phantoms') / 'set'
    phantom_set.write_phantom_set(folder, 32)
    return folder


def test_the_phantoms_are_a_data_set_of_different_pictures(data_dir):
    examples = load_examples(data_dir, required=('train', 'val'))
    found = {split: len(examples[split]) for split in phantom_set.PAIRS}
    assert found == phantom_set.PAIRS
    pictures = [read_pair(path)[1] for path in examples['train'].paths]
    assert {picture.shape for picture in pictures} == {(32, 32)}
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)


@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
def test_a_product_takes_two_operations_a_multiply_add(dtype, monkeypatch):
    monkeypatch.setattr(matrix_rate, 'CPU_SIDE', 100)
    monkeypatch.setattr(matrix_rate, 'GPU_SIDE', 100)
    task, flop = matrix_rate.create_product(dtype)
    assert flop == 2_000_000
    assert task.run() is None


def test_a_step_trains_both_networks_once():
    state = create_train_state(CONFIG)
    before = [*state.generator.get_weights(), *state.discriminator.get_weights()]
    task = training_tasks.create_step_task(state, CONFIG)
    assert task.run() is None
    assert task.units == int(state.step) == 1
    after = [*state.generator.get_weights(), *state.discriminator.get_weights()]
    assert not any(map(np.array_equal, before, after))


def test_the_loop_trains_as_many_steps_as_it_says_and_logs(data_dir, tmp_path):
    state = create_train_state(CONFIG)
    task = training_tasks.create_loop_task(state, CONFIG, data_dir, tmp_path, steps=3)
    task.run()
    task.run()
    assert task.units == 3
    assert int(state.step) == 6
    assert list((tmp_path / 'train').glob('events*'))


def test_the_pipeline_reads_the_pairs_it_says_with_every_augmentation(data_dir, monkeypatch):
    seen = []

    def create(examples, config):
        seen.append(config)
        return tf.data.Dataset.range(1000)

    monkeypatch.setattr(training_tasks, 'create_train_dataset', create)
    monkeypatch.setattr(training_tasks, 'PIPELINE_START', 3)
    monkeypatch.setattr(training_tasks, 'PIPELINE_PAIRS', 7)
    plain = dataclasses.replace(
        CONFIG, augment_zoom=1.0, augment_flip=False, augment_rotation_deg=0.0
    )
    task = training_tasks.create_pipeline_task(plain, data_dir)
    task.run()
    assert task.units == 8  # whole batches of two
    (config,) = seen
    changed = [
        field.name
        for field in dataclasses.fields(Config)
        if getattr(config, field.name) != getattr(plain, field.name)
    ]
    assert changed == [f.name for f in dataclasses.fields(Config) if f.name.startswith('augment_')]


@pytest.fixture
def reads_ahead(monkeypatch):
    """The pipeline reads as far ahead as it comes."""

    def create(examples, config):
        return create_train_dataset(examples, config).prefetch(1_000_000)

    monkeypatch.setattr(training_tasks, 'create_train_dataset', create)
    monkeypatch.setattr(training_tasks, 'PIPELINE_START', 2)
    monkeypatch.setattr(training_tasks, 'PIPELINE_PAIRS', 4)


def _cores_busy_after(run: Callable[[], object]) -> float:
    """Cores that this process keeps busy in the half second after a turn, the second as warm-up."""
    run()
    run()
    started = time.process_time()
    time.sleep(0.5)
    return (time.process_time() - started) / 0.5


@pytest.mark.usefixtures('reads_ahead')
def test_nothing_goes_on_after_a_turn_of_the_pipeline(data_dir):
    task = training_tasks.create_pipeline_task(CONFIG, data_dir)
    assert _cores_busy_after(task.run) < 0.2


@pytest.mark.usefixtures('reads_ahead')
def test_nothing_goes_on_after_a_turn_of_the_loop(data_dir, tmp_path):
    state = create_train_state(CONFIG)
    task = training_tasks.create_loop_task(state, CONFIG, data_dir, tmp_path, steps=2)
    assert _cores_busy_after(task.run) < 0.2


def test_the_pipeline_is_timed_while_it_makes_pairs_not_while_ready_ones_are_taken(
    data_dir, monkeypatch
):
    pair_s = 0.004

    def made(number):
        time.sleep(pair_s)
        return number

    def create(examples, config):
        numbers = tf.data.Dataset.range(1000)
        return numbers.map(lambda k: tf.numpy_function(made, [k], tf.int64)).prefetch(1000)

    monkeypatch.setattr(training_tasks, 'create_train_dataset', create)
    monkeypatch.setattr(training_tasks, 'PIPELINE_START', 5)
    monkeypatch.setattr(training_tasks, 'PIPELINE_PAIRS', 20)
    config = dataclasses.replace(CONFIG, batch_size=1)
    tasks = {
        'pipeline': training_tasks.create_pipeline_task(config, data_dir),
        'another': Task(lambda: time.sleep(0.2)),  # long enough to make all twenty
    }
    assert min(time_in_turn(tasks, repeats=2)['pipeline'].seconds) > 0.5 * pair_s


def test_the_exported_generator_is_the_generator(tmp_path):
    generator = create_generator(ngf=2, residual_blocks=1)
    for number, variable in enumerate(generator.variables):
        variable.assign_add(0.1 * tf.random.stateless_normal(variable.shape, [4, number]))
    folder = inference_tasks.export_generator(generator, CONFIG, tmp_path / 'models')
    ct = np.random.default_rng(0).integers(0, 256, (2, 16, 16), np.uint8)
    expected = (generator(ct[..., np.newaxis] / 127.5 - 1) + 1) * 127.5
    found = LocalModel(folder).synthesize(ct).astype(float)
    np.testing.assert_allclose(found, expected[..., 0], rtol=0, atol=0.51)
    for task in (
        inference_tasks.create_served_task(tf.saved_model.load(str(folder)), CONFIG, 3),
        inference_tasks.create_keras_task(generator, CONFIG, 3),
    ):
        assert task.run() is None
        assert task.units == 3
