"""The truth of a phantom: written and read back as it was."""

import pathlib

import numpy as np
import pytest

from ct2mr_tf.data.truth import load_truth, write_labels, write_truth_tables
from ct2mr_tf.problems import UserError

TISSUES = {0: 'air', 3: 'disc, nucleus', 200: 'NA'}


def test_a_set_of_patients_has_none(tmp_path):
    assert load_truth(tmp_path / 'truth') is None


def test_tables_and_back(tmp_path):
    floors = {'001': 3.25, 'p_L4-5': 1 / 3}
    write_truth_tables(tmp_path, TISSUES, floors)
    truth = load_truth(tmp_path)
    assert truth.tissues == TISSUES
    assert truth.floor_mae == floors
    assert (tmp_path / 'tissues.csv').read_text().startswith('label,name\n0,air\n')
    assert (tmp_path / 'floor.csv').read_text().startswith('pair_id,floor_mae\n')


def test_labels_and_back(tmp_path):
    labels = np.random.default_rng(0).choice(np.uint8([0, 3, 200]), (12, 20))
    write_labels(tmp_path, '001', labels)
    write_truth_tables(tmp_path, TISSUES, {'001': 0.0})
    again = load_truth(tmp_path).labels('001', (12, 20))
    assert again.dtype == np.uint8
    np.testing.assert_array_equal(again, labels)


def test_a_pair_needs_labels_and_a_floor(tmp_path):
    for pair_id in ('whole', 'no floor'):
        write_labels(tmp_path, pair_id, np.zeros((8, 8), np.uint8))
    write_truth_tables(tmp_path, TISSUES, {'whole': 1.0, 'no labels': 2.0})
    missing = load_truth(tmp_path).missing(['no labels', 'whole', 'no floor', 'neither'])
    assert missing == ['no labels', 'no floor', 'neither']


@pytest.mark.parametrize('harm', [lambda path: path.write_bytes(b'labels'), pathlib.Path.unlink])
def test_labels_that_cannot_be_read_are_named(tmp_path, harm):
    write_labels(tmp_path, '001', np.zeros((8, 8), np.uint8))
    write_truth_tables(tmp_path, TISSUES, {'001': 0.0})
    harm(tmp_path / 'labels' / '001.png')
    with pytest.raises(UserError) as caught:
        load_truth(tmp_path).labels('001', (8, 8))
    assert caught.value.problems[0].where.endswith('labels/001.png')


@pytest.mark.parametrize(
    ('name', 'content'),
    [
        ('tissues.csv', None),
        ('tissues.csv', 'number,name\n3,disc\n'),
        ('tissues.csv', 'label,name\nthree,disc\n'),
        ('floor.csv', None),
        ('floor.csv', ''),
        ('floor.csv', 'pair,floor\na,1\n'),
        ('floor.csv', 'pair_id,floor_mae\na,unknown\n'),
    ],
)
def test_a_folder_without_its_tables_is_refused(tmp_path, name, content):
    write_truth_tables(tmp_path, TISSUES, {'a': 1.0})
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(UserError) as caught:
        load_truth(tmp_path)
    assert [problem.where for problem in caught.value.problems] == [f'{tmp_path / name}']


def test_all_tables_that_are_missing_are_listed(tmp_path):
    with pytest.raises(UserError) as caught:
        load_truth(tmp_path)
    wheres = [problem.where for problem in caught.value.problems]
    assert wheres == [f'{tmp_path / "tissues.csv"}', f'{tmp_path / "floor.csv"}']


def test_a_label_without_a_name_is_refused(tmp_path):
    write_labels(tmp_path, 'a', np.full((8, 8), 201, np.uint8))
    write_truth_tables(tmp_path, TISSUES, {'a': 1.0})
    with pytest.raises(UserError) as caught:
        load_truth(tmp_path).labels('a', (8, 8))
    assert caught.value.problems[0].found == 'label 201'


def test_labels_at_another_size_are_labels_still(tmp_path):
    labels = np.zeros((8, 12), np.uint8)
    labels[:4, :6], labels[4:, 6:] = 3, 200
    write_labels(tmp_path, 'a', labels)
    write_truth_tables(tmp_path, TISSUES, {'a': 0.0})
    truth = load_truth(tmp_path)
    np.testing.assert_array_equal(truth.labels('a', (16, 24)), np.kron(labels, np.ones((2, 2))))
    np.testing.assert_array_equal(truth.labels('a', (4, 6)), labels[::2, ::2])
