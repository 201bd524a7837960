"""The REST contract of an exported model, through a real server of models.

Where `tensorflow_model_server` is on the PATH the tests run against it, elsewhere against the
stand-in of tests/stand_in; the names of the tests say which. Rules of the API:
https://www.tensorflow.org/tfx/serving/api_rest
"""

import concurrent.futures
import contextlib
import itertools
import pathlib
import threading

import numpy as np
import pytest
import requests
import tensorflow as tf
from google.protobuf import text_format
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stand_in import launching
from stand_in.asking import Model, as_numbers, b64
from stand_in.bad_inputs import BAD_INPUTS, GOOD
from stand_in.examples import CARD, CT, png_of_zeros
from stand_in.served_examples import export_unguarded, generated, zero_padded_generator
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from ct2mr_tf.imaging.grey import Window, from_grey
from ct2mr_tf.models.generator import create_generator
from ct2mr_tf.problems import UserError
from ct2mr_tf.serving import kit
from ct2mr_tf.serving.client import SIGNATURES, Client
from ct2mr_tf.serving.client_connection import RefusedError
from ct2mr_tf.serving.export_folder import write_version

DIFFERENCE = 1e-3
"""Grey levels: what two sessions may differ in, whose kernels add up in another order."""


@pytest.fixture(scope='module')
def generators() -> dict[int, tf.keras.Model]:
    """The generator of each version; ours is version 2."""
    return {1: zero_padded_generator(), 2: create_generator(ngf=4, residual_blocks=1, seed=2)}


@pytest.fixture(scope='module')
def exported(tmp_path_factory, generators) -> pathlib.Path:
    """The export folder: two versions."""
    folder = tmp_path_factory.mktemp('models') / 'ct2mr'
    for generator in generators.values():
        write_version(generator, CARD, CT[:1], folder)
    return folder


@pytest.fixture(scope='module')
def expected(generators) -> dict[int, np.ndarray]:
    """What the generator of each version makes of CT."""
    return {version: generated(generator, CT) for version, generator in generators.items()}


@pytest.fixture(scope='module')
def serving_kit(tmp_path_factory, exported) -> pathlib.Path:
    """The serving kit of the export: version 1 is stable, version 2 the canary."""
    folder = tmp_path_factory.mktemp('kit')
    kit.write_kit(folder, CARD, exported / '2')
    return folder


@pytest.fixture(scope='module', params=[launching.NAME])
def model(tmp_path_factory, serving_kit) -> Model:
    """Both versions on a server that was started with the files of the kit."""
    folder = tmp_path_factory.mktemp('server')
    models = text_format.Parse((serving_kit / kit.MODELS).read_text(), ModelServerConfig())
    with launching.running(
        folder, models, '--allow_version_labels_for_unavailable_models=true'
    ) as server:
        yield Model(server)


@pytest.mark.parametrize('rows', [False, True], ids=['columns', 'rows'])
@pytest.mark.parametrize('signature', ['serving_default', 'hu'])
def test_the_numbers_of_the_generator(model, expected, signature, rows):
    values = CT if signature == 'serving_default' else from_grey(CT, CARD.ct_window)
    name = 'ct' if signature == 'serving_default' else 'hu'
    body = {'signature_name': signature}
    if rows:
        body['instances'] = [{name: one} for one in as_numbers(values)]
    else:
        body['inputs'] = {name: as_numbers(values)}
    mr = np.array(model.post(body).json()['predictions' if rows else 'outputs'])
    assert mr.shape == (3, 16, 20, 1)
    assert np.abs(mr - expected[2]).max() < DIFFERENCE


@pytest.mark.parametrize('rows', [False, True], ids=['columns', 'rows'])
def test_the_pictures_of_the_generator(model, expected, rows):
    mr = model.pictures(CT, rows)
    assert (mr.dtype, mr.shape) == (np.uint8, CT.shape)
    # A value half way between two levels may round either way.
    assert np.abs(mr - expected[2][..., 0]).max() < 0.5 + DIFFERENCE


def test_the_default_signature_needs_no_name(model, expected):
    mr = np.array(model.post({'instances': as_numbers(CT)}).json()['predictions'])
    assert np.abs(mr - expected[2]).max() < DIFFERENCE


