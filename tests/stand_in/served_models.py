"""The models of a server: versions found, loaded and unloaded, labels, and which version answers.

As TensorFlow Serving does: the folder of a model is looked at every second; names that are whole
numbers are versions; a version is unloaded only when one that is wanted instead is available, so a
broken new version leaves the old one serving. A label must point at a version that is available,
unless the server was told otherwise.
"""

import dataclasses
import pathlib
import threading
import time

import tensorflow as tf
from served_graph import ServedGraph
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.config import model_server_config_pb2


@dataclasses.dataclass
class Version:
    """A version of a model that was found at some time."""

    state: str = 'START'
    error_code: str = 'OK'
    error_message: str = ''
    graph: ServedGraph | None = None


@dataclasses.dataclass(frozen=True)
class Retries:
    """How often a version that fails to load is tried again, and the pause between."""

    count: int
    pause_s: float


class ServedModel:
    """A model and its versions; requests and the loading thread use it at the same time."""

    def __init__(self, config: model_server_config_pb2.ModelConfig, retries: Retries):
        self.name = config.name
        self.versions: dict[int, Version] = {}
        self._folder = pathlib.Path(config.base_path)
        self._policy = config.model_version_policy
        self._labels = dict(config.version_labels)
        self._retries = retries
        self._lock = threading.Lock()

    @property
    def labels(self) -> dict[str, int]:
        """Version by label."""
        return dict(self._labels)

    def reload(self, config: model_server_config_pb2.ModelConfig) -> None:
        """Takes another configuration, as ServerCore::ReloadConfig does: labels come first.

        Raises:
            tf.errors.FailedPreconditionError: a label in use would go to a version that is not
                available; then no version comes or goes either.
        """
        with self._lock:
            available = {key for key, one in self.versions.items() if one.state == 'AVAILABLE'}
            for label, number in config.version_labels.items():
                if self._labels.get(label, number) != number and number not in available:
                    text = f'Request to assign label to version {number} of model {self.name}, '
                    text += 'which is not currently available for inference'
                    raise tf.errors.FailedPreconditionError(None, None, text)
            self._labels = dict(config.version_labels)
            self._policy = config.model_version_policy

    def look(self) -> None:
        """Loads what has come, unloads what is to go."""
        wanted = self._wanted()
        for number in wanted:
            if number not in self.versions:
                self._load(number)
        with self._lock:
            if not any(self.versions[number].state == 'AVAILABLE' for number in wanted):
                return
            for number in set(self.versions) - set(wanted):
                version = self.versions[number]
                if version.state == 'AVAILABLE':
                    # A request that runs holds the graph until it is answered.
                    version.state, version.graph = 'END', None

    def status(self, number: int | None) -> list[tuple[int, Version]]:
        """The newest version first, or only the one asked for.

        Raises:
            tf.errors.NotFoundError: there is none.
        """
        with self._lock:
            found = sorted(self.versions.items(), reverse=True)
        if number is not None:
            found = [item for item in found if item[0] == number]
            if not found:
                text = f'Could not find version {number} of model {self.name}'
                raise tf.errors.NotFoundError(None, None, text)
        if not found:
            text = f'Could not find any versions of model {self.name}'
            raise tf.errors.NotFoundError(None, None, text)
        return found

    def available(self, number: int | None, label: str | None) -> tuple[int, ServedGraph]:
        """The version that answers a request.

        Raises:
            tf.errors.InvalidArgumentError: no such label.
            tf.errors.NotFoundError: no such version is available.
        """
        if label is not None:
            if label not in self._labels:
                text = f'Unrecognized servable version label: {label}'
                raise tf.errors.InvalidArgumentError(None, None, text)
            number = self._labels[label]
        with self._lock:
            serving = {
                key: version.graph
                for key, version in self.versions.items()
                if version.state == 'AVAILABLE'
            }
        if number is None and serving:
            number = max(serving)
        if number is None or number not in serving:
            asked = f'Latest({self.name})' if number is None else f'Specific({self.name}, {number})'
            text = f'Servable not found for request: {asked}'
            raise tf.errors.NotFoundError(None, None, text)
        return number, serving[number]

    def _wanted(self) -> list[int]:
        """Versions that should be loaded by the model's policy; the newest one by default."""
        try:
            names = [child.name for child in self._folder.iterdir() if child.is_dir()]
        except OSError:
            names = []
        found = sorted(int(name) for name in names if name.isdecimal())
        if self._policy.HasField('all'):
            return found
        if self._policy.HasField('specific'):
            return [number for number in found if number in self._policy.specific.versions]
        return found[-(self._policy.latest.num_versions or 1) :]

    def _load(self, number: int) -> None:
        version = Version('LOADING')
        with self._lock:
            self.versions[number] = version
        for attempt in range(1 + self._retries.count):
            try:
                graph = ServedGraph(self._folder / str(number))
            except tf.errors.OpError as error:
                failure = code_of(error), error.message
            except Exception as error:  # whatever a broken folder makes TensorFlow's Python raise
                failure = 'INTERNAL', str(error)
            else:
                version.graph = graph
                version.state = 'AVAILABLE'
                return
            if attempt < self._retries.count:
                time.sleep(self._retries.pause_s)
        version.error_code, version.error_message = failure
        version.state = 'END'


def signature_of(graph: ServedGraph, name: str) -> meta_graph_pb2.SignatureDef:
    """A signature of a graph.

    Raises:
        tf.errors.InvalidArgumentError: there is none of this name.
    """
    if name not in graph.signatures:
        text = f'Serving signature name: "{name}" not found in signature def'
        raise tf.errors.InvalidArgumentError(None, None, text)
    return graph.signatures[name]


def code_of(error: tf.errors.OpError) -> str:
    """Name of a status code, such as `INVALID_ARGUMENT`."""
    codes = {name: getattr(tf.errors, name) for name in dir(tf.errors) if name.isupper()}
    return next(name for name, number in codes.items() if number == error.error_code)
