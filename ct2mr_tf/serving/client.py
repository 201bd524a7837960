"""Asks a model on TensorFlow Serving for synthetic MR, over its REST API; needs no TensorFlow.

    client = Client('http://host:8501', 'ct2mr')
    client.wait_available(60)
    mr = client.synthesize(ct)  # uint8 [N, H, W] both, ct in the window of client.card

The version that answers first is the one asked until the end, even where a newer one becomes
available in between: the slices of a volume come from one model, the one that the card describes.
Only pixels are sent. Rules of the API: https://www.tensorflow.org/tfx/serving/api_rest
"""

import dataclasses
import functools
import time
import urllib.parse
from collections.abc import Sequence
from typing import Any

import numpy as np

from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.problems import Problem, UserError, raise_if_any
from ct2mr_tf.serving import client_pictures
from ct2mr_tf.serving.client_connection import (
    RETRIED,
    ClientOptions,
    Connection,
    LostError,
    RefusedError,
)
from ct2mr_tf.serving.model_card import ModelCard

DEFAULT_SERVER = 'http://localhost:8501'
"""Where TensorFlow Serving's container answers REST on the same machine."""

DEFAULT_MODEL = 'ct2mr'
"""The name that export gives a model."""

SIGNATURES = {
    'png': {'inputs': {'ct_png': 'DT_STRING'}, 'outputs': {'mr_png_bytes': 'DT_STRING'}},
    'model_card': {'inputs': {'request': 'DT_STRING'}, 'outputs': {'model_card_json': 'DT_STRING'}},
}
"""What a client calls, with the types of inputs and outputs as the server's metadata name them."""

POLL_S = 0.5
"""Pause between looks at a model that is not yet available; the server itself looks each second."""

NOT_FOUND = 404
"""Status of a model or version that the server does not serve, or not yet."""

NEVER_MENDS = frozenset(range(300, 500)) - {NOT_FOUND, *RETRIED}
"""Status codes that stay the same however long one waits."""


