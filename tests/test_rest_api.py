"""The REST API by the examples of its documentation, through a server of models.

Where the server is the stand-in, this tests the stand-in: the other tests of the REST contract rely
on it. https://www.tensorflow.org/tfx/serving/api_rest
"""

import numpy as np
import pytest
from stand_in import launching
from stand_in.asking import Model, b64
from stand_in.served_examples import export_documented

from ct2mr_tf.problems import UserError
from ct2mr_tf.serving.client import Client


@pytest.fixture(scope='module', params=[launching.NAME])
def model(tmp_path_factory) -> Model:
    """The model of the documentation."""
    folder = tmp_path_factory.mktemp('server')
    export_documented(folder / 'documented' / '123')
    models = launching.served(folder / 'documented', 'documented')
    with launching.running(folder, models) as server:
        yield Model(server, '/v1/models/documented')


def test_the_examples_of_the_documentation(model):
    assert model.get().json()['model_version_status'] == [
        {
            'version': '123',
            'state': 'AVAILABLE',
            'status': {'error_code': 'OK', 'error_message': ''},
        }
    ]
    rows = model.post({'instances': [1.0, 2.0, 5.0]})
    assert rows.json() == {'predictions': [3.5, 4.0, 5.5]}
    columns = model.post({'inputs': {'x': [1.0, 2.0, 5.0]}})
    assert columns.json() == {'outputs': [3.5, 4.0, 5.5]}
    half = Model(model.server, '/v1/models/half').post({'instances': [1.0, 5.0]})
    assert half.status_code == 404
    assert half.json() == {'error': 'Servable not found for request: Latest(half)'}


def test_named_tensors_strings_and_bytes(model):
    one = {'tag': 'foo', 'signal': [1, 2, 3]}
    other = {'tag': b64(b'bar'), 'signal': [4, 5, 6]}
    rows = model.post({'signature_name': 'named', 'instances': [one, other]})
    assert rows.json()['predictions'] == [
        {'tag': 'foo', 'tag_bytes': b64(b'foo'), 'total': 6.0},
        {'tag': 'bar', 'tag_bytes': b64(b'bar'), 'total': 15.0},
    ]
    inputs = {'tag': ['foo'], 'signal': [[1, 2, 3]]}
    columns = model.post({'signature_name': 'named', 'inputs': inputs})
    assert columns.json()['outputs'] == {
        'tag': ['foo'],
        'tag_bytes': [b64(b'foo')],
        'total': [6.0],
    }


def test_numbers_that_json_does_not_know(model):
    answer = model.post('{"instances": [NaN, Infinity, -Infinity, 1e3]}').json()
    values = np.array(answer['predictions'])
    assert np.array_equal(values, [np.nan, np.inf, -np.inf, 503], equal_nan=True)


@pytest.mark.parametrize(
    'body',
    [
        b'',
        b'{',
        b'[1.0]',
        b'"text"',
        b'{}',
        b'{"instances": []}',
        b'{"instances": 1.0}',
        b'{"instances": [1.0], "inputs": [1.0]}',
        b'{"instances": ["a"]}',
        b'{"instances": [true]}',
        b'{"instances": [null]}',
        b'{"instances": [1.0, [2.0]]}',
        b'{"instances": [{"z": 1.0}]}',
        b'{"instances": [16777217]}',
        b'{"inputs": {"z": [1.0]}}',
        b'{"inputs": [[1.0], [2.0, 3.0]]}',
        b'{"inputs": [[1.0], 2.0]}',
        b'{"signature_name": 3, "instances": [1.0]}',
        b'{"signature_name": "none", "instances": [1.0]}',
        b'{"signature_name": "named", "instances": [1.0]}',
        b'{"signature_name": "named", "inputs": {"tag": [{"b64": "?"}], "signal": [[1.0]]}}',
    ],
)
def test_bodies_that_break_the_rules(model, body):
    answer = model.post(body)
    assert answer.status_code == 400
    assert answer.json()['error']
    assert model.post({'instances': [1.0]}).json() == {'predictions': [3.5]}


def test_a_compressed_body_that_is_damaged(model):
    answer = model.post(b'no gzip', **{'Content-Encoding': 'gzip'})
    assert answer.status_code == 400
    assert 'empty' in answer.json()['error']


def test_the_client_tells_a_model_that_is_not_ours(model):
    client = Client(model.server.address, 'documented')
    client.wait_available(0)
    with pytest.raises(UserError, match='signature png'):
        client.card  # noqa: B018
