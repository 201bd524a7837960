"""A SavedModel in a session, as TensorFlow Serving's C++ holds it.

The server hands the tensors of a request to the session as they are. TensorFlow's Python compares
them with the placeholders first, which hides what a wrong rank does to the kernels; so the shapes
of placeholders and of the functions' arguments are erased before the graph is imported. What then
reaches a kernel may end the process, here as there.
"""

import pathlib

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

v1 = tf.compat.v1

WARM_UP = 'assets.extra/tf_serving_warmup_requests'
"""Records that the server replays before a version becomes available."""


class ServedGraph:
    """A version of a model, restored and warmed up.

    Attributes:
        signatures: SignatureDef by name.
    """

    def __init__(self, folder: pathlib.Path):
        """Loads it as saved_model/loader.cc does: graph, variables, init operation, warm-up.

        Raises:
            tf.errors.OpError: it cannot be loaded.
        """
        meta_graph = _meta_graph(folder)
        _erase_shapes(meta_graph.graph_def)
        self.signatures = dict(meta_graph.signature_def)
        graph = tf.Graph()
        with graph.as_default():
            v1.import_graph_def(meta_graph.graph_def, name='')
        self._session = v1.Session(graph=graph)
        saver = meta_graph.saver_def
        variables = str(folder / 'variables' / 'variables')
        self._session.run(saver.restore_op_name, {saver.filename_tensor_name: variables})
        init = self.signatures.get('__saved_model_init_op')
        if init is not None:
            self._session.run([output.name for output in init.outputs.values()])
        self._warm_up(folder / WARM_UP)

    def predict(
        self,
        signature: meta_graph_pb2.SignatureDef,
        inputs: dict[str, np.ndarray],
        timeout_ms: int,
    ) -> dict[str, np.ndarray]:
        """Runs a signature.

        Args:
            signature: one of `signatures`.
            inputs: a tensor of whatever shape for each of its inputs.
            timeout_ms: after which the session gives up.

        Returns:
            Tensors by the names of the signature's outputs.

        Raises:
            tf.errors.OpError: what the graph says against it.
        """
        fetched = {name: info.name for name, info in signature.outputs.items()}
        fed = {signature.inputs[name].name: value for name, value in inputs.items()}
        options = v1.RunOptions(timeout_in_ms=timeout_ms)
        outputs = self._session.run(fetched, fed, options=options)
        return {name: np.asarray(value) for name, value in outputs.items()}

    def _warm_up(self, records: pathlib.Path) -> None:
        if not records.exists():
            return
        for record in tf.data.TFRecordDataset(str(records)).as_numpy_iterator():
            request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
            signature = self.signatures[request.model_spec.signature_name or 'serving_default']
            inputs = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
            self.predict(signature, inputs, timeout_ms=0)


def _meta_graph(folder: pathlib.Path) -> meta_graph_pb2.MetaGraphDef:
    """The graph with the tag `serve`."""
    try:
        content = (folder / 'saved_model.pb').read_bytes()
    except OSError:
        text = (
            f'Could not find SavedModel .pb or .pbtxt at supplied export directory path: {folder}'
        )
        raise tf.errors.NotFoundError(None, None, text) from None
    try:
        saved = saved_model_pb2.SavedModel.FromString(content)
    except Exception:  # protobuf's DecodeError has no public name
        raise tf.errors.DataLossError(None, None, f"Can't parse {folder} as binary proto") from None
    for meta_graph in saved.meta_graphs:
        if 'serve' in meta_graph.meta_info_def.tags:
            return meta_graph
    text = 'Could not find meta graph def matching supplied tags: { serve }'
    raise tf.errors.NotFoundError(None, None, text)


def _erase_shapes(graph_def: tf.compat.v1.GraphDef) -> None:
    """Forgets the shapes that a signature promises; those that operations check stay."""
    for node in graph_def.node:
        if node.op in ('Placeholder', 'PlaceholderWithDefault'):
            node.attr['shape'].shape.Clear()
            node.attr['shape'].shape.unknown_rank = True
        node.attr.pop('_output_shapes', None)
    for function in graph_def.library.function:
        for attributes in (*function.arg_attr.values(), *function.node_def):
            attributes.attr.pop('_output_shapes', None)
