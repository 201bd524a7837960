"""Warm-up requests: what a server runs when it loads a model, so that no user waits for it.

The first request through a signature optimises its graph, and the first batch of a shape chooses
and compiles its kernels. Each signature has a graph of its own, so each is asked. Kernels are
shared: one picture goes through two of them, and as many as the network takes at a time through
`png`, which clients use for stacks.

The pictures are a ramp: a patient's have no place in a folder that is copied to servers.
"""

import pathlib

import cv2
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from ct2mr_tf.imaging.grey import GREY_LEVELS, from_grey
from ct2mr_tf.serving import signatures
from ct2mr_tf.serving.model_card import ModelCard

WARMUP_FILE = 'tf_serving_warmup_requests'
"""Where TensorFlow Serving looks for them, among the extra assets."""


def write_warmup(path: pathlib.Path, card: ModelCard) -> None:
    """Writes the requests as TensorFlow Serving reads them: a TFRecord of PredictionLog.

    Args:
        path: the file to write.
        card: of the model; pictures have its size.
    """
    picture = ramp(card.picture)
    grey = picture[np.newaxis, ..., np.newaxis].astype(np.float32)
    file = cv2.imencode('.png', picture)[1].tobytes()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, value in (
            (signatures.CARD, ['']),
            (signatures.DEFAULT, grey),
            (signatures.HU, from_grey(grey, card.ct_window)),
            (signatures.PNG, [file] * signatures.chunk_of(*card.picture)),
        ):
            writer.write(_logged(card.name, signature, value).SerializeToString())


def ramp(size: tuple[int, int]) -> np.ndarray:
    """A picture from black on the left to white on the right: uint8, of this height and width."""
    height, width = size
    return np.tile(np.linspace(0, GREY_LEVELS - 1, width).astype(np.uint8), (height, 1))


def _logged(
    name: str, signature: str, value: np.ndarray | list
) -> prediction_log_pb2.PredictionLog:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    request.inputs[signatures.INPUTS[signature]].CopyFrom(tf.make_tensor_proto(value))
    return prediction_log_pb2.PredictionLog(
        predict_log=prediction_log_pb2.PredictLog(request=request)
    )
