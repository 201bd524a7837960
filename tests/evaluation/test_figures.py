"""Pictures of cases: sizes, places and the colours of known differences."""

import cv2
import numpy as np
import pytest

from ct2mr_tf.evaluation import figures
from ct2mr_tf.evaluation.cases import Case

H, W = 16, 24
METRICS = {'mae': 12.345, 'psnr_db': 21.0, 'ssim': 0.5}


def case(difference=0, size=(H, W), pair_id='L4-5'):
    ct = np.full(size, 50, np.uint8)
    real = np.full(size, 100, np.uint8)
    return Case(pair_id, ct, real, real + np.uint8(difference), METRICS)


def tile(picture, number, width=W):
    left = number * (width + figures.GAP)
    return picture[:, left : left + width]


def test_the_panel_holds_ct_synthetic_real_and_difference():
    picture = figures.panel(case(30))
    assert picture.shape == (H, 4 * W + 3 * figures.GAP, 3)
    assert picture.dtype == np.uint8
    for number, level in enumerate((50, 130, 100)):
        assert np.all(tile(picture, number) == level)
    for number in range(1, 4):
        gap = picture[:, number * (W + figures.GAP) - figures.GAP : number * (W + figures.GAP)]
        assert np.all(gap == 255)


@pytest.mark.parametrize(
    ('difference', 'place'), [(0, 0), (64, 127), (128, 255), (155, 255)], ids=str
)
def test_the_colour_of_a_difference(difference, place):
    """Black for none; half way up the map at half the limit; the top at the limit and beyond."""
    colours = cv2.applyColorMap(np.arange(256, dtype=np.uint8), cv2.COLORMAP_INFERNO)[:, 0, ::-1]
    assert np.all(tile(figures.panel(case(difference)), 3) == colours[place])


def test_the_difference_has_no_sign():
    darker = case()
    darker = Case('a', darker.ct, darker.real, darker.real - np.uint8(30), METRICS)
    np.testing.assert_array_equal(tile(figures.panel(darker), 3), tile(figures.panel(case(30)), 3))


def test_warm_colours_stay_warm():
    """Red first: the middle of the map is a red."""
    red, _, blue = tile(figures.panel(case(64)), 3)[0, 0]
    assert red > blue


def test_the_sheet_enlarges_small_pictures_by_whole_factors():
    picture = figures.sheet([case(), case(30)])
    factor = 8  # 128 / 16
    height = figures.TEXT_HEIGHT + 2 * (figures.TEXT_HEIGHT + factor * H)
    assert picture.shape == (height, factor * (4 * W + 3 * figures.GAP), 3)
    top = 2 * figures.TEXT_HEIGHT
    row = picture[top : top + factor * H : factor, ::factor]
    np.testing.assert_array_equal(row, figures.panel(case()))


def test_large_pictures_stay_as_they_are():
    picture = figures.sheet([case(size=(160, 128))])
    assert picture.shape == (2 * figures.TEXT_HEIGHT + 160, 4 * 128 + 3 * figures.GAP, 3)


def test_names_and_metrics_stand_above_each_row():
    """Another name or metric gives another picture, in the line of text only."""
    one, other = figures.sheet([case()]), figures.sheet([case(pair_id='L5-S1')])
    rows = np.flatnonzero((one != other).any(axis=(1, 2)))
    assert rows.size
    assert rows.min() >= figures.TEXT_HEIGHT
    assert rows.max() < 2 * figures.TEXT_HEIGHT


def test_headings_stand_above_their_columns():
    picture = figures.sheet([case()])
    for number in range(4):
        assert tile(picture[: figures.TEXT_HEIGHT], number, 8 * W).min() < 128


def test_png_and_back():
    picture = figures.panel(case(64))
    decoded = cv2.imdecode(np.frombuffer(figures.encode_png(picture), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decoded[..., ::-1], picture)
    grey = case().real
    decoded = cv2.imdecode(np.frombuffer(figures.encode_png(grey), np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(decoded, grey)
