"""Adam as one operation a weight.

Keras' Adam computes an update by some ten operations, each of which reads or writes arrays as
large as the weights; TensorFlow's kernel does it in one pass. The state, its names in checkpoints
and the formula are Keras'.
"""

from collections.abc import Iterable
from typing import Any

import tensorflow as tf


class FusedAdam(tf.keras.optimizers.Adam):
    """tf.keras.optimizers.Adam without AMSGrad and moving average, updated by a fused kernel.

    m += (g - m) (1 - beta_1), v += (g^2 - v) (1 - beta_2), and the weight falls by
    rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon) (Kingma and Ba, ICLR 2015, end
    of section 2).
    """

    def _distributed_apply_gradients_fn(
        self,
        distribution: tf.distribute.Strategy,
        grads_and_vars: Iterable[tuple[tf.Tensor, tf.Variable]],
        **kwargs: Any,
    ) -> tf.Tensor:
        """Updates all weights, each with its two means; Keras calls it where replicas meet."""
        # Once for all weights: apart, these small numbers were 360 kernels of a GPU a step.
        numbers = self._numbers_of_this_update()

        def update(weight: tf.Variable, gradient: tf.Tensor) -> None:
            place = self._index_dict[self._var_key(weight)]
            tf.raw_ops.ResourceApplyAdam(
                var=weight.handle,
                m=self._momentums[place].handle,
                v=self._velocities[place].handle,
                grad=gradient,
                **numbers,
            )

        for gradient, weight in grads_and_vars:
            distribution.extended.update(weight, update, args=(gradient,), group=False)
        return self.iterations.assign_add(1)

    def _numbers_of_this_update(self) -> dict[str, tf.Tensor]:
        """What the kernel needs beside weight, means and gradient: float32 scalars."""
        updates = tf.cast(self.iterations + 1, tf.float32)
        beta_1, beta_2 = tf.constant(self.beta_1), tf.constant(self.beta_2)
        return {
            'beta1_power': tf.pow(beta_1, updates),
            'beta2_power': tf.pow(beta_2, updates),
            'lr': tf.convert_to_tensor(self.learning_rate),
            'beta1': beta_1,
            'beta2': beta_2,
            'epsilon': tf.constant(self.epsilon),
        }
