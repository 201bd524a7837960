"""Figures of a score: rates with intervals, cases, scores, differences of readers, correlations."""

import math
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ct2mr_tf.evaluation.report_figures import (
    BIAS_COLOUR,
    MODEL_COLOUR,
    OTHER_COLOUR,
    STYLE,
    draw_boxes,
)
from ct2mr_tf.reader_study.estimates import Estimate, number_text
from ct2mr_tf.reader_study.score_tables import METRIC_NAMES, role_name
from ct2mr_tf.reader_study.similarity_statistics import ALL, ReaderPair

READER_COLOURS = ('#0a4f8f', '#b3461b', '#2f7d4f', '#7a4fa3', '#8a6d00', '#3a8fa8')
"""Of readers beside each other; more readers than that begin again with another mark."""

READER_MARKS = ('o', 's', '^', 'D')
"""Of readers, beside the colour: no reader is told by colour alone."""

MOST_BARS = 60
"""Cases of which each has a bar; more would be a comb."""

ACROSS = 3
"""Panels beside each other."""

MOST_PANELS = 15
"""Pairs of readers of which each has a panel: those of six readers."""

MOST_APART = 12
"""Readers whose scores are drawn apart; those of more are drawn together."""

_FAINTEST = '#e3e7ec'
_FAINT = '#8a939e'


def rates(table: pd.DataFrame, measures: dict[str, str], chance: str) -> Figure:
    """Shares of readers, roles and all, as points with their intervals.

    Args:
        table: of `choice_statistics.rates` or `detection`.
        measures: label of each column to draw, by the column; its interval stands in the columns
            `low` and `high`, with the column's name and `_` before them if there are several.
        chance: the column in which one half is what guessing gives.
    """
    height = 0.9 + 0.3 * len(table)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4 + 3.5 * len(measures), height), layout='constrained')
        axes = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
        for axis, (name, label) in zip(axes, measures.items(), strict=True):
            prefix = f'{name}_' if len(measures) > 1 else ''
            if name == chance:
                axis.axvline(50, color=_FAINT, linestyle='--', linewidth=1)
                paper = {'facecolor': 'white', 'edgecolor': 'none', 'pad': 1.5}
                ink = {'color': '#545b64', 'fontsize': 8, 'ha': 'center', 'va': 'center'}
                axis.text(50, -0.75, 'guessing', **ink, bbox=paper)
            for row, values in enumerate(table.to_dict('records')):
                summing = values['group'] != 'reader'
                colour = OTHER_COLOUR if not summing else MODEL_COLOUR
                ends = [100 * values[f'{prefix}low'], 100 * values[f'{prefix}high']]
                axis.plot(ends, [row, row], color=colour, linewidth=2 if summing else 1.3)
                mark = 'D' if summing else 'o'
                axis.plot(100 * values[name], row, mark, color=colour, markersize=6)
            axis.set(xlim=(-2, 102), xlabel=label)
            axis.grid(axis='x', color=_FAINTEST, linewidth=0.8)
        axes[0].set_yticks(range(len(table)), [_label(row) for row in table.to_dict('records')])
        axes[0].set_ylim(len(table) - 0.5, -1.0)
    return figure


def _label(row: dict[str, Any]) -> str:
    if row['group'] == 'reader':
        return f'{row["name"]}, {role_name(row["role"]).lower()}'
    if row['group'] == 'role':
        return f'{role_name(row["name"])}{"s" if row["readers"] > 1 else ""}'
    return row['name']


def taken_by_case(by_case: pd.DataFrame) -> Figure | None:
    """How many readers took the synthetic MR of each case for the real one; not for many cases."""
    if len(by_case) > MOST_BARS:
        return None
    ordered = by_case.sort_values(['taken', 'mae'], ascending=[False, True], kind='stable')
    with matplotlib.rc_context(STYLE):
        width = min(11, 4 + 0.45 * len(ordered))
        figure = Figure(figsize=(width, 3.2), layout='constrained')
        axis = figure.subplots()
        places = np.arange(len(ordered))
        axis.bar(places, ordered['answers'], color='#edf0f4', label='answers')
        axis.bar(places, ordered['taken'], color=MODEL_COLOUR, label='taken for the real one')
        axis.set_xticks(places, ordered.index, rotation=60, ha='right', fontsize=8)
        axis.set_ylabel('readers')
        axis.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
        axis.legend(frameon=False, ncols=2, loc='lower right', bbox_to_anchor=(1, 1))
        axis.set_xlim(-0.6, len(ordered) - 0.4)
    return figure


