"""A generator as a function from CT to synthetic MR."""

import numpy as np
import tensorflow as tf

from ct2mr_tf.models.generator import create_generator
from ct2mr_tf.training.predictor import create_predictor


def test_predictor_is_the_generator_at_every_size_and_batch():
    generator = create_generator(ngf=4, residual_blocks=1)
    predict_fn = create_predictor(generator)
    for shape in ((1, 16, 16, 1), (3, 16, 16, 1), (2, 24, 8, 1)):
        ct = np.random.default_rng(0).uniform(-1, 1, shape)
        synthetic = predict_fn(ct)
        assert type(synthetic) is np.ndarray
        assert synthetic.dtype == np.float32
        expected = generator(tf.constant(ct, tf.float32))
        np.testing.assert_allclose(synthetic, expected, rtol=0, atol=1e-5)
