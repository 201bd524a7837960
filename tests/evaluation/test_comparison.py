"""Two models compared: known shifts are found again, and tests agree with scipy and by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ct2mr_tf.evaluation import comparison
from ct2mr_tf.evaluation.comparison import COMPARED, compare
from ct2mr_tf.evaluation.metrics import METRICS


def table(mae, **others):
    """A table of cases; metrics that are not named are the MAE turned the good way round."""
    mae = np.asarray(mae, np.float64)
    columns = {name: mae if name in ('mae', 'rmse') else 100 - mae for name in METRICS}
    index = pd.Index([f'case{number:03d}' for number in range(len(mae))], name='pair_id')
    return pd.DataFrame({**columns, **others}, index=index)


def own_patients(cases):
    return {pair_id: pair_id for pair_id in cases.index}


def test_a_shift_by_hand():
    a = table([10, 12, 14, 16, 18, 20, 22])
    b = table([9, 10, 11, 12, 13, 14, 15])  # better by 1, 2, ..., 7
    result = compare(a, b, own_patients(a))
    assert result.index.tolist() == list(COMPARED)
    assert (result.cases == 7).all() and (result.patients == 7).all()
    mae = result.loc['mae']
    assert (mae.a_mean, mae.b_mean, mae.difference) == (16, 12, -4)
    assert mae.low < -4 < mae.high < 0
    assert (mae.better, mae.b_better_share) == ('B', 1)
    # All seven signs are the same: 2 of the 2^7 ways to give them are as far out.
    assert mae.p == pytest.approx(2 / 2**7)
    assert result.loc['psnr_db', 'difference'] == 4
    assert result.loc['psnr_db', 'better'] == 'B'
    # Five metrics, all with the same p.
    assert result.p_holm.to_numpy() == pytest.approx(5 * 2 / 2**7)


def test_the_other_way_round_is_the_same_turned_over():
    rng = np.random.default_rng(1)
    a, b = table(rng.normal(20, 4, 30)), table(rng.normal(19, 4, 30))
    forth, back = (compare(*pair, own_patients(a)) for pair in ((a, b), (b, a)))
    assert back.difference.to_numpy() == pytest.approx(-forth.difference.to_numpy())
    assert back.p.to_numpy() == pytest.approx(forth.p.to_numpy())
    assert back.b_better_share.to_numpy() == pytest.approx(1 - forth.b_better_share.to_numpy())
    assert (forth.better != back.better).all()
    assert back.low.to_numpy() == pytest.approx(-forth.high.to_numpy(), abs=0.1)


def test_with_one_case_a_patient_it_is_the_plain_bootstrap_and_test():
    rng = np.random.default_rng(2)
    a = table(rng.normal(20, 4, 40))
    b = table(a.mae + rng.normal(0.6, 2, 40))
    difference = (b.mae - a.mae).to_numpy()
    result = compare(a, b, own_patients(a)).loc['mae']
    plain = stats.bootstrap((difference,), np.mean, random_state=1, n_resamples=9999)
    # Two draws of 9999 differ by 0.02 or so.
    assert result.low == pytest.approx(plain.confidence_interval.low, abs=0.06)
    assert result.high == pytest.approx(plain.confidence_interval.high, abs=0.06)
    assert result.p == stats.wilcoxon(difference).pvalue


def test_intervals_hold_a_known_shift_as_often_as_they_say(monkeypatch):
    """Cases of a patient share most of their difference: intervals over cases are too narrow."""
    monkeypatch.setattr(comparison, 'RESAMPLES', 299)
    rng = np.random.default_rng(3)
    shift, patients, cases = 1.0, 60, 4
    groups = np.repeat(np.arange(patients), cases)
    held = {True: 0, False: 0}
    for _ in range(100):
        own = rng.normal(shift, 1.5, patients)[groups] + rng.normal(0, 0.5, patients * cases)
        a = table(np.full(patients * cases, 20.0))
        difference = pd.Series(own, a.index)
        known = difference.groupby([f'p{group}' for group in groups])
        for clustered in (True, False):
            sums, counts = (
                (known.sum(), known.count()) if clustered else (difference, difference * 0 + 1)
            )
            low, high = comparison._interval(sums.to_numpy(), counts.to_numpy())
            held[clustered] += low <= shift <= high
    assert held[True] >= 87  # below 0.1 % by chance
    assert held[False] <= 80


def test_patients_count_once_in_the_test():
    """Six patients with four cases each are six signs, not 24."""
    a = table(np.full(24, 20.0))
    b = table(20 - np.arange(1, 25) / 10)
    patients = {pair_id: f'p{number // 4}' for number, pair_id in enumerate(a.index)}
    result = compare(a, b, patients).loc['mae']
    assert (result.cases, result.patients) == (24, 6)
    assert result.p == pytest.approx(2 / 2**6)
    assert result.difference == pytest.approx(-1.25)


def test_the_smallest_number_of_patients():
    """The constant by its definition."""
    assert 2 / 2**comparison.FEWEST_PATIENTS < 0.05 <= 2 / 2 ** (comparison.FEWEST_PATIENTS - 1)


def test_two_equal_models():
    a = table([10, 12, 14])
    result = compare(a, a.copy(), own_patients(a))
    assert (result.p == 1).all() and (result.p_holm == 1).all()
    assert (result.better == 'neither').all()
    assert (result.b_better_share == 0.5).all()
    assert result[['difference', 'low', 'high']].to_numpy().tolist() == [[0, 0, 0]] * 5


def test_one_patient_has_no_interval():
    a = table([10, 12])
    result = compare(a, table([9, 10]), dict.fromkeys(a.index, 'the one')).loc['mae']
    assert math.isnan(result.low) and math.isnan(result.high)
    assert (result.patients, result.p) == (1, 1)
    text = comparison.comparison_text(compare(a, table([9, 10]), dict.fromkeys(a.index, 'the one')))
    assert '–' in text and 'nan' not in text


def test_an_infinite_psnr_is_left_out_of_its_row_only():
    psnr = [math.inf, 20, 21]
    a, b = table([0, 12, 14], psnr_db=psnr), table([0, 11, 12], psnr_db=[math.inf, 22, 24])
    result = compare(a, b, own_patients(a))
    assert result.cases.to_dict() == {
        'mae': 3, 'rmse': 3, 'psnr_db': 2, 'ssim': 3, 'pearson': 3
    }  # fmt: skip
    assert result.loc['psnr_db', ['a_mean', 'difference']].tolist() == [20.5, 2.5]


def test_cases_are_matched_by_name():
    a = table([10, 12, 14])
    b = table([9, 10, 11])
    shuffled = b.loc[['case002', 'case000', 'case001']]
    expected, found = (compare(a, other, own_patients(a)) for other in (b, shuffled))
    pd.testing.assert_frame_equal(found, expected)


def test_tables_of_other_cases():
    a = table([10, 12, 14])
    with pytest.raises(ValueError, match='not of the same cases'):
        compare(a, table([10, 12]), own_patients(a))
    with pytest.raises(ValueError, match='not of the same cases'):
        compare(a, pd.concat([a, a.iloc[:1]]), own_patients(a))
    with pytest.raises(ValueError, match='no patient of case001 and 1 more'):
        compare(a, a, {'case000': 'p'})


def test_the_text_for_a_terminal():
    a = table([10, 12, 14, 16, 18, 20, 22])
    b = table([9, 10, 11, 12, 13, 14, 15])
    lines = comparison.comparison_text(compare(a, b, own_patients(a))).splitlines()
    assert lines[1].split()[:4] == ['mae', '16.00', '12.00', '-4.00']
    assert '100%' in lines[1] and '0.016' in lines[1]
    assert [line.split()[0] for line in lines[1:]] == list(COMPARED)


def test_the_fewest_patients_whose_tests_can_say_anything_together():
    """All differences of one sign: the smallest p there is, of each metric."""
    for patients in (comparison.FEWEST_FOR_ALL - 1, comparison.FEWEST_FOR_ALL):
        names = [f'p{number}' for number in range(patients)]
        a = pd.DataFrame({metric: np.zeros(patients) for metric in COMPARED}, index=names)
        steps = np.arange(1, patients + 1)
        b = pd.DataFrame({metric: steps * sign for metric, sign in COMPARED.items()}, index=names)
        found = compare(a, b, {name: name for name in names})
        assert (found.p_holm < 0.05).all() == (patients == comparison.FEWEST_FOR_ALL)
