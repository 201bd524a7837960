"""The comparison of an exported model with its generator: the right passes, the wrong is named."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.serving import verification
from ct2mr_tf.serving.export_folder import write_version


def test_the_right_model(exported, tiny_generator, tiny_card, pictures):
    assert verification.differences(exported, tiny_generator, tiny_card, pictures) == []


def test_a_weight_that_differs(exported, tiny_generator, tiny_card, pictures):
    gamma = tiny_generator.weights[1]
    before = gamma.numpy()
    gamma.assign(before * 1.5)
    try:
        problems = verification.differences(exported, tiny_generator, tiny_card, pictures)
    finally:
        gamma.assign(before)
    assert [problem.where.split()[1] for problem in problems] == ['serving_default', 'hu', 'png']
    assert 'grey levels from the generator' in problems[0].found
    assert problems[0].expected == 'the same numbers, to 0.01'


def test_a_window_that_differs(exported, tiny_generator, tiny_card, pictures):
    """Only `hu` knows the window; and the card of the model is another."""
    card = dataclasses.replace(tiny_card, ct_window=Window(-100, 600))
    problems = verification.differences(exported, tiny_generator, card, pictures)
    assert [problem.where.split()[1] for problem in problems] == ['hu', 'model_card']


def test_the_reference(tiny_generator, golden, pictures):
    batches = list(verification.reference(tiny_generator, pictures))
    assert [len(ct) for ct, _ in batches] == [1, 6]
    for ct, mr in batches:
        assert ct.dtype == np.float32
        assert np.abs(mr - golden(ct[..., 0])).max() < 1e-3
    assert np.array_equal(batches[1][0][3:, :, ::-1], batches[1][0][:3])


def test_a_network_that_computes_in_bfloat16(tiny_card, pictures, tmp_path):
    from ct2mr_tf.models.generator import create_generator

    generator = create_generator(ngf=4, residual_blocks=1, precision='bfloat16')
    card = dataclasses.replace(tiny_card, config={'precision': 'bfloat16'})
    folder = write_version(generator, card, pictures, tmp_path)
    assert folder.is_dir()


def test_what_is_no_number_never_passes():
    wanted = np.zeros((1, 4, 4, 1), np.float32)
    for found in (np.full_like(wanted, np.nan), np.zeros((1, 4, 4), np.float32)):
        assert verification._distance(found, wanted) == np.inf


def test_it_compares_in_full_float32(exported, tiny_generator, tiny_card, pictures):
    asked = []

    class Witness(tf.keras.Model):
        def call(self, ct, training=None):
            asked.append(tf.config.experimental.tensor_float_32_execution_enabled())
            return tiny_generator(ct, training=training)

    assert tf.config.experimental.tensor_float_32_execution_enabled()
    assert verification.differences(exported, Witness(), tiny_card, pictures) == []
    assert asked
    assert not any(asked)
    assert tf.config.experimental.tensor_float_32_execution_enabled()


def test_tf32_is_as_it_was_after_an_error():
    with pytest.raises(KeyError), verification.full_float32():
        raise KeyError
    assert tf.config.experimental.tensor_float_32_execution_enabled()
