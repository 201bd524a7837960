"""One training step, and a loop of steps in the graph that a variable can stop.

One forward pass serves both networks: the gradients of generator and discriminator are taken from
it before either is updated. Under tf.distribute each replica takes the gradients of its part of the
batch, and all apply the mean.
"""

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from ct2mr_tf.config import Config
from ct2mr_tf.training import losses, precision, schedule
from ct2mr_tf.training.state import TrainState
from ct2mr_tf.training.strategy import any_worker, mean_over_replicas

Scalars = dict[str, tf.Tensor]
Gradients = list[tf.Tensor]

_ADVERSARIAL = {
    'vanilla': (losses.vanilla_generator_loss, losses.vanilla_discriminator_loss, 0.0),
    'lsgan': (losses.lsgan_generator_loss, losses.lsgan_discriminator_loss, 0.5),
}
"""Generator loss, discriminator loss, and the logit above which a patch counts as 'real'."""

SCALARS = (
    'generator/total',
    'generator/adversarial',
    'generator/l1',
    'generator/gradient_norm',
    'discriminator/total',
    'discriminator/real',
    'discriminator/fake',
    'discriminator/accuracy',
    'discriminator/gradient_norm',
    'learning_rate',
)
"""What a step reports, in this order. Accuracy is the share of patches judged rightly."""


def compute_gradients(
    state: TrainState, config: Config, ct: tf.Tensor, mr: tf.Tensor
) -> tuple[Scalars, Gradients, Gradients]:
    """Losses and gradients of both networks from one forward pass.

    Args:
        state: its networks are read.
        config: its adversarial and lambda_l1 are read.
        ct: float32 [B, H, W, 1] in [-1, 1].
        mr: the same.

    Returns:
        Named scalars, the generator's gradients and the discriminator's gradients.
    """
    generator_loss, discriminator_loss, threshold = _ADVERSARIAL[config.adversarial]
    with tf.GradientTape(persistent=True) as tape:
        synthetic = state.generator(ct, training=True)
        real_logits = state.discriminator([ct, mr], training=True)
        fake_logits = state.discriminator([ct, synthetic], training=True)
        adversarial = generator_loss(fake_logits)
        l1 = losses.l1_loss(mr, synthetic)
        total = adversarial + config.lambda_l1 * l1
        discriminator = discriminator_loss(real_logits, fake_logits)
        scaled_total = precision.scaled_loss(state.generator_optimizer, total)
        scaled_discriminator = precision.scaled_loss(
            state.discriminator_optimizer, discriminator['total']
        )
    judged = tf.concat([real_logits > threshold, fake_logits <= threshold], axis=0)
    scalars = {
        'generator/total': total,
        'generator/adversarial': adversarial,
        'generator/l1': l1,
        **{f'discriminator/{name}': value for name, value in discriminator.items()},
        'discriminator/accuracy': tf.reduce_mean(tf.cast(judged, tf.float32)),
    }
    generator_gradients = tape.gradient(scaled_total, state.generator.trainable_variables)
    discriminator_gradients = tape.gradient(
        scaled_discriminator, state.discriminator.trainable_variables
    )
    return (
        scalars,
        precision.unscaled_gradients(state.generator_optimizer, generator_gradients),
        precision.unscaled_gradients(state.discriminator_optimizer, discriminator_gradients),
    )


def train_step(
    state: TrainState, config: Config, gradients_fn: Callable, batch: dict[str, tf.Tensor]
) -> Scalars:
    """Updates both networks once, both at the learning rate of the one step counter.

    Args:
        state: is updated.
        config: of the run.
        gradients_fn: `compute_gradients` of this state and configuration, compiled or not.
        batch: as the pipeline makes it.

    Returns:
        Named scalars, those of `SCALARS`.
    """
    scalars, generator_gradients, discriminator_gradients = mean_over_replicas(
        gradients_fn(batch['ct'], batch['mr'])
    )
    rate = schedule.learning_rate(state.step, config)
    norms = {
        'generator/gradient_norm': precision.norm_applied(
            state.generator_optimizer, generator_gradients
        ),
        'discriminator/gradient_norm': precision.norm_applied(
            state.discriminator_optimizer, discriminator_gradients
        ),
    }
    for optimizer, network, gradients in (
        (state.generator_optimizer, state.generator, generator_gradients),
        (state.discriminator_optimizer, state.discriminator, discriminator_gradients),
    ):
        optimizer.learning_rate.assign(rate)
        # They are those of all replicas already.
        optimizer.apply_gradients(
            zip(gradients, network.trainable_variables, strict=True),
            skip_gradients_aggregation=True,
        )
    if state.ema_generator is not None:
        decay = schedule.ema_decay(state.step, config)
        _average(state.ema_generator, state.generator, decay)
    state.step.assign_add(1)
    return {**scalars, **norms, 'learning_rate': rate}


