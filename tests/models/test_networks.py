"""Generator and discriminator, layer by layer as the paper describes them."""

import numpy as np
import pytest
import tensorflow as tf

from ct2mr_tf.models import blocks, convolutions
from ct2mr_tf.models.discriminator import create_discriminator
from ct2mr_tf.models.generator import create_generator


@pytest.fixture(scope='module')
def paper_generator():
    return create_generator()


@pytest.fixture(scope='module')
def paper_discriminator():
    return create_discriminator()


def test_parameters_of_the_paper_generator(paper_generator):
    # kernel^2 x in x out, and gamma and beta of the norm after it:
    #   7x7 1->64                  3,136 +   128
    #   3x3 64->128, 128->256     73,728 +   256,  294,912 + 512
    #   9 blocks of 2 x (3x3 256->256)  18 x (589,824 + 512)
    #   3x3 256->128, 128->64    294,912 +   256,   73,728 + 128
    #   7x7 64->1                  3,136 +     1 bias
    convolutions = 3_136 + 73_728 + 294_912 + 18 * 589_824 + 294_912 + 73_728 + 3_136
    norms = 128 + 256 + 512 + 18 * 512 + 256 + 128
    assert convolutions + norms + 1 == 11_370_881
    assert paper_generator.count_params() == 11_370_881


def test_parameters_of_the_paper_discriminator(paper_discriminator):
    #   4x4   2->64                2,048 +    64 biases
    #   4x4  64->128             131,072 +   256
    #   4x4 128->256             524,288 +   512
    #   4x4 256->512           2,097,152 + 1,024
    #   4x4 512->512, twice    4,194,304 + 1,024 each
    #   4x4 512->1                 8,192 +     1 bias
    convolutions = 2_048 + 131_072 + 524_288 + 2_097_152 + 2 * 4_194_304 + 8_192
    norms = 256 + 512 + 1_024 + 2 * 1_024
    assert convolutions + norms + 64 + 1 == 11_155_265
    assert paper_discriminator.count_params() == 11_155_265


def _describe(layer: tf.keras.layers.Layer) -> str | None:
    """A layer in a word or a line; None for the inputs."""
    match layer:
        case tf.keras.layers.Conv2D():
            kinds = {
                tf.keras.layers.Conv2DTranspose: 'transposed',
                convolutions.ReflectedConvolution: 'reflected',
                convolutions.PhasedConvolution: 'reflected phased',
            }
            kind = kinds.get(type(layer), 'conv')
            (kernel, _), (strides, _) = layer.kernel_size, layer.strides
            bias = ' bias' if layer.use_bias else ''
            return f'{kind} {kernel} s{strides} {layer.padding} {layer.filters}{bias}'
        case blocks.InstanceNormalization():
            return f'norm {layer.epsilon:g}'
        case tf.keras.layers.LeakyReLU():
            return f'leaky {float(layer.alpha):g}'
        case tf.keras.layers.Activation():
            return layer.activation.__name__
        case tf.keras.layers.InputLayer():
            return None
    return type(layer).__name__


def _table(network: tf.keras.Model) -> list[str]:
    return [text for layer in network.layers if (text := _describe(layer))]


def test_layers_of_the_paper_generator(paper_generator):
    norm_relu = ['norm 1e-05', 'ReLU']
    half = ['reflected 3 s1 valid 256', 'norm 1e-05']
    assert _table(paper_generator) == [
        *['reflected 7 s1 valid 64', *norm_relu],
        *['conv 3 s2 same 128', *norm_relu],
        *['conv 3 s2 same 256', *norm_relu],
        *(9 * [*half, 'ReLU', *half, 'Add']),
        *['transposed 3 s2 same 128', *norm_relu],
        *['transposed 3 s2 same 64', *norm_relu],
        *['reflected phased 7 s1 valid 1 bias', 'tanh'],
    ]


def test_resize_replaces_the_transposed_convolutions_only(paper_generator):
    resized = _table(create_generator(upsampling='resize'))
    replaced = []
    for text in _table(paper_generator):
        if text.startswith('transposed'):
            channels = text.rsplit(' ', 1)[1]
            replaced += ['NearestUpsampling', f'conv 3 s1 same {channels}']
        else:
            replaced.append(text)
    assert resized == replaced


def test_layers_of_the_paper_discriminator(paper_discriminator):
    norm_leaky = ['norm 1e-05', 'leaky 0.2']
    assert _table(paper_discriminator) == [
        'Concatenate',
        *['conv 4 s2 same 64 bias', 'leaky 0.2'],
        *['conv 4 s2 same 128', *norm_leaky],
        *['conv 4 s2 same 256', *norm_leaky],
        *['conv 4 s2 same 512', *norm_leaky],
        *['conv 4 s2 same 512', *norm_leaky],
        *['conv 4 s1 same 512', *norm_leaky],
        *['conv 4 s1 same 1 bias', 'linear'],
    ]


def test_the_patch_gan_of_70_pixels():
    strides = [text for text in _table(create_discriminator(ndf=2, n_layers=3)) if 'conv' in text]
    assert strides == [
        'conv 4 s2 same 2 bias',
        'conv 4 s2 same 4',
        'conv 4 s2 same 8',
        'conv 4 s1 same 16',
        'conv 4 s1 same 1 bias',
    ]


def _without_norms(network: tf.keras.Model) -> tf.keras.Model:
    """The same network without norms, through which every pixel reaches every other."""

    def replace(layer: tf.keras.layers.Layer) -> tf.keras.layers.Layer:
        if isinstance(layer, blocks.InstanceNormalization):
            return tf.keras.layers.Activation('linear', name=layer.name)
        return type(layer).from_config(layer.get_config())

    return tf.keras.models.clone_model(network, clone_function=replace)


