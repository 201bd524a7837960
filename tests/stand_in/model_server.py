"""A stand-in for `tensorflow_model_server`, for tests where that program is not installed.

    python model_server.py --rest_api_port=8501 --model_config_file=models.config

It answers the REST API (https://www.tensorflow.org/tfx/serving/api_rest) from the same files, takes
the same flags, and holds models in sessions of its own process: what would end the server's process
ends this one. It knows predict, status and metadata; not classify, regress, gRPC, batching.
"""

import argparse
import http.server
import json
import pathlib
import re
import sys
import threading
import time
import urllib.parse
import zlib
from typing import Any

import rest_json
import tensorflow as tf
from google.protobuf import json_format, text_format
from served_models import Retries, ServedModel, Version, code_of, signature_of
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.config import model_server_config_pb2

PREDICT = re.compile(
    r'(?i)/v1/models/([^/:]+)(?:(?:/versions/(\d+))|(?:/labels/([^/:]+)))?'
    r':(predict)'
)
"""As in http_rest_api_util.cc, less classify and regress."""

STATUS = re.compile(
    r'(?i)/v1/models(?:/([^/:]+))?(?:(?:/versions/(\d+))|(?:/labels/([^/:]+)))?(?:/(metadata))?'
)
"""As in http_rest_api_util.cc."""

HTTP_STATUS = {
    'CANCELLED': 499,
    'INVALID_ARGUMENT': 400,
    'DEADLINE_EXCEEDED': 504,
    'NOT_FOUND': 404,
    'ALREADY_EXISTS': 409,
    'PERMISSION_DENIED': 403,
    'RESOURCE_EXHAUSTED': 429,
    'FAILED_PRECONDITION': 400,
    'ABORTED': 409,
    'OUT_OF_RANGE': 400,
    'UNIMPLEMENTED': 501,
    'UNAVAILABLE': 503,
    'UNAUTHENTICATED': 401,
}
"""As in http_server.cc; all others are 500."""

PYTHON_ONLY = 'Graph execution error:\n\n'
"""What TensorFlow's Python puts before the message of a session."""

MOST_INFLATED = 10 * 2**20
"""Bytes of a compressed body: 10 MiB in older releases, 100 in newer ones (gzip_zlib.h)."""


class Server(http.server.ThreadingHTTPServer):
    """Models behind HTTP; a thread a connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, models: list[ServedModel], timeout_ms: int):
        super().__init__(('localhost', port), Handler)
        self.models = {model.name: model for model in models}
        self.timeout_ms = timeout_ms


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers one request after the other of a connection."""

    protocol_version = 'HTTP/1.1'
    server: Server

    def do_GET(self) -> None:
        self._answer('GET', b'')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        if 'gzip' in self.headers.get('Content-Encoding', ''):
            body = inflated(body)
        self._answer('POST', body)

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self, method: str, body: bytes) -> None:
        if not self.path.lower().startswith('/v1/'):
            self.send_error(404)
            return
        try:
            status, content = 200, self._content(method, body)
        except rest_json.BadRequestError as error:
            status, content = 400, {'error': str(error)}
        except tf.errors.OpError as error:
            status = HTTP_STATUS.get(code_of(error), 500)
            content = {'error': error.message.removeprefix(PYTHON_ONLY)}
        answer = json.dumps(content).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _content(self, method: str, body: bytes) -> dict[str, Any]:
        pattern = PREDICT if method == 'POST' else STATUS
        match = pattern.fullmatch(self.path)
        if match is None:
            raise rest_json.BadRequestError(f'Malformed request: {method} {self.path}')
        name, number, label, verb = match.groups()
        if name is None:
            raise rest_json.BadRequestError('Missing model name in request.')
        name = urllib.parse.unquote(name)
        number = int(number) if number else None
        label = urllib.parse.unquote(label) if label else None
        if method == 'POST':
            return self._predict(self._model(name), number, label, body)
        if verb:
            return self._metadata(self._model(name), number, label)
        return status_of(self.server.models.get(name), name, number)

    def _model(self, name: str) -> ServedModel:
        if name not in self.server.models:
            text = f'Servable not found for request: Latest({name})'
            raise tf.errors.NotFoundError(None, None, text)
        return self.server.models[name]

    def _predict(
        self, model: ServedModel, number: int | None, label: str | None, body: bytes
    ) -> dict[str, Any]:
        _, graph = model.available(number, label)
        signature, inputs, rows = rest_json.parsed_request(
            body, lambda name: signature_of(graph, name)
        )
        outputs = graph.predict(signature, inputs, self.server.timeout_ms)
        return rest_json.response(outputs, rows)

    def _metadata(
        self, model: ServedModel, number: int | None, label: str | None
    ) -> dict[str, Any]:
        version, graph = model.available(number, label)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in graph.signatures.items():
            signatures.signature_def[name].CopyFrom(signature)
        content = json_format.MessageToDict(
            signatures, including_default_value_fields=True, preserving_proto_field_name=True
        )
        spec = {'name': model.name, 'signature_name': '', 'version': str(version)}
        return {'model_spec': spec, 'metadata': {'signature_def': content}}


