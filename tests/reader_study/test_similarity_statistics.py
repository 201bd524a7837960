"""Similarity: means and deviations by hand, and simulated readers found again."""

import math

import numpy as np
import pandas as pd
import pytest
import simulated_readers

from ct2mr_tf.reader_study import similarity_statistics
from ct2mr_tf.reader_study.study_files import ALL_ITEMS

ALL = similarity_statistics.ALL


def scores_of(percent, items=('Disc', 'Bone')):
    """Scores of float [cases, readers, items]."""
    cases, readers, _ = np.shape(percent)
    rows = [
        {
            'reader': f'reader_{reader + 1:02d}',
            'role': 'radiologist',
            'years': 10,
            'pair_id': f'P{case:03d}',
            'item': item,
            'percent': float(percent[case][reader][place]),
        }
        for reader in range(readers)
        for case in range(cases)
        for place, item in enumerate(items)
    ]
    return pd.DataFrame(rows)


BY_HAND = scores_of([[[70, 90], [80, 90]], [[80, 80], [90, 100]]])
"""Two cases, two readers, two items."""


def test_items_by_hand():
    table = similarity_statistics.by_item(BY_HAND).set_index(['item', 'reader'])
    assert table.index.tolist() == [
        (item, who) for item in ('Disc', 'Bone') for who in ('reader_01', 'reader_02', ALL)
    ]
    assert table.loc[('Disc', 'reader_01'), ['n', 'mean', 'lowest', 'highest']].tolist() == [
        2,
        75,
        70,
        80,
    ]
    assert table.loc[('Disc', 'reader_01'), 'sd'] == pytest.approx(math.sqrt(50))
    assert table.loc[('Disc', ALL), 'mean'] == 80
    assert table.loc[('Disc', ALL), 'sd'] == pytest.approx(math.sqrt(200 / 3))


def test_cases_and_readers_by_hand():
    cases = similarity_statistics.by_case(BY_HAND).set_index(['pair_id', 'reader'])['mean']
    assert cases.tolist() == [80, 85, 82.5, 80, 95, 87.5]
    readers = similarity_statistics.by_reader(BY_HAND).set_index('reader')['mean']
    assert readers.to_dict() == {'reader_01': 80, 'reader_02': 90, ALL: 85}


def test_a_case_that_a_reader_left_out_has_no_row_of_that_reader():
    left_out = BY_HAND[(BY_HAND['reader'] != 'reader_02') | (BY_HAND['pair_id'] != 'P001')]
    cases = similarity_statistics.by_case(left_out)
    assert list(zip(cases['pair_id'], cases['reader'], cases['mean'], strict=True)) == [
        ('P000', 'reader_01', 80),
        ('P000', 'reader_02', 85),
        ('P000', ALL, 82.5),
        ('P001', 'reader_01', 80),
        ('P001', ALL, 80),
    ]


def test_a_single_score_has_no_deviation():
    table = similarity_statistics.by_item(scores_of([[[70]]], ('Disc',)))
    assert table['sd'].isna().all()


def test_known_agreement_is_found_again():
    """Two readers, nine items, 15 cases: each item of another agreement."""
    covered = total = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        variances = [(10.0 * place, 10.0, 30.0) for place in range(1, 10)]
        drawn = [simulated_readers.rated(rng, (15, 2), own) for own in variances]
        items = [f'item {place}' for place in range(1, 10)]
        found = similarity_statistics.agreement(scores_of(np.stack(drawn, axis=-1), items))
        for item, own in zip(items, variances, strict=True):
            cases, icc = found[item]
            assert cases == 15
            covered += icc.low <= own[0] / sum(own) <= icc.high
            total += 1
    assert covered >= 0.92 * total


def test_the_mean_of_items_has_its_own_agreement():
    rng = np.random.default_rng(0)
    percent = rng.uniform(50, 100, (15, 2, 2))
    found = similarity_statistics.agreement(scores_of(percent))
    assert list(found) == ['Disc', 'Bone', ALL_ITEMS]
    means = scores_of(percent.mean(axis=2, keepdims=True), ('Mean',))
    expected = similarity_statistics.agreement(means)
    assert list(expected) == ['Mean']
    icc = found[ALL_ITEMS][1]
    assert icc.value == pytest.approx(expected['Mean'][1].value)


