"""Synthesis to be timed: the Keras generator, and the same one exported and loaded again."""

import dataclasses
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf

from ct2mr_tf.benchmark.timing import Task
from ct2mr_tf.config import SIDE_MULTIPLE, SMALLEST_SIDE, Config
from ct2mr_tf.imaging.grey import DEFAULT_CT_WINDOW
from ct2mr_tf.serving.export_folder import write_version
from ct2mr_tf.serving.model_card import Limits, ModelCard
from ct2mr_tf.serving.signatures import DEFAULT, INPUTS
from ct2mr_tf.training.compilation import use_xla
from ct2mr_tf.version import VERSION


def create_keras_task(generator: tf.keras.Model, config: Config, batch_size: int) -> Task:
    """The generator as evaluation runs it, on slices in memory; times are for one slice."""
    ct = _slices(config, batch_size, -1.0, 1.0)

    @tf.function(jit_compile=use_xla(config), autograph=False)
    def synthesize(ct: tf.Tensor) -> tf.Tensor:
        return generator(ct, training=False)

    def run() -> None:
        synthesize(ct).numpy()

    return Task(run, units=batch_size)


def create_served_task(served: Any, config: Config, batch_size: int) -> Task:
    """A SavedModel's signature for grey levels, checks included; times are for one slice.

    Args:
        served: what `tf.saved_model.load` gave.
        config: its image_size is read.
        batch_size: slices at a time.
    """
    ct = _slices(config, batch_size, 0.0, 255.0)

    def run() -> None:
        # By way of the model, which a signature alone does not keep alive.
        served.signatures[DEFAULT](**{INPUTS[DEFAULT]: ct})['mr'].numpy()

    return Task(run, units=batch_size)


def export_generator(
    generator: tf.keras.Model, config: Config, export_dir: pathlib.Path
) -> pathlib.Path:
    """Exports the generator as `export.py` does, for a model that nobody will use.

    Returns:
        The folder of the SavedModel.
    """
    card = ModelCard(
        name='benchmark',
        software_version=VERSION,
        model_sha256='',
        config=dataclasses.asdict(config),
        data_set={},
        checkpoint={'which': 'newest', 'step': 0},
        validation={},
        ct_window=DEFAULT_CT_WINDOW,
        mr_window='',
        picture=config.image_size,
        limits=Limits(SMALLEST_SIDE, max(config.image_size), SIDE_MULTIPLE),
        ct_plane='unknown',
    )
    pictures = _slices(config, 1, 0.0, 255.0).numpy()[..., 0].astype(np.uint8)
    return write_version(generator, card, pictures, export_dir)


def _slices(config: Config, count: int, low: float, high: float) -> tf.Tensor:
    return tf.random.stateless_uniform([count, *config.image_size, 1], [1, 2], low, high)
