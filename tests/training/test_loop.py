"""Whole runs of a few steps on a tiny data set: what they write, and when they stop."""

import dataclasses
import json
import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from ct2mr_tf.config import Config, load_config, to_json
from ct2mr_tf.data.examples import load_examples
from ct2mr_tf.data.pipeline import create_eval_dataset
from ct2mr_tf.evaluation.cases import case_table, predict_cases
from ct2mr_tf.problems import UserError
from ct2mr_tf.training import loop
from ct2mr_tf.training.compilation import CHANNELS_LAST
from ct2mr_tf.training.predictor import restore_predictor
from ct2mr_tf.training.run_folder import METRICS_FILE
from ct2mr_tf.training.state import create_train_state, restore_checkpoint
from ct2mr_tf.training.step import SCALARS

STEPS = 14


@pytest.fixture(scope='module')
def config(tiny_set, tmp_path_factory) -> Config:
    return Config(
        data_dir=str(tiny_set(tmp_path_factory.mktemp('data'))),
        image_size=(32, 32),
        ngf=4,
        ndf=4,
        blocks=1,
        n_layers=2,
        ema_decay=0.9,
        lambda_l1=100.0,
        learning_rate=2e-3,
        constant_steps=10,
        decay_steps=10,
        num_steps=STEPS,
        log_every=5,
        eval_every=6,
        checkpoint_every=4,
        panels=2,
        steps_per_loop=50,
        jit_compile='off',
    )


@pytest.fixture(scope='module')
def run(config, tmp_path_factory) -> pathlib.Path:
    """The folder of a finished run."""
    workdir = tmp_path_factory.mktemp('runs') / 'run'
    loop.train_and_evaluate(config, workdir)
    return workdir


def _saved(workdir: pathlib.Path) -> dict[str, np.ndarray]:
    """Every tensor of the last checkpoint."""
    reader = tf.train.load_checkpoint(str(workdir / 'checkpoints' / f'ckpt-{STEPS}'))
    names = set(reader.get_variable_to_shape_map()) - {'_CHECKPOINTABLE_OBJECT_GRAPH'}
    return {name: reader.get_tensor(name) for name in names}


@pytest.fixture(scope='module')
def saved(run) -> dict[str, np.ndarray]:
    return _saved(run)


def test_files_of_a_run(config, run):
    assert load_config(run) == config
    names = {path.name for path in run.iterdir()}
    assert names == {
        *(
            'config.json',
            'data.json',
            'metrics.json',
            'checkpoints',
            'best',
            'train',
            'val',
            '.lock',
        )
    }
    kept = {path.stem for path in (run / 'checkpoints').glob('*.index')}
    assert kept == {'ckpt-8', 'ckpt-12', 'ckpt-14'}


def test_metrics_are_those_of_the_average_on_the_validation_split(config, run):
    written = json.loads((run / METRICS_FILE).read_text())
    examples = load_examples(pathlib.Path(config.data_dir), ('val',))['val']
    for which, entry in (('newest', 'last'), ('best', 'best')):
        predict_fn, step = restore_predictor(config, run, which)
        batches = create_eval_dataset(examples, config.image_size).as_numpy_iterator()
        cases = predict_cases(predict_fn, batches, examples.pair_ids)
        assert written[entry].pop('step') == step
        assert written[entry] == pytest.approx(case_table(cases).mean().to_dict(), rel=1e-6)
    assert written['best']['mae'] <= written['last']['mae']


def test_the_best_is_the_lowest_mae_of_all_validations(config, run):
    events = _events(run / 'val')
    maes = {event.step: _number(event) for event in events.Tensors('mae')}
    state = create_train_state(config)
    restore_checkpoint(state, run)
    best = min(maes, key=maes.get)
    assert int(state.best_step) == best
    assert float(state.best_mae) == pytest.approx(maes[best])
    assert [path.stem for path in (run / 'best').glob('*.index')] == [f'ckpt-{best}']


def _events(folder: pathlib.Path) -> EventAccumulator:
    events = EventAccumulator(str(folder), {'tensors': 0})
    events.Reload()
    return events


def _number(event) -> float:
    return float(tensor_util.make_ndarray(event.tensor_proto))


