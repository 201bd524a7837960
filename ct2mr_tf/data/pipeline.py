"""From pictures on disk to batches: a pure function of (seed, step).

    {'ct': float32 [B, H, W, 1] in [-1, 1], 'mr': the same, 'index': int64 [B]}

`index` is the place of each pair in `Examples.paths`. Step k of a run sees the same pairs with the
same augmentation whether the run was interrupted or not, on one replica or on many: each epoch's
order is a permutation of the index computed from (seed, epoch), and augmentation is drawn from
(seed, example number). There is no shuffle buffer, no cache and no iterator state to save; memory
grows with the list of names only.
"""

import os
from collections.abc import Callable

import tensorflow as tf

from ct2mr_tf.config import Config
from ct2mr_tf.data.augment import augment, draw
from ct2mr_tf.data.examples import Examples
from ct2mr_tf.evaluation.metrics import HALF_RANGE

AHEAD = 8
"""Batches made before they are asked for."""

ALONE = tf.distribute.InputContext()
"""One process with one replica: all pairs of a step in one batch."""


def create_train_dataset(
    examples: Examples,
    config: Config,
    start_step: int = 0,
    context: tf.distribute.InputContext = ALONE,
) -> tf.data.Dataset:
    """The endless batches of a run from `start_step` on.

    Args:
        examples: the training split.
        config: its image_size, batch_size, seed and augmentation are read.
        start_step: steps already done; the first batch is that of the next step.
        context: the replicas there are, and which of as many equal parts of each step as there are
            processes to read; `config.batch_size` must be a multiple of all replicas.

    Returns:
        A dataset of batches as above; each replica takes one a step, and all replicas together
        `config.batch_size` pairs.
    """
    batch_size = context.get_per_replica_batch_size(config.batch_size)
    here = config.batch_size // context.num_input_pipelines
    paths = _paths(examples)

    # AutoGraph would rewrite all of it, and find nothing to convert: no branch asks a tensor.
    @tf.autograph.experimental.do_not_convert
    def load(own_number: tf.Tensor) -> dict[str, tf.Tensor]:
        # From the number among those of this process to the number among all.
        step, place = own_number // here, own_number % here
        number = step * config.batch_size + context.input_pipeline_id * here + place
        index = _index_of(number, len(examples), config.seed)
        pair = _decode(paths[index], examples.picture_size)
        pair = augment(pair, draw(config.seed, number), config)
        return _to_example(_resize(pair, config.image_size), index)

    # Endless also by its type: else the replicas would ask each other before each step.
    own_numbers = tf.data.Dataset.counter(start_step * here, dtype=tf.int64)
    loaded = _loaded(own_numbers, load)
    return loaded.batch(batch_size, drop_remainder=True).prefetch(AHEAD)


def pair_ids_of_step(examples: Examples, config: Config, step: int) -> list[str]:
    """The pairs of one step of a run, of all its replicas.

    Args:
        examples: the training split.
        config: of the run.
        step: steps done before it.
    """
    numbers = range(step * config.batch_size, (step + 1) * config.batch_size)
    places = [
        _index_of(tf.constant(number, tf.int64), len(examples), config.seed) for number in numbers
    ]
    return [examples.pair_ids[int(place)] for place in places]


def create_eval_dataset(
    examples: Examples, image_size: tuple[int, int], batch_size: int = 1
) -> tf.data.Dataset:
    """All pairs once, in the order of their names, without augmentation.

    Args:
        examples: the split to read.
        image_size: height and width of the batches, pixels; pictures of another size are resized.
        batch_size: pairs a batch; the last batch may be smaller.

    Returns:
        A finite dataset of batches as above.
    """
    paths = _paths(examples)

    @tf.autograph.experimental.do_not_convert
    def load(index: tf.Tensor) -> dict[str, tf.Tensor]:
        pair = _decode(paths[index], examples.picture_size)
        return _to_example(_resize(pair, image_size), index)

    loaded = _loaded(tf.data.Dataset.range(len(examples)), load)
    return loaded.batch(batch_size).prefetch(AHEAD)


def _index_of(number: tf.Tensor, count: int, seed: int) -> tf.Tensor:
    """The place of the pair of an example number: each epoch takes all in an order of its own.

    The key's words are drawn: the shuffle uses as many bits of each as half an index has, 8 up to
    65,536 pairs, so that seed and epoch themselves would give every 256th the same order. Of its
    rounds, 4 by default, 8 are as even as numpy's permutations.
    """
    epoch, position = number // count, number % count
    drawn_from = tf.stack([tf.constant(seed, tf.int64), epoch])
    key = tf.random.stateless_uniform([3], drawn_from, None, None, tf.uint32)
    last = tf.constant(count - 1, tf.int64)
    return tf.raw_ops.RandomIndexShuffle(index=position, seed=key, max_index=last, rounds=8)


def _paths(examples: Examples) -> tf.Tensor:
    """The paths as the bytes that they are on disk: a path need not be UTF-8, a str of TF must."""
    return tf.constant([os.fsencode(path) for path in examples.paths])


def _loaded(numbers: tf.data.Dataset, load: Callable) -> tf.data.Dataset:
    """The pair of each number, made on every core, in the order of the numbers.

    Nothing is tuned while it runs: the thread that does it looks up every 10 ms at first and every
    minute in the end, and whoever drops the iterator may wait for its next look.
    """
    cores = len(os.sched_getaffinity(0))
    dataset = numbers.map(load, num_parallel_calls=cores, deterministic=True)
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def _decode(path: tf.Tensor, picture_size: tuple[int, int]) -> tf.Tensor:
    """One file as float32 [2, H, W, 1], CT and MR, grey levels 0..255."""
    picture = tf.io.decode_png(tf.io.read_file(path), channels=1)
    height, width = picture_size
    picture = tf.ensure_shape(picture, [height, 2 * width, 1])
    return tf.cast(tf.stack([picture[:, :width], picture[:, width:]]), tf.float32)


def _resize(pair: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """By area where a side shrinks (a pixel is the mean of what falls into it), else bilinear."""
    height, width = pair.shape[1:3]
    if (height, width) == size:
        return pair
    shrinks = size[0] < height or size[1] < width
    return tf.image.resize(pair, size, method='area' if shrinks else 'bilinear')


def _to_example(pair: tf.Tensor, index: tf.Tensor) -> dict[str, tf.Tensor]:
    ct, mr = tf.unstack(pair / HALF_RANGE - 1)
    return {'ct': ct, 'mr': mr, 'index': index}
