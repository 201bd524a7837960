"""The numbers of each signature, against the generator and against golden values."""

import dataclasses

import cv2
import numpy as np
import pytest
import tensorflow as tf

from ct2mr_tf.imaging.grey import Window, from_grey, to_grey
from ct2mr_tf.serving import signatures

CLOSE = 1e-3
"""Grey levels: float32 sums in another order."""


def grey_of(served, ct):
    pictures = tf.constant(np.asarray(ct, np.float32)[..., np.newaxis])
    return served['serving_default'](ct=pictures)['mr'].numpy()


def encode(pictures):
    return [cv2.imencode('.png', picture)[1].tobytes() for picture in pictures]


def decode(files):
    return np.stack([cv2.imdecode(np.frombuffer(f, np.uint8), cv2.IMREAD_UNCHANGED) for f in files])


def test_grey_levels(served, golden, pictures):
    mr = grey_of(served, pictures)
    assert mr.dtype == np.float32
    assert mr.shape == (3, 32, 40, 1)
    assert np.abs(mr - golden(pictures)).max() < CLOSE
    assert 0 <= mr.min() < 60
    assert 200 < mr.max() <= 255
    assert not np.array_equal(mr, np.rint(mr))


def test_every_batch_and_size_without_tracing_anew(served, golden):
    """Eight sizes; a signature is a concrete function, which cannot trace: it must answer all."""
    rng = np.random.default_rng(1)
    for shape in ((1, 12, 12), (1, 64, 64), (2, 12, 64), (5, 32, 32), (64, 16, 20)):
        ct = rng.integers(0, 256, shape)
        assert np.abs(grey_of(served, ct) - golden(ct)).max() < CLOSE


def test_a_batch_of_several_chunks(tiny_generator, tiny_card, golden, pictures, monkeypatch):
    """Chunks of two pictures: two whole ones and one that is not."""
    monkeypatch.setattr(signatures, 'CHUNK_PIXELS', 2 * 32 * 40 + 1)
    traced = signatures.ServedGenerator(tiny_generator, tiny_card).signatures()
    ct = np.concatenate([pictures, pictures[:2] // 2])
    mr = traced['serving_default'](tf.constant(ct[..., np.newaxis], tf.float32))['mr'].numpy()
    assert np.abs(mr - golden(ct)).max() < CLOSE
    files = traced['png'](tf.constant(encode(ct)))['mr_png_bytes'].numpy()
    assert np.abs(decode(files) - golden(ct)[..., 0]).max() < 0.5 + CLOSE


def test_pictures_larger_than_a_chunk(tiny_generator, tiny_card, golden, pictures, monkeypatch):
    monkeypatch.setattr(signatures, 'CHUNK_PIXELS', 100)
    traced = signatures.ServedGenerator(tiny_generator, tiny_card).signatures()
    mr = traced['serving_default'](tf.constant(pictures[..., np.newaxis], tf.float32))['mr'].numpy()
    assert np.abs(mr - golden(pictures)).max() < CLOSE


@pytest.mark.parametrize(
    ('size', 'pictures'), [((256, 256), 1), ((1024, 512), 1), ((128, 128), 4), ((12, 12), 455)]
)
def test_how_many_go_through_at_a_time(size, pictures):
    assert signatures.chunk_of(*size) == pictures


def test_slices_of_a_batch_know_nothing_of_each_other(served, pictures):
    alone = np.concatenate([grey_of(served, pictures[i : i + 1]) for i in range(3)])
    assert np.abs(grey_of(served, pictures) - alone).max() < CLOSE


@pytest.mark.parametrize('window', [Window(-200, 600), Window(-160.5, 239.25), Window(0, 1)])
def test_hu_is_the_training_grey_scale(tiny_generator, tiny_card, window):
    """HU within, at the ends, beyond, half way between two levels, whole, and huge."""
    card = dataclasses.replace(tiny_card, ct_window=window)
    traced = signatures.ServedGenerator(tiny_generator, card).signatures()
    rng = np.random.default_rng(2)
    wide = window.high - window.low
    hu = rng.uniform(window.low - wide / 4, window.high + wide / 4, (2, 16, 20, 1))
    halves = window.low + (np.arange(255) + 0.5) * wide / 255
    hu[1].flat[:255] = halves
    hu[0].flat[:6] = [window.low, window.high, -1e30, 1e30, -1024, 3071]
    hu[0].flat[6:106] = np.arange(-120, 1480, 16)
    hu = hu.astype(np.float32)
    mr = traced['hu'](tf.constant(hu))['mr'].numpy()
    grey = to_grey(hu, window).astype(np.float32)
    assert np.array_equal(mr, traced['serving_default'](tf.constant(grey))['mr'].numpy())


def test_hu_of_whole_grey_levels(served, golden, pictures):
    hu = from_grey(pictures[..., np.newaxis], Window(-200, 600))
    mr = served['hu'](hu=tf.constant(hu))['mr'].numpy()
    assert np.abs(mr - golden(pictures)).max() < CLOSE


def test_png(served, golden, pictures):
    files = served['png'](ct_png=tf.constant(encode(pictures)))['mr_png_bytes'].numpy()
    mr = decode(files)
    assert mr.dtype == np.uint8
    assert mr.shape == pictures.shape
    assert np.abs(mr - golden(pictures)[..., 0]).max() < 0.5 + CLOSE


def test_the_card_for_each_that_asks(served, tiny_card):
    answer = served['model_card'](request=tf.constant(['', 'what are you?']))['model_card_json']
    assert [text.decode() for text in answer.numpy()] == [tiny_card.to_json()] * 2


def test_names_and_types_that_clients_see(served):
    seen = {
        name: (
            dict(signature.structured_input_signature[1]),
            signature.structured_outputs,
        )
        for name, signature in served.items()
    }
    pictures, strings = [None, None, None, 1], [None]
    for name, (given, pixels), (told, shape) in (
        ('serving_default', ('ct', pictures), ('mr', pictures)),
        ('hu', ('hu', pictures), ('mr', pictures)),
        ('png', ('ct_png', strings), ('mr_png_bytes', strings)),
        ('model_card', ('request', strings), ('model_card_json', strings)),
    ):
        inputs, outputs = seen.pop(name)
        dtype = tf.float32 if pixels is pictures else tf.string
        assert inputs == {given: tf.TensorSpec(pixels, dtype, given)}
        assert outputs == {told: tf.TensorSpec(shape, dtype, told)}
    assert not seen
