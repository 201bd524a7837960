"""Adam as one operation a weight.

Keras' Adam computes an update by some ten operations, each of which reads or writes arrays as
large as the weights; TensorFlow's kernel does it in one pass. The state, its names in checkpoints
and the formula are Keras'.
"""

import tensorflow as tf


class FusedAdam(tf.keras.optimizers.Adam):
    """tf.keras.optimizers.Adam without its AMSGrad, its update computed by a fused kernel."""

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        """Updates one weight and its two means; Keras calls it for each replica.

        m += (g - m) (1 - beta_1), v += (g^2 - v) (1 - beta_2), and the weight falls by
        rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon) (Kingma and Ba, ICLR 2015,
        end of section 2).

        Args:
            gradient: dense, of the shape and type of the weight.
            variable: the weight.
        """
        updates = tf.cast(self.iterations + 1, variable.dtype)
        place = self._index_dict[self._var_key(variable)]
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[place].handle,
            v=self._velocities[place].handle,
            beta1_power=tf.pow(tf.constant(self.beta_1, variable.dtype), updates),
            beta2_power=tf.pow(tf.constant(self.beta_2, variable.dtype), updates),
            lr=tf.cast(self.learning_rate, variable.dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )
