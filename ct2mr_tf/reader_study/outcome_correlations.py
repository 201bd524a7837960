"""The paper's own question: do MAE, PSNR and SSIM say what readers see?"""

import itertools
from collections.abc import Mapping

import pandas as pd

from ct2mr_tf.reader_study.estimates import Estimate, rank_correlation

BETTER_IS = {'mae': 'lower', 'psnr_db': 'higher', 'ssim': 'higher'}
"""The metrics that are held against readers, and which end is the better one.

PSNR in the paper's convention is a constant more, so its ranks are those of PSNR.
"""


def correlations(cases: pd.DataFrame, outcomes: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Rank correlation of each metric with each outcome, and of outcomes with each other.

    Args:
        cases: the metrics of the cases, pair_id as the index.
        outcomes: by name, one value a case, pair_id as the index; more is better.

    Returns:
        One row each: outcome, measure, cases (that have both), rho, low, high, p_value, note, and
        agrees: the sign that rho has if the metric says what readers see, '+' or '-'.
    """
    measures = {metric: cases[metric] for metric in BETTER_IS}
    rows = [
        _row(name, outcome, metric, values)
        for (name, outcome), (metric, values) in itertools.product(
            outcomes.items(), measures.items()
        )
    ]
    rows += [
        _row(first, outcomes[first], second, outcomes[second])
        for first, second in itertools.combinations(outcomes, 2)
    ]
    return pd.DataFrame(rows)


def _row(name: str, outcome: pd.Series, measure: str, values: pd.Series) -> dict[str, object]:
    both = pd.concat([outcome, values], axis=1, join='inner').dropna()
    found: Estimate = rank_correlation(both.iloc[:, 0].to_numpy(), both.iloc[:, 1].to_numpy())
    return {
        'outcome': name,
        'measure': measure,
        'agrees': '-' if BETTER_IS.get(measure) == 'lower' else '+',
        'cases': len(both),
        'rho': found.value,
        'low': found.low,
        'high': found.high,
        'p_value': found.p_value,
        'note': found.note,
    }
