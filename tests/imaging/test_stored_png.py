"""Stored PNG files, read by three libraries that know nothing of how they were written."""

import io
import re
import zlib

import cv2
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ct2mr_tf.imaging.stored_png import encode_stored_png

PICTURES = arrays.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)))


@given(PICTURES)
def test_every_reader_sees_the_picture(picture):
    file = encode_stored_png(picture)
    opened = PIL.Image.open(io.BytesIO(file))
    assert opened.mode == 'L'
    np.testing.assert_array_equal(np.asarray(opened), picture)
    np.testing.assert_array_equal(
        cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED), picture
    )
    np.testing.assert_array_equal(tf.io.decode_png(file, channels=1).numpy()[..., 0], picture)


def test_one_pixel_by_hand():
    # 69 bytes: signature 8, IHDR 12 + 13, IDAT 12 + zlib (2 + 5 + 2 + 4), IEND 12, and no more.
    file = encode_stored_png(np.array([[200]], np.uint8))
    assert file[:8] == b'\x89PNG\r\n\x1a\n'
    assert len(file) == 8 + 25 + 12 + 13 + 12
    assert file[file.index(b'IDAT') + 4 :][:9] == bytes([0x78, 1, 1, 2, 0, 0xFD, 0xFF, 0, 200])


def test_nothing_is_compressed():
    # Stored blocks of up to 65,535 bytes, each with 5 bytes before it.
    file = encode_stored_png(np.zeros((256, 512), np.uint8))
    assert len(file) == 8 + 25 + 12 + (2 + 256 * 513 + 3 * 5 + 4) + 12


def test_the_largest_pair_is_read_without_a_warning(capfd):
    picture = np.random.default_rng(0).integers(0, 256, (2048, 4096), np.uint8)
    file = encode_stored_png(picture)
    np.testing.assert_array_equal(
        cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED), picture
    )
    np.testing.assert_array_equal(tf.io.decode_png(file, channels=1).numpy()[..., 0], picture)
    assert 'chunk' not in capfd.readouterr().err


def test_the_last_checksum_tells_of_a_change_anywhere():
    picture = np.zeros((2048, 4096), np.uint8)
    ends = {encode_stored_png(picture)[-16:]}
    picture[0, 0] = 1
    ends.add(encode_stored_png(picture)[-16:])
    assert len(ends) == 2


def test_stored_pngs_differ_in_pixels_and_checksums_only():
    """Black, white and noise: one length, the same bytes around."""
    rng = np.random.default_rng(0)
    pictures = [np.zeros((300, 300), np.uint8), np.full((300, 300), 255, np.uint8)]
    pictures.append(rng.integers(0, 256, (300, 300)).astype(np.uint8))
    encoded = [encode_stored_png(picture) for picture in pictures]
    assert len({len(png) for png in encoded}) == 1
    assert len({png[:43] for png in encoded}) == 1  # signature, IHDR, the head of IDAT
    assert {re.findall(b'[A-Z]{4}', png[:60])[0] for png in encoded} == {b'IHDR'}
    for png, picture in zip(encoded, pictures, strict=True):
        assert picture[0].tobytes() in png
        assert png.endswith(b'\0\0\0\0IEND\xaeB`\x82')
        rows = zlib.decompress(png[41:-16])
        assert len(rows) == 300 * 301


def test_a_part_of_a_picture_and_one_in_columns():
    picture = np.arange(30, dtype=np.uint8).reshape(5, 6)
    for part in (picture[1:4, ::2], np.asfortranarray(picture)):
        found = cv2.imdecode(np.frombuffer(encode_stored_png(part), np.uint8), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(found, part)


@pytest.mark.parametrize(
    'wrong', [np.zeros((2, 2)), np.zeros((2, 2, 1), np.uint8), np.zeros((0, 2), np.uint8)]
)
def test_anything_else_is_refused(wrong):
    with pytest.raises(ValueError, match='uint8'):
        encode_stored_png(wrong)
