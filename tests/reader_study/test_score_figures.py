"""Figures of a score: what is drawn where, also of answers without any spread."""

import numpy as np
import pandas as pd
import pytest
import simulated_readers
from test_choice_statistics import choices_of, yes_no_of
from test_similarity_statistics import scores_of

from ct2mr_tf.evaluation import report_figures
from ct2mr_tf.reader_study import (
    choice_statistics,
    outcome_correlations,
    score_figures,
    similarity_statistics,
)


def lines_of(axis, mark):
    """Data of the lines of an axis that are drawn with a mark."""
    return [line.get_xydata() for line in axis.get_lines() if line.get_marker() == mark]


def test_rates_and_their_intervals_are_where_they_belong():
    rates = choice_statistics.rates(choices_of(np.eye(4, 2), ('resident', 'other')))
    figure = score_figures.rates(rates, {'rate': 'label'}, 'rate')
    (axis,) = figure.axes
    points = [*lines_of(axis, 'o'), *lines_of(axis, 'D')]
    assert [point[0].tolist() for point in points] == [
        [100 * rate, row] for row, rate in enumerate(rates['rate'])
    ]
    intervals = [list(line.get_xdata()) for line in axis.get_lines() if len(line.get_xdata()) == 2]
    assert [50, 50] in intervals  # guessing
    assert [100 * rates['low'][0], 100 * rates['high'][0]] in intervals
    assert [label.get_text() for label in axis.get_yticklabels()] == [
        'reader_01, resident',
        'reader_02, other',
        'Resident',
        'Other',
        'All readers',
    ]


def test_two_measures_have_two_panels_and_one_line_of_guessing():
    detection = choice_statistics.detection(yes_no_of(np.eye(4, 2), np.eye(4, 2)))
    measures = {'fooled': 'called real', 'accuracy': 'right'}
    left, right = score_figures.rates(detection, measures, 'accuracy').axes
    assert [axis.get_xlabel() for axis in (left, right)] == ['called real', 'right']
    assert not left.texts
    assert [text.get_text() for text in right.texts] == ['guessing']


def test_bars_of_cases():
    metrics = simulated_readers.drawn_metrics(np.random.default_rng(0), 3)
    metrics.index = ['P000', 'P001', 'P002']
    by_case = choice_statistics.by_case(choices_of([[0, 1], [0, 0], [1, 1]]), metrics)
    (axis,) = score_figures.taken_by_case(by_case).axes
    assert [label.get_text() for label in axis.get_xticklabels()] == ['P002', 'P000', 'P001']
    assert [bar.get_height() for bar in axis.containers[1]] == [2, 1, 0]
    assert score_figures.taken_by_case(pd.concat([by_case] * 21)) is None


def test_every_score_is_a_point():
    percent = np.random.default_rng(0).integers(50, 100, (5, 7, 2))
    (axis,) = score_figures.scores_by_item(scores_of(percent)).axes
    marks = [line for line in axis.get_lines() if str(line.get_label()).startswith('reader_')]
    assert [line.get_label() for line in marks] == [f'reader_{n:02d}' for n in range(1, 8)]
    for reader, line in enumerate(marks):
        assert sorted(line.get_xdata()) == sorted(percent[:, reader].ravel())
        # Near its item: the first half of the points belongs to item 0, the second to item 1.
        assert np.round(line.get_ydata()).tolist() == [0] * 5 + [1] * 5
    # A reader is told by more than colour.
    looks = {(line.get_color(), line.get_marker()) for line in marks}
    assert len(looks) == 7


def test_many_readers_are_drawn_together():
    percent = np.random.default_rng(0).integers(50, 100, (3, score_figures.MOST_APART + 1, 2))
    (axis,) = score_figures.scores_by_item(scores_of(percent)).axes
    marks = [line for line in axis.get_lines() if line.get_label() == 'All readers']
    assert [len(line.get_xdata()) for line in marks] == [percent.size]


def test_bland_altman_shows_bias_and_limits():
    percent = np.random.default_rng(0).uniform(50, 100, (6, 2, 3))
    pairs = similarity_statistics.reader_pairs(scores_of(percent, ('A', 'B', 'C')))
    (axis,) = score_figures.bland_altman(pairs).axes
    limits = pairs[0].limits
    values = [limits.bias.value, limits.lower.value, limits.upper.value]
    drawn = [line.get_ydata()[0] for line in axis.get_lines() if len(line.get_ydata()) == 2]
    assert set(values) <= set(drawn)
    assert len(lines_of(axis, 'o')[0]) == 18
    assert len(axis.patches) == 3


def test_as_many_panels_as_pairs_of_readers():
    percent = np.random.default_rng(0).uniform(50, 100, (6, 4, 1))
    pairs = similarity_statistics.reader_pairs(scores_of(percent, ('A',)))
    axes = score_figures.bland_altman(pairs).axes
    assert [axis.get_title() for axis in axes if axis.get_visible()] == [
        f'{pair.first} − {pair.second}' for pair in pairs
    ]


@pytest.mark.parametrize('cases', [1, 2, 6])
def test_scores_without_spread_can_be_drawn(cases):
    scores = scores_of(np.full((cases, 2, 2), 80.0))
    pairs = similarity_statistics.reader_pairs(scores)
    for figure in (score_figures.scores_by_item(scores), score_figures.bland_altman(pairs)):
        figure.canvas.draw()


def test_scatter_of_metrics_and_outcomes():
    metrics = simulated_readers.drawn_metrics(np.random.default_rng(0), 6)
    outcomes = {'taken': metrics['mae'] * 0, 'similar': -metrics['mae'].iloc[:5]}
    table = outcome_correlations.correlations(metrics, outcomes)
    axes = score_figures.correlations(metrics, outcomes, table).axes
    assert [axis.get_xlabel() for axis in axes] == 2 * ['MAE', 'PSNR, dB', 'SSIM']
    assert axes[0].get_title(loc='right') == 'rho not defined'
    assert axes[3].get_title(loc='right').startswith('rho −1.00 [')
    assert len(lines_of(axes[3], 'o')[0]) == 5


def test_what_stands_between_dollars_is_no_formula(tmp_path):
    scores = pd.DataFrame(
        {
            'reader': ['r'] * 4,
            'pair_id': list('abcd'),
            'item': ['$x^$'] * 4,
            'percent': [1.0, 2, 3, 4],
        }
    )
    report_figures.save_figure(score_figures.scores_by_item(scores), tmp_path, 'items')
