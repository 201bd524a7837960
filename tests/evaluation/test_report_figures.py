"""Figures of reports: what is drawn, read back from their axes."""

import math

import cv2
import numpy as np
import pandas as pd
import pytest
from report_builders import make_cases

from ct2mr_tf.evaluation import report_figures
from ct2mr_tf.evaluation.figures import DIFFERENCE_LIMIT, coloured_difference
from ct2mr_tf.evaluation.grey_error import GreyErrors
from ct2mr_tf.evaluation.metrics import METRICS
from ct2mr_tf.evaluation.regions import Box

RNG = np.random.default_rng(0)


def cases(count=9):
    return pd.DataFrame(RNG.uniform(10, 20, (count, len(METRICS))), columns=list(METRICS))


def points(axis):
    """The positions along x of all points of a panel, by row."""
    return [np.sort(group.get_offsets()[:, 0]) for group in axis.collections]


def test_every_case_is_a_point_of_every_metric():
    model, other = cases(), cases()
    axes = report_figures.distributions({'model': model, 'mean MR': other}).axes
    for column, metric in enumerate(report_figures.METRIC_LABELS):
        (alone,) = points(axes[column])
        np.testing.assert_allclose(alone, np.sort(model[metric]))
        below = points(axes[5 + column])
        np.testing.assert_allclose(below[0], np.sort(model[metric]))
        np.testing.assert_allclose(below[1], np.sort(other[metric]))
    assert [text.get_text() for text in axes[5].get_yticklabels()] == ['model', 'mean MR']


def test_the_papers_psnr_is_a_second_scale():
    figure = report_figures.distributions({'model': cases()})
    (scale,) = figure.axes[2].child_axes
    figure.draw_without_rendering()
    own, second = figure.axes[2].get_xlim(), scale.get_xlim()
    assert np.subtract(second, own) == pytest.approx([48.1308] * 2, abs=1e-4)


def test_numbers_that_cannot_be_drawn_are_left_out():
    table = cases(3)
    table.loc[0, ['psnr_db', 'pearson']] = math.inf, math.nan
    axes = report_figures.distributions({'model': table}).axes
    assert [len(points(axes[column])[0]) for column in range(5)] == [3, 3, 2, 3, 2]


def test_the_error_against_grey_level_is_that_of_the_table():
    errors = GreyErrors()
    for case in make_cases(3):
        errors.add(case)
    table = errors.table(4)
    figure = report_figures.error_against_grey(table, (-200, 600))
    for column, against in enumerate(('real MR', 'CT')):
        part = table[table.against == against]
        drawn = part[part.pixels / part.pixels.sum() >= report_figures.SMALLEST_BIN]
        _, mae, bias = figure.axes[column].lines
        np.testing.assert_array_equal(mae.get_xydata(), drawn[['grey', 'mae']])
        np.testing.assert_array_equal(bias.get_xydata(), drawn[['grey', 'bias']])
    (hounsfield,) = figure.axes[1].child_axes
    figure.draw_without_rendering()
    assert hounsfield.get_xlim() == pytest.approx((-200, 600))
    assert not report_figures.error_against_grey(table, None).axes[1].child_axes


def test_the_outline_of_the_box():
    """On a picture of 32 x 24 pixels, whose first centre is at 0."""
    case = next(make_cases(1))
    table = pd.DataFrame({'inside_mae': [3.0, 4.0], 'outside_mae': [5.0, 7.0]})
    box = Box(0.25, 0.0, 0.75, 0.5)
    figure = report_figures.error_by_region(table, (case.ct, case.synthetic, case.real), box)
    real, difference, errors = figure.axes
    for axis in (real, difference):
        x, y = axis.lines[0].get_data()
        assert (x.min(), x.max(), y.min(), y.max()) == (7.5, 23.5, -0.5, 11.5)
    np.testing.assert_array_equal(real.images[0].get_array(), case.real)
    np.testing.assert_array_equal(
        difference.images[0].get_array(), coloured_difference(case.real, case.synthetic)
    )
    assert [list(row) for row in points(errors)] == [[3, 4], [5, 7]]


@pytest.mark.parametrize('count', [1, 3, 7])
def test_the_papers_figures_show_each_case_under_its_name(count):
    slices = {case.pair_id: (case.ct, case.synthetic, case.real) for case in make_cases(count)}
    six = [axis for axis in report_figures.figure_6(slices).axes if axis.get_visible()]
    assert [axis.get_title(loc='left') for axis in six] == list(slices)
    picture = six[0].images[0].get_array()
    first = slices[six[0].get_title(loc='left')]
    width = first[0].shape[1]
    for column, part in enumerate(first):
        left = column * (width + 2)
        np.testing.assert_array_equal(picture[:, left : left + width], part)
    seven = [axis for axis in report_figures.figure_7(slices).axes if axis.get_visible()]
    assert [axis.get_title(loc='left') for axis in seven[:-1]] == list(slices)
    assert 'grey levels' in seven[-1].get_ylabel()


def test_the_scale_has_the_colours_of_the_maps():
    (bar,) = report_figures.colour_scale().axes
    mappable = bar._colorbar.mappable
    for level in (0, 1, 64, DIFFERENCE_LIMIT):
        grey = np.full((1, 1), level, np.uint8)
        expected = coloured_difference(grey, grey * 0)[0, 0]
        assert np.round(255 * np.array(mappable.to_rgba(level)[:3])).tolist() == expected.tolist()


def test_a_figure_is_written_twice_alike(tmp_path):
    for name in ('one', 'two'):
        figure = report_figures.paired_differences([('MAE', pd.Series([1.0, -2.0, math.nan]))])
        png = report_figures.save_figure(figure, tmp_path / name, 'figure')
        assert png == (tmp_path / name / 'figure.png').read_bytes()
        assert cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR).shape[1] > 1000
    for suffix in ('png', 'svg'):
        one, two = ((tmp_path / name / f'figure.{suffix}').read_bytes() for name in ('one', 'two'))
        assert one == two
