"""The warm-up records: what is in them, and that the exported model answers each."""

import cv2
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from ct2mr_tf.serving.warmup import ramp


def requests(exported):
    path = exported / 'assets.extra' / 'tf_serving_warmup_requests'
    records = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    return [PredictionLog.FromString(record).predict_log.request for record in records]


def test_every_signature_is_asked_and_answers(exported, served):
    asked = []
    for request in requests(exported):
        assert request.model_spec.name == 'tiny'
        name = request.model_spec.signature_name
        inputs = {key: tf.make_ndarray(proto) for key, proto in request.inputs.items()}
        (answer,) = served[name](**{k: tf.constant(v) for k, v in inputs.items()}).values()
        (value,) = inputs.values()
        assert answer.shape[0] == len(value)
        asked.append((name, len(value)))
    assert sorted(asked) == [
        ('hu', 1),
        ('model_card', 1),
        ('png', 256 * 256 // (32 * 40)),
        ('serving_default', 1),
    ]


def test_pictures_have_the_size_that_clients_send(exported):
    by_name = {request.model_spec.signature_name: request for request in requests(exported)}
    for name, key in (('serving_default', 'ct'), ('hu', 'hu')):
        assert tf.make_ndarray(by_name[name].inputs[key]).shape == (1, 32, 40, 1)
    file = tf.make_ndarray(by_name['png'].inputs['ct_png'])[0]
    assert cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED).shape == (32, 40)


def test_the_ramp():
    picture = ramp((2, 6))
    assert picture.dtype == np.uint8
    assert picture.tolist() == [[0, 51, 102, 153, 204, 255]] * 2
