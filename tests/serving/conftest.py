"""What tests of this room share: a tiny generator with its card, and an export of it."""

import numpy as np
import pytest

from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.serving.model_card import Limits, ModelCard


@pytest.fixture(scope='session')
def tiny_card():
    """The card of the tiny generator; the longest side that it answers is 64."""
    return ModelCard(
        name='tiny',
        software_version='1.2.3',
        model_sha256='0' * 64,
        config={'ngf': 4, 'precision': 'float32'},
        data_set={'sha256': 'f' * 64, 'train': 4, 'val': 2, 'test': 2},
        checkpoint={'which': 'best', 'step': 7},
        validation={'mae': 12.5, 'pearson': None},
        ct_window=Window(-200, 600),
        mr_window='whatever it was',
        picture=(32, 40),
        limits=Limits(smallest_side=12, largest_side=64, side_multiple=4),
        ct_plane='slice',
    )


@pytest.fixture(scope='session')
def tiny_generator():
    """A generator of random weights whose output uses the whole grey scale."""
    from ct2mr_tf.models.generator import create_generator

    generator = create_generator(ngf=4, residual_blocks=1, seed=5)
    rng = np.random.default_rng(5)
    for weight in generator.weights:
        weight.assign(weight + rng.normal(scale=0.1, size=weight.shape))
    return generator


@pytest.fixture(scope='session')
def pictures():
    """Three CT pictures of random grey levels: uint8 [3, 32, 40]."""
    return np.random.default_rng(0).integers(0, 256, (3, 32, 40), dtype=np.uint8)


@pytest.fixture(scope='session')
def golden(tiny_generator):
    """The function from CT in grey levels [N, H, W] to what the generator makes of it, by Keras."""

    def synthesize(ct):
        values = tiny_generator(np.asarray(ct, np.float32)[..., np.newaxis] / 127.5 - 1)
        return (values.numpy() + 1) * 127.5

    return synthesize


@pytest.fixture(scope='session')
def exported(tiny_generator, tiny_card, pictures, tmp_path_factory):
    """The folder of the only version of the tiny model."""
    from ct2mr_tf.serving.export_folder import write_version

    export_dir = tmp_path_factory.mktemp('models') / 'tiny'
    return write_version(tiny_generator, tiny_card, pictures, export_dir)


@pytest.fixture(scope='session')
def served(exported):
    """The loaded signatures of that version, by name."""
    import tensorflow as tf

    return tf.saved_model.load(str(exported)).signatures
