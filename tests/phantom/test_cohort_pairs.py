import numpy as np

from ct2mr_tf.phantom import anatomy, pairs
from ct2mr_tf.phantom.cohort import Member
from ct2mr_tf.phantom.cohort_pairs import draw_pictures


def test_pictures_are_the_pairs_of_the_levels_asked_for():
    member = Member(2, 6, ('L2-3', 'L5-S1'))
    pictures = draw_pictures(member, 32)
    assert [picture.level for picture in pictures] == ['L2-3', 'L5-S1']
    for picture in pictures:
        pair = pairs.render_pair(member.patient(), picture.level, 32)
        assert picture.member is member
        assert np.array_equal(picture.ct, pair.ct_grey)
        assert np.array_equal(picture.mr, pair.mr_grey)
        assert np.array_equal(picture.labels, pair.slice_.labels)
        assert picture.floor_mae == pairs.floor_mae(pair)
        assert picture.square.half_side_mm == pair.square.half_side_mm
        points = anatomy.level_landmarks(member.patient(), picture.level)
        assert np.array_equal(picture.points.stacked(), points.stacked())
