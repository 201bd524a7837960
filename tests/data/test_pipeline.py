"""The way from pictures to batches: a pure function of (seed, step), and what it does to pixels."""

import dataclasses
import itertools
import os

import cv2
import numpy as np
import pytest
import tensorflow as tf

from ct2mr_tf.config import Config
from ct2mr_tf.data.examples import load_examples, read_pair, write_pair
from ct2mr_tf.data.pipeline import (
    create_eval_dataset,
    create_train_dataset,
    pair_ids_of_step,
)

COUNT = 5
"""Training pairs: no batch size of the tests but 1 and 5 divides it."""

SIZE = (16, 24)

CONFIG = Config(image_size=SIZE, n_layers=2, seed=3, augment_ct_gain=0.1, augment_ct_offset=0.1)
STILL = dataclasses.replace(
    CONFIG,
    augment_zoom=1.0,
    augment_flip=False,
    augment_rotation_deg=0.0,
    augment_ct_gain=0.0,
    augment_ct_offset=0.0,
)


@pytest.fixture(scope='module')
def examples(tiny_set, tmp_path_factory):
    folder = tiny_set(tmp_path_factory.mktemp('set'), SIZE, {'train': COUNT, 'val': 3})
    return load_examples(folder, ('train', 'val'))


def batches(examples, config, count, start_step=0):
    dataset = create_train_dataset(examples['train'], config, start_step)
    return list(dataset.take(count).as_numpy_iterator())