def status_of(model: ServedModel | None, name: str, number: int | None) -> dict[str, Any]:
    """The status of one version or of all; that of a label is of all, too."""
    if model is None:
        text = f'Could not find any versions of model {name}'
        raise tf.errors.NotFoundError(None, None, text)

    def entry(key: int, version: Version) -> dict[str, Any]:
        status = {'error_code': version.error_code, 'error_message': version.error_message}
        return {'version': str(key), 'state': version.state, 'status': status}

    return {'model_version_status': [entry(*item) for item in model.status(number)]}


def inflated(body: bytes) -> bytes:
    """A compressed body; empty, as the server makes it, where it is damaged or too large."""
    inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        content = inflater.decompress(body, MOST_INFLATED + 1)
    except zlib.error:
        return b''
    return content if inflater.eof and len(content) <= MOST_INFLATED else b''


def parsed_flags() -> argparse.Namespace:
    """The server's flags that matter here, with its defaults; others are passed over."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument('--rest_api_port', type=int, required=True)
    parser.add_argument('--model_config_file', type=pathlib.Path, required=True)
    parser.add_argument('--rest_api_timeout_in_ms', type=int, default=30_000)
    parser.add_argument('--max_num_load_retries', type=int, default=5)
    parser.add_argument('--load_retry_interval_micros', type=int, default=60_000_000)
    parser.add_argument('--file_system_poll_wait_seconds', type=float, default=1.0)
    parser.add_argument('--model_config_file_poll_wait_seconds', type=float, default=0.0)
    parser.add_argument('--allow_version_labels_for_unavailable_models', default='false')
    known, _ = parser.parse_known_args()
    return known


def load_first(model: ServedModel, labels_at_once: bool) -> None:
    """Loads a model at the start: REST opens when all are available.

    Raises:
        SystemExit: a version cannot be loaded, or has a label too early.
    """
    if model.labels and not labels_at_once:
        number = next(iter(model.labels.values()))
        sys.exit(
            f'Failed to start server. Error: FAILED_PRECONDITION: Request to assign label to '
            f'version {number} of model {model.name}, which is not currently available for '
            f'inference'
        )
    while not model.versions:
        model.look()
        time.sleep(0.05)
    failed = {key: v.error_message for key, v in model.versions.items() if v.state == 'END'}
    if failed:
        sys.exit(f'Failed to start server. Error: servables did not become available: {failed}')


def configured(path: pathlib.Path) -> list[model_server_config_pb2.ModelConfig]:
    """The models of a configuration file."""
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse(path.read_text(encoding='utf-8'), config)
    return list(config.model_config_list.config)


def reload(path: pathlib.Path, models: list[ServedModel]) -> None:
    """Reads the configuration again; models that come or go are not known here."""
    try:
        for model, config in zip(models, configured(path), strict=True):
            model.reload(config)
    except tf.errors.OpError as error:
        print(f'PollFilesystemAndReloadConfig failed to ReloadConfig: {error.message}', flush=True)


def main() -> None:
    flags = parsed_flags()
    retries = Retries(flags.max_num_load_retries, flags.load_retry_interval_micros / 1e6)
    models = [ServedModel(one, retries) for one in configured(flags.model_config_file)]
    for model in models:
        load_first(model, flags.allow_version_labels_for_unavailable_models == 'true')

    def look_for_ever() -> None:
        while True:
            time.sleep(flags.file_system_poll_wait_seconds)
            for model in models:
                model.look()

    def reload_for_ever() -> None:
        while flags.model_config_file_poll_wait_seconds:
            time.sleep(flags.model_config_file_poll_wait_seconds)
            reload(flags.model_config_file, models)

    for thread in (look_for_ever, reload_for_ever):
        threading.Thread(target=thread, daemon=True).start()
    Server(flags.rest_api_port, models, flags.rest_api_timeout_in_ms).serve_forever()


if __name__ == '__main__':
    main()
