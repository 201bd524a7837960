"""Pictures to base64 PNG and back, answers that are none, and the division into requests."""

import base64
import itertools
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from stand_in.examples import png, png_of_zeros

from ct2mr_tf.serving import client_pictures
from ct2mr_tf.serving.client_pictures import PictureError

PICTURE = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10


def sent(file: bytes) -> dict[str, str]:
    return {'b64': base64.b64encode(file).decode()}


@given(npst.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_a_picture_comes_back_as_it_was(picture):
    there = client_pictures.encoded(picture)
    assert np.array_equal(client_pictures.decoded(there, picture.shape), picture)


def test_what_is_sent_is_an_8_bit_grey_png():
    file = base64.b64decode(client_pictures.encoded(PICTURE)['b64'])
    assert file[:8] == b'\x89PNG\r\n\x1a\n'
    assert struct.unpack('>IIBB', file[16:26]) == (6, 4, 8, 0)


@pytest.mark.parametrize(
    ('value', 'message'),
    [
        (None, 'no base64'),
        (3.5, 'no base64'),
        ('aGVsbG8=', 'no base64'),
        ({'b64': None}, 'no base64'),
        ({'b64': 'a'}, 'no base64'),
        ({'b64': 'äöü'}, 'no base64'),
        ({'b65': 'aGVsbG8='}, 'no base64'),
        (sent(b''), 'no PNG'),
        (sent(b'GIF89a'), 'no PNG'),
        (sent(png(PICTURE)[:20]), 'no PNG'),
        (sent(png(PICTURE.T)), '6x4 pixels, not 4x6'),
        (sent(png_of_zeros(30_000, 30_000, rows=0)), '30000x30000 pixels, not 4x6'),
        (sent(png_of_zeros(4, 6, rows=3)), 'damaged'),
        (sent(png(PICTURE)[:-14]), 'damaged'),
        (sent(png(PICTURE.astype(np.uint16))), 'not 8-bit grey'),
        (sent(png(np.stack([PICTURE] * 3, axis=-1))), 'not 8-bit grey'),
    ],
)
def test_answers_that_are_no_picture(value, message):
    with pytest.raises(PictureError, match=message):
        client_pictures.decoded(value, (4, 6))


@given(
    st.lists(st.integers(0, 50), max_size=30),
    st.integers(1, 5),
    st.integers(1, 120),
)
def test_requests_hold_every_picture_once_within_the_limits(sizes, most_pictures, most_bytes):
    files = [{'b64': 'A' * size} for size in sizes]
    requests = list(client_pictures.divided(files, most_pictures, most_bytes))
    assert [file for request in requests for file in request] == files
    for request in requests:
        assert 1 <= len(request) <= most_pictures
        assert len(request) == 1 or sum(len(file['b64']) for file in request) <= most_bytes
    # As few as can be in order: no request has room for the next picture.
    for one, following in itertools.pairwise(requests):
        total = sum(len(file['b64']) for file in [*one, following[0]])
        assert len(one) == most_pictures or total > most_bytes
