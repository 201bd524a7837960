"""One training step, and a loop of steps in the graph that a variable can stop.

One forward pass serves both networks: the gradients of generator and discriminator are taken from
it before either is updated. Under tf.distribute each replica takes the gradients of its part of the
batch, and all apply the mean.
"""

from collections.abc import Callable, Iterator

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
"""What a step reports. Accuracy is the share of patches that the discriminator judged rightly."""


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
) -> tuple[Scalars, tf.Tensor]:
    """Updates both networks once, both at the learning rate of the one step counter.

    Args:
        state: is updated.
        config: of the run.
        gradients_fn: `compute_gradients` of this state and configuration, compiled or not.
        batch: as the pipeline makes it.

    Returns:
        Named scalars, and whether all losses and gradients were finite.
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
    scalars = {**scalars, **norms, 'learning_rate': rate}
    # A sum is finite only if all its parts are.
    return scalars, tf.math.is_finite(tf.add_n(list(scalars.values())))


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
        A function of a batch, for use in graphs, that does what `train_step` does.
    """
    alone = not tf.distribute.has_strategy()

    # AutoGraph would rewrite all of it, and find nothing to convert: no branch asks a tensor.
    @tf.function(jit_compile=jit_compile, autograph=False)
    def gradients_fn(ct: tf.Tensor, mr: tf.Tensor) -> tuple[Scalars, Gradients, Gradients]:
        return compute_gradients(state, config, ct, mr)

    @tf.autograph.experimental.do_not_convert
    def step(batch: dict[str, tf.Tensor]) -> tuple[Scalars, tf.Tensor]:
        return train_step(state, config, gradients_fn, batch)

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
        A function of (iterator of batches, int64 scalar number of steps, bool variable) that runs
        up to that many steps and ends before the next one when the variable becomes true, or after
        the first whose losses or gradients are not finite. It returns a dict: 'sums' of the scalars
        over the steps done, 'done' (int64), 'finite' (bool), and 'index' (int64, the last pairs
        that this process read).
    """
    strategy = tf.distribute.get_strategy()
    step = create_step(state, config, jit_compile)

    def of_first_replica(value: tf.Tensor) -> tf.Tensor:
        return strategy.experimental_local_results(value)[0]

    @tf.function
    def train_loop(iterator: Iterator, steps: tf.Tensor, stop: tf.Variable) -> dict:
        sums = {name: tf.zeros([]) for name in SCALARS}
        index = tf.zeros([0], tf.int64)
        done = tf.zeros([], tf.int64)
        finite = tf.constant(True)
        while done < steps and finite and not any_worker(strategy, stop):
            tf.autograph.experimental.set_loop_options(
                shape_invariants=[(index, tf.TensorShape([None]))]
            )
            batch = next(iterator)
            scalars, finite = strategy.run(step, args=(batch,))
            finite = of_first_replica(finite)
            sums = {name: sums[name] + of_first_replica(scalars[name]) for name in SCALARS}
            index = tf.concat(strategy.experimental_local_results(batch['index']), axis=0)
            done += 1
        return {'sums': sums, 'done': done, 'finite': finite, 'index': index}

    return train_loop
