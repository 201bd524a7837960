"""Both networks in every way they are used: saved, exported, compiled, replicated, at any size."""

import functools
import pathlib
import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow as tf

from ct2mr_tf.models.discriminator import create_discriminator
from ct2mr_tf.models.generator import create_generator

NETWORKS = {
    'generator': functools.partial(create_generator, ngf=4, residual_blocks=1),
    # Its residual block is wide enough for Winograd's way.
    'generator of full width': functools.partial(create_generator, ngf=64, residual_blocks=1),
    'generator with resize': functools.partial(
        create_generator, ngf=4, residual_blocks=1, upsampling='resize'
    ),
    'discriminator': functools.partial(create_discriminator, ndf=4, n_layers=2),
    'generator in bfloat16': functools.partial(
        create_generator, ngf=4, residual_blocks=1, precision='bfloat16'
    ),
    'discriminator in bfloat16': functools.partial(
        create_discriminator, ndf=4, n_layers=2, precision='bfloat16'
    ),
}
"""Small ones of each kind; all but the widths and the precision as in the paper."""

HALF_SHARE = 0.4
"""Norm of the difference that networks in bfloat16 may have, as a share of the norm. They have 8
bits, rounded after each operation or, where operations are fused, after several; what a norm over
16 pixels then makes of a gradient was up to 0.34, as often as not below 0.1."""

LOAD = textwrap.dedent("""
    import pickle, sys
    import tensorflow as tf
    inputs, outputs = pickle.load(open('inputs.pickle', 'rb')), {}
    for name, pictures in inputs.items():
        served = tf.saved_model.load(name).signatures['serving_default']
        outputs[name] = {
            rows: list(served(**{key: tf.constant(value[:rows]) for key, value in pictures.items()})
                       .values())[0].numpy() for rows in (1, 3)}
    foreign = {'ct2mr_tf', 'tensorflow_addons'} & set(sys.modules)
    pickle.dump((outputs, foreign), open('outputs.pickle', 'wb'))
""")
"""Runs SavedModels where neither this package nor tensorflow-addons is imported."""


@pytest.fixture(scope='module', params=NETWORKS)
def name(request) -> str:
    return request.param


@pytest.fixture(scope='module')
def network(name) -> tf.keras.Model:
    return perturbed(NETWORKS[name](seed=1))


def perturbed(network: tf.keras.Model) -> tf.keras.Model:
    """The network with weights as after training: no norm or bias left at 1 or 0."""
    for number, variable in enumerate(network.variables):
        noise = tf.random.stateless_normal(variable.shape, [7, number], stddev=0.1)
        variable.assign_add(noise)
    return network


def pictures_for(network: tf.keras.Model, size: tuple[int, int] = (16, 16)) -> list[tf.Tensor]:
    """Three rows for each input of a network."""
    return [
        tf.random.stateless_uniform([3, *size, 1], [9, number], -1, 1)
        for number in range(len(network.inputs))
    ]


def _output_and_gradients(network: tf.keras.Model, *pictures: tf.Tensor) -> list[tf.Tensor]:
    """The output, and the gradients of the sum of its squares by every weight and picture."""
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        y = network(list(pictures), training=True)
        total = tf.reduce_sum(y**2)
    return [y, *tape.gradient(total, [*network.trainable_variables, *pictures])]


def _close(name: str, found: list, expected: list, share: float = 1e-4) -> None:
    """Each array of a network within a share of its largest value."""
    for one, other in zip(found, expected, strict=True):
        if 'bfloat16' in name:
            assert np.linalg.norm(one - other) <= HALF_SHARE * np.linalg.norm(other)
            continue
        atol = share * np.abs(other).max() + 1e-6
        np.testing.assert_allclose(one, other, rtol=0, atol=atol)


def test_checkpoint_round_trip(name, network, tmp_path):
    path = tf.train.Checkpoint(network=network).write(str(tmp_path / 'saved'))
    restored = NETWORKS[name](seed=2)
    tf.train.Checkpoint(network=restored).read(path).assert_consumed()
    pictures = pictures_for(network)
    np.testing.assert_array_equal(restored(pictures), network(pictures))


def _save(network: tf.keras.Model, names: list[str], folder: pathlib.Path) -> None:
    """As an export does: a function and its weights, not Keras' own objects."""
    served = tf.Module()
    served.weights = network.weights
    function = tf.function(
        lambda *pictures: {'y': network(list(pictures))},
        [tf.TensorSpec([None, None, None, 1], name=name) for name in names],
        autograph=False,
    )
    tf.saved_model.save(served, str(folder), {'serving_default': function})


