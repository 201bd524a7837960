"""PyTorch's twin does the same work: outputs, losses, gradients and updates from equal weights."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from ct2mr_tf.config import Config
from ct2mr_tf.training.state import create_generator_for, create_train_state
from ct2mr_tf.training.step import compute_gradients, train_step

torch = pytest.importorskip('torch', reason='the extra bench')

from ct2mr_tf.benchmark import torch_networks  # noqa: E402 - below what skips
from ct2mr_tf.benchmark.torch_process import KEEP_MEMORY, STEP, TorchProcess  # noqa: E402
from ct2mr_tf.benchmark.torch_step import TorchTwin  # noqa: E402

CONFIG = Config(
    # Neither side is a power of two: 'same' padding then differs from layer to layer.
    image_size=(36, 44),
    batch_size=2,
    ngf=4,
    ndf=4,
    blocks=2,
    n_layers=3,
    learning_rate=1e-3,
)
VARIANTS = {
    'the paper': CONFIG,
    'resize': dataclasses.replace(CONFIG, upsampling='resize', batch_size=1),
    'least squares': dataclasses.replace(CONFIG, adversarial='lsgan', lambda_l1=100.0),
}


@pytest.fixture(params=VARIANTS)
def config(request) -> Config:
    return VARIANTS[request.param]


@pytest.fixture
def both(config):
    """The state and the twin, from the same weights, as after training."""
    state, twin = create_train_state(config), TorchTwin(config)
    for network, theirs in (
        (state.generator, twin.generator),
        (state.discriminator, twin.discriminator),
    ):
        for number, variable in enumerate(network.variables):
            variable.assign_add(0.1 * tf.random.stateless_normal(variable.shape, [3, number]))
        torch_networks.load_keras_weights(theirs, network.get_weights())
    return state, twin


def _pictures(config: Config) -> tuple[np.ndarray, np.ndarray]:
    shape = [config.batch_size, *config.image_size, 1]
    ct, mr = (tf.random.stateless_uniform(shape, [5, k], -1, 1).numpy() for k in (0, 1))
    return ct, mr


def _to_torch(picture: np.ndarray):
    return torch.from_numpy(picture.transpose(0, 3, 1, 2).copy())


def _from_torch(tensor) -> np.ndarray:
    """A picture, a kernel or a vector, with the axes as TensorFlow has them."""
    array = tensor.detach().numpy()
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array


def _close(found, expected, share: float = 1e-4) -> None:
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=share * scale + 1e-7)


def test_outputs_agree(both, config):
    state, twin = both
    ct, mr = _pictures(config)
    synthetic = twin.synthesize(_to_torch(ct))
    found = synthetic.numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found, state.generator(ct), rtol=0, atol=1e-4)
    with torch.inference_mode():
        logits = twin.discriminator(torch.cat([_to_torch(ct), _to_torch(mr)], 1))
    _close(logits.numpy().transpose(0, 2, 3, 1), state.discriminator([ct, mr]).numpy())


def test_losses_and_gradients_agree(both, config):
    state, twin = both
    ct, mr = _pictures(config)
    scalars, *expected = compute_gradients(state, config, tf.constant(ct), tf.constant(mr))
    losses, *found = twin.gradients(_to_torch(ct), _to_torch(mr))
    for name, value in (
        ('generator/adversarial', losses.adversarial),
        ('generator/l1', losses.l1),
        ('generator/total', losses.total),
        ('discriminator/total', losses.discriminator),
    ):
        assert value.item() == pytest.approx(float(scalars[name]), rel=1e-4), name
    for ours, theirs in zip(expected, found, strict=True):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            _close(_from_torch(other), one.numpy(), 1e-3)


@pytest.mark.parametrize('config', ['the paper'], indirect=True)
def test_updates_agree(both, config):
    state, twin = both
    ct, mr = _pictures(config)
    before = state.generator.get_weights()[0]
    batch = {'ct': tf.constant(ct), 'mr': tf.constant(mr)}
    train_step(state, config, lambda *pair: compute_gradients(state, config, *pair), batch)
    twin.step(_to_torch(ct), _to_torch(mr))
    for network, theirs in (
        (state.generator, twin.generator),
        (state.discriminator, twin.discriminator),
    ):
        again = TorchTwin(config)
        copy = again.generator if network is state.generator else again.discriminator
        torch_networks.load_keras_weights(copy, network.get_weights())
        moved = 0.0
        for expected, found in zip(copy.parameters(), theirs.parameters(), strict=True):
            # The first update is the rate towards the gradient: it says little of a gradient near
            # zero, where the two may differ in sign.
            difference = (expected - found).detach().abs()
            assert (difference > 1e-5).float().mean().item() < 0.01
            moved = max(moved, difference.max().item())
        assert moved <= 2.1 * config.learning_rate
    assert np.abs(state.generator.get_weights()[0] - before).max() > 0.9 * config.learning_rate


def test_too_many_weights_are_refused():
    generator = torch_networks.create_generator(CONFIG)
    weights = create_generator_for(CONFIG).get_weights()
    with pytest.raises(ValueError, match='more weights'):
        torch_networks.load_keras_weights(generator, [*weights, weights[0]])


def test_the_process_answers_with_seconds_of_its_own(tmp_path):
    process = TorchProcess(CONFIG, tmp_path)
    try:
        threads = torch.get_num_threads()
        assert process.about == {
            'torch': torch.__version__,
            'torch_threads': threads,
            'torch_malloc': KEEP_MEMORY,
        }
        for name in (STEP, '1'):
            assert 0 < process.task(name).run() < 60
    finally:
        process.close()


def test_the_process_does_not_load_tensorflow(command):
    script = 'import sys; from ct2mr_tf.benchmark import torch_process, torch_step; '
    script += 'import json; print(json.dumps([m for m in sys.modules if m == "tensorflow"]))'
    done = command('-c', script)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
