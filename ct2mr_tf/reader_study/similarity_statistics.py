"""How similar synthetic and real MR are to readers' eyes, in percent (the paper's Table 3).

Scores are a table with one row a score: reader, role, years, pair_id, item, percent (0 to 100).
"""

import dataclasses
import itertools

import numpy as np
import pandas as pd

from ct2mr_tf.reader_study.agreement import BlandAltman, bland_altman, intraclass_correlation
from ct2mr_tf.reader_study.estimates import Estimate
from ct2mr_tf.reader_study.study_answers import complete
from ct2mr_tf.reader_study.study_files import ALL_ITEMS

ALL = 'All readers'
"""Name of what is over all readers."""


@dataclasses.dataclass(frozen=True)
class ReaderPair:
    """Two readers' scores of the same pictures.

    Attributes:
        first: name of one reader.
        second: name of the other.
        scores: float [cases, items, 2], of the items that both scored at all, and of the cases in
            which both scored every one of these.
        limits: bias and limits of agreement, first minus second.
    """

    first: str
    second: str
    scores: np.ndarray = dataclasses.field(repr=False)
    limits: BlandAltman


def by_item(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation of each item, of each reader and of all.

    Returns:
        One row an item and reader, items in the order in which they come: item, reader (or ALL), n,
        mean, sd, lowest, highest. The deviation is over all scores (n - 1 in the denominator; not a
        number for one).
    """
    return _summary(scores, 'item')


def by_case(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation of each case over its items, of each reader and of all."""
    return _summary(scores, 'pair_id')


def by_reader(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation of each reader, and of all, over cases and items."""
    return _summary(scores.assign(what='All scores'), 'what')


def _summary(scores: pd.DataFrame, column: str) -> pd.DataFrame:
    both = pd.concat([scores, scores.assign(reader=ALL)])
    order = dict.fromkeys(itertools.product(scores[column].unique(), both['reader'].unique()))
    grouped = both.groupby([column, 'reader'])['percent']
    table = grouped.agg(n='count', mean='mean', sd='std', lowest='min', highest='max')
    return table.loc[[pair for pair in order if pair in table.index]].reset_index()


def case_means(scores: pd.DataFrame) -> pd.DataFrame:
    """Each reader's mean over the items of a case: reader, role, years, pair_id, percent."""
    columns = ['reader', 'role', 'years', 'pair_id']
    return scores.groupby(columns, sort=False, as_index=False)['percent'].mean()


def agreement(scores: pd.DataFrame) -> dict[str, tuple[int, Estimate]]:
    """ICC(2,1) of each item, and of the means over the items.

    The subjects are the cases. The scores of all items together are not taken as subjects: items
    that differ among themselves would pass for cases that readers tell apart.

    Returns:
        By item, then ALL_ITEMS: the number of cases that all readers scored, and the coefficient.
    """
    tables = dict(iter(scores.groupby('item', sort=False)))
    whole = _without_gaps(scores)
    if len(tables) > 1:
        tables[ALL_ITEMS] = case_means(whole)
    found, readers = {}, list(scores['reader'].unique())
    for item, own in tables.items():
        ratings = complete(own, ['pair_id'], 'percent', readers)
        found[item] = len(ratings), intraclass_correlation(ratings)
    return found


def _without_gaps(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores of those readers' cases in which every item has one: means then compare."""
    items = scores['item'].nunique()
    counts = scores.groupby(['reader', 'pair_id'])['item'].transform('count')
    return scores[counts == items]


def reader_pairs(scores: pd.DataFrame) -> list[ReaderPair]:
    """Bias and limits of agreement of every two readers, in the order in which they come."""
    items = list(scores['item'].unique())
    pairs = []
    for first, second in itertools.combinations(scores['reader'].unique(), 2):
        own = scores[scores['reader'].isin([first, second])]
        table = own.pivot(index='pair_id', columns=['item', 'reader'], values='percent')
        table = table.reindex(columns=pd.MultiIndex.from_product([items, [first, second]]))
        # What one of the two never scored leaves no gap in a case: it was not judged at all.
        shared = [item for item in items if table[item].notna().any().all()]
        whole = table[shared].dropna() if shared else table.iloc[:0, :0]
        both = whole.to_numpy().reshape(len(whole), len(shared), 2)
        pairs.append(ReaderPair(first, second, both, bland_altman(both[..., 0], both[..., 1])))
    return pairs


def agreement_table(found: dict[str, tuple[int, Estimate]]) -> pd.DataFrame:
    """ICC(2,1) as a table: item, cases, icc, low, high, note."""
    rows = [
        {
            'item': item,
            'cases': cases,
            'icc': icc.value,
            'low': icc.low,
            'high': icc.high,
            'note': icc.note,
        }
        for item, (cases, icc) in found.items()
    ]
    return pd.DataFrame(rows)


def limits_table(pairs: list[ReaderPair]) -> pd.DataFrame:
    """Bias and limits of agreement as a table, one row a pair of readers, in percent points."""
    rows = []
    for pair in pairs:
        row = {'first': pair.first, 'second': pair.second, 'cases': len(pair.scores)}
        row |= {'scores': pair.scores[..., 0].size, 'sd': pair.limits.sd}
        for name in ('bias', 'lower', 'upper'):
            estimate = getattr(pair.limits, name)
            row |= {name: estimate.value, f'{name}_low': estimate.low}
            row[f'{name}_high'] = estimate.high
        rows.append(row)
    return pd.DataFrame(rows)