class Client:
    """A model on a server; for one thread at a time."""

    def __init__(
        self,
        server: str = DEFAULT_SERVER,
        model: str = DEFAULT_MODEL,
        version: int | None = None,
        label: str | None = None,
        options: ClientOptions | None = None,
    ):
        """Sends nothing yet.

        Args:
            server: its address and REST port.
            model: its name there.
            version: the one to ask; by default the newest that is available.
            label: of the version to ask, instead of its number.
            options: patience, and sizes of requests.

        Raises:
            UserError: the address, or the version with the label, cannot be.
        """
        if version is not None and label is not None:
            found = f'version {version} and label {label}'
            raise UserError([Problem(model, found, 'a version or a label', 'give one of them')])
        self._options = options or ClientOptions()
        self._connection = Connection(server, self._options)
        self._model = f'/v1/models/{_quoted(model)}'
        self._asked = self._model
        if version is not None:
            self._asked += f'/versions/{version:d}'
        if label is not None:
            self._asked += f'/labels/{_quoted(label)}'
        self._label = label
        self._where = f'{model} at {self._connection.address}'

    def wait_available(self, seconds: float = 60.0) -> None:
        """Waits until the model can be asked.

        Args:
            seconds: how long at most; but one look may take `connect_s` of the options.

        Raises:
            UserError: no server, no such model or version, or none that the server could load; an
                error that waiting cannot mend is raised at once.
        """
        last = time.monotonic() + seconds
        while True:
            try:
                problem = self._obstacle(max(last - time.monotonic(), self._options.connect_s))
            except (LostError, RefusedError) as error:
                if isinstance(error, RefusedError) and error.status in NEVER_MENDS:
                    raise
                problem = error.problems[0]
            if problem is None:
                return
            if time.monotonic() >= last:
                raise UserError([problem])
            time.sleep(min(POLL_S, max(0.0, last - time.monotonic())))

    @functools.cached_property
    def version(self) -> int:
        """Number of the version that is asked, fixed when first looked at.

        Raises:
            UserError: as `wait_available`; or the model is not one of ours, every difference in its
                signatures listed.
        """
        metadata = self._connection.get(f'{self._asked}/metadata')
        try:
            served = metadata['metadata']['signature_def']['signature_def']
            version = int(metadata['model_spec']['version'])
            differing = list(_signature_problems(served, self._where))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._connection.malformed('metadata of an unknown form') from None
        raise_if_any(differing)
        return version

    @functools.cached_property
    def card(self) -> ModelCard:
        """The model's card.

        Raises:
            UserError: as `version`; or the card is none.
        """
        (text,) = self._predict('model_card', [''])
        if not isinstance(text, str):
            raise self._connection.malformed('a model card that is no text')
        return ModelCard.from_json(text, f'model card of {self._where}')

    def check_window(self, window: Window) -> None:
        """Checks that pictures in this window are what the model was trained on.

        Raises:
            UserError: the card names another window.
        """
        if window != self.card.ct_window:
            wanted = self.card.ct_window
            raise UserError(
                [
                    Problem(
                        f'CT window for {self._where}',
                        f'{window.low:g} to {window.high:g} HU',
                        f'{wanted.low:g} to {wanted.high:g} HU, as in training',
                        'take the window of the model card',
                    )
                ]
            )

    def synthesize(self, ct: np.ndarray) -> np.ndarray:
        """Makes synthetic MR, some slices a request.

        Args:
            ct: uint8 [N, H, W], grey levels in the card's CT window; N may be 0.

        Returns:
            uint8 [N, H, W], grey levels.

        Raises:
            UserError: the server cannot be asked, refuses the pictures (with its own text), or its
                answer is not one picture of the same size for each.
            ValueError: another dtype or number of dimensions, or slices without pixels.
        """
        if ct.dtype != np.uint8 or ct.ndim != 3 or 0 in ct.shape[1:]:
            raise ValueError(f'uint8 [N, H, W], not {ct.dtype} {ct.shape}')
        size = ct.shape[1], ct.shape[2]
        files = [client_pictures.encoded(picture) for picture in ct]
        most = self._options.request_pictures, self._options.request_bytes
        mr = []
        for some in client_pictures.divided(files, *most):
            for value in self._predict('png', some):
                try:
                    mr.append(client_pictures.decoded(value, size))
                except client_pictures.PictureError as error:
                    found = f'picture {len(mr) + 1} of {len(ct)}: {error}'
                    raise self._connection.malformed(found) from None
        return np.stack(mr) if mr else np.zeros(ct.shape, np.uint8)

    def _predict(self, signature: str, values: Sequence[Any]) -> list[Any]:
        """Calls a signature of one input and one output; as many outputs as inputs."""
        (name,) = SIGNATURES[signature]['inputs']
        content = {'signature_name': signature, 'inputs': {name: values}}
        path = f'{self._model}/versions/{self.version}:predict'
        try:
            answer = self._connection.post(path, content)
        except RefusedError as error:
            if error.status != NOT_FOUND:
                raise
            cure = f'begin again: version {self.version} is no longer served'
            problem = dataclasses.replace(error.problems[0], cure=cure)
            raise RefusedError(problem, error.status) from None
        outputs = answer.get('outputs')
        if not isinstance(outputs, list) or len(outputs) != len(values):
            count = len(outputs) if isinstance(outputs, list) else 'no list of'
            found = f'{count} outputs for {len(values)} inputs of {signature}'
            raise self._connection.malformed(found)
        return outputs

    def _obstacle(self, longest_s: float) -> Problem | None:
        """Why the model cannot be asked yet; None if it can. Waits so long for the answer."""
        if self._label is not None:
            # The status of a label is that of all versions; metadata are of the labelled one.
            self._connection.get_once(f'{self._asked}/metadata', longest_s)
            return None
        status = self._connection.get_once(self._asked, longest_s)
        try:
            states = {
                int(one['version']): (one['state'], str(one.get('status', {}).get('error_message')))
                for one in status['model_version_status']
            }
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._connection.malformed('a status of an unknown form') from None
        if any(state == 'AVAILABLE' for state, _ in states.values()):
            return None
        found = ', '.join(
            f'version {version}: {state} {message}'.rstrip()
            for version, (state, message) in sorted(states.items())
        )
        cure = 'mend the export, or name a version that the server could load'
        problem = Problem(self._where, found or 'no version', 'a version that is AVAILABLE', cure)
        if states and all(state == 'END' for state, _ in states.values()):
            raise UserError([problem])
        return problem


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe='')


def _signature_problems(served: dict[str, Any], where: str) -> list[Problem]:
    """What a model on a server lacks of what a client calls."""
    cure = 'name a model that export.py wrote'
    problems = []
    for signature, sides in SIGNATURES.items():
        for side, tensors in sides.items():
            found = {
                name: tensor['dtype']
                for name, tensor in served.get(signature, {}).get(side, {}).items()
            }
            if found != tensors:
                place = f'{where}, {side} of signature {signature}'
                problems.append(Problem(place, f'{found or "none"}', f'{tensors}', cure))
    return problems
