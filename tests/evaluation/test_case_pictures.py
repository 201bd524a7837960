"""Pictures of cases: files without loss, thumbnails that fit the page."""

import base64

import cv2
import numpy as np
import pytest

from ct2mr_tf.evaluation import case_pictures
from ct2mr_tf.evaluation.case_pictures import CasePictures
from ct2mr_tf.evaluation.cases import Case
from ct2mr_tf.evaluation.figures import GAP, coloured_difference

RNG = np.random.default_rng(0)
SIZE = (24, 32)


def noise_case(size=SIZE):
    return Case('P1_L4-5', *RNG.integers(0, 256, (3, *size), np.uint8), {})


def test_the_files_hold_every_grey_level(tmp_path):
    case = noise_case()
    pictures = CasePictures(tmp_path, 1)
    pictures.add(case)
    ct, synthetic, real = pictures.slices('P1_L4-5')
    np.testing.assert_array_equal(ct, case.ct)
    np.testing.assert_array_equal(synthetic, case.synthetic)
    np.testing.assert_array_equal(real, case.real)
    difference = cv2.imread(str(tmp_path / 'differences' / 'P1_L4-5.png'))[..., ::-1]
    np.testing.assert_array_equal(difference, coloured_difference(case.real, case.synthetic))
    assert pictures.picture_size == SIZE


def test_thumbnails_are_jpegs_of_their_size(tmp_path):
    for count, side in ((1, 256), (10**6, 64)):
        pictures = CasePictures(tmp_path, count)
        pictures.add(noise_case((256, 256)))
        thumbnail = pictures.thumbnails['P1_L4-5']
        decoded = cv2.imdecode(np.frombuffer(thumbnail.jpeg, np.uint8), cv2.IMREAD_COLOR)
        width, height = thumbnail.size
        assert decoded.shape == (height, width, 3)
        assert (height, width) == (side, round((4 * 256 + 3 * GAP) * side / 256))


def test_small_pictures_are_not_enlarged(tmp_path):
    pictures = CasePictures(tmp_path, 1)
    pictures.add(noise_case())
    assert pictures.thumbnails['P1_L4-5'].size == (4 * 32 + 3 * GAP, 24)


@pytest.mark.parametrize(('count', 'side'), [(1, 256), (280, 256), (300, 192), (2000, 96)])
def test_more_cases_have_smaller_thumbnails(count, side):
    assert case_pictures.thumbnail_side(count) == side


def test_all_thumbnails_together_fit_the_page():
    """At the bytes a pixel that were measured; as base64 in a page of 30 MB."""
    most = case_pictures.most_thumbnails()
    for count in (1, 50, 289, 290, 514, 1000, 2000, 2061, 2062, most):
        pixels = count * 4 * case_pictures.thumbnail_side(count) ** 2
        assert pixels * case_pictures.BYTES_PER_PIXEL * 4 / 3 < 26e6
    assert len(base64.b64encode(bytes(case_pictures.THUMBNAIL_BYTES))) < 26e6
