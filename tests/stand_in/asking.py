"""Asks a model on a running server as curl would, with slices as numbers or as PNG files."""

import base64
import dataclasses
import json
from typing import Any

import cv2
import numpy as np
import requests
from stand_in.examples import png
from stand_in.launching import RunningServer


@dataclasses.dataclass(frozen=True)
class Model:
    """A model on a running server."""

    server: RunningServer
    path: str = '/v1/models/ct2mr'

    def get(self, place: str = '') -> requests.Response:
        return requests.get(f'{self.server.address}{self.path}{place}', timeout=30)

    def post(self, body: Any, place: str = '', **headers: str) -> requests.Response:
        url = f'{self.server.address}{self.path}{place}:predict'
        sent = body if isinstance(body, bytes | str) else json.dumps(body)
        return requests.post(url, data=sent, headers=headers, timeout=30)

    def pictures(self, ct: np.ndarray, rows: bool = False) -> np.ndarray:
        """What the signature png makes of slices: uint8 [N, H, W] both."""
        key, answered = ('instances', 'predictions') if rows else ('inputs', 'outputs')
        answer = self.post({'signature_name': 'png', key: [b64(png(one)) for one in ct]})
        assert answer.status_code == 200, answer.text
        files = [base64.b64decode(one['b64']) for one in answer.json()[answered]]
        decoded = [cv2.imdecode(np.frombuffer(f, np.uint8), cv2.IMREAD_UNCHANGED) for f in files]
        return np.stack(decoded)


def b64(file: bytes) -> dict[str, str]:
    """Bytes as the API has them."""
    return {'b64': base64.b64encode(file).decode()}


def as_numbers(ct: np.ndarray) -> list:
    """Grey levels or HU as JSON has them: [N, H, W, 1]."""
    return ct[..., np.newaxis].astype(float).tolist()
