"""The client against a scripted server: waiting, metadata, card, slices, versions, bad answers."""

import threading
import time

import numpy as np
import pytest
from stand_in import scripted
from stand_in.examples import CARD

from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.problems import UserError
from ct2mr_tf.serving.client import POLL_S, Client
from ct2mr_tf.serving.client_connection import ClientOptions, RefusedError

FAST = ClientOptions(first_pause_s=0.001, attempts=3, request_pictures=3)

CT = np.random.default_rng(0).integers(0, 256, (7, 16, 20), dtype=np.uint8)


@pytest.fixture
def server():
    with scripted.ScriptedServer(CARD.to_json()).running() as running:
        yield running


@pytest.fixture
def client(server):
    return Client(server.address, options=FAST)


def found(error):
    return [problem.found for problem in error.value.problems]


def predictions(server):
    return [one for one in server.requests if one.path.endswith(':predict')]


def test_slices_come_back_in_order(server, client):
    assert np.array_equal(client.synthesize(CT), 255 - CT)
    counts = [len(one.content['inputs']['ct_png']) for one in predictions(server)]
    assert counts == [3, 3, 1]


def test_slices_that_lie_otherwise_in_memory(client):
    turned = np.asfortranarray(CT)[:, ::-1, ::-1].transpose(0, 2, 1)
    assert np.array_equal(client.synthesize(turned), 255 - turned)


def test_requests_are_limited_in_bytes_too(server):
    options = ClientOptions(request_bytes=900)
    mr = Client(server.address, options=options).synthesize(CT)
    assert np.array_equal(mr, 255 - CT)
    assert len(predictions(server)) > 2


def test_no_slices_are_no_request(server, client):
    assert client.synthesize(CT[:0]).shape == (0, 16, 20)
    assert server.requests == []


@pytest.mark.parametrize('wrong', [CT[0], CT.astype(np.float32), CT[..., None], CT[:, :0]])
def test_slices_of_another_kind(client, wrong):
    with pytest.raises(ValueError, match='uint8'):
        client.synthesize(wrong)


def test_a_busy_server_is_asked_again_for_the_same_slices(server, client):
    server.faults = [None, None, scripted.error(503, 'busy'), scripted.dropped]
    assert np.array_equal(client.synthesize(CT), 255 - CT)
    first = [len(one.content['inputs']['ct_png']) for one in predictions(server)]
    assert first == [3, 3, 3, 3, 1]


def test_the_server_says_what_is_wrong_with_the_slices(server, client):
    server.faults = [None, scripted.error(400, 'sides must be multiples of 4')]
    with pytest.raises(RefusedError) as error:
        client.synthesize(CT)
    assert found(error) == ['status 400: sides must be multiples of 4']


def test_one_version_answers_until_the_end(server, client):
    assert client.card == CARD
    server.metadata = scripted.metadata(version=4)
    client.synthesize(CT)
    assert client.version == 3
    assert {one.path for one in predictions(server)} == {'/v1/models/ct2mr/versions/3:predict'}


def test_a_version_that_is_unloaded_meanwhile(server, client):
    client.synthesize(CT)
    server.faults = [scripted.error(404, 'Servable not found for request: Specific(ct2mr, 3)')]
    with pytest.raises(UserError) as error:
        client.synthesize(CT)
    (problem,) = error.value.problems
    assert 'Specific(ct2mr, 3)' in problem.found
    assert problem.cure == 'begin again: version 3 is no longer served'


@pytest.mark.parametrize(
    ('asked', 'path'),
    [
        ({}, '/v1/models/ct2mr/metadata'),
        ({'version': 3}, '/v1/models/ct2mr/versions/3/metadata'),
        ({'label': 'stable'}, '/v1/models/ct2mr/labels/stable/metadata'),
        ({'label': 'a/b c'}, '/v1/models/ct2mr/labels/a%2Fb%20c/metadata'),
        ({'model': 'näher'}, '/v1/models/n%C3%A4her/metadata'),
    ],
)
def test_versions_labels_and_names(server, asked, path):
    assert Client(server.address, **asked).version == 3
    assert server.requests[0].path == path


def test_a_version_or_a_label():
    with pytest.raises(UserError, match='a version or a label'):
        Client(version=3, label='stable')


def test_every_difference_in_the_signatures_is_told(server, client):
    signatures = server.metadata['metadata']['signature_def']['signature_def']
    del signatures['model_card']
    signatures['png']['inputs']['ct_png']['dtype'] = 'DT_FLOAT'
    with pytest.raises(UserError) as error:
        client.synthesize(CT)
    assert found(error) == ["{'ct_png': 'DT_FLOAT'}", 'none', 'none']
    assert not predictions(server)


@pytest.mark.parametrize('metadata', [{}, {'metadata': 3}, {'model_spec': {'version': 'x'}}])
def test_metadata_of_something_else(server, client, metadata):
    server.metadata = metadata
    with pytest.raises(UserError, match='metadata of an unknown form'):
        client.version  # noqa: B018


@pytest.mark.parametrize('text', ['{', '{}', 'null', 7, ['a']])
def test_a_card_that_is_none(server, client, text):
    server.card_text = text
    with pytest.raises(UserError, match='model card'):
        client.card  # noqa: B018