@pytest.mark.parametrize(
    ('place', 'version'),
    [('', 2), ('/versions/1', 1), ('/versions/2', 2), ('/labels/stable', 1)],
)
def test_versions_and_labels(model, expected, place, version):
    assert model.get(f'{place}/metadata').json()['model_spec']['version'] == str(version)
    mr = np.array(model.post({'inputs': as_numbers(CT)}, place).json()['outputs'])
    assert np.abs(mr - expected[version]).max() < DIFFERENCE
    assert np.abs(mr - expected[3 - version]).max() > 1


@pytest.mark.parametrize(
    ('place', 'status'),
    [('/versions/7', 404), ('/labels/none', 400)],
)
def test_versions_and_labels_that_are_none(model, place, status):
    assert model.post({'inputs': as_numbers(CT)}, place).status_code == status
    metadata = model.get(f'{place}/metadata')
    assert metadata.status_code == status
    assert metadata.json()['error']


@pytest.mark.parametrize('version', [1, 2])
@pytest.mark.parametrize('name', BAD_INPUTS)
def test_what_cannot_be_answered_is_an_error_and_the_server_lives(model, expected, name, version):
    """Also in version 1, whose network would end the server without the guards: see below."""
    signature, inputs = BAD_INPUTS[name]
    body = {'signature_name': signature, 'inputs': inputs}
    answer = model.post(body, f'/versions/{version}')
    assert answer.status_code == 400
    assert answer.json()['error']
    assert np.abs(model.pictures(CT) - expected[2][..., 0]).max() < 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([0, 1, 2, 3, 4, 12, 15, 16]), max_size=6))
def test_pictures_of_any_shape_get_an_answer_or_an_error(model, shape):
    assume(np.prod(shape, dtype=float) < 20_000)
    fits = len(shape) == 4 and shape[0] > 0 and shape[3] == 1
    fits = fits and all(side >= 12 and side % 4 == 0 for side in shape[1:3])
    answer = model.post({'inputs': np.zeros(shape).tolist()}, '/versions/1')
    assert answer.status_code == (200 if fits else 400)


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255), cut=st.booleans())
def test_damaged_files_get_an_answer_or_an_error(model, place, byte, cut):
    damaged = GOOD[:place] if cut else GOOD[:place] + bytes([byte]) + GOOD[place + 1 :]
    answer = model.post({'signature_name': 'png', 'inputs': [b64(damaged)]})
    assert answer.status_code == 400 or (answer.status_code == 200 and damaged == GOOD)
    assert model.server.is_alive()


def test_a_small_file_that_would_inflate_costs_no_memory(model):
    """170 kB for 144 megapixels."""
    bomb = png_of_zeros(12_000, 12_000, rows=12_000)
    assert len(bomb) < 1e6
    before = peak_memory(model.server)
    answer = model.post({'signature_name': 'png', 'inputs': [b64(bomb)]})
    assert answer.status_code == 400
    assert 'from 12 to 1024 pixels' in answer.json()['error']
    assert peak_memory(model.server) < before + 50e6


def peak_memory(server: launching.RunningServer) -> int:
    """The most bytes that the server ever held."""
    lines = pathlib.Path(f'/proc/{server.process.pid}/status').read_text().splitlines()
    (peak,) = [line.split()[1] for line in lines if line.startswith('VmHWM')]
    return int(peak) * 1024


def test_the_requests_of_the_serving_kit(model, serving_kit):
    requests_of_kit = list((serving_kit / kit.REQUESTS).glob('*.json'))
    assert len(requests_of_kit) == 4
    for request in requests_of_kit:
        assert model.post(request.read_bytes()).json()['outputs']


@pytest.mark.parametrize('signature', ['serving_default', 'png'])
def test_a_batch_of_64_slices(model, generators, signature):
    ct = np.random.default_rng(1).integers(0, 256, (64, 16, 20), dtype=np.uint8)
    if signature == 'png':
        mr = model.pictures(ct)
    else:
        mr = np.array(model.post({'inputs': as_numbers(ct)}).json()['outputs'])[..., 0]
    assert np.abs(mr - generated(generators[2], ct)[..., 0]).max() < 0.5 + DIFFERENCE


