"""The serving kit: files that start TensorFlow Serving with an exported model, paths filled in.

    serve.sh            the docker line
    models.config       which versions are served, and the labels stable and canary
    batching.config     how many requests are computed at a time, for servers with many clients
    monitoring.config   Prometheus
    SERVING.md          how to start, ask, promote a version
    requests/*.json     a request of each signature, for curl

Inside the container folders have the paths they have outside, so the files also serve a
`tensorflow_model_server` that is installed. Writing the kit again after another export keeps the
label stable where somebody put it: what is served as stable is a person's decision.
"""

import base64
import json
import pathlib
import shlex
import string

import cv2
import numpy as np
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from ct2mr_tf.files import write_text_whole
from ct2mr_tf.imaging.grey import from_grey
from ct2mr_tf.problems import Problem, UserError, raise_if_any
from ct2mr_tf.serving import signatures
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

REQUESTS = 'requests'
"""Folder of the example requests."""

TEMPLATES = pathlib.Path(__file__).parent / 'templates'
"""The files with names in the place of paths."""

STABLE, CANARY = 'stable', 'canary'
"""The version that users are given, and the one that is tried."""


def write_kit(folder: pathlib.Path, card: ModelCard, export_dir: pathlib.Path) -> None:
    """Writes or renews the kit.

    Args:
        folder: where to; made if it is missing.
        card: of the version just exported.
        export_dir: the model's versions, at least one.

    Raises:
        UserError: a file of such a name is there that is not of a kit, or models.config cannot be
            read; nothing is written.
    """
    folder, export_dir = pathlib.Path(folder).absolute(), pathlib.Path(export_dir).absolute()
    raise_if_any(foreign_files(folder))
    stable, canary = _labelled(folder / MODELS, sorted(versions(export_dir)))
    values = {
        'mark': MARK,
        'name': card.name,
        'kit': f'{folder}',
        'export_dir': f'{export_dir}',
        'kit_quoted': shlex.quote(f'{folder}'),
        'export_dir_quoted': shlex.quote(f'{export_dir}'),
        'name_text': _text(card.name),
        'export_dir_text': _text(f'{export_dir}'),
        'stable': stable,
        'canary': canary,
        'loaded': ', '.join(f'{version}' for version in sorted({stable, canary})),
        'height': card.picture[0],
        'width': card.picture[1],
    }
    for name in (SCRIPT, MODELS, BATCHING, MONITORING, GUIDE):
        template = string.Template((TEMPLATES / name).read_text(encoding='utf-8'))
        write_text_whole(folder / name, template.substitute(values))
    (folder / SCRIPT).chmod(0o755)
    for name, request in example_requests(card).items():
        write_text_whole(folder / REQUESTS / f'{name}.json', json.dumps(request) + '\n')


def foreign_files(folder: pathlib.Path) -> list[Problem]:
    """Files of the kit's names in a folder that no kit wrote, each as a Problem."""
    folder = pathlib.Path(folder)
    cure = 'name another --serving_kit, or move the file away'
    return [
        Problem(f'{folder / name}', 'a file that is not of a serving kit', 'no such file', cure)
        for name in (SCRIPT, MODELS, BATCHING, MONITORING, GUIDE)
        if (folder / name).exists()
        and MARK not in (folder / name).read_text(encoding='utf-8', errors='replace')
    ]


def example_requests(card: ModelCard) -> dict[str, dict]:
    """A request body of each signature, by the signature's name.

    The pictures are a ramp; for `serving_default` and `hu` the smallest that the model answers, as
    a slice of 256x256 is 1.5 MB in JSON numbers.
    """
    small = ramp((card.limits.smallest_side,) * 2)[np.newaxis, ..., np.newaxis]
    file = cv2.imencode('.png', ramp(card.picture))[1].tobytes()
    values = {
        signatures.CARD: [''],
        signatures.DEFAULT: small.tolist(),
        signatures.HU: np.rint(from_grey(small, card.ct_window)).tolist(),
        signatures.PNG: [{'b64': base64.b64encode(file).decode()}],
    }
    return {
        name: {'signature_name': name, 'inputs': {signatures.INPUTS[name]: value}}
        for name, value in values.items()
    }


def _text(value: str) -> str:
    """A string of a text proto, quoted."""
    return '"' + text_format.text_encoding.CEscape(value, as_utf8=True) + '"'


def _labelled(path: pathlib.Path, known: list[int]) -> tuple[int, int]:
    """The versions labelled stable and canary.

    Canary is the highest. Stable stays where an earlier models.config has it, if that version is
    still there; otherwise it is the one before the highest, or the only one.
    """
    canary = known[-1]
    if path.exists():
        try:
            config = text_format.Parse(path.read_text(encoding='utf-8'), ModelServerConfig())
        except (text_format.ParseError, ValueError) as error:
            cure = 'mend the file, or move it away'
            raise UserError([Problem(f'{path}', f'{error}', 'a model config', cure)]) from None
        for model in config.model_config_list.config:
            if model.version_labels.get(STABLE) in known:
                return model.version_labels[STABLE], canary
    return known[-2] if len(known) > 1 else canary, canary
