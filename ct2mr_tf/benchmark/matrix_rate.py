"""The rate of a large matrix product: what the machine can give to networks made of products."""

import tensorflow as tf

from ct2mr_tf.benchmark.timing import Task

CPU_SIDE, GPU_SIDE = 3072, 8192
"""Sides of the square matrices: large enough that a larger one is no faster."""


def create_product(dtype: str) -> tuple[Task, float]:
    """A product of two square matrices.

    Args:
        dtype: 'float32', 'bfloat16' or 'float16'.

    Returns:
        The task, and the floating-point operations of one run.
    """
    on_gpu = bool(tf.config.list_physical_devices('GPU'))
    side = GPU_SIDE if on_gpu else CPU_SIDE
    factors = [
        tf.cast(tf.random.stateless_normal([side, side], [side, number]), dtype)
        for number in (0, 1)
    ]

    # By XLA on a GPU: TensorFlow's own product of float32 took no TF32 on an H100.
    product = tf.function(tf.linalg.matmul, jit_compile=on_gpu)

    def run() -> None:
        product(*factors)[0, 0].numpy()

    return Task(run), 2.0 * side**3
