"""Checkpoints: all of the state goes to disk and comes back, whatever happened to the files."""

import dataclasses
import logging
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf
from file_damage import cut, flip

from ct2mr_tf.config import Config
from ct2mr_tf.problems import UserError
from ct2mr_tf.training.state import (
    BEST_FOLDER,
    CHECKPOINTS_FOLDER,
    TrainState,
    create_train_state,
    restore_checkpoint,
    restore_generator,
    save_best,
    save_checkpoint,
)

CONFIG = Config(image_size=(16, 16), ngf=2, ndf=2, blocks=1, n_layers=2, ema_decay=0.9)


def _variables(state: TrainState) -> list[tf.Variable]:
    """Every variable there is in a state."""
    networks = [state.generator, state.discriminator, state.ema_generator]
    optimizers = [state.generator_optimizer, state.discriminator_optimizer]
    parts = [part for part in (*networks, *optimizers) if part is not None]
    return [
        *(variable for part in parts for variable in part.variables),
        *(state.step, state.best_mae, state.best_step),
    ]


def _fill(state: TrainState, step: int) -> list[np.ndarray]:
    """Gives every variable values of its own, the step counter `step`, and returns them all."""
    rng = np.random.default_rng(step)
    for variable in _variables(state):
        variable.assign(tf.cast(rng.uniform(1, 100, variable.shape), variable.dtype))
    state.step.assign(step)
    return [variable.numpy() for variable in _variables(state)]


def _holds(state: TrainState, values: list[np.ndarray]) -> bool:
    return all(map(np.array_equal, _variables(state), values))


@pytest.fixture(scope='module')
def state() -> TrainState:
    return create_train_state(CONFIG)


@pytest.fixture(scope='module')
def saved_once(state, tmp_path_factory) -> tuple[pathlib.Path, dict[int, list[np.ndarray]]]:
    """A run folder with the checkpoints of steps 9, 10 and 100, and what they hold."""
    workdir = tmp_path_factory.mktemp('saved')
    values = {}
    for step in (9, 10, 100):
        values[step] = _fill(state, step)
        save_checkpoint(state, workdir)
    return workdir, values


@pytest.fixture
def saved(saved_once, tmp_path) -> tuple[pathlib.Path, dict[int, list[np.ndarray]]]:
    """A copy of that folder, to be damaged."""
    workdir, values = saved_once
    shutil.copytree(workdir, tmp_path, dirs_exist_ok=True)
    return tmp_path, values


def _index(workdir: pathlib.Path, step: int) -> pathlib.Path:
    return workdir / CHECKPOINTS_FOLDER / f'ckpt-{step}.index'


def _data(workdir: pathlib.Path, step: int) -> pathlib.Path:
    return workdir / CHECKPOINTS_FOLDER / f'ckpt-{step}.data-00000-of-00001'


def _steps(folder: pathlib.Path) -> set[str]:
    return {path.name.split('.')[0] for path in folder.iterdir()}


def test_the_state_has_the_parts_of_a_run(state):
    names = {name for name, part in vars(state).items() if part is not None}
    assert names == {
        *('generator', 'discriminator', 'ema_generator'),
        *('generator_optimizer', 'discriminator_optimizer', 'step', 'best_mae', 'best_step'),
    }
    for optimizer, network in (
        (state.generator_optimizer, state.generator),
        (state.discriminator_optimizer, state.discriminator),
    ):
        # The counter, and two slots a weight: they are there before the first step.
        assert len(optimizer.variables) == 1 + 2 * len(network.variables)
        options = optimizer.get_config()
        found = [options[key] for key in ('beta_1', 'beta_2', 'epsilon')]
        assert found == [0.5, 0.999, 1e-8]


def test_a_fresh_state_begins_at_step_0_with_the_average_at_the_weights():
    state = create_train_state(CONFIG)
    assert int(state.step) == 0
    assert float(state.best_mae) == np.inf
    assert int(state.best_step) == -1
    for averaged, weight in zip(
        state.ema_generator.variables, state.generator.variables, strict=True
    ):
        np.testing.assert_array_equal(averaged, weight)


