"""The box around body and sac: where it lies, and the error on both sides of its border."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from ct2mr_tf.evaluation import regions
from ct2mr_tf.evaluation.cases import Case
from ct2mr_tf.evaluation.regions import Box, RegionErrors, body_and_sac_boxes


def pairs(**columns):
    """A table of one pair as a file gives it, every value as text."""
    values = {
        'pair_id': 'a',
        'half_side_mm': 40,
        'body_ventral_mm': 40,
        'body_left_mm': 24,
        'body_right_mm': 28,
        **columns,
    }
    return pd.DataFrame({name: [str(value)] for name, value in values.items()})


def test_the_box_by_hand():
    """80 mm a side, the sac in the middle; the patient's right is on the picture's left."""
    box = body_and_sac_boxes(pairs())['a']
    assert dataclasses.astuple(box) == pytest.approx((12 / 80, 0, 64 / 80, 50 / 80))


def test_a_square_that_grew_holds_the_body_further_in():
    box = body_and_sac_boxes(pairs(half_side_mm=50, body_left_mm=50))['a']
    assert (box.left, box.top, box.right) == pytest.approx((0.22, 0.1, 1))


@pytest.mark.parametrize(
    'columns',
    [{'body_left_mm': ''}, {'body_right_mm': ''}, {'half_side_mm': 0}, {'body_ventral_mm': 'nan'}],
    ids=str,
)
def test_pairs_without_the_landmarks_have_no_box(columns):
    assert body_and_sac_boxes(pairs(**columns)) == {}


def test_a_table_without_the_columns_has_no_box():
    assert body_and_sac_boxes(pairs()[['pair_id', 'half_side_mm']]) == {}
    assert body_and_sac_boxes(pd.DataFrame({'pair_id': []})) == {}


def test_the_box_on_pixels():
    """A pixel belongs to the box if its centre does."""
    mask = Box(0.25, 0.0, 0.6, 0.5).mask((4, 8))
    expected = np.zeros((4, 8), bool)
    expected[:2, 2:5] = True  # centres across: 0.0625, 0.1875, 0.3125, ..., 0.5625, 0.6875
    np.testing.assert_array_equal(mask, expected)


def case(pair_id, error_inside, error_outside, mask):
    real = np.full(mask.shape, 100, np.uint8)
    synthetic = real + np.where(mask, error_inside, -error_outside)
    return Case(pair_id, real, real, synthetic.astype(np.uint8), {})


def test_errors_on_a_hand_made_mask():
    box = Box(0.25, 0.0, 0.75, 0.5)
    errors = RegionErrors({'a': box, 'b': box})
    mask = box.mask((8, 8))
    for one in (case('a', 30, 5, mask), case('c', 9, 9, mask), case('b', 0, 8, mask)):
        errors.add(one)
    table = errors.table()
    assert table.index.tolist() == ['a', 'b']  # c has no box
    assert table.loc['a'].tolist() == [30, 5, 0.25]
    assert table.loc['b'].tolist() == [0, 8, 0.25]


def test_a_box_without_an_outside_is_left_out():
    errors = RegionErrors({'a': Box(0, 0, 1, 1), 'b': Box(0.5, 0.5, 0.5, 0.5)})
    everywhere = np.ones((8, 8), bool)
    errors.add(case('a', 1, 1, everywhere))
    errors.add(case('b', 1, 1, everywhere))
    assert errors.table().empty
    assert errors.table().columns.tolist() == ['inside_mae', 'outside_mae', 'inside_share']


def test_the_columns_are_those_that_preparation_writes():
    from ct2mr_tf.imaging.crop import BodyExtent

    names = {f'body_{field}' for field in BodyExtent.__dataclass_fields__}
    assert {'half_side_mm', *names} == set(regions.COLUMNS)