def scores_by_item(scores: pd.DataFrame) -> Figure:
    """Scores of each item as a box and points, from the top: of each reader if they are few."""
    if scores['reader'].nunique() > MOST_APART:
        scores = scores.assign(reader=ALL)
    items, readers = list(scores['item'].unique()), list(scores['reader'].unique())
    rng = np.random.default_rng(0)
    step = 0.7 / len(readers)
    with matplotlib.rc_context(STYLE):
        height = 1.0 + len(items) * max(0.42, 0.16 * len(readers))
        figure = Figure(figsize=(9, height), layout='constrained')
        axis = figure.subplots()
        for number, reader in enumerate(readers):
            colour, mark = _look(number)
            own = scores[scores['reader'] == reader].groupby('item')['percent']
            values = [own.get_group(item) if item in own.groups else [] for item in items]
            at = np.arange(len(items)) + (number - (len(readers) - 1) / 2) * step
            draw_boxes(axis, values, at, 0.75 * step, colour)
            points = np.concatenate([np.asarray(own, np.float64) for own in values])
            rows = np.repeat(at, [len(own) for own in values])
            rows = rows + rng.uniform(-0.25, 0.25, len(rows)) * step
            axis.plot(points, rows, mark, color=colour, alpha=0.55, markersize=3.5, label=reader)
        axis.set_yticks(range(len(items)), items)
        axis.set(ylim=(len(items) - 0.5, -0.5), xlim=(-1, 101), xlabel='similarity, %')
        axis.grid(axis='x', color=_FAINTEST, linewidth=0.8)
        axis.legend(
            frameon=False, ncols=min(6, len(readers)), loc='lower left', bbox_to_anchor=(0, 1)
        )
    return figure


def _look(number: int) -> tuple[str, str]:
    """Colour and mark of a reader."""
    colours = len(READER_COLOURS)
    return READER_COLOURS[number % colours], READER_MARKS[number // colours % len(READER_MARKS)]


def bland_altman(pairs: list[ReaderPair]) -> Figure:
    """Differences of every two readers against their means, with bias and limits of agreement."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _panels(len(pairs), 3.3)
        for axis, pair in zip(axes, pairs, strict=False):
            first, second = pair.scores[..., 0].ravel(), pair.scores[..., 1].ravel()
            limits = pair.limits
            axis.plot(
                (first + second) / 2,
                first - second,
                'o',
                color=MODEL_COLOUR,
                alpha=0.5,
                markersize=4,
            )
            axis.axhline(0, color=_FAINT, linewidth=0.8)
            lines = ((limits.bias, '-'), (limits.lower, '--'), (limits.upper, '--'))
            for estimate, dashes in lines:
                if math.isnan(estimate.value):
                    continue
                axis.axhline(estimate.value, color=BIAS_COLOUR, linestyle=dashes, linewidth=1.3)
                if not math.isnan(estimate.low):
                    axis.axhspan(estimate.low, estimate.high, color=BIAS_COLOUR, alpha=0.12, lw=0)
                axis.annotate(
                    number_text(estimate.value, 1),
                    xy=(1, estimate.value),
                    xycoords=('axes fraction', 'data'),
                    xytext=(3, 0),
                    textcoords='offset points',
                    va='center',
                    color=BIAS_COLOUR,
                )
            axis.set_title(f'{pair.first} − {pair.second}')
            axis.set(xlabel='mean of the two, %', ylabel='difference, points')
    return figure


def correlations(
    cases: pd.DataFrame, outcomes: dict[str, pd.Series], table: pd.DataFrame
) -> Figure:
    """Each outcome against each metric, a point a case, with rho.

    Args:
        cases: the metrics, pair_id as the index.
        outcomes: by name, one value a case.
        table: of `outcome_correlations.correlations`.
    """
    rho = table.set_index(['outcome', 'measure'])
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11, 3.1 * len(outcomes)), layout='constrained')
        axes = figure.subplots(len(outcomes), len(METRIC_NAMES), sharey='row', squeeze=False)
        for row, (name, outcome) in zip(axes, outcomes.items(), strict=True):
            for axis, (metric, label) in zip(row, METRIC_NAMES.items(), strict=True):
                both = pd.concat([cases[metric], outcome], axis=1, join='inner').to_numpy()
                axis.plot(*both.T, 'o', color=MODEL_COLOUR, alpha=0.7, markersize=5)
                axis.set_xlabel(label)
                axis.grid(color=_FAINTEST, linewidth=0.8)
                axis.set_axisbelow(True)
                found = rho.loc[(name, metric)]
                axis.set_title(_rho_text(found), fontsize=9, loc='right')
            row[0].set_ylabel(name)
    return figure


def _rho_text(found: pd.Series) -> str:
    if math.isnan(found['rho']):
        return 'rho not defined'
    return f'rho {Estimate(found["rho"], found["low"], found["high"]).text(2)}'


def _panels(count: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels, at most ACROSS beside each other."""
    across = min(ACROSS, count)
    down = -(-count // across)
    figure = Figure(
        figsize=(5.5 if across == 1 else 3.7 * across, height * down), layout='constrained'
    )
    axes = list(figure.subplots(down, across, squeeze=False).ravel())
    for axis in axes[count:]:
        axis.set_visible(False)
    return figure, axes
