"""What a signature refuses, each mistake with its message, and that it answers the next request.

The loaded signatures are asked through a v1 session whose placeholders have no shape, as a server
asks: a call from Python would check shapes itself.
"""

import struct
import zlib

import cv2
import numpy as np
import pytest
import tensorflow as tf
from stand_in.examples import png_of_zeros
from stand_in.served_graph import ServedGraph

from ct2mr_tf.serving import guards, signatures


@pytest.fixture(scope='module')
def ask(exported):
    """The function that asks a signature of the exported model, and gives its only output."""
    graph = ServedGraph(exported)

    def ask(signature, value):
        inputs = {signatures.INPUTS[signature]: value}
        (answer,) = graph.predict(graph.signatures[signature], inputs, 0).values()
        return answer

    return ask


def png(picture):
    return cv2.imencode('.png', picture)[1].tobytes()


GOOD = png(np.arange(32 * 40, dtype=np.uint8).reshape(32, 40))


def with_header(width=40, height=32, rest=b'\x08\x00\x00\x00\x00'):
    """The good PNG with another header, whose checksum is right."""
    header = b'IHDR' + struct.pack('>II', width, height) + rest
    return GOOD[:12] + header + struct.pack('>I', zlib.crc32(header)) + GOOD[33:]


def zeros(*shape, value=0.0):
    return np.full(shape, value, np.float32)


SIDES = 'height and width must be multiples of 4 from 12 to 64 pixels, not'
SHAPE = 'is not compatible with expected shape'

MISTAKES = {
    'rank 0': (zeros(), SHAPE),
    'rank 1': (zeros(5), SHAPE),
    'rank 2': (zeros(32, 32), SHAPE),
    'rank 3': (zeros(32, 32, 1), SHAPE),
    'rank 5': (zeros(1, 1, 32, 32, 1), SHAPE),
    'two channels': (zeros(1, 32, 32, 2), SHAPE),
    'no channel': (zeros(1, 32, 32, 0), SHAPE),
    'empty batch': (zeros(0, 32, 32, 1), 'no picture was sent'),
    'no height': (zeros(1, 0, 32, 1), SIDES),
    'no width': (zeros(1, 32, 0, 1), SIDES),
    'odd height': (zeros(1, 33, 32, 1), SIDES + '] [33 32]'),
    'odd width': (zeros(1, 32, 30, 1), SIDES + '] [32 30]'),
    'too small': (zeros(1, 8, 32, 1), SIDES + '] [8 32]'),
    'too large': (zeros(1, 32, 68, 1), SIDES + '] [32 68]'),
    'NaN': (zeros(1, 32, 32, 1, value=np.nan), 'values that are NaN or infinite'),
    'infinite': (zeros(1, 32, 32, 1, value=-np.inf), 'values that are NaN or infinite'),
}

GREY_MISTAKES = {
    'above white': (zeros(1, 32, 32, 1, value=255.5), 'grey levels must lie within 0 to 255'),
    'below black': (zeros(1, 32, 32, 1, value=-1000), 'there is the signature hu'),
}

