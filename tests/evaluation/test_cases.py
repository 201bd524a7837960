"""Cases: any function from CT to MR is measured slice by slice, in the order of the batches."""

import numpy as np
import pandas as pd
import pytest

from ct2mr_tf.evaluation.cases import (
    Case,
    EvenCases,
    case_table,
    case_tables,
    collected,
    predict_cases,
)
from ct2mr_tf.evaluation.metrics import METRICS, slice_metrics

RNG = np.random.default_rng(0)
CT, MR = RNG.integers(0, 256, (2, 5, 12, 16), np.uint8)
PAIR_IDS = ('a', 'b', 'c', 'd', 'e')


def as_values(levels):
    return levels[..., np.newaxis].astype(np.float32) / 127.5 - 1


def batches(*groups):
    return [
        {'ct': as_values(CT[group]), 'mr': as_values(MR[group]), 'index': np.array(group)}
        for group in (list(g) for g in groups)
    ]


def test_each_slice_is_measured_under_its_name():
    cases = list(predict_cases(lambda ct: -ct, batches([3, 1], [0]), PAIR_IDS))
    assert [case.pair_id for case in cases] == ['d', 'b', 'a']
    for case, index in zip(cases, (3, 1, 0), strict=True):
        np.testing.assert_array_equal(case.ct, CT[index])
        np.testing.assert_array_equal(case.real, MR[index])
        np.testing.assert_array_equal(case.synthetic, 255 - CT[index])
        assert case.metrics == slice_metrics(MR[index], 255 - CT[index])


def test_the_batching_changes_nothing():
    def predict(ct):
        return ct * 0.5

    single = case_table(predict_cases(predict, batches([0], [1], [2], [3], [4]), PAIR_IDS))
    together = case_table(predict_cases(predict, batches([0, 1, 2], [3, 4]), PAIR_IDS))
    pd.testing.assert_frame_equal(single, together)


def test_cases_are_made_one_batch_at_a_time():
    """A large split is measured without all of it in memory."""
    seen = []

    def predict(ct):
        seen.append(len(ct))
        return ct

    cases = predict_cases(predict, batches([0, 1], [2, 3]), PAIR_IDS)
    assert seen == []
    next(cases)
    assert seen == [2]


def test_predictions_are_rounded_and_clipped_before_they_are_measured():
    (beyond,) = predict_cases(lambda ct: ct * 0 + 7, batches([0]), PAIR_IDS)
    assert beyond.synthetic.min() == 255


def test_the_table_has_a_row_a_case_and_a_column_a_metric():
    table = case_table(predict_cases(lambda ct: ct, batches([2], [0]), PAIR_IDS))
    assert table.index.tolist() == ['c', 'a']
    assert table.index.name == 'pair_id'
    assert tuple(table.columns) == METRICS
    assert table.loc['c', 'mae'] == pytest.approx(np.abs(CT[2] - MR[2].astype(float)).mean())


def test_a_case_prints_without_its_pictures():
    assert 'array' not in repr(Case('a', CT[0], MR[0], MR[0], {'mae': 0.0}))


def test_collectors_see_every_case_as_it_passes():
    two, all_four = EvenCases(4, 2), EvenCases(4, 9)
    passing = collected(
        predict_cases(lambda ct: ct, batches([0, 1], [2, 3]), PAIR_IDS), [two, all_four]
    )
    next(passing)
    assert [case.pair_id for case in two.cases] == ['a']
    assert [case.pair_id for case in passing] == ['b', 'c', 'd']
    assert [case.pair_id for case in two.cases] == ['a', 'd']
    assert [case.pair_id for case in all_four.cases] == ['a', 'b', 'c', 'd']


def test_few_of_many_cases_are_kept_evenly_spread():
    cases = [Case(f'{n}', CT[0], MR[0], MR[0], {}) for n in range(11)]
    for most, kept in (
        (1, '0'),
        (3, '0 5 10'),
        (6, '0 2 4 6 8 10'),
        (20, '0 1 2 3 4 5 6 7 8 9 10'),
        (0, ''),
    ):
        even = EvenCases(11, most)
        for case in cases:
            even.add(case)
        assert ' '.join(case.pair_id for case in even.cases) == kept


def test_tables_made_beside_each_other_are_those_made_alone():
    predictors = {'same': lambda ct: ct, 'inverted': lambda ct: -ct, 'half': lambda ct: ct / 2}
    together = case_tables(
        {
            name: predict_cases(predictor, batches([0], [1, 2]), PAIR_IDS)
            for name, predictor in predictors.items()
        }
    )
    assert list(together) == list(predictors)
    for name, predictor in predictors.items():
        alone = case_table(predict_cases(predictor, batches([0], [1, 2]), PAIR_IDS))
        pd.testing.assert_frame_equal(together[name], alone)
