"""The serving kit: files that start TensorFlow Serving with an exported model, paths filled in.

    serve.sh            the docker line
    models.config       which versions are served, and the label stable
    batching.config     how many requests are computed at a time, for servers with many clients
    monitoring.config   Prometheus
    SERVING.md          how to start, ask, promote a version
    requests/*.json     a request of each signature, for curl

Inside the container folders have the paths they have outside, so the files also serve a
`tensorflow_model_server` that is installed. Writing the kit again after another export puts the new
version into models.config as canary and keeps what a person put there: the label stable, other
labels with their versions, other models. The script, batching and monitoring are written once.

The canary has no label: a server that runs moves a label only to a version that it has loaded, and
refuses a file that would do otherwise, with all that is in it; so a file cannot bring a new version
and move a label to it (https://www.tensorflow.org/tfx/serving/serving_config).
"""

import json
import pathlib
import shlex
import string

import numpy as np
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig, ModelServerConfig

from ct2mr_tf.files import write_text_whole
from ct2mr_tf.imaging.grey import from_grey
from ct2mr_tf.problems import Problem, UserError, raise_if_any
from ct2mr_tf.serving import client_pictures, signatures
from ct2mr_tf.serving.model_card import ModelCard
from ct2mr_tf.serving.saved_model import versions
from ct2mr_tf.serving.warmup import ramp

MARK = 'Written by export.py of ct2mr_tf'
"""Stands in every file of the kit; a file without it is somebody else's."""

SCRIPT, MODELS, BATCHING, MONITORING, GUIDE = (
    'serve.sh',
    'models.config',
    'batching.config',
    'monitoring.config',
    'SERVING.md',
)
"""Names of the files."""

WRITTEN_ONCE = frozenset([SCRIPT, BATCHING, MONITORING])
"""Files that a person may change for a machine (a GPU, say) and that no later export touches."""

REQUESTS = 'requests'
"""Folder of the example requests."""

TEMPLATES = pathlib.Path(__file__).parent / 'templates'
"""The files with names in the place of paths."""

STABLE = 'stable'
"""Label of the version that users are given."""


def write_kit(folder: pathlib.Path, card: ModelCard, version: pathlib.Path) -> None:
    """Writes or renews the kit.

    Args:
        folder: where to; made if it is missing.
        card: of the version just exported.
        version: its folder, beside the model's other versions.

    Raises:
        UserError: see `obstacles`; nothing is written.
    """
    folder, version = pathlib.Path(folder).absolute(), pathlib.Path(version).absolute()
    export_dir = version.parent
    raise_if_any(obstacles(folder, card.name, export_dir))
    model, others = _served(folder / MODELS, card.name)
    canary = int(version.name)
    labels = _labels(dict(model.version_labels), set(versions(export_dir)), canary)
    values = {
        'mark': MARK,
        'name': card.name,
        'kit': f'{folder}',
        'export_dir': f'{export_dir}',
        'kit_quoted': shlex.quote(f'{folder}'),
        'export_dir_quoted': shlex.quote(f'{export_dir}'),
        'name_text': _text(card.name),
        'export_dir_text': _text(f'{export_dir}'),
        'stable': labels[STABLE],
        'canary': canary,
        'labels': '\n'.join(
            f'    version_labels {{ key: {_text(label)} value: {number} }}'
            for label, number in labels.items()
        ),
        'loaded': ', '.join(f'{number}' for number in sorted({canary, *labels.values()})),
        'others': ''.join(f'  config {{\n{_lines(other)}  }}\n' for other in others),
        'height': card.picture[0],
        'width': card.picture[1],
    }
    for name in (SCRIPT, MODELS, BATCHING, MONITORING, GUIDE):
        if name in WRITTEN_ONCE and (folder / name).exists():
            continue
        template = string.Template((TEMPLATES / name).read_text(encoding='utf-8'))
        write_text_whole(folder / name, template.substitute(values))
    (folder / SCRIPT).chmod(0o755)
    for name, request in example_requests(card).items():
        write_text_whole(folder / REQUESTS / f'{name}.json', json.dumps(request) + '\n')


def obstacles(folder: pathlib.Path, name: str, export_dir: pathlib.Path) -> list[Problem]:
    """What keeps a kit from being written, each as a Problem.

    Args:
        folder: the kit's.
        name: of the model.
        export_dir: the model's versions.

    Returns:
        A Problem for each file of a kit's name that no kit wrote; or one, if models.config cannot
        be read or the kit is of another model.
    """
    folder = pathlib.Path(folder)
    cure = 'name another --serving_kit, or move the file away'
    foreign = [
        Problem(f'{folder / file}', 'a file that is not of a serving kit', 'no such file', cure)
        for file in (SCRIPT, MODELS, BATCHING, MONITORING, GUIDE)
        if (folder / file).exists()
        and MARK not in (folder / file).read_text(encoding='utf-8', errors='replace')
    ]
    if foreign or not (folder / MODELS).exists():
        return foreign
    try:
        model, _ = _served(folder / MODELS, name)
    except UserError as error:
        return list(error.problems)
    expected = f'{name} of {pathlib.Path(export_dir).absolute()}'
    found = f'{model.name} of {model.base_path}' if model.name else 'other models'
    if found == expected:
        return []
    return [Problem(f'{folder / MODELS}', found, expected, 'name another --serving_kit')]


def example_requests(card: ModelCard) -> dict[str, dict]:
    """A request body of each signature, by the signature's name.

    The pictures are a ramp; for `serving_default` and `hu` the smallest that the model answers, as
    a slice of 256x256 is 1.5 MB in JSON numbers.
    """
    small = ramp((card.limits.smallest_side,) * 2)[np.newaxis, ..., np.newaxis]
    values = {
        signatures.CARD: [''],
        signatures.DEFAULT: small.tolist(),
        signatures.HU: np.rint(from_grey(small, card.ct_window)).tolist(),
        signatures.PNG: [client_pictures.encoded(ramp(card.picture))],
    }
    return {
        name: {'signature_name': name, 'inputs': {signatures.INPUTS[name]: value}}
        for name, value in values.items()
    }


def _text(value: str) -> str:
    """A string of a text proto, quoted."""
    return '"' + text_format.text_encoding.CEscape(value, as_utf8=True) + '"'


def _lines(model: ModelConfig) -> str:
    """A model's config as indented text proto."""
    return text_format.MessageToString(model, indent=4)


def _served(path: pathlib.Path, name: str) -> tuple[ModelConfig, list[ModelConfig]]:
    """What models.config says of a model, empty where it says nothing, and of all others.

    Raises:
        UserError: it is no model config.
    """
    config = ModelServerConfig()
    if path.exists():
        try:
            text_format.Parse(path.read_text(encoding='utf-8'), config)
        except (text_format.ParseError, ValueError) as error:
            cure = 'mend the file, or move it away'
            raise UserError([Problem(f'{path}', f'{error}', 'a model config', cure)]) from None
    models = config.model_config_list.config
    ours = next((model for model in models if model.name == name), ModelConfig())
    return ours, [model for model in models if model.name != name]


def _labels(before: dict[str, int], known: set[int], canary: int) -> dict[str, int]:
    """The version of each label, stable first.

    Labels stay where they are, if that version is still there; else stable is the highest of the
    versions but the canary, or the only one.
    """
    kept = {label: number for label, number in before.items() if number in known}
    return {STABLE: max(known - {canary}, default=canary)} | kept
