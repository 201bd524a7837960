"""The error against grey level, by hand and against a plain loop."""

import numpy as np
import pytest

from ct2mr_tf.evaluation.cases import Case
from ct2mr_tf.evaluation.grey_error import GreyErrors


def case(ct, real, synthetic):
    return Case('a', *(np.array(part, np.uint8) for part in (ct, real, synthetic)), {})


def rows(table, against):
    return table[table.against == against].drop(columns='against').to_numpy().tolist()


def test_by_hand_over_two_cases():
    errors = GreyErrors()
    errors.add(case([[7, 7], [9, 9]], [[10, 20], [20, 30]], [[13, 18], [26, 30]]))
    errors.add(case([[7, 0]], [[20, 255]], [[16, 0]]))
    table = errors.table()
    # grey, pixels, mean absolute error, mean of synthetic - real
    assert rows(table, 'real MR') == [
        [10, 1, 3, 3],
        [20, 3, 4, 0],
        [30, 1, 0, 0],
        [255, 1, 255, -255],
    ]
    assert rows(table, 'CT') == [[0, 1, 255, -255], [7, 3, 3, -1], [9, 2, 3, 3]]


def test_bins_of_several_levels():
    errors = GreyErrors()
    errors.add(case([[0, 3, 4]], [[100, 101, 103]], [[101, 103, 100]]))
    table = errors.table(width=4)
    assert rows(table, 'real MR') == [[101.5, 3, 2, 0]]
    assert rows(table, 'CT') == [[1.5, 2, 1.5, 1.5], [5.5, 1, 3, -3]]


def test_all_pixels_are_counted_whatever_the_bins():
    rng = np.random.default_rng(0)
    parts = rng.integers(0, 256, (3, 20, 30), np.uint8)
    errors = GreyErrors()
    errors.add(Case('a', *parts, {}))
    difference = parts[2].astype(int) - parts[1]
    for width in (1, 4, 256):
        table = errors.table(width)
        for against in ('real MR', 'CT'):
            part = table[table.against == against]
            assert part.pixels.sum() == 600
            weighted = np.average(part[['mae', 'bias']], axis=0, weights=part.pixels)
            assert weighted == pytest.approx([np.abs(difference).mean(), difference.mean()])
