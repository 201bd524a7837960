"""The comparison of two models as a page, with its tables and figure as files beside it.

A folder holds `comparison.html`, `tables/` and `tables.xlsx` (the comparison, and both metrics and
the difference of every case), and `figures/`.
"""

import dataclasses
import pathlib

import numpy as np
import pandas as pd

from ct2mr_tf.evaluation import report_figures
from ct2mr_tf.evaluation.comparison import (
    COMPARED,
    CONFIDENCE,
    FEWEST_FOR_ALL,
    FEWEST_PATIENTS,
    RESAMPLES,
    interval_text,
    paired,
)
from ct2mr_tf.evaluation.pages import data_uri, write_page
from ct2mr_tf.evaluation.report_page import METRIC_NAMES, ROWS_A_PAGE, number_text
from ct2mr_tf.evaluation.tables import DIGITS, p_phrase, p_text
from ct2mr_tf.evaluation.workbooks import write_tables

PAGE_FILE = 'comparison.html'
"""The page in the folder of a comparison."""


@dataclasses.dataclass(frozen=True)
class Side:
    """One of the two.

    Attributes:
        run: its name.
        weights: which it has, in words.
    """

    run: str
    weights: str


@dataclasses.dataclass(frozen=True)
class Setting:
    """What was compared, for the head of the page.

    Attributes:
        a: the first model.
        b: the second.
        data_set: name of the data set.
        data_sha256: what tells it from another.
        split: 'train', 'val' or 'test'.
        patients_known: False where every case had to be taken for a patient.
    """

    a: Side
    b: Side
    data_set: str
    data_sha256: str
    split: str
    patients_known: bool


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What came out.

    Attributes:
        a: table of cases of the first model.
        b: the same of the second.
        patients: patient of each case.
        result: of `comparison.compare`.
    """

    a: pd.DataFrame
    b: pd.DataFrame
    patients: dict[str, str]
    result: pd.DataFrame


def write_comparison(folder: pathlib.Path, setting: Setting, comparison: Comparison) -> None:
    """Writes page, tables and figure into a folder.

    Args:
        folder: where to; it exists.
        setting: what was compared.
        comparison: what came out.

    Raises:
        OSError: the folder cannot be written to, or the disk is full.
    """
    differences = paired(comparison.a, comparison.b)
    by_case = differences.add_prefix('difference_')
    for letter, table in (('a', comparison.a), ('b', comparison.b)):
        by_case = by_case.join(
            table.loc[differences.index, list(COMPARED)].add_suffix(f'_{letter}')
        )
    write_tables(folder, {'comparison': comparison.result, 'cases': by_case})
    figure = report_figures.paired_differences(
        [(METRIC_NAMES[metric], differences[metric]) for metric in COMPARED]
    )
    picture = report_figures.save_figure(figure, folder / 'figures', 'differences')
    write_page(
        folder / PAGE_FILE,
        'comparison.html',
        setting=setting,
        rows=[_row(metric, row) for metric, row in comparison.result.iterrows()],
        sentence=_sentence(comparison.result.loc['mae']),
        count=len(differences),
        patients=len(set(comparison.patients.values())),
        fewest_patients=FEWEST_PATIENTS,
        fewest_for_all=FEWEST_FOR_ALL,
        confidence=f'{CONFIDENCE:.0%}',
        resamples=RESAMPLES,
        figure=data_uri(picture),
        metric_names=[METRIC_NAMES[metric] for metric in COMPARED],
        cases=_case_rows(differences),
        rows_a_page=ROWS_A_PAGE,
    )


def _sentence(mae: pd.Series) -> str:
    """What the comparison says about MAE."""
    if mae.better == 'neither':
        return 'Both have the same mean absolute error.'
    by = f'{mae.better} is better by {abs(mae.difference):.2f} grey levels of MAE in the mean'
    if np.isnan(mae.low):
        return f'{by}. With one patient, nobody can say how sure that is.'
    low, high = sorted((abs(mae.low), abs(mae.high)))
    if mae.low <= 0 <= mae.high:
        return (
            f'{by}, but the interval of the difference, {mae.low:+.2f} to {mae.high:+.2f}, holds 0.'
        )
    return f'{by} ({CONFIDENCE:.0%} interval {low:.2f} to {high:.2f}; {p_phrase(mae.p)}).'


def _row(metric: str, row: pd.Series) -> dict[str, str]:
    """A row of the table of metrics."""
    digits = DIGITS[metric]
    return {
        'name': METRIC_NAMES[metric],
        'good': 'lower' if COMPARED[metric] < 0 else 'higher',
        'a': number_text(row.a_mean, metric),
        'b': number_text(row.b_mean, metric),
        'difference': f'{row.difference:+.{digits}f}',
        'interval': interval_text(row.low, row.high, digits),
        'better': row.better,
        'share': f'{row.b_better_share:.0%}',
        'p': p_text(row.p),
        'p_holm': p_text(row.p_holm),
    }


def _case_rows(differences: pd.DataFrame) -> list[dict[str, object]]:
    """Rows of the table of cases: the one in which B gains most MAE first."""
    return [
        {
            'pair_id': pair_id,
            'cells': ['–' if np.isnan(row[m]) else f'{row[m]:+.{DIGITS[m]}f}' for m in COMPARED],
        }
        for pair_id, row in differences.sort_values('mae', kind='stable').iterrows()
    ]
