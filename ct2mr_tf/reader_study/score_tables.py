"""The tables of a score as people read them: the paper's Tables 2 and 3, and those beside them."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ct2mr_tf.evaluation.tables import p_text
from ct2mr_tf.reader_study import similarity_statistics, study_files
from ct2mr_tf.reader_study.estimates import NOTHING, Estimate

METRIC_NAMES = {'mae': 'MAE', 'psnr_db': 'PSNR, dB', 'ssim': 'SSIM'}
"""The metrics that readers are held against, as people call them."""

METRIC_DIGITS = {'mae': 2, 'psnr_db': 2, 'ssim': 3}
"""Digits after the point of each."""

TEXT_COLUMNS = frozenset(['Role', 'By', 'Beside', 'Expected sign'])
"""Columns that hold words."""


@dataclasses.dataclass(frozen=True)
class ScoreTable:
    """A table of text.

    Attributes:
        caption: what it shows.
        columns: heads of the columns; the first names the rows.
        rows: text of each row.
        main: places of the rows that sum others up.
        notes: what must be said below it.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    main: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()

    def frame(self) -> pd.DataFrame:
        """The same as a data frame, the first column as the index."""
        return pd.DataFrame(self.rows, columns=list(self.columns)).set_index(self.columns[0])

    def text(self) -> str:
        """The same for a terminal."""
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows, strict=True)]
        lines = [
            '  '.join(
                cell.ljust(width) if place == 0 else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in (self.columns, *self.rows)
        ]
        return '\n'.join([self.caption, *lines])


def role_name(role: str) -> str:
    """A role as people write it."""
    return role.replace('_', ' ').capitalize()


def _estimate(
    row: Mapping[str, float], name: str, low: str = 'low', high: str = 'high'
) -> Estimate:
    return Estimate(row[name], row[low], row[high])


def _who(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Name, role and years of experience of a row of readers."""
    if row['group'] == 'reader':
        return row['name'], role_name(row['role']), row['years']
    count = row['readers']
    name = row['name']
    if row['group'] == 'role':
        name = f'{role_name(name)}{"s" if count > 1 else ""}'
    return f'{name} ({count})', '', ''


def _summing(table: pd.DataFrame) -> frozenset[int]:
    return frozenset(place for place, group in enumerate(table['group']) if group != 'reader')


def table_2(rates: pd.DataFrame) -> ScoreTable:
    """The paper's Table 2: how often each reader took the synthetic MR for the real one.

    Args:
        rates: of `choice_statistics.rates`, of a study of forced choice.
    """
    rows = tuple(
        (
            *_who(row),
            f'{row["answers"]}',
            f'{row["taken"]}',
            _estimate(row, 'rate').text(1, 100),
            p_text(row['p_value']),
            p_text(row['p_holm']),
        )
        for row in rates.to_dict('records')
    )
    heads = ('Reader', 'Role', 'Years', 'Cases', 'Synthetic chosen', '% [95 % CI]', 'p', 'p, Holm')
    return ScoreTable('Table 2. Synthetic MR taken for the real one', heads, rows, _summing(rates))


def table_2_yes_no(detection: pd.DataFrame) -> ScoreTable:
    """Table 2 of a study that shows one MR at a time.

    Args:
        detection: of `choice_statistics.detection`.
    """

    def share(row: Mapping[str, float], name: str) -> str:
        return _estimate(row, name, f'{name}_low', f'{name}_high').text(1, 100)

    rows = tuple(
        (
            *_who(row),
            f'{row["accuracy_answers"]}',
            *(share(row, name) for name in ('sensitivity', 'fooled', 'accuracy')),
            p_text(row['p_value']),
        )
        for row in detection.to_dict('records')
    )
    heads = (
        'Reader',
        'Role',
        'Years',
        'Answers',
        'Real called real',
        'Synthetic called real',
        'Right',
        'p',
    )
    caption = 'Table 2. Real or synthetic, one picture at a time: % [95 % CI]'
    note = (
        'Sensitivity for real MR: real called real. Specificity: 100 % less synthetic called real.'
    )
    return ScoreTable(caption, heads, rows, _summing(detection), (note,))


def choice_cases(by_case: pd.DataFrame, caption: str) -> ScoreTable:
    """The cases by how often their synthetic MR was taken for the real one, most often first.

    Args:
        by_case: of `choice_statistics.by_case`.
        caption: of the table.
    """
    ordered = by_case.sort_values(['rate', 'mae'], ascending=[False, True], kind='stable')
    rows = tuple(
        (
            pair_id,
            f'{row["taken"]}/{row["answers"]}',
            _estimate(row, 'rate').text(0, 100),
            *_metrics(row),
            row['by_whom'].replace(' ', ', '),
        )
        for pair_id, row in zip(ordered.index, ordered.to_dict('records'), strict=True)
    )
    heads = ('Case', 'Taken for real', '% [95 % CI]', *METRIC_NAMES.values(), 'By')
    return ScoreTable(caption, heads, rows)


def _metrics(row: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(f'{row[metric]:.{digits}f}' for metric, digits in METRIC_DIGITS.items())


def table_3(scores: pd.DataFrame, agreement: Mapping[str, tuple[int, Estimate]]) -> ScoreTable:
    """The paper's Table 3: similarity of each structure, mean +- SD, and how far readers agree.

    Args:
        scores: of a study of similarity.
        agreement: of `similarity_statistics.agreement`.
    """
    summary = similarity_statistics.by_item(scores)
    whole = study_files.ALL_ITEMS
    if whole in agreement:
        means = similarity_statistics.case_means(scores).assign(item=whole)
        summary = pd.concat([summary, similarity_statistics.by_item(means)])
    who = list(summary['reader'].unique())
    rows = []
    for item, own in summary.groupby('item', sort=False):
        cells = own.set_index('reader')
        icc = agreement[item][1]
        rows.append((item, *(_mean_sd(cells, reader) for reader in who), icc.text(2)))
    main = frozenset([len(rows) - 1]) if whole in agreement else frozenset()
    caption = 'Table 3. Similarity of synthetic and real MR, %, mean ± SD'
    notes = _reasons({item: icc for item, (_, icc) in agreement.items()}, 'ICC')
    return ScoreTable(caption, ('Item', *who, 'ICC(2,1) [95 % CI]'), tuple(rows), main, notes)


def _mean_sd(cells: pd.DataFrame, reader: str) -> str:
    """Mean and deviation of a reader; a dash where there is no score."""
    if reader not in cells.index:
        return NOTHING
    mean, sd = cells.loc[reader, ['mean', 'sd']]
    return f'{mean:.1f}' if math.isnan(sd) else f'{mean:.1f} ± {sd:.1f}'


def _reasons(estimates: Mapping[str, Estimate], what: str) -> tuple[str, ...]:
    """Why numbers are missing, each reason once with the rows it is true of."""
    rows: dict[str, list[str]] = {}
    for name, estimate in estimates.items():
        if estimate.note:
            rows.setdefault(estimate.note, []).append(name)
    return tuple(f'{what} of {", ".join(names)}: {note}.' for note, names in rows.items())


def similarity_cases(scores: pd.DataFrame, cases: pd.DataFrame) -> ScoreTable:
    """The cases by their similarity over all items, the least similar first.

    Args:
        scores: of a study of similarity.
        cases: the metrics of the cases, pair_id as the index.
    """
    summary = similarity_statistics.by_case(scores)
    overall = summary[summary['reader'] == similarity_statistics.ALL].set_index('pair_id')
    who = list(summary['reader'].unique())
    rows = []
    for pair_id in overall.sort_values('mean', kind='stable').index:
        cells = summary[summary['pair_id'] == pair_id].set_index('reader')
        values = (_mean_sd(cells, reader) for reader in who)
        rows.append((pair_id, *values, *_metrics(cases.loc[pair_id])))
    caption = 'Similarity by case, %, mean ± SD over the items'
    return ScoreTable(caption, ('Case', *who, *METRIC_NAMES.values()), tuple(rows))


def limits_of_agreement(pairs: Sequence[similarity_statistics.ReaderPair]) -> ScoreTable:
    """Bias and limits of agreement of every two readers."""
    rows, notes = [], {}
    for pair in pairs:
        name, limits = f'{pair.first} − {pair.second}', pair.limits
        notes[name] = limits.lower
        numbers = (limits.bias, limits.lower, limits.upper)
        sd = NOTHING if math.isnan(limits.sd) else f'{limits.sd:.1f}'
        cells = (*map(str, pair.scores.shape[:2]), *(number.text(1) for number in numbers), sd)
        rows.append((name, *cells))
    numbers_of = ('Bias [95 % CI]', 'Lower limit [95 % CI]', 'Upper limit [95 % CI]', 'SD')
    heads = ('Readers', 'Cases', 'Items', *numbers_of)
    caption = 'Differences of two readers, percentage points'
    return ScoreTable(caption, heads, tuple(rows), notes=_reasons(notes, 'Limits'))


def correlation_table(correlations: pd.DataFrame) -> ScoreTable:
    """Rank correlations of metrics and readers.

    Args:
        correlations: of `outcome_correlations.correlations`.
    """
    records = correlations.to_dict('records')
    rows = tuple(
        (
            row['outcome'],
            METRIC_NAMES.get(row['measure'], row['measure']),
            f'{row["cases"]}',
            {'+': 'positive', '-': 'negative'}[row['agrees']],
            _estimate(row, 'rho').text(2),
            p_text(row['p_value']),
        )
        for row in records
    )
    named = {
        f'{row["outcome"]} and {METRIC_NAMES.get(row["measure"], row["measure"])}': Estimate(
            row['rho'], note=row['note']
        )
        for row in records
    }
    heads = ('What readers say', 'Beside', 'Cases', 'Expected sign', 'rho [95 % CI]', 'p')
    caption = "Spearman's rank correlation over the cases"
    return ScoreTable(caption, heads, rows, notes=_reasons(named, 'rho'))
