"""HTTP to a server that fails in every way: what is tried again, what is not, and what is said."""

import email.utils
import socket
import time

import pytest
from stand_in import scripted

from ct2mr_tf.problems import UserError
from ct2mr_tf.serving import client_connection
from ct2mr_tf.serving.client_connection import (
    LONGEST_SHOWN,
    ClientOptions,
    Connection,
    LostError,
    RefusedError,
)

FAST = ClientOptions(first_pause_s=0.001, attempts=4, answer_s=5)


@pytest.fixture
def server():
    with scripted.ScriptedServer('{}').running() as running:
        yield running


@pytest.fixture
def pauses(monkeypatch):
    """Seconds that a client would have waited."""
    waited = []
    monkeypatch.setattr(client_connection.time, 'sleep', waited.append)
    return waited


def said(error):
    (problem,) = error.value.problems
    return problem


@pytest.mark.parametrize('status', [429, 503, 504])
def test_what_passes_is_tried_again(server, status):
    server.faults = [scripted.error(status, 'busy')] * 2
    assert Connection(server.address, FAST).get('/a') == server.status
    assert len(server.requests) == 3


@pytest.mark.parametrize('status', [400, 403, 404, 500])
def test_what_would_be_the_same_again_is_not(server, status):
    server.faults = [scripted.error(status, 'pictures of 3 channels')]
    with pytest.raises(RefusedError) as error:
        Connection(server.address, FAST).post('/a', {})
    assert error.value.status == status
    assert said(error).found == f'status {status}: pictures of 3 channels'
    assert len(server.requests) == 1


def test_the_last_failure_is_told(server):
    server.faults = [scripted.error(503, f'busy {number}') for number in range(9)]
    with pytest.raises(RefusedError) as error:
        Connection(server.address, FAST).get('/a')
    assert said(error).found == 'status 503: busy 3'
    assert len(server.requests) == FAST.attempts


@pytest.mark.parametrize(
    'fault', [scripted.dropped, scripted.answer(200, {'a': 'b' * 999}, sent=0.5), scripted.no_http]
)
def test_a_lost_connection_is_tried_again(server, fault):
    server.faults = [fault] * 3
    assert Connection(server.address, FAST).post(
        '/a', {'signature_name': 'model_card', 'inputs': {'request': ['']}}
    ) == {'outputs': ['{}']}
    server.faults = [fault] * 4
    with pytest.raises(LostError) as error:
        Connection(server.address, FAST).get('/a')
    assert 'no connection, or a broken one' in said(error).found
    assert len(server.requests) == 8


def test_a_port_without_a_server():
    with socket.socket() as taken:
        taken.bind(('localhost', 0))
        address = f'http://localhost:{taken.getsockname()[1]}'
        with pytest.raises(LostError) as error:
            Connection(address, FAST).get('/a')
    assert said(error).where == address
    assert said(error).found.startswith('no connection, or a broken one: Failed to establish')
    assert said(error).found.endswith('Connection refused')


def test_a_name_without_a_host():
    with pytest.raises(LostError) as error:
        Connection('http://no-such-host.invalid:8501', ClientOptions(attempts=1)).get('/a')
    assert 'http' not in said(error).found


def test_a_server_without_https(server):
    with pytest.raises(UserError) as error:
        Connection(server.address.replace('http', 'https'), FAST).get('/a')
    assert 'SSL' in said(error).found
    assert said(error).cure.startswith('give http://')
    assert server.requests == []


@pytest.mark.parametrize(
    'before', [b'', b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"outputs"']
)
def test_a_slow_server_is_not_given_more_to_do(server, before):
    server.faults = [scripted.silent(3, before)]
    with pytest.raises(UserError) as error:
        Connection(server.address, ClientOptions(answer_s=0.4)).get('/a')
    assert said(error).found == 'no answer within 0.4 s'
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ('fault', 'found'),
    [
        (scripted.answer(200, b'<html>hello</html>'), 'no JSON'),
        (scripted.answer(200, b'\xff\xfe\x00'), 'no JSON'),
        (scripted.answer(200, b'[' * 100_000), 'no JSON'),
        (scripted.answer(200, [1, 2]), 'no JSON object'),
        (scripted.answer(200, b'no gzip', {'Content-Encoding': 'gzip'}), 'cannot be read'),
        (scripted.answer(302, b'', {'Location': 'http://elsewhere/'}), 'status 302, a redirection'),
    ],
)
def test_answers_of_something_else(server, fault, found):
    server.faults = [fault]
    with pytest.raises(UserError) as error:
        Connection(server.address, FAST).get('/a')
    assert found in said(error).found
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ('body', 'text'),
    [
        # Older servers escape quotes as C does, which is no JSON.
        (
            rb"""{ "error": "no value for \'inputs\'" }""",
            r"""{ "error": "no value for \'inputs\'" }""",
        ),
        (b'<html>\n <b>Bad gateway</b>', '<html> <b>Bad gateway</b>'),
        (b'{"error": null}', 'None'),
        (b'', 'Bad Request'),
        (b'["a"]', '["a"]'),
        (b'[' * 100_000, '[' * LONGEST_SHOWN),
    ],
)
def test_the_text_of_an_error_is_told_whatever_it_is(server, body, text):
    server.faults = [scripted.answer(400, body)]
    with pytest.raises(RefusedError) as error:
        Connection(server.address, FAST).get('/a')
    assert said(error).found == f'status 400: {text}'