def test_without_ema_the_generator_itself_is_measured():
    state = create_train_state(dataclasses.replace(CONFIG, ema_decay=0.0))
    assert state.ema_generator is None
    assert state.eval_generator is state.generator


def test_seeds_reach_both_networks(state):
    again = create_train_state(CONFIG)
    other = create_train_state(dataclasses.replace(CONFIG, seed=1))
    for network in ('generator', 'discriminator'):
        first = getattr(again, network).get_weights()[0]
        assert not np.array_equal(first, getattr(other, network).get_weights()[0])
    kernels = [state.generator.get_weights()[0], state.discriminator.get_weights()[0]]
    kernels += [other.generator.get_weights()[0], other.discriminator.get_weights()[0]]
    assert len({tuple(kernel.ravel()[:8]) for kernel in kernels}) == 4


def test_everything_comes_back(saved):
    workdir, values = saved
    fresh = create_train_state(CONFIG)
    assert restore_checkpoint(fresh, workdir) == 100
    assert _holds(fresh, values[100])


def test_the_newest_three_are_kept(saved, state):
    workdir, _ = saved
    for step in (101, 102):
        _fill(state, step)
        save_checkpoint(state, workdir)
    assert _steps(workdir / CHECKPOINTS_FOLDER) == {'ckpt-100', 'ckpt-101', 'ckpt-102'}


def _empty(path: pathlib.Path) -> None:
    path.write_bytes(b'')


def _foreign(path: pathlib.Path) -> None:
    """A whole checkpoint, of other networks."""
    state = create_train_state(dataclasses.replace(CONFIG, ngf=3))
    state.step.assign(100)
    save_checkpoint(state, path.parent.parent)


DAMAGE = {
    'data cut': (_data, cut),
    'data flipped': (_data, flip),
    'data empty': (_data, _empty),
    'data missing': (_data, pathlib.Path.unlink),
    'index cut': (_index, cut),
    'index flipped': (_index, flip),
    'index empty': (_index, _empty),
    'of another run': (_index, _foreign),
}


@pytest.mark.parametrize('damage', DAMAGE)
def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_it_used(
    damage, saved, state, caplog
):
    workdir, values = saved
    file, act = DAMAGE[damage]
    act(file(workdir, 100))
    _fill(state, 5)
    with caplog.at_level(logging.WARNING):
        assert restore_checkpoint(state, workdir) == 10
    assert _holds(state, values[10])
    text = caplog.text
    assert str(workdir / CHECKPOINTS_FOLDER / 'ckpt-100') in text
    assert 'The checkpoint of step 10 is used instead.' in text
    # The run comes to step 100 again.
    again = _fill(state, 100)
    save_checkpoint(state, workdir)
    _fill(state, 5)
    assert restore_checkpoint(state, workdir) == 100
    assert _holds(state, again)


def test_without_its_index_a_checkpoint_was_never_finished(saved, state):
    workdir, values = saved
    _index(workdir, 100).unlink()
    assert restore_checkpoint(state, workdir) == 10
    assert _holds(state, values[10])


def test_two_damaged_ones_are_both_named(saved, state, caplog):
    workdir, values = saved
    cut(_data(workdir, 100))
    flip(_data(workdir, 10))
    assert restore_checkpoint(state, workdir) == 9
    assert _holds(state, values[9])
    assert 'ckpt-100' in caplog.text
    assert 'ckpt-10\n' in caplog.text


def test_a_run_that_goes_on_from_an_earlier_step_leaves_no_later_one_behind(saved, state):
    workdir, _ = saved
    cut(_data(workdir, 100))
    cut(_data(workdir, 10))
    _fill(state, 9)
    restore_checkpoint(state, workdir)
    state.step.assign(11)
    save_checkpoint(state, workdir)
    # Counted among the three, damaged ones would push the good ones out.
    assert restore_checkpoint(state, workdir) == 11
    assert _index(workdir, 9).exists()
    assert not _index(workdir, 100).exists()