PNG_MISTAKES = {
    'rank 0': (np.array(GOOD, object), SHAPE),
    'rank 2': (np.array([[GOOD]], object), SHAPE),
    'empty batch': (np.array([], object), 'no picture was sent'),
    'no bytes': ([b''], 'no PNG, or one cut off'),
    'too short': ([GOOD[:56]], 'no PNG, or one cut off'),
    'text': ([b'this is not a picture' * 5], 'no PNG: it does not begin'),
    'JPEG': ([cv2.imencode('.jpg', np.zeros((32, 40), np.uint8))[1].tobytes()], 'no PNG: it does'),
    'no header chunk': ([GOOD[:12] + b'tEXt' + GOOD[16:]], 'no PNG: it does not begin'),
    '16-bit': ([png(np.zeros((32, 40), np.uint16))], 'PNG must be 8-bit grey'),
    'RGB': ([png(np.zeros((32, 40, 3), np.uint8))], 'PNG must be 8-bit grey'),
    'alpha': ([png(np.zeros((32, 40, 4), np.uint8))], 'PNG must be 8-bit grey'),
    'palette': ([with_header(rest=b'\x08\x03\x00\x00\x00')], 'PNG must be 8-bit grey'),
    '1-bit': ([with_header(rest=b'\x01\x00\x00\x00\x00')], 'PNG must be 8-bit grey'),
    'interlaced': ([with_header(rest=b'\x08\x00\x00\x00\x01')], 'or interlacing'),
    '30,000 x 30,000': ([with_header(30000, 30000)], SIDES + '] [30000 30000]'),
    'a width beyond PNG': ([with_header(2**31 + 32)], SIDES),
    'no width': ([with_header(0)], SIDES),
    'odd sides': ([png(np.zeros((30, 40), np.uint8))], SIDES + '] [30 40]'),
    'too small': ([png(np.zeros((8, 40), np.uint8))], SIDES + '] [8 40]'),
    'two sizes': ([GOOD, png(np.zeros((40, 32), np.uint8))], 'must have one size'),
    'cut off': ([GOOD[:-20]], 'cut off, or followed by other bytes; pictures'),
    'bytes behind': ([GOOD + b'more'], 'cut off, or followed by other bytes'),
    'the third is bad': ([GOOD, GOOD, b'x' * 99], 'pictures (counted from 0):] [2]'),
    'comments': ([png_of_zeros(32, 40, rows=32, comments=10)], 'far more bytes than pixels'),
    'cut within': ([GOOD[:-60] + GOOD[-12:]], 'Invalid PNG data'),
    'a flipped bit': ([GOOD[:60] + bytes([GOOD[60] ^ 1]) + GOOD[61:]], 'Invalid PNG data'),
    'more rows in the header': ([with_header(height=36)], 'Invalid PNG data'),
    'wider in the header': ([with_header(width=44)], 'Invalid PNG data'),
}

CARD_MISTAKES = {
    'rank 0': (np.array(b'', object), SHAPE),
    'none': (np.array([], object), 'ask for 1 to 64 model cards'),
    'thousands': ([b''] * 5000, 'ask for 1 to 64 model cards, not] [5000]'),
}


def cases():
    for signature, mistakes in (
        (signatures.DEFAULT, MISTAKES | GREY_MISTAKES),
        (signatures.HU, MISTAKES),
        (signatures.PNG, PNG_MISTAKES),
        (signatures.CARD, CARD_MISTAKES),
    ):
        for name, (value, said) in mistakes.items():
            yield pytest.param(signature, value, said, id=f'{signature}: {name}')


@pytest.mark.parametrize(('signature', 'value', 'said'), list(cases()))
def test_a_mistake_is_an_error_of_the_request(ask, signature, value, said):
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        ask(signature, value)
    assert said in caught.value.message
    assert len(ask(signatures.PNG, [GOOD])) == 1


def test_the_good_ones(ask):
    """What the limits just allow."""
    for sides in ((12, 12), (64, 64), (12, 64)):
        assert ask(signatures.DEFAULT, zeros(1, *sides, 1)).shape == (1, *sides, 1)
        assert len(ask(signatures.PNG, [png(np.zeros(sides, np.uint8))] * 2)) == 2
    assert ask(signatures.DEFAULT, zeros(1, 32, 32, 1, value=255)).max() <= 255
    assert len(ask(signatures.CARD, [b''] * guards.MOST_CARDS)) == guards.MOST_CARDS
    assert ask(signatures.HU, zeros(1, 32, 32, 1, value=3e38)).shape == (1, 32, 32, 1)
    assert len(ask(signatures.DEFAULT, zeros(64, 12, 12, 1))) == 64


def test_no_message_repeats_a_picture(ask):
    """Text chunks of a PNG, and its pixels, may be a patient's."""
    secret = b'Miller^Anna^1950'
    for file in (secret * 9, GOOD[:-12] + secret, with_header(30000) + secret):
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            ask(signatures.PNG, [file])
        assert 'Miller' not in caught.value.message


def test_every_damage_to_the_bytes_of_a_file(ask):
    """A flip or a cut anywhere: an error, or the very picture."""
    rng = np.random.default_rng(3)
    right = ask(signatures.PNG, [GOOD])
    for _ in range(150):
        place = int(rng.integers(len(GOOD)))
        flipped = bytearray(GOOD)
        flipped[place] ^= 1 << int(rng.integers(8))
        for damaged in (bytes(flipped), GOOD[:place], GOOD[:place] + GOOD[place + 7 :]):
            try:
                answer = ask(signatures.PNG, [damaged])
            except tf.errors.InvalidArgumentError:
                continue
            assert answer == right