def assert_equal_batches(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        for name in ('index', 'ct', 'mr'):
            np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize('batch_size', [1, 2, 3, 5, 7])
def test_resuming_and_running_straight_through_are_equal(examples, batch_size):
    config = dataclasses.replace(CONFIG, batch_size=batch_size)
    straight = batches(examples, config, 12)
    for step in (1, 4, 11):
        assert_equal_batches(straight[step:], batches(examples, config, 12 - step, step))


def test_the_batch_size_does_not_change_the_stream(examples):
    """Example n is the same in batches of any size."""
    whole = batches(examples, dataclasses.replace(CONFIG, batch_size=12), 1)[0]
    single = batches(examples, CONFIG, 12)
    for name in ('index', 'ct', 'mr'):
        np.testing.assert_array_equal(np.concatenate([b[name] for b in single]), whole[name])


def test_a_data_set_may_lie_in_a_folder_whose_name_is_no_utf_8(tiny_set, tmp_path):
    folder = tiny_set(tmp_path / os.fsdecode(b'M\xfcller'), SIZE, {'train': 1, 'val': 1})
    found = load_examples(folder, ('train', 'val'))
    (batch,) = create_eval_dataset(found['val'], SIZE).as_numpy_iterator()
    ct, _ = read_pair(found['val'].paths[0])
    np.testing.assert_allclose(batch['ct'][0, ..., 0], ct / 127.5 - 1, atol=1e-6)
    (drawn,) = batches(found, CONFIG, 1)
    assert drawn['ct'].shape == (1, *SIZE, 1)


def test_the_pairs_of_a_step_are_named(examples):
    config = dataclasses.replace(CONFIG, batch_size=3)
    for step, batch in enumerate(batches(examples, config, 2 * COUNT)):
        named = pair_ids_of_step(examples['train'], config, step)
        assert named == [examples['train'].pair_ids[index] for index in batch['index']]


def epochs(examples, config, count):
    order = [int(batch['index'][0]) for batch in batches(examples, config, count * COUNT)]
    return [tuple(order[n * COUNT : (n + 1) * COUNT]) for n in range(count)]


def test_each_epoch_visits_every_pair_once_in_an_order_of_its_own(examples):
    orders = epochs(examples, CONFIG, 8)
    assert all(sorted(order) == list(range(COUNT)) for order in orders)
    assert len(set(orders)) > 4


def test_other_seeds_give_other_orders_and_augmentation(examples):
    other = dataclasses.replace(CONFIG, seed=4)
    assert epochs(examples, CONFIG, 4) != epochs(examples, other, 4)
    one, two = (
        {int(batch['index'][0]): batch['ct'] for batch in batches(examples, config, COUNT)}
        for config in (CONFIG, other)
    )
    assert not any(np.array_equal(one[index], two[index]) for index in range(COUNT))


def test_every_epoch_is_augmented_anew(examples):
    run = batches(examples, CONFIG, 3 * COUNT)
    pictures = [batch['ct'] for batch in run if batch['index'][0] == 0]
    assert len(pictures) == 3
    assert not any(np.array_equal(a, b) for a, b in itertools.combinations(pictures, 2))


def test_the_form_of_a_batch(examples):
    config = dataclasses.replace(CONFIG, batch_size=2)
    dataset = create_train_dataset(examples['train'], config)
    picture = tf.TensorSpec([2, *SIZE, 1], tf.float32)
    assert dataset.element_spec == {
        'ct': picture,
        'mr': picture,
        'index': tf.TensorSpec([2], tf.int64),
    }
    for batch in dataset.take(6).as_numpy_iterator():
        for name in ('ct', 'mr'):
            assert batch[name].min() >= -1
            assert batch[name].max() <= 1


def test_ct_is_the_left_half_and_mr_the_right(examples):
    for batch in batches(examples, STILL, COUNT):
        ct, mr = read_pair(examples['train'].paths[batch['index'][0]])
        np.testing.assert_array_equal(np.rint((batch['ct'][0, ..., 0] + 1) * 127.5), ct)
        np.testing.assert_array_equal(np.rint((batch['mr'][0, ..., 0] + 1) * 127.5), mr)


def test_ct_and_mr_move_alike(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(3):
        ct = cv2.GaussianBlur(rng.integers(0, 256, SIZE, np.uint8), (5, 5), 1)
        write_pair(tmp_path / 'train' / f'{number}.png', ct, ct)
    config = dataclasses.replace(CONFIG, augment_ct_gain=0.0, augment_ct_offset=0.0)
    for batch in batches(load_examples(tmp_path, ('train',)), config, 10):
        np.testing.assert_array_equal(batch['ct'], batch['mr'])


def test_a_single_pair_trains(tiny_set, tmp_path):
    examples = load_examples(tiny_set(tmp_path, SIZE, {'train': 1}), ('train',))
    run = batches(examples, dataclasses.replace(CONFIG, batch_size=2), 3)
    assert [batch['index'].tolist() for batch in run] == [[0, 0]] * 3


def test_late_steps_of_a_long_run(examples):
    late = 10**9
    assert_equal_batches(
        batches(examples, CONFIG, 3, late)[1:], batches(examples, CONFIG, 2, late + 1)
    )


def test_evaluation_reads_in_the_order_of_the_names(examples):
    """All once, the last batch smaller, the pictures as they are on disk."""
    dataset = create_eval_dataset(examples['val'], SIZE, batch_size=2)
    first, second = (list(dataset.as_numpy_iterator()) for _ in range(2))
    assert_equal_batches(first, second)
    assert [batch['index'].tolist() for batch in first] == [[0, 1], [2]]
    for batch in first:
        for row, index in enumerate(batch['index']):
            ct, mr = read_pair(examples['val'].paths[index])
            np.testing.assert_array_equal(np.rint((batch['ct'][row, ..., 0] + 1) * 127.5), ct)
            np.testing.assert_array_equal(np.rint((batch['mr'][row, ..., 0] + 1) * 127.5), mr)


def resized(tmp_path, old, new):
    """The pictures of one pair on disk at `old`, and as evaluation reads them at `new`."""
    rng = np.random.default_rng(1)
    ct, mr = rng.integers(0, 256, (2, *old), np.uint8)
    write_pair(tmp_path / 'val' / 'a.png', ct, mr)
    examples = load_examples(tmp_path, ('val',))['val']
    (batch,) = create_eval_dataset(examples, new).as_numpy_iterator()
    return ((ct, batch['ct']), (mr, batch['mr']))


@pytest.mark.parametrize('new', [(16, 24), (16, 48), (32, 24), (8, 12)])
def test_shrinking_takes_the_mean_of_each_block(tmp_path, new):
    for before, after in resized(tmp_path, (32, 48), new):
        factors = 32 // new[0], 48 // new[1]
        blocks = before.reshape(new[0], factors[0], new[1], factors[1])
        means = blocks.mean(axis=(1, 3)) / 127.5 - 1
        np.testing.assert_allclose(after[0, ..., 0], means, atol=1e-5)


@pytest.mark.parametrize('new', [(24, 36), (20, 28)])
def test_shrinking_by_a_broken_factor_agrees_with_opencv(tmp_path, new):
    for before, after in resized(tmp_path, (32, 48), new):
        expected = cv2.resize(before.astype(np.float32), new[::-1], interpolation=cv2.INTER_AREA)
        np.testing.assert_allclose(after[0, ..., 0], expected / 127.5 - 1, atol=1e-4)


def test_enlarging_is_bilinear(tmp_path):
    for before, after in resized(tmp_path, (16, 24), (32, 48)):
        expected = cv2.resize(before.astype(np.float32), (48, 32), interpolation=cv2.INTER_LINEAR)
        np.testing.assert_allclose(after[0, ..., 0], expected / 127.5 - 1, atol=1e-4)


def test_training_resizes_as_evaluation_does(examples):
    small = dataclasses.replace(STILL, image_size=(12, 16))
    evaluated = {
        int(batch['index'][0]): batch
        for batch in create_eval_dataset(examples['train'], (12, 16)).as_numpy_iterator()
    }
    for batch in batches(examples, small, COUNT):
        same = evaluated[int(batch['index'][0])]
        np.testing.assert_array_equal(batch['ct'], same['ct'])
        np.testing.assert_array_equal(batch['mr'], same['mr'])


def test_a_picture_damaged_within_ends_the_stream_with_an_error(tiny_set, tmp_path):
    folder = tiny_set(tmp_path, SIZE, {'train': 3})
    path = folder / 'train' / 'train_01.png'
    damaged = bytearray(path.read_bytes())
    damaged[100] ^= 0xFF
    path.write_bytes(damaged)
    with pytest.raises(tf.errors.InvalidArgumentError):
        batches(load_examples(folder, ('train',)), CONFIG, 3)


@pytest.mark.parametrize(('workers', 'replicas'), [(1, 2), (1, 6), (2, 1), (2, 3), (3, 2)])
def test_the_replicas_of_all_workers_see_the_rows_of_the_whole_batch(examples, workers, replicas):
    config = dataclasses.replace(CONFIG, batch_size=6)
    whole = batches(examples, config, 3, start_step=4)
    contexts = [
        tf.distribute.InputContext(workers, worker, workers * replicas) for worker in range(workers)
    ]
    read = [create_train_dataset(examples['train'], config, 4, context) for context in contexts]
    of_worker = [list(batches.take(3 * replicas).as_numpy_iterator()) for batches in read]
    for step, expected in enumerate(whole):
        own = slice(step * replicas, (step + 1) * replicas)
        parts = [batch for own_batches in of_worker for batch in own_batches[own]]
        for name in ('index', 'ct', 'mr'):
            found = np.concatenate([part[name] for part in parts])
            np.testing.assert_array_equal(found, expected[name])


def test_the_stream_is_endless_by_its_type(examples):
    dataset = create_train_dataset(examples['train'], CONFIG)
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY


def _order(examples, seed, epoch):
    config = dataclasses.replace(STILL, seed=seed, batch_size=COUNT)
    (batch,) = batches(examples, config, 1, epoch)
    return tuple(batch['index'])


def test_orders_of_epochs_and_seeds_do_not_come_again_every_256(examples):
    # Of 120 orders of five pairs, two that have nothing to do with each other are seldom equal.
    for seed, epoch in ((3, 256), (259, 0)):
        same = [_order(examples, 3, k) == _order(examples, seed, epoch + k) for k in range(8)]
        assert sum(same) < 4


def test_nothing_is_tuned_so_that_no_thread_is_waited_for(examples):
    for dataset in (
        create_train_dataset(examples['train'], CONFIG),
        create_eval_dataset(examples['val'], SIZE),
    ):
        assert dataset.options().autotune.enabled is False