def test_eight_clients_good_and_bad_at_once(model, expected):
    rounded = np.rint(expected[2][..., 0])

    def ask(number: int) -> None:
        client = Client(model.server.address)
        for turn, (signature, inputs) in enumerate(BAD_INPUTS.values()):
            if (turn + number) % 3:
                bad = model.post({'signature_name': signature, 'inputs': inputs})
                assert bad.status_code == 400
            else:
                assert np.abs(client.synthesize(CT) - rounded).max() <= 1

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(ask, number) for number in range(8)]:
            done.result()
    assert model.server.is_alive()


def test_eight_clients_with_64_slices_each_get_their_own_answers(model, generators):
    """At once, each in one request, as files and as numbers by turns, and two times over."""
    ct = np.random.default_rng(3).integers(0, 256, (8, 64, 16, 20), dtype=np.uint8)
    expected = [generated(generators[2], one)[..., 0] for one in ct]
    assert all(np.abs(a - b).max() > 1 for a, b in itertools.combinations(expected, 2))
    together = threading.Barrier(8)

    def ask(number: int) -> None:
        together.wait(60)
        for turn in range(2):
            if (number + turn) % 2:
                mr, allowed = model.pictures(ct[number]), 0.5 + DIFFERENCE
            else:
                answer = model.post({'inputs': as_numbers(ct[number])})
                assert answer.status_code == 200, answer.text
                mr, allowed = np.array(answer.json()['outputs'])[..., 0], DIFFERENCE
            assert np.abs(mr - expected[number]).max() < allowed

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(ask, number) for number in range(8)]:
            done.result()
    assert model.server.is_alive()


# The client and the server together.


def test_the_client_against_the_server(model, generators):
    client = Client(model.server.address, label='stable')
    client.wait_available(10)
    assert client.card == CARD
    assert client.version == 1
    client.check_window(Window(-200, 600))
    ct = np.random.default_rng(2).integers(0, 256, (20, 12, 28), dtype=np.uint8)
    mr = client.synthesize(ct).astype(float)
    assert np.abs(mr - generated(generators[1], ct)[..., 0]).max() < 0.5 + DIFFERENCE


@pytest.mark.parametrize('size', [(15, 16), (8, 8), (12, 1028)])
def test_the_client_tells_what_the_server_says(model, size):
    with pytest.raises(RefusedError) as error:
        Client(model.server.address).synthesize(np.zeros((1, *size), np.uint8))
    assert 'multiples of 4' in str(error.value)


@pytest.mark.parametrize(
    ('asked', 'text'),
    [
        ({'model': 'none'}, 'none'),
        ({'version': 7}, '7'),
        ({'label': 'beta'}, 'Unrecognized servable version label: beta'),
    ],
)
def test_models_that_the_server_does_not_have(model, asked, text):
    client = Client(model.server.address, **asked)
    with pytest.raises(UserError, match=text):
        client.wait_available(0)
        client.card  # noqa: B018


def test_the_names_that_the_client_calls_are_those_of_the_export(model):
    served = model.get('/metadata').json()['metadata']['signature_def']['signature_def']
    for signature, sides in SIGNATURES.items():
        for side, tensors in sides.items():
            found = {name: info['dtype'] for name, info in served[signature][side].items()}
            assert found == tensors


@pytest.mark.parametrize('named', [launching.NAME])
def test_an_unguarded_export_is_ended_by_a_wrong_rank(tmp_path, named):
    """And with it every model of the server, to which shapes in a signature are documentation.

    The same network with our signatures is version 1 of the tests above.
    """
    export_unguarded(zero_padded_generator(), tmp_path / 'models' / '1')
    with launching.running(tmp_path, launching.served(tmp_path / 'models')) as server:
        model = Model(server)
        assert model.post({'inputs': as_numbers(CT)}).status_code == 200
        with contextlib.suppress(requests.ConnectionError):
            model.post({'inputs': BAD_INPUTS['rank 2'][1]})
        server.process.wait(60)
        # SIGABRT, which a shell and docker tell as 134.
        assert server.process.returncode in (-6, 134)
