"""Two models on the same cases: paired differences, how sure they are, and a test.

Discs of one patient are alike, so cases are no independent draws: patients are. The interval of the
mean difference comes from resampling whole patients (cluster bootstrap; bias-corrected and
accelerated, Efron 1987), and the test is Wilcoxon's signed ranks (1945) on the mean difference of
each patient. With one case a patient, both are the plain ones. Where the table of pairs is missing
every case counts as a patient, and the interval is then too narrow if some belong together.

The metrics are five views of the same pictures, and five tests have five chances to find something:
`p_holm` holds all of them (Holm 1979). The paper's PSNR is PSNR plus a constant: no sixth.
"""

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats import multitest

from ct2mr_tf.evaluation.tables import DIGITS, p_text

COMPARED = {'mae': -1, 'rmse': -1, 'psnr_db': 1, 'ssim': 1, 'pearson': 1}
"""Metrics that are compared; 1 where more is better, -1 where less is."""

CONFIDENCE = 0.95
"""Level of the intervals."""

RESAMPLES = 9999
"""Draws of the bootstrap."""

FEWEST_PATIENTS = 6
"""With fewer, the test cannot say p < 0.05, whatever the data: its smallest p is 2 / 2^patients."""

FEWEST_FOR_ALL = 8
"""With fewer, no test can say p < 0.05 once all five are held together."""

_BATCH = 500
"""Draws held in memory at a time."""


def paired(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """The difference B - A of every case.

    Args:
        a: table of cases of the first model: pair_id as the index, metrics as columns.
        b: the same of the second, of the same cases.

    Returns:
        One row a case, in the order of `a`, one column for each of COMPARED.

    Raises:
        ValueError: the tables are not of the same cases.
    """
    if not a.index.is_unique or set(a.index) != set(b.index) or len(a) != len(b):
        raise ValueError('the two tables are not of the same cases')
    with np.errstate(invalid='ignore'):  # the PSNR of equal pictures is infinite
        return b.loc[a.index, list(COMPARED)] - a[list(COMPARED)]


def compare(a: pd.DataFrame, b: pd.DataFrame, patients: dict[str, str]) -> pd.DataFrame:
    """Compares two models on the same cases.

    Args:
        a: table of cases of the first model.
        b: the same of the second.
        patients: patient of each case, by pair_id.

    Returns:
        One row a metric: `cases` and `patients` (with a finite difference), `a_mean`, `b_mean`,
        `difference` (mean of B - A over the cases), `low` and `high` (its interval; not a number
        with one patient), `better` ('A', 'B' or 'neither', by the sign), `b_better_share` (of
        the cases, ties counting half), `p` (Wilcoxon, two-sided), `p_holm`.

    Raises:
        ValueError: the tables are not of the same cases, or a case has no patient.
    """
    differences = paired(a, b)
    without = [pair_id for pair_id in differences.index if pair_id not in patients]
    if without:
        raise ValueError(f'no patient of {without[0]} and {len(without) - 1} more')
    rows = {}
    for metric in COMPARED:
        column = differences[metric]
        known = column[np.isfinite(column)]
        group = known.groupby([patients[pair_id] for pair_id in known.index])
        low, high = _interval(group.sum().to_numpy(), group.count().to_numpy())
        rows[metric] = {
            'cases': len(known),
            'patients': group.ngroups,
            'a_mean': a.loc[known.index, metric].mean(),
            'b_mean': b.loc[known.index, metric].mean(),
            'difference': known.mean(),
            'low': low,
            'high': high,
            **_direction(known, metric),
            'p': _signed_rank_p(group.mean().to_numpy()),
        }
    table = pd.DataFrame.from_dict(rows, orient='index').rename_axis('metric')
    table['p_holm'] = multitest.multipletests(table.p, method='holm')[1]
    return table


def _direction(known: pd.Series, metric: str) -> dict[str, str | float]:
    """Which model is better by the mean, and in which share of the cases B is."""
    gain = COMPARED[metric] * known
    mean = gain.mean()
    better = 'B' if mean > 0 else 'A' if mean < 0 else 'neither'
    share = ((gain > 0) + 0.5 * (gain == 0)).mean()
    return {'better': better, 'b_better_share': share}


def _interval(sums: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    """Interval of the mean over cases, when patients with these sums and counts are drawn anew."""
    if len(sums) < 2:
        return np.nan, np.nan
    if np.ptp(sums / counts) == 0:
        return (sums[0] / counts[0],) * 2

    def mean(sums: np.ndarray, counts: np.ndarray, axis: int = -1) -> np.ndarray:
        return sums.sum(axis) / counts.sum(axis)

    result = stats.bootstrap(
        (sums, counts),
        mean,
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        confidence_level=CONFIDENCE,
        method='BCa',
        random_state=np.random.default_rng(0),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def _signed_rank_p(means: np.ndarray) -> float:
    """Two-sided p of Wilcoxon's signed-rank test; 1 where nothing differs."""
    return float(stats.wilcoxon(means).pvalue) if np.any(means) else 1.0


def comparison_text(table: pd.DataFrame) -> str:
    """The comparison for a terminal, one row a metric."""
    rows = {}
    for metric, row in table.iterrows():
        digits = DIGITS[metric]
        rows[metric] = {
            'A': f'{row.a_mean:.{digits}f}',
            'B': f'{row.b_mean:.{digits}f}',
            'B - A': f'{row.difference:+.{digits}f}',
            '95 % interval': interval_text(row.low, row.high, digits),
            'better': row.better,
            'B better in': f'{row.b_better_share:.0%}',
            'p': p_text(row.p),
            'p (Holm)': p_text(row.p_holm),
        }
    return pd.DataFrame.from_dict(rows, orient='index').to_string()


def interval_text(low: float, high: float, digits: int) -> str:
    """An interval with signs as tables show it; a dash where there is none."""
    return '–' if np.isnan(low) else f'{low:+.{digits}f} to {high:+.{digits}f}'
