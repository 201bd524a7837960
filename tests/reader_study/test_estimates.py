"""Intervals: exact ones against published and textbook numbers, the others by their coverage."""

import math

import numpy as np
import pytest
import simulated_readers
from scipy import stats

from ct2mr_tf.reader_study import estimates
from ct2mr_tf.reader_study.estimates import Estimate


@pytest.mark.parametrize(
    ('count', 'total', 'low', 'high'),
    [
        # By hand: at the ends only one tail is left, 0.025 = (1 - p) ** n.
        (0, 15, 0.0, 1 - 0.025 ** (1 / 15)),
        (15, 15, 0.025 ** (1 / 15), 1.0),
        # R: binom.test(3, 15)$conf.int and binom.test(6, 15)$conf.int.
        (3, 15, 0.0433, 0.4809),
        (6, 15, 0.1634, 0.6771),
    ],
)
def test_exact_interval(count, total, low, high):
    found = estimates.proportion(count, total)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_the_ends_of_the_exact_interval_are_where_the_tails_have_their_share():
    found = estimates.proportion(4, 15)
    assert stats.binom.sf(3, 15, found.low) == pytest.approx(0.025)
    assert stats.binom.cdf(4, 15, found.high) == pytest.approx(0.025)


def test_exact_test_by_hand():
    """Of 15 tosses: P(3 or fewer) = 576 / 2 ** 15, and as much on the other side."""
    assert estimates.proportion(3, 15).p_value == pytest.approx(2 * 576 / 2**15)


def test_no_answer_has_no_share():
    found = estimates.proportion(0, 0)
    assert math.isnan(found.value)
    assert found.note == 'not defined: there is no answer'


def test_alike_answers_to_a_case_count_as_one():
    """Six readers who answer as one: as sure as one reader, but for the degrees of freedom."""
    one = np.array([1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    together = estimates.clustered_proportion(6 * one, np.full(15, 6))
    alone = estimates.proportion(3, 15)
    assert together.value == alone.value
    assert together.low < alone.low < alone.high < together.high
    assert together.high - together.low < 1.15 * (alone.high - alone.low)


def test_unlike_answers_to_a_case_count_each():
    found = estimates.clustered_proportion(np.full(15, 2), np.full(15, 6))
    assert found == estimates.proportion(30, 90)


def test_a_case_with_one_answer_counts_and_a_case_without_any_does_not():
    # Alone, each case is one answer: 3 of 15 as in a plain share.
    counts, totals = np.array([1, 1, 1] + [0] * 13), np.array([1] * 15 + [0])
    found = estimates.clustered_proportion(counts, totals)
    assert (found.value, found.p_value) == (0.2, estimates.proportion(3, 15).p_value)
    assert found == estimates.clustered_proportion(counts[:15], totals[:15])


def test_the_clustered_interval_by_hand():
    """4, 2, 1 and 1 of 4: variance 4 / 3 * (4 + 0 + 1 + 1) / 16 ** 2 = 1 / 32, so 8 answers."""
    found = estimates.clustered_proportion(np.array([4, 2, 1, 1]), np.full(4, 4))
    effective = 8 * (2.13145 / 3.18245) ** 2  # t(15) and t(3) at 0.975
    half = effective / 2
    ends = stats.beta.ppf([0.025, 0.975], [half, half + 1], [half + 1, half])
    assert (found.low, found.high) == pytest.approx(ends, rel=1e-5)


@pytest.mark.parametrize('taken', [0, 6])
def test_a_share_of_nothing_or_all(taken):
    found = estimates.clustered_proportion(np.full(15, taken), np.full(15, 6))
    assert found == estimates.proportion(15 * taken, 90)


@pytest.mark.parametrize(('rate', 'kappa'), [(0.25, 0.0), (0.25, 0.2), (0.5, 0.2), (0.1, 0.1)])
def test_the_clustered_interval_covers(rate, kappa):
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        taken = simulated_readers.fooled(rng, 15, 6, rate, kappa).sum(axis=1)
        found = estimates.clustered_proportion(taken, np.full(15, 6))
        covered += found.low <= rate <= found.high
    assert covered >= 0.93 * 200


def test_the_mean_of_cases_by_hand():
    """1, 2, 3, 4: SD 1.291, standard error 0.6455, t(3) 3.182."""
    found = estimates.mean_of_cases(np.array([1.0, 2.0, 3.0, 4.0]))
    assert found.value == 2.5
    assert found.high - 2.5 == pytest.approx(3.182 * 0.6455, rel=1e-3)
    assert estimates.mean_of_cases(np.array([7.0])).note == 'no interval: one case'
    assert math.isnan(estimates.mean_of_cases(np.array([])).value)


def test_rank_correlation_agrees_with_scipy():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=20), rng.integers(0, 4, 20).astype(float)
    found = estimates.rank_correlation(first, second)
    expected = stats.spearmanr(first, second)
    assert found.value == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.02)


