"""The type a run computes in: what the machine must have for it, and loss scaling for float16.

float16 has no numbers below 6e-8, so that small gradients would become zero. The loss is multiplied
by a scale before the gradients are taken, and they are divided by it afterwards. The scale doubles
after 2,000 good steps and halves where a gradient is too large for float16; that step leaves the
weights as they are (Micikevicius et al., ICLR 2018; tf.keras.mixed_precision). Each network has a
scale of its own, which is part of its optimizer's state. bfloat16 has the range of float32 and
needs none of this.
"""

from typing import TypeAlias

import tensorflow as tf

from ct2mr_tf.problems import Problem, UserError

LossScaleOptimizer: TypeAlias = tf.keras.mixed_precision.LossScaleOptimizer
Optimizer: TypeAlias = tf.keras.optimizers.Optimizer

LEAST_SCALE = 1.0
"""Keras halves the loss scale no further: gradients that overflow here are not finite at all."""


def refuse_without_gpu(precision: str) -> None:
    """Refuses float16 on a CPU, which has no fast products of it: a first step took 200 s.

    Raises:
        UserError: the precision is float16 and TensorFlow sees no GPU.
    """
    if precision == 'float16' and not tf.config.list_physical_devices('GPU'):
        cure = 'take bfloat16, fast on CPUs with avx512_bf16 or AMX, or a machine with a GPU'
        raise UserError([Problem('--precision=float16', 'no GPU', 'a GPU', cure)])


def with_loss_scale(optimizer: Optimizer, precision: str) -> Optimizer:
    """The optimizer, with a dynamic loss scale around it where the precision is float16."""
    if precision != 'float16':
        return optimizer
    return tf.keras.mixed_precision.LossScaleOptimizer(optimizer)


def scaled_loss(optimizer: Optimizer, loss: tf.Tensor) -> tf.Tensor:
    """The loss to take gradients of: times the optimizer's scale, where it has one."""
    return optimizer.get_scaled_loss(loss) if _scales(optimizer) else loss


def unscaled_gradients(optimizer: Optimizer, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
    """The gradients of the loss from those of the scaled loss."""
    return optimizer.get_unscaled_gradients(gradients) if _scales(optimizer) else gradients


def norm_applied(optimizer: Optimizer, gradients: list[tf.Tensor]) -> tf.Tensor:
    """The norm of the gradients that the optimizer will apply.

    Returns:
        float32 scalar: 0 where the step is left out for a smaller scale; infinite or no number
        where a smaller scale cannot help, or there is none.
    """
    norm = tf.linalg.global_norm(gradients)
    if not _scales(optimizer):
        return norm
    left_out = ~tf.math.is_finite(norm) & (optimizer.loss_scale > LEAST_SCALE)
    return tf.where(left_out, 0.0, norm)


def scale_variables(optimizer: Optimizer) -> list[tf.Variable]:
    """The loss scale and its count of good steps, which `optimizer.variables` leaves out."""
    if not _scales(optimizer):
        return []
    return [optimizer._loss_scale.current_loss_scale, optimizer.dynamic_counter]


def _scales(optimizer: Optimizer) -> bool:
    return isinstance(optimizer, tf.keras.mixed_precision.LossScaleOptimizer)
