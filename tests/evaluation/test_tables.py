"""Tables of an evaluation: every number by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from ct2mr_tf.evaluation import tables
from ct2mr_tf.evaluation.cases import Case
from ct2mr_tf.evaluation.metrics import METRICS


def cases_with(**columns):
    """A table of cases in which metrics not named are 1, 2, 3, ..."""
    count = len(next(iter(columns.values())))
    whole = {name: columns.get(name, np.arange(1.0, count + 1)) for name in METRICS}
    return pd.DataFrame(whole, index=[f'case{n}' for n in range(count)])


def summary():
    return tables.summary_table(
        {
            'model': cases_with(mae=[10.0, 14.0]),
            'mean MR': cases_with(mae=[30.0, 30.0]),
            'lookup median': cases_with(mae=[18.0, 22.0]),
        }
    )


def test_mean_and_deviation_by_hand():
    table = summary()
    assert table.index.tolist() == ['model', 'mean MR', 'lookup median']
    assert table.index.name == 'predictor'
    assert table.loc['model', 'mae_mean'] == 12
    assert table.loc['model', 'mae_sd'] == pytest.approx(math.sqrt(8))  # n - 1 in the denominator
    assert table.loc['mean MR', 'mae_sd'] == 0
    assert table.loc['model', 'ssim_mean'] == 1.5
    assert table.loc['lookup median', ['mae_min', 'mae_max']].tolist() == [18, 22]
    expected = [f'{metric}_{part}' for metric in METRICS for part in ('mean', 'sd', 'min', 'max')]
    assert table.columns.tolist() == expected


def test_a_single_case_has_no_deviation():
    table = tables.summary_table({'model': cases_with(mae=[10.0])})
    assert math.isnan(table.loc['model', 'mae_sd'])
    assert tables.summary_text(table).splitlines()[1].split()[:2] == ['model', '10.00']


def test_the_floor_is_the_last_row():
    table = tables.with_floor(summary(), [3.0, 5.0])
    assert table.index.tolist()[-1] == tables.FLOOR
    assert table.loc['floor', 'mae_mean'] == 4
    assert table.loc['floor', 'mae_sd'] == pytest.approx(math.sqrt(2))
    assert table.loc['floor', ['mae_min', 'mae_max']].tolist() == [3, 5]
    assert table.loc['floor'].notna().sum() == 4
    pd.testing.assert_frame_equal(table.iloc[:-1], summary())


def test_the_floor_of_a_single_case():
    table = tables.with_floor(tables.summary_table({'model': cases_with(mae=[9.0])}), [3.0])
    assert table.loc['floor', 'mae_mean'] == 3
    assert math.isnan(table.loc['floor', 'mae_sd'])


def test_the_share_closed_by_hand():
    """The best baseline is at 20, the model at 12, the floor at 4: half of the way."""
    assert tables.share_closed(tables.with_floor(summary(), [3.0, 5.0])) == 0.5
    # A floor at the model's own error: all of the way. A model that is worse goes backwards.
    assert tables.share_closed(tables.with_floor(summary(), [12.0, 12.0])) == 1
    worse = tables.summary_table(
        {'model': cases_with(mae=[24.0, 24.0]), 'CT itself': cases_with(mae=[20.0, 20.0])}
    )
    assert tables.share_closed(tables.with_floor(worse, [4.0])) == -0.25


def tissue_table(cases, labels, tissues):
    """The table after all cases have passed, each with its labels."""
    remaining = iter(labels)
    sums = tables.TissueSums(lambda _: next(remaining), tissues)
    for one in cases:
        sums.add(one)
    return sums.table()


def case(real, synthetic):
    real, synthetic = np.array(real, np.uint8), np.array(synthetic, np.uint8)
    return Case('a', real, real, synthetic, {})


def test_tissues_by_hand():
    cases = [
        case([[10, 20], [30, 200]], [[20, 20], [30, 100]]),
        case([[40] * 2] * 2, [[44] * 2] * 2),
    ]
    labels = [np.array([[0, 0], [2, 5]], np.uint8), np.array([[2, 2], [0, 2]], np.uint8)]
    table = tissue_table(cases, labels, {0: 'air', 2: 'muscle', 5: 'fat', 7: 'disc'})
    assert table.index.tolist() == ['air', 'muscle', 'fat']  # no disc occurs
    # air: real (10 + 20 + 40) / 3, synthetic (20 + 20 + 44) / 3
    assert table.loc['air'].tolist() == pytest.approx([37.5, 70 / 3, 28, 14 / 3])
    # muscle: real (30 + 3 * 40) / 4, synthetic (30 + 3 * 44) / 4
    assert table.loc['muscle'].tolist() == [50, 37.5, 40.5, 3]
    assert table.loc['fat'].tolist() == [12.5, 200, 100, -100]


def test_labels_of_one_name_are_one_tissue():
    labels = [np.array([[1, 2], [2, 3]], np.uint8)]
    cases = [case([[10, 20], [30, 40]], [[10, 26], [36, 40]])]
    table = tissue_table(cases, labels, {1: 'sac', 2: 'sac', 3: 'fat'})
    assert table.index.tolist() == ['sac', 'fat']
    # sac: real (10 + 20 + 30) / 3, synthetic (10 + 26 + 36) / 3
    assert table.loc['sac'].tolist() == [75, 20, 24, 4]


def test_tissues_off_are_those_with_enough_pixels():
    table = pd.DataFrame(
        {'share_percent': [50, 49.85, 0.1, 0.05], 'difference': [15, -15.1, 15.1, 40]},
        index=['muscle', 'fat', 'vein', 'bowel wall'],
    )
    assert tables.tissues_off(table) == ['fat', 'vein']


def test_labels_are_asked_for_by_case():
    asked = []
    sums = tables.TissueSums(
        lambda one: asked.append(one.pair_id) or np.zeros(one.real.shape, np.uint8), {0: 'air'}
    )
    sums.add(case([[1]], [[3]]))
    assert asked == ['a']
    assert sums.table().loc['air'].tolist() == [100, 1, 3, 2]


def test_the_text_for_a_terminal():
    lines = tables.summary_text(tables.with_floor(summary(), [3.0, 5.0])).splitlines()
    assert lines[0].split() == list(METRICS)
    assert lines[1].startswith('model')
    assert '12.00 +- 2.83' in lines[1]
    assert lines[-1].split() == ['floor', '4.00', '+-', '1.41', '-', '-', '-', '-', '-']


def test_every_metric_is_printed():
    assert tuple(tables.DIGITS) == METRICS


def test_equal_pictures_are_summed_up_without_a_warning():
    """Their PSNR is infinite."""
    table = tables.summary_table({'model': cases_with(psnr_db=[math.inf, math.inf])})
    assert table.loc['model', 'psnr_db_mean'] == math.inf
    assert 'inf' in tables.summary_text(table)


@pytest.mark.parametrize(
    ('p_value', 'text', 'phrase'),
    [
        (0.00099, '< 0.001', 'p < 0.001'),
        (0.001, '0.001', 'p = 0.001'),
        (0.0156, '0.016', 'p = 0.016'),
        (1.0, '1.000', 'p = 1.000'),
    ],
)
def test_p_values(p_value, text, phrase):
    assert (tables.p_text(p_value), tables.p_phrase(p_value)) == (text, phrase)


def test_no_p_value_is_no_text():
    assert tables.p_text(np.nan) == ''
