"""Real or synthetic: shares by hand, and simulated readers found again."""

import math

import numpy as np
import pandas as pd
import pytest
import simulated_readers

from ct2mr_tf.reader_study import choice_statistics, estimates

ROLES = simulated_readers.ROLES


def choices_of(taken, roles=ROLES):
    """Choices of bool [cases, readers]."""
    cases, readers = np.shape(taken)
    rows = [
        {
            'reader': f'reader_{reader + 1:02d}',
            'role': roles[reader],
            'years': reader,
            'pair_id': f'P{case:03d}',
            'taken': bool(taken[case][reader]),
        }
        for reader in range(readers)
        for case in range(cases)
    ]
    return pd.DataFrame(rows)


def yes_no_of(real, synthetic):
    """Answers of bool [cases, readers]: whether real and synthetic MR were called real."""
    tables = []
    for truth, called in (('real', real), ('synthetic', synthetic)):
        table = choices_of(called)
        table['truth'] = truth
        table['answer'] = np.where(table.pop('taken'), 'real', 'synthetic')
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def test_rates_by_hand():
    taken = np.zeros((10, 3), bool)
    taken[:2, 0] = taken[:5, 1] = True
    table = choice_statistics.rates(choices_of(taken, ('radiologist', 'radiologist', 'resident')))
    assert table['name'].tolist() == [
        'reader_01',
        'reader_02',
        'reader_03',
        'radiologist',
        'resident',
        'All readers',
    ]
    assert table['taken'].tolist() == [2, 5, 0, 7, 0, 7]
    assert table['answers'].tolist() == [10, 10, 10, 20, 10, 30]
    assert table['rate'].tolist() == pytest.approx([0.2, 0.5, 0, 0.35, 0, 7 / 30])
    own = estimates.proportion(2, 10)
    assert table.loc[0, ['low', 'high', 'p_value']].tolist() == [own.low, own.high, own.p_value]
    # Holm, by hand: three times the smallest, twice the next, and never less than before.
    p = [112 / 1024, 1.0, 2 / 1024]
    assert table['p_value'].tolist()[:3] == pytest.approx(p)
    assert table['p_holm'].tolist()[:3] == pytest.approx([2 * p[0], 1.0, 3 * p[2]])
    assert table['p_holm'].isna().tolist() == [False] * 3 + [True] * 3


def test_a_role_of_one_reader_has_the_interval_of_that_reader():
    table = choice_statistics.rates(choices_of(np.eye(15, 2), ('resident', 'other')))
    ends = table.set_index('name')[['low', 'high']]
    assert ends.loc['other'].tolist() == ends.loc['reader_02'].tolist()


def test_one_role_has_no_row_of_its_own():
    table = choice_statistics.rates(choices_of(np.eye(4, 2), ('resident', 'resident')))
    assert table['group'].tolist() == ['reader', 'reader', 'all']


@pytest.mark.parametrize('rate', [0.15, 0.5])
def test_simulated_readers_are_found_again(rate):
    readers = everyone = told = 0
    for seed in range(25):
        taken = simulated_readers.fooled(np.random.default_rng(seed), 15, 6, rate)
        table = choice_statistics.rates(choices_of(taken))
        inside = (table['low'] <= rate) & (rate <= table['high'])
        readers += inside[table['group'] == 'reader'].sum()
        everyone += inside[table['group'] == 'all'].sum()
        told += (table['p_holm'] < 0.05).any()
    assert readers >= 0.95 * 25 * 6
    assert everyone >= 0.92 * 25
    # Of readers who guess, seldom anybody passes for one who can tell.
    assert told <= 0.08 * 25 if rate == 0.5 else told >= 0.9 * 25


