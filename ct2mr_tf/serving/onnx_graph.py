"""The generator as an ONNX graph, built layer by layer.

Each kind of layer becomes the ONNX operation of the same meaning; one that is not known here is an
error. Maps are [N, C, H, W] inside, as ONNX wants them; input and output are those of the signature
`serving_default`: float32 [N, H, W, 1] in grey levels 0..255, of any N, H and W.

The usual converter, tf2onnx, is not used: its last release demands protobuf 3.20, which TensorFlow
2.15 does not run with.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import tensorflow as tf
from onnx import TensorProto, helper, numpy_helper

from ct2mr_tf.evaluation.metrics import HALF_RANGE
from ct2mr_tf.models import blocks, convolutions

OPSET = 17
"""Version of the operations: understood by onnxruntime 1.12 and later."""

IR_VERSION = 8
"""Version of the file format that belongs to that opset."""


class GraphBuilder:
    """Collects the nodes and weights of an ONNX graph.

    Attributes:
        nodes: in the order of computation.
        weights: constants, by name in the order of use.
    """

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def constant(self, value: np.ndarray) -> str:
        """Adds a constant and returns its name."""
        name = f'weight_{len(self.weights)}'
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """Adds an operation of one output, with its ONNX attributes, and returns that name."""
        name = f'{operation.lower()}_{len(self.nodes)}'
        self.nodes.append(helper.make_node(operation, list(inputs), [name], name, **attributes))
        return name

    def scalar(self, value: float) -> str:
        """Adds a float32 constant without dimensions and returns its name."""
        return self.constant(np.array(value, np.float32))


def generator_graph(generator: tf.keras.Model) -> onnx.ModelProto:
    """Builds the ONNX model of a generator, which computes in float32 whatever Keras' policy is.

    Args:
        generator: as `models.generator.create_generator` makes it.

    Returns:
        A checked model from `ct` to `mr`.

    Raises:
        ValueError: a layer of a kind that is not known here.
    """
    graph = GraphBuilder()
    first = graph.add('Div', 'ct', graph.scalar(HALF_RANGE))
    first = graph.add('Sub', first, graph.scalar(1))
    names = {generator.input.name: graph.add('Transpose', first, perm=[0, 3, 1, 2])}
    for layer in generator.layers:
        if isinstance(layer, tf.keras.layers.InputLayer):
            continue
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        names[layer.output.name] = _converter(layer)(
            graph, layer, *(names[tensor.name] for tensor in inputs)
        )
    last = graph.add('Transpose', names[generator.output.name], perm=[0, 2, 3, 1])
    last = graph.add('Add', last, graph.scalar(1))
    graph.nodes.append(helper.make_node('Mul', [last, graph.scalar(HALF_RANGE)], ['mr'], 'mr'))
    sides: list[str | int] = ['N', 'H', 'W', 1]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, sides) for n in ('ct', 'mr')]
    model = helper.make_model(
        helper.make_graph(graph.nodes, 'generator', ends[:1], ends[1:], graph.weights),
        opset_imports=[helper.make_opsetid('', OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _converter(layer: tf.keras.layers.Layer) -> Callable[..., str]:
    """The function that adds a layer of this class, or of the nearest known one that it is kind of.

    A class may compute the same in another way, as some do here: the comparison with the generator
    tells if it does not.
    """
    known: dict[type, Callable[..., str]] = {
        convolutions.ReflectedConvolution: _reflected_convolution,
        tf.keras.layers.Conv2D: _convolution,
        tf.keras.layers.Conv2DTranspose: _transposed_convolution,
        blocks.InstanceNormalization: _instance_norm,
        blocks.NearestUpsampling: _nearest_upsampling,
        tf.keras.layers.ReLU: lambda graph, layer, x: graph.add('Relu', x),
        tf.keras.layers.Add: lambda graph, layer, x, y: graph.add('Add', x, y),
        tf.keras.layers.Activation: _activation,
    }
    for kind in type(layer).__mro__:
        if kind in known:
            return known[kind]
    raise ValueError(f'no ONNX operation is known for the layer {type(layer).__name__}')


def _convolution(graph: GraphBuilder, layer: tf.keras.layers.Conv2D, x: str) -> str:
    kernel = layer.kernel.numpy()
    weights = [graph.constant(kernel.transpose(3, 2, 0, 1))]
    weights += [graph.constant(layer.bias.numpy())] if layer.use_bias else []
    return graph.add(
        'Conv',
        x,
        *weights,
        kernel_shape=kernel.shape[:2],
        strides=layer.strides,
        pads=_same_padding(layer) if layer.padding == 'same' else [0, 0, 0, 0],
    )


def _transposed_convolution(
    graph: GraphBuilder, layer: tf.keras.layers.Conv2DTranspose, x: str
) -> str:
    kernel = layer.kernel.numpy()
    return graph.add(
        'ConvTranspose',
        x,
        graph.constant(kernel.transpose(3, 2, 0, 1)),
        kernel_shape=kernel.shape[:2],
        strides=layer.strides,
        pads=_same_padding(layer),
    )


def _same_padding(layer: tf.keras.layers.Conv2D) -> list[int]:
    """TensorFlow's 'same' for sides that are multiples of the stride: the odd pixel goes after."""
    total = [size - stride for size, stride in zip(layer.kernel_size, layer.strides, strict=True)]
    return [pad // 2 for pad in total] + [pad - pad // 2 for pad in total]


def _instance_norm(graph: GraphBuilder, layer: blocks.InstanceNormalization, x: str) -> str:
    gamma, beta = (graph.constant(weight.numpy()) for weight in (layer.gamma, layer.beta))
    return graph.add('InstanceNormalization', x, gamma, beta, epsilon=float(layer.epsilon))


def _reflected_convolution(
    graph: GraphBuilder, layer: convolutions.ReflectedConvolution, x: str
) -> str:
    pad = layer.kernel_size[0] // 2
    pads = graph.constant(np.array([0, 0, pad, pad] * 2, np.int64))
    return _convolution(graph, layer, graph.add('Pad', x, pads, mode='reflect'))


def _nearest_upsampling(graph: GraphBuilder, layer: blocks.NearestUpsampling, x: str) -> str:
    scales = graph.constant(np.array([1, 1, 2, 2], np.float32))
    modes = {'coordinate_transformation_mode': 'asymmetric', 'nearest_mode': 'floor'}
    return graph.add('Resize', x, '', scales, mode='nearest', **modes)


def _activation(graph: GraphBuilder, layer: tf.keras.layers.Activation, x: str) -> str:
    name = tf.keras.activations.serialize(layer.activation)
    if name != 'tanh':
        raise ValueError(f'no ONNX operation is known for the activation {name}')
    return graph.add('Tanh', x)
