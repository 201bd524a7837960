"""What the page of a report says: numbers of an evaluation in words, rows and cards."""

import dataclasses
import urllib.parse
from collections.abc import Iterator

import numpy as np
import pandas as pd

from ct2mr_tf.evaluation import case_pictures, regions, tables
from ct2mr_tf.evaluation.case_pictures import CasePictures
from ct2mr_tf.evaluation.figures import DIFFERENCE_LIMIT
from ct2mr_tf.evaluation.grey_error import GreyErrors
from ct2mr_tf.evaluation.metrics import PAPER_PSNR_OFFSET_DB
from ct2mr_tf.evaluation.pages import data_uri
from ct2mr_tf.evaluation.published import PUBLISHED
from ct2mr_tf.evaluation.regions import RegionErrors

METRIC_NAMES = {
    'mae': 'MAE',
    'rmse': 'RMSE',
    'psnr_db': 'PSNR, dB',
    'psnr_paper_db': "paper's PSNR, dB",
    'ssim': 'SSIM',
    'pearson': 'correlation',
}
"""Metrics as pages call them, in the order of their columns."""

GREY_BIN = 4
"""Grey levels a bin of the figure of error against grey level; the table has every level."""

EXTREMES = 3
"""Cases shown at either end of the ranking, where there are more than four times as many."""

ROWS_A_PAGE = 50
"""Rows of the table of cases that are shown at a time."""

CARDS_A_PAGE = {1: 15, 2: 40}
"""Cases with pictures that are shown at a time, by the number of columns they stand in."""

CARD_WIDTHS = {1: '60rem', 2: '30rem'}
"""Least width of a case with its pictures, likewise."""

FULL_WIDTH = 1040
"""Pixels that the four pictures of a case fill side by side, where cases stand in one column."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """What was measured, for the head of the page.

    Attributes:
        run: name of the run.
        weights: which it has, and of what step.
        data_set: name of the data set.
        data_sha256: what tells it from another.
        split: 'train', 'val' or 'test'.
        patients: how many the cases belong to; None where nobody knows.
        ct_window: HU shown as black and white, where all cases have one.
        phantom: whether the cases are phantoms.
    """

    run: str
    weights: str
    data_set: str
    data_sha256: str
    split: str
    patients: int | None
    ct_window: tuple[float, float] | None
    phantom: bool


@dataclasses.dataclass(frozen=True)
class Results:
    """What came out.

    Attributes:
        cases: the model's table of cases.
        baselines: the same of each baseline, by name.
        summary: of both, with the floor of phantoms.
        tissues: the table of tissues, of phantoms.
        grey: the error against grey level.
        regions: the error by region.
        pictures: of the cases, in the report's folder.
    """

    cases: pd.DataFrame
    baselines: dict[str, pd.DataFrame]
    summary: pd.DataFrame
    tissues: pd.DataFrame | None
    grey: GreyErrors
    regions: RegionErrors
    pictures: CasePictures

    def ranking(self) -> list[str]:
        """Names of the cases, the one with the highest MAE first."""
        return self.cases.mae.sort_values(ascending=False, kind='stable').index.tolist()


def page_values(subject: Subject, results: Results) -> dict[str, object]:
    """Everything that the page says, but for its figures.

    Args:
        subject: what was measured.
        results: what came out; at least one case.

    Returns:
        Values by the names that `templates/report.html` gives them.
    """
    ranking = results.ranking()
    side = case_pictures.thumbnail_side(len(ranking))
    columns = 1 if side == max(case_pictures.SIDES) else 2
    region_table = results.regions.table()
    extremes = _extremes(results, ranking) if len(ranking) > 4 * EXTREMES else None
    kept = _with_pictures(ranking)
    return {
        'subject': subject,
        'facts': _facts(subject, results),
        'contents': _contents(results, extremes is not None),
        'result': {'sentence': _sentence(subject, results), 'baseline': _beside_baselines(results)},
        'metric_names': list(METRIC_NAMES.values()),
        'summary': [_summary_row(results.summary, name) for name in results.summary.index],
        'paper_offset': PAPER_PSNR_OFFSET_DB,
        'published': PUBLISHED,
        'grey_width': GREY_BIN,
        'difference_limit': DIFFERENCE_LIMIT,
        'regions': _region_values(region_table, ranking) if len(region_table) else None,
        'region_columns': ', '.join(regions.COLUMNS),
        'sac_reach': f'{regions.SAC_REACH_MM:g}',
        'tissues': _tissue_rows(results.tissues),
        'tolerance': f'{tables.TOLERANCE:g}',
        'smallest_share': f'{tables.SMALLEST_SHARE:g}',
        'extremes': extremes,
        'count': len(ranking),
        'card_count': len(kept),
        'cards': (_card(results, pair_id) for pair_id in kept),
        'cards_a_page': CARDS_A_PAGE[columns],
        'card_width': CARD_WIDTHS[columns],
        'rows': _case_rows(results.cases.loc[ranking], region_table),
        'rows_a_page': ROWS_A_PAGE,
    }


def number_text(value: float, metric: str) -> str:
    """A metric's value with its digits; a dash where there is none."""
    return '–' if np.isnan(value) else f'{value:.{tables.DIGITS[metric]}f}'


