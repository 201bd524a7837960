"""Numbers of a reader study with their 95 % intervals, or with the reason why there is none."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

CONFIDENCE = 0.95
"""Confidence of every interval of a reader study."""

RESAMPLES = 2000
"""Bootstrap samples behind an interval."""

SHUFFLES = 9999
"""Shuffles behind a permutation test: its smallest p-value is 1 / 10,000."""

SEED = 20200101
"""Of every resampling: the same answers give the same report, digit for digit."""

FEWEST_CASES = 5
"""Cases from which on an interval is bootstrapped: fewer give a handful of different samples."""

DEFINED_SHARE = 0.9
"""Share of the bootstrap samples in which a statistic must be defined for the interval to count."""

NOTHING = '–'
"""Stands in tables where there is no number."""


def number_text(number: float, digits: int) -> str:
    """A number with so many digits after the point and a true minus; none before a zero."""
    text = f'{number:.{digits}f}'
    return text.replace('-', '−') if float(text) else text.removeprefix('-')


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A number, its interval, and what must be said with it.

    Attributes:
        value: the number; not a number where it is not defined.
        low: lower end of its interval of CONFIDENCE; not a number where there is none.
        high: upper end.
        p_value: of the test that belongs to it, two-sided; not a number where there is none.
        note: why value or interval is missing; empty where both are there.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    p_value: float = math.nan
    note: str = ''

    def text(self, digits: int, scale: float = 1) -> str:
        """`value [low, high]` for people.

        Args:
            digits: digits after the point.
            scale: what all three are multiplied by: 100 for percent.

        Returns:
            The text, with a true minus; a dash where there is no number.
        """
        if math.isnan(self.value):
            return NOTHING
        numbers = [
            number_text(scale * number, digits) for number in (self.value, self.low, self.high)
        ]
        return numbers[0] if math.isnan(self.low) else f'{numbers[0]} [{numbers[1]}, {numbers[2]}]'


def undefined(reason: str) -> Estimate:
    """A number that does not exist, and why."""
    return Estimate(math.nan, note=f'not defined: {reason}')


def proportion(count: int, total: int) -> Estimate:
    """A share with its exact interval, tested against one half.

    Args:
        count: how often it happened.
        total: how often it could have.

    Returns:
        The share, 0 to 1; the interval is Clopper and Pearson's (Biometrika 1934), which covers at
        least CONFIDENCE; the p-value is that of the exact binomial test.
    """
    if not total:
        return undefined('there is no answer')
    low, high = _clopper_pearson(count, total)
    return Estimate(count / total, low, high, float(stats.binomtest(count, total).pvalue))


def clustered_proportion(counts: np.ndarray, totals: np.ndarray) -> Estimate:
    """A share of answers that several readers gave of the same cases.

    What is said of one case hangs together, so the answers tell less than as many independent ones.
    Korn and Graubard (Survey Methodology 1998) put the number of independent answers with the same
    variance into Clopper and Pearson's interval.

    Args:
        counts: int [cases], how often it happened in each case.
        totals: int [cases], how often it could have.

    Returns:
        The share, 0 to 1, and its interval. The p-value is that of the exact binomial test: if no
        reader can tell, all answers are independent tosses, since the sides are drawn anew for
        every reader and case.
    """
    counts, totals = counts[totals > 0], totals[totals > 0]
    cases, total = len(totals), int(totals.sum())
    plain = proportion(int(counts.sum()), total)
    if cases < 2 or plain.value in (0, 1):
        return plain
    spread = np.square(counts - plain.value * totals).sum() * cases / (cases - 1) / total**2
    tail = (1 + CONFIDENCE) / 2
    fewer = (stats.t.ppf(tail, total - 1) / stats.t.ppf(tail, cases - 1)) ** 2
    effective = plain.value * (1 - plain.value) / spread * fewer if spread else math.inf
    effective = min(float(effective), total)
    low, high = _clopper_pearson(plain.value * effective, effective)
    return Estimate(plain.value, low, high, plain.p_value)


def _clopper_pearson(count: float, total: float) -> tuple[float, float]:
    low, high = proportion_confint(count, total, alpha=1 - CONFIDENCE, method='beta')
    return float(low), float(high)


def mean_of_cases(values: np.ndarray) -> Estimate:
    """The mean of one value a case, with the interval of the t distribution.

    Args:
        values: float [cases].

    Returns:
        The mean; no interval for a single case.
    """
    if not len(values):
        return undefined('there is no answer')
    mean = float(np.mean(values))
    if len(values) < 2:
        return Estimate(mean, note='no interval: one case')
    error = np.std(values, ddof=1) / math.sqrt(len(values))
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * error)
    return Estimate(mean, mean - reach, mean + reach)


def rank_correlation(first: np.ndarray, second: np.ndarray) -> Estimate:
    """Spearman's rank correlation of two values a case.

    Args:
        first: float [cases].
        second: float [cases].

    Returns:
        The correlation of the ranks (ties share their mean rank), a percentile bootstrap interval
        over the cases, and the p-value of a permutation test.
    """
    cases = len(first)
    if cases < 3:
        return undefined('there are fewer than three cases')
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return undefined('one of the two is the same in all cases')
    value = float(_rank_correlations(first, second))
    low, high, note = bootstrap_over_cases(
        lambda drawn: _rank_correlations(first[drawn], second[drawn]), cases
    )
    return Estimate(value, low, high, _permutation_p(first, second), note)


def _permutation_p(first: np.ndarray, second: np.ndarray) -> float:
    """How often shuffled cases correlate as far as these, the cases themselves counted in."""
    a, b = (_centred_ranks(values) for values in (first, second))
    shuffled = np.random.default_rng(SEED).permuted(np.tile(b, (SHUFFLES, 1)), axis=1)
    # Ranks are halves, so sums are exact, and a tie is a tie.
    as_far = np.abs(shuffled @ a) >= abs(b @ a)
    return float((1 + np.count_nonzero(as_far)) / (1 + SHUFFLES))


def _centred_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks along the last axis, less their mean; ties share their mean rank."""
    ranks = stats.rankdata(values, axis=-1)
    return ranks - ranks.mean(axis=-1, keepdims=True)


def _rank_correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Rank correlations along the last axis; not a number where one side is constant."""
    a, b = _centred_ranks(first), _centred_ranks(second)
    scale = np.sqrt(np.square(a).sum(axis=-1) * np.square(b).sum(axis=-1))
    products = (a * b).sum(axis=-1)
    return np.divide(products, scale, out=np.full_like(products, np.nan), where=scale > 0)


def bootstrap_over_cases(
    statistic: Callable[[np.ndarray], np.ndarray], cases: int
) -> tuple[float, float, str]:
    """The percentile interval of a statistic, resampling whole cases.

    Args:
        statistic: from case numbers, int [RESAMPLES, cases] with repeats, to float [RESAMPLES]; not
            a number where it is not defined.
        cases: how many cases there are.

    Returns:
        Lower and upper end, and a note that says why there is none, or nothing.
    """
    if cases < FEWEST_CASES:
        return math.nan, math.nan, f'no interval: under {FEWEST_CASES} cases'
    draws = np.random.default_rng(SEED).integers(0, cases, (RESAMPLES, cases))
    values = statistic(draws)
    defined = values[np.isfinite(values)]
    if len(defined) < DEFINED_SHARE * RESAMPLES:
        return math.nan, math.nan, 'no interval: nearly all answers are the same'
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high), ''