@pytest.mark.parametrize(('n_layers', 'field'), [(5, 286), (3, 70), (2, 34), (1, 16)])
def test_receptive_field_of_a_logit(n_layers, field):
    network = _without_norms(create_discriminator(ndf=1, n_layers=n_layers))
    for variable in network.variables:
        # Positive throughout, so that no two ways through the network cancel.
        variable.assign(tf.fill(variable.shape, 0.1))
    pair = [tf.ones([1, 512, 512, 1]) for _ in range(2)]
    with tf.GradientTape() as tape:
        tape.watch(pair)
        logits = network(pair)
        middle = logits.shape[1] // 2
        logit = logits[0, middle, middle, 0]
    for gradient in tape.gradient(logit, pair):
        rows, columns = np.nonzero(gradient[0, ..., 0])
        assert np.ptp(rows) + 1 == field
        assert np.ptp(columns) + 1 == field


@pytest.mark.parametrize(
    ('size', 'n_layers', 'logits'),
    [((256, 256), 5, (8, 8)), ((256, 256), 3, (32, 32)), ((128, 192), 4, (8, 12)),
     ((36, 100), 3, (5, 13))],
)  # fmt: skip
def test_logits_are_one_a_patch(size, n_layers, logits):
    network = create_discriminator(ndf=1, n_layers=n_layers)
    picture = tf.zeros([2, *size, 1])
    assert network([picture, picture]).shape == (2, *logits, 1)


def test_pictures_go_in_and_out_in_float32_within_one():
    network = create_generator(ngf=4, residual_blocks=1)
    for variable in network.variables:
        variable.assign(30 * variable)
    picture = tf.random.stateless_uniform([1, 16, 24, 1], [1, 2], -1, 1)
    synthetic = network(picture)
    assert synthetic.shape == picture.shape
    assert synthetic.dtype == tf.float32
    assert 0.9 < np.abs(synthetic).max() <= 1


@pytest.mark.parametrize('precision', ['bfloat16', 'float16'])
def test_in_half_precision_results_weights_and_the_last_convolution_stay_float32(precision):
    generator = create_generator(ngf=4, residual_blocks=1, precision=precision)
    discriminator = create_discriminator(ndf=4, n_layers=2, precision=precision)
    assert tf.keras.mixed_precision.global_policy().name == 'float32'
    for network in (generator, discriminator):
        kernels = [layer for layer in network.layers if isinstance(layer, tf.keras.layers.Conv2D)]
        assert [layer.compute_dtype for layer in kernels[:-1]] == [precision] * (len(kernels) - 1)
        assert kernels[-1].compute_dtype == 'float32'
        assert {variable.dtype for variable in network.variables} == {tf.float32}
        assert {output.dtype for output in network.outputs} == {tf.float32}


@pytest.mark.parametrize('create', [create_generator, create_discriminator])
def test_an_unknown_precision_is_refused(create):
    with pytest.raises(ValueError, match="float32 or bfloat16 or float16, not 'float64'"):
        create(precision='float64')


def test_bfloat16_is_near_float32_from_the_same_weights():
    picture = tf.random.stateless_uniform([1, 32, 32, 1], [1, 2], -1, 1)
    exact = create_generator(ngf=8, residual_blocks=2, seed=3)
    half = create_generator(ngf=8, residual_blocks=2, seed=4, precision='bfloat16')
    half.set_weights(exact.get_weights())
    difference = np.abs(half(picture) - exact(picture)).max()
    # bfloat16 has 8 bits: 0.4 % a number.
    assert 1e-5 < difference < 0.03 * np.ptp(exact(picture))


def test_the_judge_sees_both_pictures_in_their_places():
    network = create_discriminator(ndf=4, n_layers=2)
    ct, mr = (tf.random.stateless_normal([1, 32, 32, 1], [1, seed]) for seed in (1, 2))
    by_name = network({'ct': ct, 'mr': mr})
    np.testing.assert_array_equal(network([ct, mr]), by_name)
    assert np.abs(network([mr, ct]) - by_name).max() > 1e-4


@pytest.mark.parametrize('network', ['paper_generator', 'paper_discriminator'])
def test_initial_weights(network, request):
    kernels = 0
    for variable in request.getfixturevalue(network).variables:
        values, kind = variable.numpy(), variable.name.rsplit('/', 1)[1]
        if kind == 'kernel:0':
            kernels += 1
            spread = 5 * blocks.INITIAL_STDDEV / np.sqrt(values.size)
            assert abs(values.mean()) < spread
            assert abs(values.std() - blocks.INITIAL_STDDEV) < spread
        else:
            assert np.all(values == {'gamma:0': 1, 'beta:0': 0, 'bias:0': 0}[kind])
    assert kernels == {'paper_generator': 24, 'paper_discriminator': 7}[network]


def _kernel_starts(*networks: tf.keras.Model) -> np.ndarray:
    """The first eight weights of every kernel, one row each."""
    kernels = [v for network in networks for v in network.variables if 'kernel' in v.name]
    return np.array([kernel.numpy().ravel()[:8] for kernel in kernels])


def test_seeds_repeat_and_differ():
    def networks(seed: int) -> tuple[tf.keras.Model, tf.keras.Model]:
        generator = create_generator(ngf=2, residual_blocks=3, seed=seed)
        return generator, create_discriminator(ndf=2, n_layers=3, seed=seed + 1)

    np.testing.assert_array_equal(_kernel_starts(*networks(0)), _kernel_starts(*networks(0)))
    starts = _kernel_starts(*networks(0), *networks(2))
    assert len(np.unique(starts, axis=0)) == len(starts) == 2 * (11 + 5 + 1)
