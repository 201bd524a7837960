import hypothesis
import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import strategies as st

from ct2mr_tf.imaging import grey
from ct2mr_tf.imaging.grey import DEFAULT_CT_WINDOW, Window


def test_grey_levels_of_the_ct_window_by_hand():
    # 800 HU over 255 steps: 0 HU is 200/800*255 = 63.75, 200 HU is 127.5 (to even: 128).
    hu = np.array([-1000, -200, -198, 0, 200, 600, 3000], dtype=np.int16)
    levels = grey.to_grey(hu, DEFAULT_CT_WINDOW)
    assert levels.dtype == np.uint8
    assert levels.tolist() == [0, 0, 1, 64, 128, 255, 255]


def test_ct_window_keeps_tissues_apart_as_its_docstring_says():
    csf, muscle, disc = grey.to_grey(np.array([10.0, 55.0, 90.0]), DEFAULT_CT_WINDOW).astype(int)
    assert (muscle - csf, disc - muscle) == (14, 11)


def test_from_grey_by_hand():
    values = grey.from_grey(np.array([0, 51, 255], dtype=np.uint8), Window(-200, 600))
    assert values.dtype == np.float32
    assert values.tolist() == [-200, -40, 600]


def test_every_grey_level_comes_back():
    levels = np.arange(256, dtype=np.uint8)
    for window in (DEFAULT_CT_WINDOW, Window(0.1, 0.2), Window(-1, 65535)):
        assert np.array_equal(grey.to_grey(grey.from_grey(levels, window), window), levels)


@hypothesis.given(
    values=hnp.arrays(np.float32, 20, elements=st.floats(-500, 900, width=32)),
    low=st.floats(-400, 0),
    width=st.floats(1, 800),
)
def test_rounding_errs_by_half_a_level_at_most_and_keeps_order(values, low, width):
    window = Window(low, low + width)
    levels = grey.to_grey(values, window)
    back = grey.from_grey(levels, window)
    clipped = np.clip(values, window.low, window.high)
    assert np.abs(back - clipped).max() <= width / 510 * 1.001 + 1e-3
    assert (np.diff(levels[np.argsort(values)].astype(int)) >= 0).all()


def test_infinities_are_clipped_and_nan_is_refused():
    assert grey.to_grey(np.array([-np.inf, np.inf]), DEFAULT_CT_WINDOW).tolist() == [0, 255]
    with pytest.raises(ValueError, match='not a number'):
        grey.to_grey(np.array([0.0, np.nan]), DEFAULT_CT_WINDOW)


@pytest.mark.parametrize('ends', [(1, 1), (2, 1), (np.nan, 1), (0, np.inf)])
def test_windows_that_are_none(ends):
    with pytest.raises(ValueError, match='a window'):
        Window(*ends)


def test_percentile_window_by_hand():
    # 201 values 0..200: half a percent of 200 steps is 1.
    assert grey.percentile_window(np.arange(201)) == Window(1, 199)
    assert grey.percentile_window(np.arange(201), low=0, high=100) == Window(0, 200)


def test_percentile_window_leaves_padding_out():
    values = np.concatenate([np.arange(201), np.full(1000, -32768)])
    assert grey.percentile_window(values, valid=values >= 0) == Window(1, 199)


@pytest.mark.parametrize(
    ('values', 'valid', 'ends', 'message'),
    [
        (np.full((2, 3), 7), None, (0.5, 99.5), 'constant stack'),
        (np.arange(6), np.zeros(6, bool), (0.5, 99.5), 'no valid pixel'),
        (np.arange(6), np.ones(5, bool), (0.5, 99.5), 'shape'),
        (np.array([0, np.nan]), None, (0.5, 99.5), 'finite'),
        (np.append(np.arange(1000.0), np.inf), None, (0.5, 99.5), 'finite'),
        (np.arange(6), None, (99, 1), 'percentiles must rise'),
        (np.arange(6), None, (0, 101), 'percentiles must rise'),
    ],
)
def test_stacks_without_a_window(values, valid, ends, message):
    with pytest.raises(ValueError, match=message):
        grey.percentile_window(values, valid, *ends)