def test_a_card_is_asked_for_once(server, client):
    assert client.card is client.card
    assert len(predictions(server)) == 1


def test_the_window_of_the_card(client):
    client.check_window(Window(-200, 600))
    with pytest.raises(UserError) as error:
        client.check_window(Window(-500, 1500))
    (problem,) = error.value.problems
    assert (problem.found, problem.expected[:14]) == ('-500 to 1500 HU', '-200 to 600 HU')


@pytest.mark.parametrize(
    ('outputs', 'message'),
    [
        ({}, 'no list of outputs for 3 inputs of png'),
        ({'outputs': 'text'}, 'no list of outputs'),
        ({'predictions': [1, 2, 3]}, 'no list of outputs'),
        ({'outputs': [scripted.b64(CT[0])]}, '1 outputs for 3 inputs of png'),
        ({'outputs': [scripted.b64(CT[0])] * 4}, '4 outputs for 3'),
        ({'outputs': [scripted.b64(CT[0]), 1, 2]}, 'picture 2 of 7: something that is no base64'),
        ({'outputs': [scripted.b64(CT[0].T)] * 3}, 'picture 1 of 7: .* 20x16 pixels, not 16x20'),
        ({'outputs': [{'b64': 'aGVsbG8='}] * 3}, 'picture 1 of 7: bytes that are no PNG'),
    ],
)
def test_answers_that_are_not_a_picture_for_each(server, client, outputs, message):
    server.faults = [None, scripted.answer(200, outputs)]
    with pytest.raises(UserError, match=message):
        client.synthesize(CT)


def test_waiting_for_a_model_that_is_there(server, client):
    client.wait_available(0)
    assert [one.path for one in server.requests] == ['/v1/models/ct2mr']


def test_waiting_while_it_loads(server, client):
    server.status = {'model_version_status': [scripted.version_status(3, 'LOADING')]}

    def finish():
        time.sleep(0.2)
        server.status = {'model_version_status': [scripted.version_status(3, 'AVAILABLE')]}

    thread = threading.Thread(target=finish)
    thread.start()
    began = time.monotonic()
    client.wait_available(20)
    pauses = (time.monotonic() - began) / POLL_S
    thread.join()
    assert 2 <= len(server.requests) <= 1 + pauses


@pytest.mark.parametrize('label', [None, 'canary'])
def test_waiting_for_a_silent_server_ends_in_time(server, label):
    server.faults = [scripted.silent(4)]
    began = time.monotonic()
    with pytest.raises(UserError, match='no answer within'):
        Client(server.address, label=label, options=ClientOptions(connect_s=0.2)).wait_available(
            0.5
        )
    assert time.monotonic() - began < 3


def test_waiting_for_a_server_that_starts():
    server = scripted.ScriptedServer(CARD.to_json())
    with server.running():
        port = int(server.address.rpartition(':')[2])
    client = Client(server.address, options=FAST)
    with pytest.raises(UserError) as error:
        client.wait_available(0)
    assert 'Connection refused' in found(error)[0]
    waiting = threading.Thread(target=client.wait_available, args=(20,))
    waiting.start()
    time.sleep(0.1)
    with server.running(port):
        waiting.join()
    assert server.requests


@pytest.mark.parametrize('status', [404, 429, 503])
def test_waiting_passes_over_what_may_pass(server, client, status):
    server.faults = [scripted.error(status, 'not yet')]
    client.wait_available(20)
    server.faults = [scripted.error(status, 'Could not find any versions of model ct2mr')]
    with pytest.raises(UserError, match='Could not find any versions of model ct2mr'):
        client.wait_available(0)


def test_waiting_ends_at_once_where_no_version_could_be_loaded(server, client):
    failed = scripted.version_status(3, 'END', 'Could not find SavedModel')
    server.status = {'model_version_status': [failed]}
    began = time.monotonic()
    with pytest.raises(UserError) as error:
        client.wait_available(10)
    assert time.monotonic() - began < 5
    assert found(error) == ['version 3: END Could not find SavedModel']
    server.status['model_version_status'].append(scripted.version_status(2, 'AVAILABLE'))
    client.wait_available(60)


def test_waiting_for_a_label(server):
    client = Client(server.address, label='canary')
    server.faults = [scripted.error(404, 'Servable not found for request: Specific(ct2mr, 4)')]
    client.wait_available(20)
    assert {one.path for one in server.requests} == {'/v1/models/ct2mr/labels/canary/metadata'}
    server.faults = [scripted.error(400, 'Unrecognized servable version label: canary')]
    with pytest.raises(UserError, match='Unrecognized servable version label'):
        client.wait_available(60)


@pytest.mark.parametrize('status', [{}, {'model_version_status': [1]}])
def test_a_status_of_something_else(server, client, status):
    server.status = status
    with pytest.raises(UserError, match='a status of an unknown form'):
        client.wait_available(60)


def test_the_client_loads_no_tensorflow(command):
    script = 'import ct2mr_tf.serving.client, sys; print("tensorflow" in sys.modules)'
    done = command('-c', script)
    assert (done.returncode, done.stdout.strip()) == (0, 'False'), done.stderr