@pytest.fixture(scope='module')
def served(tmp_path_factory) -> tuple[dict, set[str]]:
    """What a fresh process makes of the SavedModel of each network, and what it had to import."""
    folder = tmp_path_factory.mktemp('saved_models')
    inputs = {}
    for name, create in NETWORKS.items():
        network = perturbed(create(seed=1))
        names = [tensor.name for tensor in network.inputs]
        _save(network, names, folder / name)
        pictures = [picture.numpy() for picture in pictures_for(network)]
        inputs[name] = dict(zip(names, pictures, strict=True))
    (folder / 'inputs.pickle').write_bytes(pickle.dumps(inputs))
    subprocess.run([sys.executable, '-c', LOAD], cwd=folder, check=True, timeout=300)
    return pickle.loads((folder / 'outputs.pickle').read_bytes())


def test_saved_model_round_trip_with_nothing_but_tensorflow(name, network, served):
    outputs, foreign = served
    assert not foreign
    expected = network(pictures_for(network))
    for rows, found in outputs[name].items():
        _close(name, [found], [expected[:rows]], 1e-5)


def test_xla_equals_eager(name, network):
    pictures = pictures_for(network)
    compute = functools.partial(_output_and_gradients, network)
    compiled = tf.function(compute, jit_compile=True, autograph=False)
    _close(name, compiled(*pictures), _output_and_gradients(network, *pictures), 1e-3)


def test_graph_equals_eager(name, network):
    pictures = pictures_for(network)
    graph = tf.function(functools.partial(_output_and_gradients, network))
    _close(name, graph(*pictures), _output_and_gradients(network, *pictures))


@pytest.fixture(scope='module')
def replicated(warm_command, tmp_path_factory) -> dict:
    """What two replicas of each network, and two replicas of a training step, come to."""
    path = tmp_path_factory.mktemp('replicas') / 'results.pickle'
    done = warm_command('-m', 'tests.two_replicas', path, timeout=300)
    assert done.returncode == 0, done.stderr
    return pickle.loads(path.read_bytes())


def test_two_replicas_equal_one_device(name, replicated):
    one, two = replicated[name]['one'], replicated[name]['two']
    assert two[0].shape[0] == 2
    _close(name, two, one)


def test_two_replicas_of_a_step_stay_alike_and_train_as_one_device_with_both_pictures(replicated):
    result = replicated['step']
    for one, other in zip(*result['replicas'], strict=True):
        np.testing.assert_array_equal(one, other)
    for before, one, two in zip(
        result['before'], result['one'], result['replicas'][0], strict=True
    ):
        # Three steps at a rate of 0.01.
        assert np.abs(one - before).max() > 3e-3
        np.testing.assert_allclose(two, one, rtol=0, atol=2e-4)


def test_two_replicas_of_one_picture_equal_one_with_both_in_losses_and_gradients(replicated):
    one, two = replicated['step']['scalars']
    assert one.keys() == two.keys()
    for name, (value,) in one.items():
        assert two[name] == pytest.approx([value, value], rel=1e-5), name
    of_one, of_two = replicated['step']['slots']
    assert len(of_one) > 20
    for found, expected in zip(of_two, of_one, strict=True):
        assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def test_two_replicas_compiled_predict_what_one_device_predicts(replicated):
    one, two = replicated['predicted']
    np.testing.assert_allclose(two, one, rtol=0, atol=1e-5)


def test_a_batch_that_two_replicas_cannot_share_is_refused(replicated):
    said = replicated['refused batch']
    assert '--batch_size' in said
    assert 'a multiple of 2, the replicas of --strategy=mirrored' in said


def test_unknown_batch_size(name, network):
    spec = [tf.TensorSpec([None, None, None, 1]) for _ in network.inputs]
    traced = tf.function(lambda *pictures: network(list(pictures)), spec, autograph=False)
    pictures = pictures_for(network)
    together = traced(*pictures)
    assert together.shape[0] == 3
    for row in range(3):
        alone = traced(*(picture[row : row + 1] for picture in pictures))
        _close(name, [alone[0]], [together[row]], 1e-5)


@pytest.fixture(scope='module')
def turned(name, network) -> tf.keras.Model:
    """The network with its kernels turned: the height is the width."""
    turned = NETWORKS[name]()
    for ours, theirs in zip(turned.variables, network.variables, strict=True):
        ours.assign(tf.transpose(theirs, [1, 0, 2, 3]) if len(theirs.shape) == 4 else theirs)
    return turned


@pytest.mark.parametrize('size', [(16, 24), (20, 12), (8, 36)], ids=str)
def test_non_square_size(name, network, turned, size):
    pictures = pictures_for(network, size)
    y = network(pictures)
    height, width = size
    expected = (-(-height // 4), -(-width // 4)) if 'discriminator' in name else size
    assert y.shape == (3, *expected, 1)
    # The height is the height and the width the width: turned kernels give the turned result.
    turned_pictures = [tf.transpose(picture, [0, 2, 1, 3]) for picture in pictures]
    expected = tf.transpose(y, [0, 2, 1, 3])
    _close(name, [turned(turned_pictures)], [expected])
