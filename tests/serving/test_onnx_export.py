"""The ONNX file against the generator, by onnxruntime; needs the extra onnx."""

import dataclasses
import sys

import numpy as np
import pytest

from ct2mr_tf.problems import UserError
from ct2mr_tf.serving import onnx_export
from ct2mr_tf.serving.model_card import ModelCard

onnx = pytest.importorskip('onnx', reason='the extra onnx is not installed')
onnxruntime = pytest.importorskip('onnxruntime', reason='the extra onnx is not installed')


def random_generator(**options):
    """A generator whose every weight matters, norms and biases too."""
    from ct2mr_tf.models.generator import create_generator

    generator = create_generator(ngf=4, residual_blocks=2, seed=1, **options)
    rng = np.random.default_rng(1)
    for weight in generator.weights:
        weight.assign(weight + rng.normal(scale=0.1, size=weight.shape))
    return generator


@pytest.mark.parametrize('upsampling', ['transposed', 'resize'])
def test_the_same_numbers_at_any_size(upsampling, tiny_card, pictures, tmp_path):
    generator = random_generator(upsampling=upsampling)
    path = tmp_path / 'new' / 'model.onnx'
    onnx_export.write_onnx(generator, tiny_card, pictures, path)
    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    rng = np.random.default_rng(2)
    for shape in ((1, 12, 12), (3, 32, 40), (2, 64, 16)):
        ct = rng.integers(0, 256, (*shape, 1)).astype(np.float32)
        (mr,) = session.run(None, {'ct': ct})
        expected = (generator(ct / 127.5 - 1).numpy() + 1) * 127.5
        assert mr.shape == expected.shape
        assert np.abs(mr - expected).max() < 5e-3


def test_the_file_tells_what_it_is(tiny_generator, tiny_card, pictures, tmp_path):
    path = tmp_path / 'model.onnx'
    onnx_export.write_onnx(tiny_generator, tiny_card, pictures, path)
    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    (given,), (told,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, given.shape) == ('ct', 'tensor(float)', ['N', 'H', 'W', 1])
    assert (told.name, told.type, told.shape) == ('mr', 'tensor(float)', ['N', 'H', 'W', 1])
    said = session.get_modelmeta().custom_metadata_map['model_card']
    assert ModelCard.from_json(said, 'the file') == tiny_card
    onnx.checker.check_model(str(path), full_check=True)


def test_a_network_trained_in_bfloat16_becomes_float32(tiny_card, pictures, tmp_path):
    from ct2mr_tf.models.generator import create_generator

    generator = create_generator(ngf=4, residual_blocks=1, precision='bfloat16')
    card = dataclasses.replace(tiny_card, config={'precision': 'bfloat16'})
    onnx_export.write_onnx(generator, card, pictures, tmp_path / 'model.onnx')
    model = onnx.load(tmp_path / 'model.onnx')
    floats = {w.data_type for w in model.graph.initializer} - {onnx.TensorProto.INT64}
    assert floats == {onnx.TensorProto.FLOAT}


def test_a_file_that_differs_is_not_written(
    tiny_generator, tiny_card, pictures, tmp_path, monkeypatch
):
    from ct2mr_tf.serving import onnx_graph

    def shifted(layer, real=onnx_graph._same_padding):
        top, left, bottom, right = real(layer)
        return [bottom, right, top, left]

    monkeypatch.setattr(onnx_graph, '_same_padding', shifted)
    with pytest.raises(UserError, match='grey levels from the generator'):
        onnx_export.write_onnx(tiny_generator, tiny_card, pictures, tmp_path / 'model.onnx')
    assert not list(tmp_path.iterdir())


def test_a_layer_that_is_not_known():
    import tensorflow as tf

    from ct2mr_tf.serving.onnx_graph import generator_graph

    picture = tf.keras.Input([None, None, 1])
    for layer in (tf.keras.layers.ELU(), tf.keras.layers.Activation('sigmoid')):
        with pytest.raises(ValueError, match=r'no ONNX operation is known for the .*(ELU|sigmoid)'):
            generator_graph(tf.keras.Model(picture, layer(picture)))


def test_without_the_extra_the_flag_says_what_to_install(monkeypatch):
    assert onnx_export.missing_packages() == []
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    (problem,) = onnx_export.missing_packages()
    assert problem.where == '--onnx'
    assert 'pip install' in problem.cure
