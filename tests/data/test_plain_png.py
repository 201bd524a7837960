"""Plain PNG files, read by three libraries that know nothing of how they were written."""

import io

import cv2
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ct2mr_tf.data.plain_png import encode_plain_png

PICTURES = arrays.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)))


@settings(deadline=None)
@given(PICTURES)
def test_every_reader_sees_the_picture(picture):
    file = encode_plain_png(picture)
    opened = PIL.Image.open(io.BytesIO(file))
    assert opened.mode == 'L'
    np.testing.assert_array_equal(np.asarray(opened), picture)
    np.testing.assert_array_equal(
        cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED), picture
    )
    np.testing.assert_array_equal(tf.io.decode_png(file, channels=1).numpy()[..., 0], picture)


def test_one_pixel_by_hand():
    # 69 bytes: signature 8, IHDR 12 + 13, IDAT 12 + zlib (2 + 5 + 2 + 4), IEND 12, and no more.
    file = encode_plain_png(np.array([[200]], np.uint8))
    assert file[:8] == b'\x89PNG\r\n\x1a\n'
    assert len(file) == 8 + 25 + 12 + 13 + 12
    assert file[file.index(b'IDAT') + 4 :][:9] == bytes([0x78, 1, 1, 2, 0, 0xFD, 0xFF, 0, 200])


def test_nothing_is_compressed():
    # Stored blocks of up to 65,535 bytes, each with 5 bytes before it.
    file = encode_plain_png(np.zeros((256, 512), np.uint8))
    assert len(file) == 8 + 25 + 12 + (2 + 256 * 513 + 3 * 5 + 4) + 12


def test_a_part_of_a_picture_and_one_in_columns():
    picture = np.arange(30, dtype=np.uint8).reshape(5, 6)
    for part in (picture[1:4, ::2], np.asfortranarray(picture)):
        found = cv2.imdecode(np.frombuffer(encode_plain_png(part), np.uint8), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(found, part)


@pytest.mark.parametrize(
    'wrong', [np.zeros((2, 2)), np.zeros((2, 2, 1), np.uint8), np.zeros((0, 2), np.uint8)]
)
def test_anything_else_is_refused(wrong):
    with pytest.raises(ValueError, match='uint8'):
        encode_plain_png(wrong)
