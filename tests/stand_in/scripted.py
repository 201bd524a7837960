"""A small HTTP server that plays a model of TensorFlow Serving, and fails as it is told to.

The 'synthetic MR' is the CT inverted. Before a request is answered the next fault of the script is
taken: an answer of its own, a connection that is dropped, silence; None lets it pass.
"""

import base64
import contextlib
import dataclasses
import gzip
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np

Fault = Callable[[http.server.BaseHTTPRequestHandler], None]


@dataclasses.dataclass(frozen=True)
class Request:
    """What a client sent."""

    method: str
    path: str
    headers: dict[str, str]
    content: Any


class ScriptedServer:
    """The model `ct2mr` on a port of its own.

    Attributes:
        faults: taken one a request, first to last; a None passes.
        requests: all that came.
        metadata, card_text, status: what is answered; may be changed.
    """

    def __init__(self, card_text: str):
        self.faults: list[Fault | None] = []
        self.requests: list[Request] = []
        self.card_text: Any = card_text
        self.metadata = metadata(version=3)
        self.status = {'model_version_status': [version_status(3, 'AVAILABLE')]}
        self.address = ''

    def content(self, request: Request) -> dict[str, Any]:
        """The answer to a request."""
        if request.path.endswith('/metadata'):
            return self.metadata
        if request.method == 'GET':
            return self.status
        if request.content['signature_name'] == 'model_card':
            return {'outputs': [self.card_text] * len(request.content['inputs']['request'])}
        return {'outputs': [inverted(value) for value in request.content['inputs']['ct_png']]}

    @contextlib.contextmanager
    def running(self, port: int = 0) -> Iterator['ScriptedServer']:
        """Answers until the block ends."""
        script = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                length = int(self.headers.get('Content-Length', 0))
                body = self.rfile.read(length)
                sent = json.loads(gzip.decompress(body)) if body else None
                request = Request(self.command, self.path, dict(self.headers), sent)
                script.requests.append(request)
                fault = script.faults.pop(0) if script.faults else None
                (fault or answer(200, script.content(request)))(self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(('localhost', port), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        self.address = f'http://localhost:{server.server_port}'
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def answer(
    status: int, content: Any, headers: dict[str, str] | None = None, sent: float = 1.0
) -> Fault:
    """An answer of any kind.

    Args:
        status: HTTP status code.
        content: bytes as they are; anything else as JSON.
        headers: further ones.
        sent: share of the body that is sent before the connection is closed.
    """

    def give(handler: http.server.BaseHTTPRequestHandler) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header('Content-Length', str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: round(sent * len(body))])
        handler.close_connection = sent < 1

    return give


def error(status: int, text: str, **headers: str) -> Fault:
    """An error as TensorFlow Serving words it."""
    named = {name.replace('_', '-'): value for name, value in headers.items()}
    return answer(status, {'error': text}, named)


def dropped(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Closes the connection without an answer."""
    handler.close_connection = True


def no_http(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Answers by another protocol."""
    handler.wfile.write(b'SSH-2.0-OpenSSH_9.2\r\n')
    handler.close_connection = True


def silent(seconds: float, before: bytes = b'') -> Fault:
    """Sends the beginning of an answer, if any, and then nothing for a while."""

    def wait(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.wfile.write(before)
        handler.wfile.flush()
        time.sleep(seconds)
        handler.close_connection = True

    return wait


def inverted(value: dict[str, str]) -> dict[str, str]:
    """A PNG file in base64, black for white."""
    file = np.frombuffer(base64.b64decode(value['b64']), np.uint8)
    return b64(255 - cv2.imdecode(file, cv2.IMREAD_UNCHANGED))


def b64(picture: np.ndarray) -> dict[str, str]:
    """A picture as the server gives bytes."""
    return {'b64': base64.b64encode(cv2.imencode('.png', picture)[1].tobytes()).decode()}


def version_status(number: int, state: str, message: str = '') -> dict[str, Any]:
    """The status of one version."""
    code = 'INVALID_ARGUMENT' if message else 'OK'
    return {
        'version': str(number),
        'state': state,
        'status': {'error_code': code, 'error_message': message},
    }


def metadata(version: int) -> dict[str, Any]:
    """Metadata of a model that export.py wrote, as far as a client looks at them."""

    def tensor(name: str, dtype: str = 'DT_STRING') -> dict[str, Any]:
        return {name: {'dtype': dtype, 'tensor_shape': {'dim': [{'size': '-1'}]}, 'name': name}}

    signatures = {
        'png': {'inputs': tensor('ct_png'), 'outputs': tensor('mr_png_bytes')},
        'model_card': {'inputs': tensor('request'), 'outputs': tensor('model_card_json')},
        'serving_default': {
            'inputs': tensor('ct', 'DT_FLOAT'),
            'outputs': tensor('mr', 'DT_FLOAT'),
        },
        '__saved_model_init_op': {'inputs': {}, 'outputs': tensor('__saved_model_init_op')},
    }
    return {
        'model_spec': {'name': 'ct2mr', 'signature_name': '', 'version': str(version)},
        'metadata': {'signature_def': {'signature_def': signatures}},
    }