def test_a_page_is_told_as_another_kind_of_server(server):
    page = scripted.answer(404, b'<html>no such page</html>', {'Content-Type': 'text/html'})
    server.faults = [page, scripted.error(404, 'no model')]
    cures = []
    for _ in range(2):
        with pytest.raises(RefusedError) as error:
            Connection(server.address, FAST).get('/a')
        cures.append(said(error).cure)
    assert 'REST port of a TensorFlow Serving' in cures[0]
    assert cures[1] == 'mend what the server names'


def test_a_long_text_is_cut(server):
    server.faults = [scripted.error(400, 'x' * 100_000)]
    with pytest.raises(RefusedError) as error:
        Connection(server.address, FAST).get('/a')
    assert len(said(error).found) < 600


def test_pauses_double_and_differ(server, pauses):
    server.faults = [scripted.error(503, 'busy')] * 7
    Connection(server.address, ClientOptions(attempts=8, longest_pause_s=5)).get('/a')
    highest = [0.5, 1, 2, 4, 5, 5, 5]
    assert all(top / 2 <= pause <= top for pause, top in zip(pauses, highest, strict=True))
    assert pauses[0] != pauses[1] / 2


@pytest.mark.parametrize(
    ('asked', 'least', 'most'),
    [('7', 7, 7), ('3600', 30, 30), ('0', 0.2, 0.5), ('soon', 0.2, 0.5), ('-1', 0.2, 0.5)],
)
def test_the_pause_that_a_server_asks_for(server, pauses, asked, least, most):
    server.faults = [scripted.error(503, 'busy', Retry_After=asked)]
    Connection(server.address, ClientOptions()).get('/a')
    assert least <= pauses[0] <= most


def test_the_pause_may_be_asked_for_as_a_date(server, pauses):
    date = email.utils.formatdate(time.time() + 12, usegmt=True)
    server.faults = [scripted.error(429, 'busy', Retry_After=date)]
    Connection(server.address, ClientOptions()).get('/a')
    assert 10 <= pauses[0] <= 12


def test_bodies_are_compressed(server):
    Connection(server.address, FAST).post(
        '/v1', {'signature_name': 'model_card', 'inputs': {'request': ['a' * 9000]}}
    )
    (request,) = server.requests
    assert request.headers['Content-Encoding'] == 'gzip'
    assert int(request.headers['Content-Length']) < 300
    assert request.content['inputs'] == {'request': ['a' * 9000]}


def test_pictures_take_no_way_round(server, monkeypatch):
    """A proxy for web pages must not see patients."""
    for name in ('http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'):
        monkeypatch.setenv(name, 'http://localhost:1')
    assert Connection(server.address, FAST).get('/a') == server.status


@pytest.mark.parametrize(
    'address',
    [
        'localhost:8501',
        'ftp://localhost',
        'http://',
        'http://host:port',
        'http://host:99999',
        'http://host:0',
        'http://host/?a=b',
        'http://host/#a',
        '',
    ],
)
def test_addresses_that_are_none(address):
    with pytest.raises(UserError) as error:
        Connection(address, FAST)
    assert said(error).found == repr(address)


def test_a_password_is_not_repeated():
    with pytest.raises(UserError) as error:
        Connection('http://me:secret@host:8501', FAST)
    assert 'secret' not in str(error.value)


def test_a_server_below_a_path(server):
    Connection(f'{server.address}/models/', FAST).get('/v1/models/ct2mr')
    assert server.requests[0].path == '/models/v1/models/ct2mr'


def test_options_must_be_above_zero():
    with pytest.raises(ValueError, match='attempts'):
        ClientOptions(attempts=0)
