"""Agreement of readers against published tables, by hand, and in simulations."""

import math

import numpy as np
import pytest
import simulated_readers
from scipy import stats
from statsmodels.stats import inter_rater

from ct2mr_tf.reader_study import agreement

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
)
"""Ratings of six subjects by four judges: Table 2 of Shrout and Fleiss (1979)."""

DIAGNOSES = np.array(
    [
        [0, 0, 0, 6, 0], [0, 3, 0, 0, 3], [0, 1, 4, 0, 1], [0, 0, 0, 0, 6], [0, 3, 0, 3, 0],
        [2, 0, 4, 0, 0], [0, 0, 4, 0, 2], [2, 0, 3, 1, 0], [2, 0, 0, 4, 0], [0, 0, 0, 0, 6],
        [1, 0, 0, 5, 0], [1, 1, 0, 4, 0], [0, 3, 3, 0, 0], [1, 0, 0, 5, 0], [0, 2, 0, 3, 1],
        [0, 0, 5, 0, 1], [3, 0, 0, 1, 2], [5, 1, 0, 0, 0], [0, 2, 0, 4, 0], [1, 0, 2, 0, 3],
        [0, 0, 0, 0, 6], [0, 1, 0, 5, 0], [0, 2, 0, 1, 3], [2, 0, 0, 4, 0], [1, 0, 0, 4, 1],
        [0, 5, 0, 1, 0], [4, 0, 0, 0, 2], [0, 2, 0, 4, 0], [1, 0, 5, 0, 0], [0, 0, 0, 0, 6],
    ]
)  # fmt: skip
"""Thirty patients, each given one of five diagnoses by six psychiatrists: Fleiss (1971)."""


def test_shrout_and_fleiss():
    """ICC(2,1) = 0.29 in their Table 4; R's irr::icc gives 0.019 < ICC < 0.761."""
    found = agreement.intraclass_correlation(SHROUT_FLEISS)
    assert found.value == pytest.approx(0.29, abs=0.005)
    assert (found.low, found.high) == pytest.approx((0.019, 0.761), abs=5e-4)


def test_mcgraw_and_wongs_example():
    """(2, 4), (4, 6), (6, 8) are consistent, but agree only by 0.67."""
    found = agreement.intraclass_correlation(np.array([[2, 4], [4, 6], [6, 8]]))
    assert found.value == pytest.approx(2 / 3)
    # By hand, with no rest: low = 8 * MSR / (F * 2 * MSC + 3 * MSR), F(2, 1) at 0.975 = 799.5.
    assert found.low == pytest.approx(3 * 8 / (799.5 * 2 * 6 + 3 * 8), rel=1e-3)


def test_icc_does_not_change_with_origin_and_unit():
    one = agreement.intraclass_correlation(SHROUT_FLEISS)
    other = agreement.intraclass_correlation(1000 + 7 * SHROUT_FLEISS[::-1, ::-1])
    assert (other.value, other.low, other.high) == pytest.approx((one.value, one.low, one.high))


@pytest.mark.parametrize(('shape', 'variances'), [((15, 2), (60, 10, 30)), ((15, 6), (60, 20, 40))])
def test_the_interval_of_icc_covers(shape, variances):
    expected, covered = variances[0] / sum(variances), 0
    for seed in range(200):
        scores = simulated_readers.rated(np.random.default_rng(seed), shape, variances)
        found = agreement.intraclass_correlation(scores)
        covered += found.low <= expected <= found.high
    assert covered >= 0.92 * 200


@pytest.mark.parametrize(
    ('ratings', 'value', 'note'),
    [
        (np.zeros((5, 1)), math.nan, 'not defined: there is one reader'),
        (np.ones((1, 3)), math.nan, 'not defined: there are fewer than two cases with all scores'),
        (np.full((5, 3), 80), math.nan, 'not defined: the cases do not differ in their means'),
        (np.full((5, 3), 80.1), math.nan, 'not defined: the cases do not differ in their means'),
        (np.tile([[70.1], [80.2], [90.3]], 2), 1, 'no interval: the readers agree exactly'),
        (
            np.array([[70, 90], [70, 90], [70, 90]]),
            math.nan,
            'not defined: the cases do not differ in their means',
        ),
    ],
)
def test_icc_that_is_not_there(ratings, value, note):
    found = agreement.intraclass_correlation(ratings)
    assert found.value == pytest.approx(value, nan_ok=True)
    assert math.isnan(found.low)
    assert found.note == note


def test_fleiss_1971():
    """Kappa = 0.430 in the paper, over five diagnoses: what we call agrees with it."""
    assert inter_rater.fleiss_kappa(DIAGNOSES, method='fleiss') == pytest.approx(0.430, abs=5e-4)


def test_kappa_by_hand():
    """Two of three cases unanimous, and 5 of all 12 answers yes."""
    answers = np.array([[1, 1, 1, 1], [0, 0, 0, 0], [1, 0, 0, 0]], bool)
    observed = (1 + 1 + (1 * 0 + 3 * 2) / (4 * 3)) / 3
    by_chance = (5 / 12) ** 2 + (7 / 12) ** 2
    found = agreement.fleiss_kappa(answers)
    assert found.value == pytest.approx((observed - by_chance) / (1 - by_chance))
    assert found.low < found.value < found.high