def _mean_and_sd(values: pd.Series) -> str:
    # The PSNR of equal pictures is infinite, and then has no deviation.
    with np.errstate(invalid='ignore'):
        mean, sd = values.mean(), values.std()
    return f'{mean:.2f}' if np.isnan(sd) else f'{mean:.2f} ± {sd:.2f}'


def _facts(subject: Subject, results: Results) -> list[tuple[str, str]]:
    """Names and values of the head."""
    count = len(results.cases)
    height, width = results.pictures.picture_size
    cases = f'{subject.split}: {count:,} {"pair" if count == 1 else "pairs"}'
    if subject.patients is not None:
        cases += f' of {subject.patients:,} {"patient" if subject.patients == 1 else "patients"}'
    facts = [
        ('Run', subject.run),
        ('Weights', subject.weights),
        ('Data set', subject.data_set + (' (phantoms, not patients)' if subject.phantom else '')),
        ('Its SHA-256', subject.data_sha256),
        ('Split', cases),
        ('Pictures', f'{width} × {height} pixels, 8-bit grey'),
    ]
    if subject.ct_window:
        facts.append(('CT window', '{:g} to {:g} HU'.format(*subject.ct_window)))
    return facts


def _contents(results: Results, extremes: bool) -> list[tuple[str, str]]:
    """Anchors and headings of the sections."""
    return [
        ('result', 'Result'),
        ('distributions', 'Distributions'),
        ('grey', 'Error against grey level'),
        ('regions', 'Error by region'),
        *([('tissues', 'Tissues')] if results.tissues is not None else []),
        *([('extremes', 'Worst and best cases')] if extremes else []),
        ('cases', 'Every case'),
        ('table', 'Table of cases'),
        ('method', 'How it was measured'),
    ]


def _sentence(subject: Subject, results: Results) -> str:
    """The result in a sentence."""
    mae, cases = results.cases.mae, len(results.cases)
    values = f'the mean absolute error is {_mean_and_sd(mae)} grey levels of 255'
    if cases == 1:
        return f'In the one case, {values}.'
    return (
        f'Over {cases:,} cases, {values} ({mae.min():.2f} to {mae.max():.2f}), the PSNR '
        f'{_mean_and_sd(results.cases.psnr_db)} dB, the SSIM {results.cases.ssim.mean():.3f}.'
    )


def _beside_baselines(results: Results) -> str:
    """The model beside the best baseline, and the floor."""
    mae = results.summary.mae_mean
    others = mae.drop([tables.MODEL, tables.FLOOR], errors='ignore')
    if not len(others):
        return ''
    text = f'The best baseline, {others.idxmin()}, has {others.min():.2f} grey levels'
    text += ': the model is better.' if mae[tables.MODEL] < others.min() else ': not beaten.'
    if tables.FLOOR in mae.index:
        share = tables.share_closed(results.summary)
        text += (
            f' From there to the floor of {mae[tables.FLOOR]:.2f}, it goes {share:.0%} of the way.'
        )
    return text


