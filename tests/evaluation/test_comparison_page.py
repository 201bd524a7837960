"""The page of a comparison, against the numbers it is made of."""

import dataclasses

import pandas as pd
import pytest
from browser import axe_violations, console_errors, needs_browser, open_browser, requests_made
from report_builders import make_cases, rows_of

from ct2mr_tf.evaluation.cases import case_table
from ct2mr_tf.evaluation.comparison import COMPARED, compare
from ct2mr_tf.evaluation.comparison_page import Comparison, Setting, Side, write_comparison
from ct2mr_tf.evaluation.tables import p_text

SETTING = Setting(
    Side('one/run', 'best generator, of step 100'),
    Side('two/run', 'best generator, of step 900'),
    'study/set',
    'cd' * 32,
    'test',
    patients_known=True,
)


def compared(patients=7):
    """Two models on 14 cases; the second errs less."""
    a, b = (case_table(make_cases(14, error)) for error in (9.0, 6.0))
    names = {pair_id: f'p{number % patients}' for number, pair_id in enumerate(a.index)}
    return Comparison(a, b, names, compare(a, b, names))


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp('comparison')
    comparison = compared()
    write_comparison(folder, SETTING, comparison)
    return folder, comparison


def test_the_files_hold_both_models_and_their_difference(written):
    folder, comparison = written
    cases = pd.read_csv(folder / 'tables' / 'cases.csv', index_col='pair_id')
    assert cases.mae_a.tolist() == pytest.approx(comparison.a.mae.tolist())
    assert cases.mae_b.tolist() == pytest.approx(comparison.b.mae.tolist())
    assert cases.difference_mae.tolist() == pytest.approx((cases.mae_b - cases.mae_a).tolist())
    result = pd.read_excel(folder / 'tables.xlsx', sheet_name='comparison', index_col='metric')
    assert result.p.tolist() == pytest.approx(comparison.result.p.tolist())


@needs_browser
def test_the_page_is_sound_and_says_what_was_found(written):
    folder, comparison = written
    with open_browser() as driver:
        driver.get((folder / 'comparison.html').as_uri())
        assert axe_violations(driver) == []
        assert console_errors(driver) == []
        assert len(requests_made(driver)) == 1
        _, *rows = rows_of(driver, '#result table')
        for cells, (metric, row) in zip(rows, comparison.result.iterrows(), strict=True):
            assert float(cells[2]) == pytest.approx(row.a_mean, abs=0.0051)
            assert float(cells[4]) == pytest.approx(row.difference, abs=0.0051)
            assert cells[1] == ('lower' if COMPARED[metric] < 0 else 'higher')
            assert cells[6:] == [
                'B',
                f'{row.b_better_share:.0%}',
                p_text(row.p),
                p_text(row.p_holm),
            ]
        _, *cases = rows_of(driver, '#cases table')
        found = {cells[0]: float(cells[1]) for cells in cases}
        expected = comparison.b.mae - comparison.a.mae
        assert found == pytest.approx(expected.to_dict(), abs=0.0051)
        assert list(found.values()) == sorted(found.values())


def test_the_result_in_words(written):
    mae = written[1].result.loc['mae']
    page = (written[0] / 'comparison.html').read_text(encoding='utf-8')
    assert f'B is better by {-mae.difference:.2f} grey levels of MAE in the mean' in page
    assert f'95% interval {-mae.high:.2f} to {-mae.low:.2f}; p = 0.016' in page
    assert 'cannot find anything' not in page


def test_a_very_small_p_in_words(tmp_path):
    comparison = compared(14)
    comparison.result.loc['mae', 'p'] = 3e-5
    write_comparison(tmp_path, SETTING, comparison)
    page = (tmp_path / 'comparison.html').read_text(encoding='utf-8')
    assert '; p &lt; 0.001)' in page


def test_an_interval_that_holds_zero_in_words(tmp_path):
    comparison = compared()
    comparison.result.loc['mae', ['difference', 'low', 'high']] = -1.5, -3.25, 0.25
    write_comparison(tmp_path, SETTING, comparison)
    page = (tmp_path / 'comparison.html').read_text(encoding='utf-8')
    assert 'but the interval of the difference, -3.25 to +0.25, holds 0.' in page
    assert '95% interval 0.25 to 3.25' not in page


@pytest.mark.parametrize(
    ('patients', 'said'),
    [
        (1, ('With one patient, nobody can say how sure', 'its smallest p is 1,')),
        (5, ('its smallest p is 0.062',)),
        (7, ('no p of the last column can be below 0.078',)),
    ],
)
def test_few_patients_are_told_so(tmp_path, patients, said):
    write_comparison(tmp_path, SETTING, compared(patients))
    page = (tmp_path / 'comparison.html').read_text(encoding='utf-8')
    for text in said:
        assert text in page


def test_patients_nobody_knows(tmp_path):
    write_comparison(tmp_path, dataclasses.replace(SETTING, patients_known=False), compared(14))
    page = (tmp_path / 'comparison.html').read_text(encoding='utf-8')
    assert 'Here nobody knows which cases belong to one patient' in page
    assert '14 pairs</dd>' in page