def test_the_interval_of_kappa_by_hand():
    """Shares of yes 1, 1/3, 0, 0: mean squares between the cases and within, of 3 and 8 degrees."""
    answers = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 0], [0, 0, 0]], bool)
    shares = np.array([1, 1 / 3, 0, 0])
    ratio = 3 * shares.var(ddof=1) / (3 * (1 / 3 * 2 / 3) / 8)
    lower, upper = ratio / stats.f.ppf(0.975, 3, 8), ratio * stats.f.ppf(0.975, 8, 3)
    found = agreement.fleiss_kappa(answers)
    assert found.low == pytest.approx((lower - 1) / (lower + 2))
    assert found.high == pytest.approx((upper - 1) / (upper + 2))


def test_kappa_is_the_one_of_statsmodels():
    answers = np.random.default_rng(0).random((15, 6)) < 0.3
    counts = inter_rater.aggregate_raters(answers.astype(int))[0]
    found = agreement.fleiss_kappa(answers)
    assert found.value == pytest.approx(inter_rater.fleiss_kappa(counts))


@pytest.mark.parametrize(('rate', 'kappa'), [(0.25, 0.2), (0.33, 0.11), (0.25, 0.0)])
def test_the_interval_of_kappa_covers(rate, kappa):
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        found = agreement.fleiss_kappa(simulated_readers.fooled(rng, 15, 6, rate, kappa))
        covered += found.low <= kappa <= found.high
    assert covered >= 0.9 * 200


@pytest.mark.parametrize(
    ('answers', 'value', 'note'),
    [
        ([[1], [0]], math.nan, 'not defined: there is one reader'),
        ([[1, 0]], math.nan, 'not defined: fewer than two cases were answered by all readers'),
        (
            [[0, 0], [0, 0]],
            math.nan,
            'not defined: all readers gave one and the same answer throughout',
        ),
        ([[1, 1], [0, 0]], 1, 'no interval: the readers agree exactly'),
        (
            [[1, 0], [0, 1]],
            -1,
            'no interval: every case has the same number of each answer',
        ),
    ],
)
def test_kappa_that_is_not_there(answers, value, note):
    found = agreement.fleiss_kappa(np.array(answers, bool))
    assert found.value == pytest.approx(value, nan_ok=True)
    assert math.isnan(found.low)
    assert found.note == note


def test_bland_and_altman_by_hand():
    """Differences 1, 2, 3, 4, 5: bias 3, SD 1.581, limits 3 -+ 1.96 * 1.581."""
    first = np.array([[11.0], [22.0], [33.0], [44.0], [55.0]])
    found = agreement.bland_altman(first, np.array([[10.0], [20.0], [30.0], [40.0], [50.0]]))
    assert found.bias.value == 3
    assert found.sd == pytest.approx(math.sqrt(2.5))
    assert found.lower.value == pytest.approx(3 - 1.95996 * math.sqrt(2.5), abs=1e-4)
    assert found.upper.value == pytest.approx(3 + 1.95996 * math.sqrt(2.5), abs=1e-4)
    assert found.lower.low < found.lower.value < found.lower.high < found.upper.high


def test_the_intervals_of_the_limits_are_those_of_scipys_bootstrap():
    differences = np.random.default_rng(0).normal(2, 5, 15)
    found = agreement.bland_altman(differences[:, np.newaxis], np.zeros((15, 1)))
    for limit, sign in ((found.lower, -1), (found.upper, 1)):
        ends = stats.bootstrap(
            (differences,),
            lambda drawn, axis, s=sign: drawn.mean(axis) + s * 1.96 * drawn.std(axis, ddof=1),
            method='percentile',
            random_state=0,
        ).confidence_interval
        # The ends of 2,000 draws err by 0.1 or so.
        assert (limit.low, limit.high) == pytest.approx(tuple(ends), abs=0.4)


def test_bias_has_the_case_as_its_unit():
    """Nine items that differ alike in each case make the bias no surer than one."""
    rng = np.random.default_rng(0)
    by_case = rng.normal(2, 5, (15, 1))
    one = agreement.bland_altman(by_case, np.zeros((15, 1))).bias
    nine = agreement.bland_altman(np.repeat(by_case, 9, axis=1), np.zeros((15, 9))).bias
    assert (nine.low, nine.high) == pytest.approx((one.low, one.high))


@pytest.mark.parametrize('cases', [0, 1])
def test_too_few_scores_for_limits(cases):
    found = agreement.bland_altman(np.zeros((cases, 1)), np.zeros((cases, 1)))
    assert math.isnan(found.bias.value)
    assert found.upper.note == 'not defined: there are fewer than two scores'


def test_equal_scores_have_no_spread():
    found = agreement.bland_altman(np.full((6, 2), 80.0), np.full((6, 2), 80.0))
    assert (found.bias.value, found.lower.value, found.upper.value) == (0, 0, 0)


def test_an_interval_always_holds_its_negative_coefficient():
    """Satterthwaite's degrees of freedom come near zero here: 0.05 without their lower bound."""
    ratings = np.array([[75, 95, 80], [85, 85, 85], [75, 100, 75], [90, 85, 75]])
    icc = agreement.intraclass_correlation(ratings)
    assert icc.value == pytest.approx(-0.298, abs=1e-3)
    assert icc.low < icc.value < icc.high
    ratings = np.array([[88, 77, 75], [100, 88, 50], [98, 78, 66]])
    icc = agreement.intraclass_correlation(ratings)
    assert icc.low < icc.value < icc.high