def _summary_row(summary: pd.DataFrame, name: str) -> dict[str, object]:
    """A row of Table 1: mean and SD of each metric, and its range."""
    row, cells = summary.loc[name], []
    for metric in METRIC_NAMES:
        mean, sd, least, most = (
            number_text(row[f'{metric}_{part}'], metric) for part in ('mean', 'sd', 'min', 'max')
        )
        spread = f'{least} to {most}' if sd != '–' else ''
        cells.append({'mean': f'{mean} ± {sd}' if sd != '–' else mean, 'range': spread})
    return {'name': name, 'cells': cells}


def _region_values(region_table: pd.DataFrame, ranking: list[str]) -> dict[str, object]:
    """The table of regions, and the case that the box is shown on."""
    share = region_table.inside_share.mean()
    return {
        'example': middle_with_box(region_table, ranking),
        'count': len(region_table),
        'inside': _mean_and_sd(region_table.inside_mae),
        'outside': _mean_and_sd(region_table.outside_mae),
        'inside_share': f'{share:.0%}',
        'outside_share': f'{1 - share:.0%}',
    }


def middle_with_box(region_table: pd.DataFrame, ranking: list[str]) -> str:
    """The case in the middle of the ranking, of those that have a box."""
    with_box = [pair_id for pair_id in ranking if pair_id in region_table.index]
    return with_box[len(with_box) // 2]


def _tissue_rows(tissues: pd.DataFrame | None) -> list[dict[str, object]]:
    """Rows of the table of tissues; none for patients."""
    if tissues is None:
        return []
    off = set(tables.tissues_off(tissues))
    return [
        {
            'name': row.Index,
            'share': row.share_percent,
            'real': row.real_mean,
            'synthetic': row.synthetic_mean,
            'difference': row.difference,
            'off': row.Index in off,
        }
        for row in tissues.itertuples()
    ]


def _extremes(results: Results, ranking: list[str]) -> dict[str, list[dict[str, object]]]:
    """The cases at both ends of the ranking, the outermost first."""
    return {
        'worst': [_card(results, pair_id) for pair_id in ranking[:EXTREMES]],
        'best': [_card(results, pair_id) for pair_id in ranking[: -EXTREMES - 1 : -1]],
    }


def _with_pictures(ranking: list[str]) -> list[str]:
    """The cases that the page has room for: all, or both ends of the ranking."""
    most = case_pictures.most_thumbnails()
    if len(ranking) <= most:
        return ranking
    return ranking[: most // 2] + ranking[-(most // 2) :]


def _card(results: Results, pair_id: str) -> dict[str, object]:
    """A case with its pictures."""
    row = results.cases.loc[pair_id]
    texts = {metric: number_text(row[metric], metric) for metric in METRIC_NAMES}
    thumbnail = results.pictures.thumbnails[pair_id]
    width, height = thumbnail.size
    factor = max(1, round(FULL_WIDTH / width))
    file_name = urllib.parse.quote(f'{pair_id}.png')
    return {
        'pair_id': pair_id,
        'line': f'MAE {texts["mae"]} · RMSE {texts["rmse"]} · PSNR {texts["psnr_db"]} dB · '
        f'SSIM {texts["ssim"]} · correlation {texts["pearson"]}',
        'sort_keys': {'mae': row.mae, 'ssim': row.ssim},
        'thumbnail': data_uri(thumbnail.jpeg, 'jpeg'),
        'width': factor * width,
        'height': factor * height,
        'slices_link': f'{case_pictures.PICTURES_FOLDER}/{file_name}',
        'difference_link': f'{case_pictures.DIFFERENCES_FOLDER}/{file_name}',
    }


def _case_rows(cases: pd.DataFrame, region_table: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Rows of the table of cases."""
    inside = region_table.reindex(cases.index) if len(region_table) else None
    for place, (pair_id, row) in enumerate(cases.iterrows()):
        cells = [number_text(row[metric], metric) for metric in METRIC_NAMES]
        if inside is not None:
            parts = inside.iloc[place]
            cells += [number_text(parts[name], 'mae') for name in ('inside_mae', 'outside_mae')]
        yield {'pair_id': pair_id, 'cells': cells}
