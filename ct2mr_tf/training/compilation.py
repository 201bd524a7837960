"""Where XLA compiles, and what GPUs are told of float32: TF32 or not, and how maps lie."""

import os

import tensorflow as tf

from ct2mr_tf.config import Config

CHANNELS_LAST = '--xla_gpu_force_conv_nhwc=true'
"""XLA's option for maps that lie as [N, H, W, C]. Its other layout needs no option."""


def use_xla(config: Config) -> bool:
    """Whether XLA compiles: as the flag says, or where a GPU is (it makes CPUs slower)."""
    if config.jit_compile == 'auto':
        return bool(tf.config.list_physical_devices('GPU'))
    return config.jit_compile == 'on'


def configure_gpus(config: Config) -> None:
    """Sets for this process how NVIDIA GPUs compute float32; before XLA's first compilation.

    Products are computed in TF32 or not, and XLA lays out maps for the kernels that compute them.
    cuDNN's kernels for TF32 want the channels last, but XLA gives it float32 maps with the channels
    first, so that each is turned around and back: on an H100 a step took 10.7 ms, with this option
    8.5 ms. XLA reads the environment variable XLA_FLAGS once; where it names a file, or says
    something of layouts, it stays as it is.

    Args:
        config: its tf32 and precision are read.
    """
    tf.config.experimental.enable_tensor_float_32_execution(config.tf32)
    given = os.environ.get('XLA_FLAGS', '')
    if given and not given.lstrip().startswith('-'):  # the name of a file with options
        return
    if config.tf32 and config.precision == 'float32' and 'xla_gpu_force_conv' not in given:
        os.environ['XLA_FLAGS'] = f'{given} {CHANNELS_LAST}'.strip()
