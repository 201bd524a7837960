"""The hash of a model: one number for all that decides which MR follows from which HU."""

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

from ct2mr_tf.config import Config
from ct2mr_tf.imaging.grey import Window

if TYPE_CHECKING:
    import tensorflow as tf

NETWORK_FIELDS = ('ngf', 'blocks', 'upsampling', 'precision')
"""Fields of the configuration that decide what the generator computes from its weights."""


def model_sha256(generator: 'tf.keras.Model', config: Config, ct_window: Window) -> str:
    """Hashes the generator's weights, what it is built from, and the CT window.

    Weights go in by their order and by the last part of their name ('kernel:0'), since Keras counts
    the layers of a process in their full names; with shape, dtype and values. Two exports of one
    checkpoint have one hash.

    Args:
        generator: the network with its weights.
        config: it was built from.
        ct_window: of the pictures it was trained on, HU.

    Returns:
        SHA-256, hexadecimal.
    """
    network = {name: getattr(config, name) for name in NETWORK_FIELDS}
    described = {**network, 'ct_window': [ct_window.low, ct_window.high]}
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for weight in generator.weights:
        values = weight.numpy()
        name = weight.name.rpartition('/')[2]
        digest.update(f'\n{name} {values.dtype.name} {values.shape}\n'.encode())
        little_endian = values.astype(values.dtype.newbyteorder('<'), copy=False)
        digest.update(np.ascontiguousarray(little_endian).tobytes())
    return digest.hexdigest()