def test_agreement_is_of_cases_that_all_readers_scored():
    percent = np.random.default_rng(0).uniform(50, 100, (6, 2, 2))
    scores = scores_of(percent)
    gap = (scores['reader'] == 'reader_02') & (scores['pair_id'] == 'P003')
    left_out = scores[~(gap & (scores['item'] == 'Disc'))]
    found = similarity_statistics.agreement(left_out)
    # A mean over one item is no mean over two: that case has none.
    assert {item: cases for item, (cases, _) in found.items()} == {
        'Disc': 5,
        'Bone': 6,
        ALL_ITEMS: 5,
    }
    (pair,) = similarity_statistics.reader_pairs(left_out)
    assert pair.scores.shape == (5, 2, 2)


def test_every_two_readers_are_compared():
    percent = np.tile([[[70.0], [72.0], [75.0]]], (5, 1, 1))
    pairs = similarity_statistics.reader_pairs(scores_of(percent, ('Disc',)))
    assert [(pair.first, pair.second, pair.limits.bias.value) for pair in pairs] == [
        ('reader_01', 'reader_02', -2),
        ('reader_01', 'reader_03', -5),
        ('reader_02', 'reader_03', -3),
    ]
    table = similarity_statistics.limits_table(pairs)
    assert table[['cases', 'scores', 'bias']].to_numpy().tolist() == [
        [5, 5, -2],
        [5, 5, -5],
        [5, 5, -3],
    ]


def test_a_known_bias_is_found_again():
    covered = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        cases = rng.normal(80, 5, (15, 1))
        percent = np.stack([cases + rng.normal(bias, 4, (15, 9)) for bias in (0, -3)], axis=1)
        (pair,) = similarity_statistics.reader_pairs(scores_of(percent, [f'{n}' for n in range(9)]))
        covered += pair.limits.bias.low <= 3 <= pair.limits.bias.high
    assert covered >= 90


def test_one_reader():
    scores = scores_of(np.random.default_rng(0).uniform(50, 100, (5, 1, 2)))
    assert similarity_statistics.reader_pairs(scores) == []
    notes = {icc.note for _, icc in similarity_statistics.agreement(scores).values()}
    assert notes == {'not defined: there is one reader'}


def test_the_table_of_agreement():
    table = similarity_statistics.agreement_table(similarity_statistics.agreement(BY_HAND))
    assert table.columns.tolist() == ['item', 'cases', 'icc', 'low', 'high', 'note']
    assert table['item'].tolist() == ['Disc', 'Bone', ALL_ITEMS]


def test_an_item_that_one_reader_never_scored():
    """Their limits are those of the other items, and no agreement is that of all readers."""
    percent = np.random.default_rng(0).uniform(50, 100, (15, 3, 2))
    scores = scores_of(percent)
    never = (scores['reader'] == 'reader_03') & (scores['item'] == 'Disc')
    pairs = similarity_statistics.reader_pairs(scores[~never])
    assert [pair.scores.shape for pair in pairs] == [(15, 2, 2), (15, 1, 2), (15, 1, 2)]
    bone = percent[:, 0, 1] - percent[:, 2, 1]
    assert pairs[1].limits.bias.value == pytest.approx(bone.mean())
    assert pairs[1].limits.sd == pytest.approx(bone.std(ddof=1))
    found = similarity_statistics.agreement(scores[~never])
    assert {item: cases for item, (cases, _) in found.items()} == {
        'Disc': 0,
        'Bone': 15,
        ALL_ITEMS: 0,
    }


def test_readers_who_scored_no_item_both():
    scores = scores_of(np.random.default_rng(0).uniform(50, 100, (6, 2, 2)))
    own = (scores['reader'] == 'reader_01') == (scores['item'] == 'Disc')
    (pair,) = similarity_statistics.reader_pairs(scores[own])
    assert len(pair.scores) == 0
    assert pair.limits.bias.note == 'not defined: there are fewer than two scores'
