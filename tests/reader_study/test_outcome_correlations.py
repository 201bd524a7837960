"""Metrics against readers: which correlations are made, and over which cases."""

import numpy as np
import pandas as pd
import pytest
import simulated_readers

from ct2mr_tf.reader_study import outcome_correlations
from ct2mr_tf.reader_study.estimates import rank_correlation

CASES = simulated_readers.drawn_metrics(np.random.default_rng(0), 12)


def test_a_reader_who_sees_what_mae_says():
    outcome = -CASES['mae']
    table = outcome_correlations.correlations(CASES, {'similarity': outcome})
    assert table['measure'].tolist() == ['mae', 'psnr_db', 'ssim']
    # The simulated PSNR falls with the MAE in every case.
    assert table['rho'].tolist()[:2] == pytest.approx([-1, 1])
    assert table['agrees'].tolist() == ['-', '+', '+']
    assert (table['p_value'] < 0.01).all()
    expected = rank_correlation(outcome.to_numpy(), CASES['ssim'].to_numpy())
    assert table.loc[2, ['rho', 'low', 'high']].tolist() == [
        expected.value,
        expected.low,
        expected.high,
    ]


def test_cases_are_matched_by_name_and_outcomes_with_each_other():
    shuffled = CASES['mae'].sample(frac=1, random_state=0).iloc[:8]
    outcomes = {'first': CASES['mae'].iloc[::-1], 'second': shuffled}
    table = outcome_correlations.correlations(CASES, outcomes).set_index(['outcome', 'measure'])
    assert len(table) == 3 + 3 + 1
    assert table.loc[('first', 'mae'), ['cases', 'rho']].tolist() == [12, 1]
    assert table.loc[('second', 'mae'), ['cases', 'rho']].tolist() == [8, 1]
    assert table.loc[('first', 'second'), ['cases', 'rho']].tolist() == [8, 1]


def test_a_case_without_a_number_is_left_out_and_infinity_is_the_highest():
    cases = CASES.copy()
    cases.iloc[0, cases.columns.get_loc('ssim')] = np.nan
    best = cases['mae'].idxmin()
    cases.loc[best, 'psnr_db'] = np.inf
    table = outcome_correlations.correlations(cases, {'outcome': -CASES['mae']})
    assert table['cases'].tolist() == [12, 12, 11]
    assert table.loc[1, 'rho'] == pytest.approx(1)


def test_nobody_was_misled():
    outcome = pd.Series(0.0, index=CASES.index)
    table = outcome_correlations.correlations(CASES, {'taken': outcome})
    assert table['rho'].isna().all()
    assert set(table['note']) == {'not defined: one of the two is the same in all cases'}


def test_studies_that_share_no_case():
    outcomes = {'first': CASES['mae'].iloc[:6], 'second': CASES['mae'].iloc[6:]}
    table = outcome_correlations.correlations(CASES, outcomes)
    assert table['cases'].tolist() == [6] * 6 + [0]
