"""The learning rate of the paper: constant, then linearly to zero, from the one step counter."""

import tensorflow as tf

from ct2mr_tf.config import Config


def learning_rate(step: tf.Tensor, config: Config) -> tf.Tensor:
    """The learning rate of a step.

    Args:
        step: int64 scalar, steps done before this one.
        config: its learning_rate, constant_steps and decay_steps are read.

    Returns:
        float32 scalar: the constant rate for the first constant_steps, then falling by equal parts
        to zero, which it reaches at constant_steps + decay_steps.
    """
    steps_left = tf.cast(config.constant_steps + config.decay_steps - step, tf.float32)
    share_left = steps_left / max(config.decay_steps, 1)
    return config.learning_rate * tf.clip_by_value(share_left, 0.0, 1.0)


def ema_decay(step: tf.Tensor, config: Config) -> tf.Tensor:
    """The decay of the moving average of weights at a step, with a warm-up.

    Args:
        step: int64 scalar, steps done before this one.
        config: its ema_decay is read.

    Returns:
        float32 scalar: min(ema_decay, (1 + step) / (10 + step)), the warm-up of
        tf.train.ExponentialMovingAverage, so that the first weights are soon forgotten.
    """
    done = tf.cast(step, tf.float32)
    return tf.minimum(config.ema_decay, (1 + done) / (10 + done))