def test_the_permutation_test_by_hand():
    """Of the 24 orders of four cases, two correlate as far as these: 2 / 24, as shuffles find."""
    found = estimates.rank_correlation(np.arange(4.0), np.arange(4.0))
    assert found.value == pytest.approx(1)
    assert found.p_value == pytest.approx(2 / 24, abs=0.01)
    assert found.note == 'no interval: under 5 cases'


def test_equal_numbers_give_equal_intervals():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 15))
    assert estimates.rank_correlation(first, second) == estimates.rank_correlation(first, second)


@pytest.mark.parametrize('strength', [0.0, 0.7])
def test_the_interval_of_a_rank_correlation_covers(strength, monkeypatch):
    monkeypatch.setattr(estimates, 'RESAMPLES', 500)
    monkeypatch.setattr(estimates, 'SHUFFLES', 1)
    # Of two normal variables: Spearman's rho is 6 / pi * asin(r / 2) (Pearson 1907).
    expected, covered = 6 / math.pi * math.asin(strength / 2), 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        first, noise = rng.normal(size=(2, 15))
        second = strength * first + math.sqrt(1 - strength**2) * noise
        found = estimates.rank_correlation(first, second)
        covered += found.low <= expected <= found.high
    assert covered >= 0.92 * 200


@pytest.mark.parametrize(
    ('first', 'second', 'note'),
    [
        ([1, 2, 3, 4, 5], [7, 7, 7, 7, 7], 'one of the two is the same in all cases'),
        ([7, 7, 7, 7, 7], [1, 2, 3, 4, 5], 'one of the two is the same in all cases'),
        ([1, 2], [1, 2], 'there are fewer than three cases'),
        ([], [], 'there are fewer than three cases'),
    ],
)
def test_correlations_that_do_not_exist(first, second, note):
    found = estimates.rank_correlation(np.array(first, float), np.array(second, float))
    assert found == estimates.undefined(note) or found.note == f'not defined: {note}'
    assert math.isnan(found.value)


def test_resampling_draws_every_case_as_often_as_another():
    drawn = []

    def statistic(draws):
        drawn.append(draws)
        return draws.mean(axis=1)

    low, high, note = estimates.bootstrap_over_cases(statistic, 7)
    (draws,) = drawn
    assert draws.shape == (estimates.RESAMPLES, 7)
    counts = np.bincount(draws.ravel(), minlength=7)
    assert counts / draws.size == pytest.approx(np.full(7, 1 / 7), rel=0.1)
    # The mean of seven draws from 0 to 6 lies evenly about 3.
    assert (low + high) / 2 == pytest.approx(3, abs=0.15)
    assert note == ''


def test_hardly_any_variation_gives_no_interval():
    """One case of fifteen differs: over a third of the bootstrap samples do not hold it."""
    second = np.array([1.0] + [0.0] * 14)
    found = estimates.rank_correlation(np.arange(15.0), second)
    assert math.isnan(found.low)
    assert found.note == 'no interval: nearly all answers are the same'


def test_estimates_as_text():
    assert Estimate(-0.0312, -0.1, 0.18).text(2) == '−0.03 [−0.10, 0.18]'
    assert Estimate(0.2, 0.0433, 0.4809).text(1, 100) == '20.0 [4.3, 48.1]'
    assert Estimate(0.5).text(2) == '0.50'
    assert estimates.undefined('nothing').text(2) == '–'
    assert estimates.number_text(-0.001, 2) == '0.00'