def test_cases_by_hand():
    taken = np.array([[1, 1], [0, 0], [0, 1]], bool)
    metrics = simulated_readers.drawn_metrics(np.random.default_rng(0), 4)
    metrics.index = ['P002', 'P001', 'P000', 'P009']
    table = choice_statistics.by_case(choices_of(taken), metrics)
    assert table.index.tolist() == ['P002', 'P001', 'P000']
    assert table['taken'].tolist() == [1, 0, 2]
    assert table['rate'].tolist() == [0.5, 0, 1]
    assert table['by_whom'].tolist() == ['reader_02', '', 'reader_01 reader_02']
    assert table['mae'].tolist() == metrics['mae'].tolist()[:3]


def test_detection_by_hand():
    """Of four real MR three are called real, of four synthetic ones one is."""
    real = np.array([[1], [1], [1], [0]], bool)
    synthetic = np.array([[0], [0], [1], [0]], bool)
    row = choice_statistics.detection(yes_no_of(real, synthetic)).iloc[0]
    for name, count, total in (
        ('sensitivity', 3, 4),
        ('specificity', 3, 4),
        ('accuracy', 6, 8),
        ('fooled', 1, 4),
    ):
        expected = estimates.proportion(count, total)
        if name == 'accuracy':  # two answers a case
            expected = estimates.clustered_proportion(np.array([2, 2, 1, 1]), np.full(4, 2))
        assert row[f'{name}_count'] == count
        assert row[f'{name}_answers'] == total
        assert row[name] == expected.value
        assert (row[f'{name}_low'], row[f'{name}_high']) == (expected.low, expected.high)
    # Two cases' MR were called differently, and both rightly: two tosses that fall alike.
    assert row['p_value'] == pytest.approx(0.5)


def test_who_remembers_a_case_is_not_taken_for_one_who_can_tell():
    """Readers guess, and answer each second picture by what they said of the first."""
    told = covered = 0
    for seed in range(60):
        real = np.random.default_rng(seed).random((15, 1)) < 0.5
        row = choice_statistics.detection(yes_no_of(real, ~real)).iloc[0]
        told += row['p_value'] < 0.05
        covered += row['accuracy_low'] <= 0.5 <= row['accuracy_high']
        assert row['p_value'] == estimates.proportion(int(real.sum()), 15).p_value
    assert told <= 0.05 * 60
    assert covered >= 0.95 * 60


def test_who_always_says_the_same_is_right_in_one_half():
    everything = np.ones((15, 6), bool)
    table = choice_statistics.detection(yes_no_of(everything, everything))
    assert (table['accuracy'] == 0.5).all()
    assert (table['fooled'] == 1).all()
    assert (table['specificity'] == 0).all()
    assert table['p_value'].isna().all()


def test_the_rates_of_simulated_yes_no_readers_are_found_again():
    covered = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        real = simulated_readers.fooled(rng, 15, 6, 0.8)
        synthetic = simulated_readers.fooled(rng, 15, 6, 0.3)
        table = choice_statistics.detection(yes_no_of(real, synthetic))
        row = table[table['group'] == 'all'].iloc[0]
        for name, rate in (('sensitivity', 0.8), ('fooled', 0.3), ('accuracy', 0.75)):
            covered += row[f'{name}_low'] <= rate <= row[f'{name}_high']
    assert covered >= 0.93 * 3 * 30


def test_agreement_leaves_out_cases_that_a_reader_left_out():
    taken = np.array([[1, 1], [0, 0], [0, 1], [0, 0], [1, 0]], bool)
    choices = choices_of(taken)
    whole = choice_statistics.choice_agreement(choices_of(taken[:4]))
    assert choice_statistics.choice_agreement(choices.drop(index=4)).value == whole.value


def test_agreement_on_calling_pictures_real():
    """Readers who all tell real from synthetic agree, though no synthetic MR misleads any."""
    answers = yes_no_of(np.ones((5, 3), bool), np.zeros((5, 3), bool))
    assert choice_statistics.detection_agreement(answers).value == pytest.approx(1)


def test_one_reader_agrees_with_nobody():
    assert math.isnan(choice_statistics.choice_agreement(choices_of(np.eye(5, 1))).value)
