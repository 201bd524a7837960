"""Pictures for the eye: every slice in its place, at its size, with its warning."""

import cv2
import numpy as np

from ct2mr_tf.cli import synthesis_pictures
from ct2mr_tf.evaluation.figures import TEXT_HEIGHT


def decoded(content):
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)


def greys(count, size=32):
    return np.broadcast_to(
        np.arange(1, count + 1, dtype=np.uint8)[:, np.newaxis, np.newaxis] * 20, (count, size, size)
    )


def test_discs_stand_below_each_other_enlarged():
    ct, mr = greys(2), 200 + greys(2) // 20
    picture = decoded(synthesis_pictures.disc_sheet(['L3-4', 'L4-5'], ct, mr))
    side = synthesis_pictures.DISC_SIDE
    assert picture.shape == (TEXT_HEIGHT + 2 * (side + TEXT_HEIGHT), 2 * side + side // 32)
    for row, (one, other) in enumerate(zip(ct, mr, strict=True)):
        top = TEXT_HEIGHT + row * (side + TEXT_HEIGHT)
        assert (picture[top : top + side, :side] == one[0, 0]).all()
        assert (picture[top : top + side, -side:] == other[0, 0]).all()
    assert (picture[:TEXT_HEIGHT] < 128).any()  # the title


def test_a_volume_is_shown_small_in_rows():
    count = synthesis_pictures.THUMBNAIL_COLUMNS + 1
    picture = decoded(synthesis_pictures.volume_sheet([''] * count, greys(count), greys(count)))
    side = synthesis_pictures.THUMBNAIL_SIDE
    assert picture.shape[0] == TEXT_HEIGHT + 2 * (side + TEXT_HEIGHT)
    second_row = picture[2 * TEXT_HEIGHT + side :][:side]
    assert (second_row[:, : 2 * side] == count * 20).all()
    assert (second_row[:, 2 * side :] == 255).all()


def test_views_of_ct_and_mr_stand_side_by_side_at_one_size():
    ct, mr = np.full((50, 90), 30, np.uint8), np.full((50, 90), 90, np.uint8)
    picture = decoded(synthesis_pictures.view('Sagittal', ct, mr))[2 * TEXT_HEIGHT :]
    assert picture.shape == (150, 3 * 181)
    assert (picture[:, :270] == 30).all() and (picture[:, 273:] == 90).all()
