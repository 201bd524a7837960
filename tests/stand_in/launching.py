"""Starts a server of models: TensorFlow Serving where it is on the PATH, else the stand-in."""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import requests
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

PROGRAM = shutil.which('tensorflow_model_server')
"""The real server, if there is one."""

NAME = 'tensorflow_model_server' if PROGRAM else 'stand-in'
"""Which server the tests run against; it stands in their names."""

START_S = 90
"""Longest wait for a server that starts."""


@dataclasses.dataclass(frozen=True)
class RunningServer:
    """A server in a process of its own."""

    address: str
    process: subprocess.Popen
    log: pathlib.Path

    def is_alive(self) -> bool:
        return self.process.poll() is None


@contextlib.contextmanager
def running(
    folder: pathlib.Path, models: ModelServerConfig, *flags: str
) -> Iterator[RunningServer]:
    """Runs a server until the block ends.

    Args:
        folder: for its files.
        models: what is served; the first must be available before the block begins.
        flags: of tensorflow_model_server, beside ports and the configuration.

    Yields:
        The server.
    """
    port, grpc_port = _free_ports()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / 'models.config'
    config.write_text(text_format.MessageToString(models), encoding='utf-8')
    stand_in = [sys.executable, str(pathlib.Path(__file__).with_name('model_server.py'))]
    command = [
        *([PROGRAM] if PROGRAM else stand_in),
        f'--rest_api_port={port}',
        f'--port={grpc_port}',
        f'--model_config_file={config}',
        # A version that is broken is broken at once, not after five more attempts.
        '--max_num_load_retries=0',
        *flags,
    ]
    log = folder / 'server.log'
    environment = os.environ | {'TF_CPP_MIN_LOG_LEVEL': '1'}
    with log.open('wb') as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    server = RunningServer(f'http://localhost:{port}', process, log)
    try:
        _wait(server, f'{server.address}/v1/models/{models.model_config_list.config[0].name}')
        yield server
    finally:
        process.kill()
        process.wait()


def served(base_path: pathlib.Path, name: str = 'ct2mr') -> ModelServerConfig:
    """The configuration of a server of one model, whose newest version is loaded."""
    models = ModelServerConfig()
    models.model_config_list.config.add(
        name=name, base_path=str(base_path), model_platform='tensorflow'
    )
    return models


def _wait(server: RunningServer, url: str) -> None:
    last = time.monotonic() + START_S
    while time.monotonic() < last:
        if not server.is_alive():
            raise AssertionError(f'the server ended: {server.log.read_text()[-3000:]}')
        with contextlib.suppress(requests.RequestException):
            if 'AVAILABLE' in requests.get(url, timeout=5).text:
                return
        time.sleep(0.1)
    raise AssertionError(f'no model in {START_S} s: {server.log.read_text()[-3000:]}')


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(('localhost', 0))
        other.bind(('localhost', 0))
        return one.getsockname()[1], other.getsockname()[1]