def test_all_damaged_is_an_error_that_names_all(saved, state):
    workdir, _ = saved
    for step in (9, 10, 100):
        cut(_data(workdir, step))
    with pytest.raises(UserError) as raised:
        restore_checkpoint(state, workdir)
    assert [problem.where for problem in raised.value.problems] == [
        *(str(workdir / CHECKPOINTS_FOLDER / f'ckpt-{step}') for step in (100, 10, 9)),
        str(workdir / CHECKPOINTS_FOLDER),
    ]


def test_no_checkpoint_is_an_error(tmp_path, state):
    with pytest.raises(UserError, match='no checkpoint'):
        restore_checkpoint(state, tmp_path)


@pytest.mark.parametrize('text', [None, '', 'garbled \x00', 'model_checkpoint_path: "ckpt-9"'])
def test_the_text_file_of_tensorflow_does_not_matter(text, saved, state):
    workdir, values = saved
    bookkeeping = workdir / CHECKPOINTS_FOLDER / 'checkpoint'
    bookkeeping.unlink(missing_ok=True)
    if text is not None:
        bookkeeping.write_text(text)
    assert restore_checkpoint(state, workdir) == 100
    assert _holds(state, values[100])


def test_what_a_save_that_was_cut_off_left_goes_with_the_next_one(saved, state):
    workdir, _ = saved
    folder = workdir / CHECKPOINTS_FOLDER
    (folder / 'ckpt-50_temp').mkdir()
    (folder / 'ckpt-50_temp' / 'part-00000-of-00001.data-00000-of-00001').write_bytes(b'half')
    (folder / 'ckpt-60.data-00000-of-00001').write_bytes(b'without an index')
    (folder / '.writing-ckpt-70_temp').mkdir()
    (folder / '.writing-ckpt-70.index').write_bytes(b'half an index')
    (folder / 'notes.txt').write_text('not ours')
    (folder / 'ckpt-kept.txt').write_text('not ours')
    _fill(state, 101)
    save_checkpoint(state, workdir)
    assert _steps(folder) == {'ckpt-10', 'ckpt-100', 'ckpt-101', 'ckpt-kept', 'notes'}


def test_another_start_in_the_folder_is_written_over_not_taken(tmp_path, state):
    save_checkpoint(create_train_state(dataclasses.replace(CONFIG, seed=3)), tmp_path)
    mine = _fill(state, 0)
    save_checkpoint(state, tmp_path)
    restored = create_train_state(CONFIG)
    restore_checkpoint(restored, tmp_path)
    assert _holds(restored, mine)


def test_best_is_the_average_and_only_one_is_kept(tmp_path, state):
    for step in (20, 30):
        _fill(state, step)
        save_best(state, tmp_path)
    assert _steps(tmp_path / BEST_FOLDER) == {'ckpt-30'}
    generator, step = restore_generator(CONFIG, tmp_path, 'best')
    assert step == 30
    for found, expected in zip(generator.variables, state.ema_generator.variables, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_newest_is_the_average_of_the_newest_state(saved, state):
    workdir, values = saved
    generator, step = restore_generator(CONFIG, workdir, 'newest')
    assert step == 100
    # As _variables lists them: generator, discriminator, average.
    before = len(state.generator.variables) + len(state.discriminator.variables)
    average = values[100][before : before + len(generator.variables)]
    for found, expected in zip(generator.variables, average, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_without_ema_best_is_the_generator(tmp_path):
    config = dataclasses.replace(CONFIG, ema_decay=0.0)
    state = create_train_state(config)
    _fill(state, 7)
    save_best(state, tmp_path)
    generator, _ = restore_generator(config, tmp_path, 'best')
    for found, expected in zip(generator.variables, state.generator.variables, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_best_that_is_missing_or_damaged_is_an_error(tmp_path, state):
    with pytest.raises(UserError, match='no checkpoint'):
        restore_generator(CONFIG, tmp_path, 'best')
    _fill(state, 1)
    save_best(state, tmp_path)
    cut(tmp_path / BEST_FOLDER / 'ckpt-1.data-00000-of-00001')
    with pytest.raises(UserError, match='cannot be read'):
        restore_generator(CONFIG, tmp_path, 'best')


def test_only_best_and_newest_are_known(tmp_path):
    with pytest.raises(ValueError, match="'best' or 'newest', not 'last'"):
        restore_generator(CONFIG, tmp_path, 'last')
