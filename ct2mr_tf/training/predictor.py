"""The generator of a run as a predictor: a function from CT to synthetic MR, to be measured."""

import pathlib

import numpy as np
import tensorflow as tf

from ct2mr_tf.config import Config
from ct2mr_tf.evaluation.cases import Predictor
from ct2mr_tf.training.state import restore_generator


def create_predictor(generator: tf.keras.Model) -> Predictor:
    """Wraps a generator, compiled to a graph once for each size of pictures.

    Returns:
        A function from CT to synthetic MR, numpy float32 [B, H, W, 1] in [-1, 1] both.
    """

    @tf.function
    def eval_step(ct: tf.Tensor) -> tf.Tensor:
        return generator(ct, training=False)

    def predict(ct: np.ndarray) -> np.ndarray:
        return eval_step(tf.constant(ct, tf.float32)).numpy()

    return predict


def restore_predictor(config: Config, workdir: pathlib.Path, which: str) -> tuple[Predictor, int]:
    """The predictor of a run, and the step its weights were saved at.

    Args:
        config: of the run.
        workdir: its folder.
        which: 'best' by validation MAE, or 'newest'.

    Raises:
        UserError: the run has no such checkpoint, or none that can be read.
    """
    generator, step = restore_generator(config, workdir, which)
    return create_predictor(generator), step
