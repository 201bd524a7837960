"""What a table of pairs tells of how its pictures were made, and what it need not tell."""

import pandas as pd
import pytest

from ct2mr_tf.data.picture_origin import UNKNOWN_MR_WINDOW, UNKNOWN_PLANE, read_picture_origin
from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.problems import UserError

ROW = {
    'split': 'train',
    'ct_plane': 'mr',
    'ct_low_hu': -200.0,
    'ct_high_hu': 600.0,
    'mr_low': 4.0,
    'mr_high': 900.0,
}


def origin_of(folder, *rows):
    table = pd.DataFrame([{**ROW, **row} for row in rows])
    table.to_csv(folder / 'pairs.csv', index=False)
    return read_picture_origin(folder)


def test_one_window_and_the_commonest_plane(tmp_path):
    origin = origin_of(tmp_path, {}, {'ct_plane': 'slice', 'mr_high': 1000}, {'mr_high': 1400})
    assert origin.ct_windows == (Window(-200, 600),)
    assert origin.ct_plane == 'mr'
    assert '4 to 1000 in the median' in origin.mr_window


def test_only_training_pairs_count(tmp_path):
    other = {'split': 'test', 'ct_plane': 'slice', 'ct_low_hu': 0, 'mr_high': 5000}
    origin = origin_of(tmp_path, {}, other, other, other)
    assert origin.ct_windows == (Window(-200, 600),)
    assert origin.ct_plane == 'mr'
    assert '4 to 900 in the median' in origin.mr_window


def test_several_windows(tmp_path):
    origin = origin_of(tmp_path, {}, {'ct_low_hu': -100}, {})
    assert origin.ct_windows == (Window(-200, 600), Window(-100, 600))


def test_a_table_that_does_not_tell(tmp_path):
    pd.DataFrame({'pair_id': ['a'], 'split': ['train']}).to_csv(tmp_path / 'pairs.csv')
    origin = read_picture_origin(tmp_path)
    assert origin.ct_windows == ()
    assert origin.ct_plane == UNKNOWN_PLANE
    assert origin.mr_window == UNKNOWN_MR_WINDOW


def test_no_table(tmp_path):
    assert read_picture_origin(tmp_path).ct_windows == ()


@pytest.mark.parametrize('row', [{'ct_low_hu': 700}, {'ct_high_hu': 'high'}])
def test_a_window_that_is_none(tmp_path, row):
    with pytest.raises(UserError, match=r'pairs.csv, ct_low_hu, ct_high_hu'):
        origin_of(tmp_path, row)