def _average(averaged: tf.keras.Model, current: tf.keras.Model, decay: tf.Tensor) -> None:
    for mean, weight in zip(averaged.variables, current.variables, strict=True):
        mean.assign_sub((1 - decay) * (mean - weight))


def create_step(state: TrainState, config: Config, jit_compile: bool) -> Callable:
    """Builds one step, compiled by XLA or not.

    Where one device trains, XLA compiles all of it. Under tf.distribute it compiles the forward
    pass and the gradients: it cannot compile the exchange between replicas that follows them.

    Args:
        state: is updated by the step.
        config: of the run.
        jit_compile: whether XLA compiles.

    Returns:
        A function of a batch, for use in graphs, that does what `train_step` does and gives its
        scalars as one tensor, float32 [len(SCALARS)].
    """
    alone = not tf.distribute.has_strategy()

    # AutoGraph would rewrite all of it, and find nothing to convert: no branch asks a tensor.
    @tf.function(jit_compile=jit_compile, autograph=False)
    def gradients_fn(ct: tf.Tensor, mr: tf.Tensor) -> tuple[Scalars, Gradients, Gradients]:
        return compute_gradients(state, config, ct, mr)

    @tf.autograph.experimental.do_not_convert
    def step(batch: dict[str, tf.Tensor]) -> tf.Tensor:
        scalars = train_step(state, config, gradients_fn, batch)
        return tf.stack([scalars[name] for name in SCALARS])

    return tf.function(step, jit_compile=True) if jit_compile and alone else step


def create_train_loop(state: TrainState, config: Config, jit_compile: bool) -> Callable:
    """Builds the loop of steps that runs in one call into TensorFlow.

    Called within the scope of a tf.distribute strategy, every replica takes the steps, each with a
    batch of its own; several workers stop together when any of them is asked to.

    Args:
        state: is updated by the loop.
        config: of the run.
        jit_compile: whether XLA compiles, see `create_step`.

    Returns:
        A function of (iterator of batches, int32 scalar number of steps, bool variable) that runs
        up to that many steps, and ends before the next one when the variable becomes true. It
        returns the scalars of each step done, float32 [steps done, len(SCALARS)].

        Whether it goes on is decided on the CPU and asks for no result of a step, so that steps are
        sent to a GPU ahead of its work. A step that is not finite does not end it; its row tells.
    """
    strategy = tf.distribute.get_strategy()
    step = create_step(state, config, jit_compile)

    @tf.function(autograph=False)
    def train_loop(iterator: Iterator, steps: tf.Tensor, stop: tf.Variable) -> tf.Tensor:
        def goes_on(done: tf.Tensor, _: tf.TensorArray) -> tf.Tensor:
            asked_to_stop = any_worker(strategy, stop)
            with tf.device('CPU'):
                return tf.logical_and(done < steps, tf.logical_not(asked_to_stop))

        # By automatic control dependencies, what it returns waits until the step has begun; on a
        # CPU, until it has ended.
        def take_step(done: tf.Tensor, rows: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            scalars = strategy.run(step, args=(next(iterator),))
            return done + 1, rows.write(done, strategy.experimental_local_results(scalars)[0])

        rows = tf.TensorArray(tf.float32, size=steps, element_shape=[len(SCALARS)])
        done, rows = tf.while_loop(goes_on, take_step, (tf.constant(0), rows))
        return rows.stack()[:done]

    return train_loop


def sums_of(rows: np.ndarray) -> dict[str, float]:
    """The sum over steps of each scalar, by its name.

    Args:
        rows: what the loop of steps returns, float32 [steps, len(SCALARS)].
    """
    return dict(zip(SCALARS, rows.sum(axis=0, dtype=np.float64).tolist(), strict=True))