def test_tensorboard_of_training(config, run):
    events = _events(run / 'train')
    assert set(events.Tags()['tensors']) == {*SCALARS, 'steps_per_second', 'config'}
    for name in SCALARS:
        assert [event.step for event in events.Tensors(name)] == [5, 10, 14]
        assert all(np.isfinite(_number(event)) for event in events.Tensors(name))
    rates = [_number(event) for event in events.Tensors('learning_rate')]
    # Means over steps 0-4, 5-9 and 10-13; from step 10 on it falls by a tenth a step.
    assert rates == pytest.approx([2e-3, 2e-3, 2e-3 * (1 + 0.9 + 0.8 + 0.7) / 4])
    (text,) = events.Tensors('config')
    (written,) = tensor_util.make_ndarray(text.tensor_proto).ravel()
    assert to_json(config) in written.decode()


def test_tensorboard_of_validation(config, run):
    events = _events(run / 'val')
    panels = ['panels/val_00', 'panels/val_01']
    metrics = ['mae', 'rmse', 'psnr_db', 'psnr_paper_db', 'ssim', 'pearson']
    assert set(events.Tags()['tensors']) == {*panels, *metrics}
    for name in (*panels, *metrics):
        assert [event.step for event in events.Tensors(name)] == [6, 12, 14]
    width, height, png = tensor_util.make_ndarray(events.Tensors(panels[0])[0].tensor_proto)[:3]
    assert (int(width), int(height)) == (4 * 32 + 3 * 4, 32)
    assert tf.io.decode_png(png).shape == (32, 140, 3)
    last = json.loads((run / METRICS_FILE).read_text())['last']
    assert _number(events.Tensors('mae')[-1]) == pytest.approx(last['mae'])


def test_training_lowers_the_error(run):
    losses = [_number(event) for event in _events(run / 'train').Tensors('generator/l1')]
    assert losses[-1] < losses[0]


def _equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    same = (np.array_equal(value, other[name]) for name, value in one.items())
    return one.keys() == other.keys() and all(same)


@pytest.mark.parametrize('steps_per_loop', [1, 7])
def test_the_length_of_a_call_changes_no_weight(steps_per_loop, config, saved, tmp_path):
    changed = dataclasses.replace(config, steps_per_loop=steps_per_loop)
    loop.train_and_evaluate(changed, tmp_path / 'run')
    assert _equal(_saved(tmp_path / 'run'), saved)


def test_compiled_by_xla_it_trains_the_same(config, run, tmp_path, monkeypatch):
    monkeypatch.setenv('XLA_FLAGS', '')
    compiled = dataclasses.replace(config, jit_compile='on')
    loop.train_and_evaluate(compiled, tmp_path / 'run')
    assert os.environ['XLA_FLAGS'] == CHANNELS_LAST
    plain = _events(run / 'train')
    events = _events(tmp_path / 'run' / 'train')
    for name in SCALARS:
        found = [_number(event) for event in events.Tensors(name)]
        expected = [_number(event) for event in plain.Tensors(name)]
        assert found == pytest.approx(expected, rel=0.02, abs=0.01), name


def test_the_same_command_again_changes_nothing(config, run, saved):
    metrics = (run / METRICS_FILE).read_bytes()
    loop.train_and_evaluate(config, run)
    assert _equal(_saved(run), saved)
    assert (run / METRICS_FILE).read_bytes() == metrics


def test_a_run_is_not_continued_on_other_data_unless_told(config, run, tiny_set, tmp_path):
    other = dataclasses.replace(config, data_dir=str(tiny_set(tmp_path / 'other', seed=1)))
    with pytest.raises(UserError, match='as at the last start'):
        loop.train_and_evaluate(other, run)


@pytest.mark.fault(
    'a loss or gradient that is not finite',
    'exits 2 and names step and pairs; the last checkpoint is finite',
)
def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_what_was_finite(config, tmp_path):
    config = dataclasses.replace(config, learning_rate=1e30, checkpoint_every=1000, eval_every=1000)
    with pytest.raises(UserError) as raised:
        loop.train_and_evaluate(config, tmp_path)
    (problem,) = raised.value.problems
    # The first update throws the weights away, the second step meets them.
    assert problem.where.startswith('step 2, pairs train_0')
    assert 'not finite' in problem.found
    state = create_train_state(config)
    assert restore_checkpoint(state, tmp_path) == 0
    for variable in (*state.generator.variables, *state.discriminator.variables):
        assert np.isfinite(variable).all()


def _damage_within(picture: pathlib.Path) -> None:
    content = bytearray(picture.read_bytes())
    content[len(content) // 2] ^= 0xFF
    picture.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ('harm', 'found'),
    [
        pytest.param(
            _damage_within,
            'cannot be decoded',
            marks=pytest.mark.fault('a picture is damaged within', 'exits 2 and names it'),
        ),
        pytest.param(
            pathlib.Path.unlink,
            'No such file or directory',
            marks=pytest.mark.fault('a picture vanishes while training', 'exits 2 and names it'),
        ),
    ],
)
def test_a_picture_harmed_after_the_data_set_was_checked_is_named(
    harm, found, config, tiny_set, tmp_path, monkeypatch
):
    data_dir = tiny_set(tmp_path / 'data')
    picture = data_dir / 'train' / 'train_02.png'

    def load_then_harm(*arguments, **options):
        examples = load_examples(*arguments, **options)
        harm(picture)
        return examples

    monkeypatch.setattr(loop, 'load_examples', load_then_harm)
    config = dataclasses.replace(config, data_dir=str(data_dir))
    with pytest.raises(UserError) as raised:
        loop.train_and_evaluate(config, tmp_path / 'run')
    (problem,) = raised.value.problems
    assert problem.where == str(picture)
    assert problem.found == found


@pytest.mark.parametrize(
    'kind', [tf.errors.InvalidArgumentError, tf.errors.UnavailableError, tf.errors.InternalError]
)
def test_an_error_that_is_neither_of_data_nor_of_workers_stays_what_it_is(
    kind, config, tmp_path, monkeypatch
):
    def fail(*_):
        raise kind(None, None, 'another fault')

    monkeypatch.setattr(loop.run_folder, 'open_run', fail)
    with pytest.raises(kind, match='another fault'):
        loop.train_and_evaluate(config, tmp_path / 'run')


def test_a_full_disk_is_a_problem_of_the_user_and_leaves_what_was_saved(
    config, tmp_path, monkeypatch
):
    # TensorFlow's own error, from a device that is always full.
    monkeypatch.setattr(loop, 'save_checkpoint', lambda *_: tf.io.write_file('/dev/full', 'x'))
    with pytest.raises(UserError, match='no space left on the device'):
        loop.train_and_evaluate(config, tmp_path / 'run')
    assert restore_checkpoint(create_train_state(config), tmp_path / 'run') == 0


def test_a_data_set_without_validation_is_refused_before_anything_is_written(
    config, tiny_set, tmp_path
):
    data_dir = tiny_set(tmp_path / 'data', pairs={'train': 1})
    config = dataclasses.replace(config, data_dir=str(data_dir))
    with pytest.raises(UserError, match='val split is needed'):
        loop.train_and_evaluate(config, tmp_path / 'run')
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize(
    ('step', 'steps'),
    [(0, 4), (4, 1), (5, 1), (6, 2), (12, 2), (13, 1)],
)
def test_a_call_ends_where_something_is_due(step, steps, config):
    # Logs at 5, 10, 14; validations at 6, 12, 14; checkpoints at 4, 8, 12, 14.
    assert loop.steps_until_due(config, step) == steps


def test_a_call_is_no_longer_than_allowed(config):
    config = dataclasses.replace(config, log_every=1000, eval_every=1000, checkpoint_every=1000)
    assert loop.steps_until_due(config, 0) == STEPS
    assert loop.steps_until_due(dataclasses.replace(config, steps_per_loop=3), 0) == 3
    assert loop.steps_until_due(dataclasses.replace(config, num_steps=16), STEPS) == 2


def test_things_are_due_at_their_interval_and_at_the_end(config):
    due = [step for step in range(1, STEPS + 1) if loop.is_due(step, 5, config)]
    assert due == [5, 10, 14]


def test_pictures_that_are_enlarged_are_mentioned_once(config, tmp_path, caplog):
    config = dataclasses.replace(config, image_size=(48, 32), num_steps=1, eval_every=100)
    with caplog.at_level('INFO'):
        loop.train_and_evaluate(config, tmp_path / 'run')
    said = [text for text in caplog.messages if 'enlarged' in text]
    assert len(said) == 1
    assert '32x32 pixels are enlarged to 48x32' in said[0]
