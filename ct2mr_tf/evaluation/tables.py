"""Tables of an evaluation: cases, a summary beside the baselines, tissues; as CSV and as text."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from ct2mr_tf.evaluation.cases import Case
from ct2mr_tf.evaluation.metrics import METRICS

MODEL = 'model'
"""Name of the model's row in the summary."""

FLOOR = 'floor'
"""Name of the row of the error that no model can pass."""

TOLERANCE = 15.0
"""Grey levels by which a tissue's mean may be off: 6 % of the grey scale, a shade one just sees."""

SMALLEST_SHARE = 0.1
"""Percent of the pixels below which a tissue's mean is too few pixels' to be judged."""

DIGITS = {
    'mae': 2,
    'rmse': 2,
    'psnr_db': 2,
    'psnr_paper_db': 2,
    'ssim': 3,
    'pearson': 3,
}
"""Digits after the point with which each metric is printed."""

SMALLEST_P = 0.001
"""A p-value below it is shown as being below it."""


def summary_table(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Mean, standard deviation and range over the cases, for the model and the baselines.

    Args:
        tables: a table of cases for each predictor, by name.

    Returns:
        One row a predictor, for each metric the columns `<metric>_mean`, `<metric>_sd` (n - 1 in
        the denominator; not a number with a single case), `<metric>_min` and `<metric>_max`.
    """
    rows = {}
    for name, table in tables.items():
        # The PSNR of equal pictures is infinite, and then has no deviation.
        with np.errstate(invalid='ignore'):
            parts = {
                'mean': table.mean(),
                'sd': table.std(),
                'min': table.min(),
                'max': table.max(),
            }
        rows[name] = {
            f'{metric}_{part}': values[metric]
            for metric in METRICS
            for part, values in parts.items()
        }
    return pd.DataFrame.from_dict(rows, orient='index').rename_axis('predictor')


def with_floor(summary: pd.DataFrame, floor_mae: Iterable[float]) -> pd.DataFrame:
    """The summary with a last row that holds mean, deviation and range of the floor's MAE."""
    floors = pd.Series(list(floor_mae), dtype=np.float64)
    values = {'mean': floors.mean(), 'sd': floors.std(), 'min': floors.min(), 'max': floors.max()}
    row = pd.DataFrame({f'mae_{part}': [value] for part, value in values.items()}, index=[FLOOR])
    return pd.concat([summary, row]).rename_axis('predictor')


def share_closed(summary: pd.DataFrame) -> float:
    """How much of the way from the best baseline's MAE to the floor's the model goes, 1 for all."""
    mae = summary['mae_mean']
    best = mae.drop([MODEL, FLOOR]).min()
    return float((best - mae[MODEL]) / (best - mae[FLOOR]))


class TissueSums:
    """Sums of grey for each tissue, over any number of cases."""

    def __init__(self, labels_of: Callable[[Case], np.ndarray], tissues: dict[int, str]) -> None:
        """Sums of nothing yet.

        Args:
            labels_of: gives the tissue of each pixel of a case, uint8 [H, W].
            tissues: name of each label; labels of one name are one tissue.
        """
        self._labels_of, self._tissues = labels_of, tissues
        self._pixels, self._real, self._synthetic = np.zeros((3, max(tissues) + 1))

    def add(self, case: Case) -> None:
        """Adds all pixels of a case."""
        labels = self._labels_of(case).ravel()
        size = len(self._pixels)
        self._pixels += np.bincount(labels, minlength=size)
        self._real += np.bincount(labels, case.real.ravel(), size)
        self._synthetic += np.bincount(labels, case.synthetic.ravel(), size)

    def table(self) -> pd.DataFrame:
        """Mean grey of each tissue in the real and in the synthetic MR.

        Returns:
            One row a tissue that occurs: share of all pixels in percent, real and synthetic mean,
            and their difference, in grey levels.
        """
        columns = {'pixels': self._pixels, 'real': self._real, 'synthetic': self._synthetic}
        sums = pd.DataFrame(columns).loc[list(self._tissues)]
        sums = sums.groupby(list(self._tissues.values()), sort=False).sum()
        sums = sums[sums.pixels > 0]
        table = pd.DataFrame(
            {
                'share_percent': 100 * sums.pixels / self._pixels.sum(),
                'real_mean': sums.real / sums.pixels,
                'synthetic_mean': sums.synthetic / sums.pixels,
                'difference': (sums.synthetic - sums.real) / sums.pixels,
            }
        )
        return table.rename_axis('tissue')


def tissues_off(table: pd.DataFrame) -> list[str]:
    """Names of the tissues whose mean is off, of those with enough pixels to be judged."""
    judged = table[table.share_percent >= SMALLEST_SHARE]
    return judged.index[judged.difference.abs() > TOLERANCE].tolist()


def summary_text(summary: pd.DataFrame) -> str:
    """The summary for a terminal: `mean +- SD`, one row a predictor."""
    columns = {
        metric: [
            _mean_and_sd(row[f'{metric}_mean'], row[f'{metric}_sd'], digits)
            for _, row in summary.iterrows()
        ]
        for metric, digits in DIGITS.items()
    }
    return pd.DataFrame(columns, index=summary.index.rename(None)).to_string()


def _mean_and_sd(mean: float, sd: float, digits: int) -> str:
    if np.isnan(mean):
        return '-'
    if np.isnan(sd):
        return f'{mean:.{digits}f}'
    return f'{mean:.{digits}f} +- {sd:.{digits}f}'


def p_text(p_value: float) -> str:
    """A p-value as tables show it, with three digits; nothing where there is none."""
    if np.isnan(p_value):
        return ''
    return f'< {SMALLEST_P}' if p_value < SMALLEST_P else f'{p_value:.3f}'


def p_phrase(p_value: float) -> str:
    """A p-value within a sentence: `p = 0.016`, or `p < 0.001`."""
    text = p_text(p_value)
    return f'p {text}' if text.startswith('<') else f'p = {text}'
