"""The table of steps against the grey scale itself, at every step and its neighbour below."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ct2mr_tf.imaging.grey import DEFAULT_CT_WINDOW, Window, to_grey
from ct2mr_tf.serving.grey_steps import first_of_levels

WINDOWS = [DEFAULT_CT_WINDOW, Window(-100, 100), Window(0, 255), Window(-160.5, 239.25)]


@pytest.mark.parametrize('window', WINDOWS)
def test_each_is_the_first_of_its_level(window):
    steps = first_of_levels(window)
    assert steps.dtype == np.float32
    assert to_grey(steps, window).tolist() == list(range(1, 256))
    before = np.nextafter(steps, np.float32(-np.inf))
    assert to_grey(before, window).tolist() == list(range(255))


def test_by_hand():
    """One HU a level: the steps are at the halves; of two levels as near, the even one."""
    steps = first_of_levels(Window(0, 255))
    assert steps[0] == np.nextafter(np.float32(0.5), np.float32(1))
    assert steps[1] == 1.5
    assert steps[254] == np.nextafter(np.float32(254.5), np.float32(255))


@given(
    low=st.floats(-3000, 3000, width=32),
    wide=st.floats(0.5, 8000, width=32),
    share=st.floats(-0.5, 1.5),
)
def test_any_value_in_any_window(low, wide, share):
    window = Window(low, low + wide)
    value = np.float32(low + share * wide)
    reached = np.searchsorted(first_of_levels(window), value, side='right')
    assert reached == to_grey(value, window)
