"""The generator of a run as a predictor: a function from CT to synthetic MR, to be measured."""

import pathlib

import numpy as np
import tensorflow as tf

from ct2mr_tf.config import Config
from ct2mr_tf.evaluation.cases import Predictor
from ct2mr_tf.training.compilation import configure_gpus, use_xla
from ct2mr_tf.training.state import restore_generator


def create_predictor(generator: tf.keras.Model, jit_compile: bool = False) -> Predictor:
    """Wraps a generator, compiled to a graph once for each size of pictures.

    Made within the scope of a tf.distribute strategy, it deals the slices of a batch out to the
    replicas; all workers must then call it with the same batches, and all get the whole result.

    Args:
        generator: called with training=False.
        jit_compile: whether XLA compiles it.

    Returns:
        A function from CT to synthetic MR, numpy float32 [B, H, W, 1] in [-1, 1] both.
    """
    strategy = tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync

    @tf.function(jit_compile=jit_compile, autograph=False)
    def forward(ct: tf.Tensor) -> tf.Tensor:
        return generator(ct, training=False)

    @tf.function(autograph=False)
    def eval_step(ct: tf.Tensor) -> tf.Tensor:
        # Not `forward` itself: TensorFlow would compile one program for all replicas, which fails.
        return strategy.run(lambda part: forward(part), args=(ct,))

    def predict(ct: np.ndarray) -> np.ndarray:
        part = -(-len(ct) // replicas)
        # Where the rows cannot be dealt out evenly, the first ones are repeated and then dropped.
        rows = np.resize(np.arange(len(ct)), part * replicas)

        def of_replica(context: tf.distribute.InputContext) -> tf.Tensor:
            first = context.replica_id_in_sync_group * part
            return tf.constant(ct[rows[first : first + part]], tf.float32)

        parts = strategy.experimental_distribute_values_from_function(of_replica)
        return strategy.gather(eval_step(parts), axis=0).numpy()[: len(ct)]

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
    configure_gpus(config)
    generator, step = restore_generator(config, workdir, which)
    return create_predictor(generator, use_xla(config)), step
