"""The model as one ONNX file, compared with the generator before it appears.

Needs the extra `onnx`. The file holds the signature `serving_default` alone, without its checks: a
program that embeds it checks sizes and grey levels itself. The model card is in its metadata, under
`model_card`.
"""

import importlib.util
import pathlib
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from ct2mr_tf.files import written_whole
from ct2mr_tf.problems import Problem, UserError
from ct2mr_tf.serving import verification
from ct2mr_tf.serving.model_card import ModelCard

if TYPE_CHECKING:
    import onnx

TOLERANCE = 1e-2
"""Grey levels by which numbers may differ at least: another library's sums (6e-4 was measured)."""


def missing_packages() -> list[Problem]:
    """Whether the extra is installed: one Problem for each package that is not."""
    cure = "pip install 'ct2mr_tf[onnx]'"
    return [
        Problem('--onnx', f'no package {name}', 'the extra onnx', cure)
        for name in ('onnx', 'onnxruntime')
        if importlib.util.find_spec(name) is None
    ]


def file_in_the_way(path: str) -> list[Problem]:
    """A file that stands where the model would be written: one Problem, as nothing is lost."""
    if not pathlib.Path(path).exists():
        return []
    cure = 'name another file, or move it away'
    return [Problem('--onnx', f'{path}, which is there already', 'a new file', cure)]


def write_onnx(
    generator: tf.keras.Model, card: ModelCard, pictures: np.ndarray, path: pathlib.Path
) -> None:
    """Writes a generator as ONNX, whole or not at all.

    Args:
        generator: the network. The file computes in float32 in any case.
        card: what it is.
        pictures: uint8 [N, H, W], CT of real pairs in grey levels, at least one: for the check.
        path: the file.

    Raises:
        UserError: onnxruntime gives other numbers than the generator; nothing is written.
    """
    from ct2mr_tf.serving import onnx_graph

    model = onnx_graph.generator_graph(generator)
    model.producer_name, model.producer_version = 'ct2mr_tf', card.software_version
    model.metadata_props.add(key='model_card', value=card.to_json())
    distance = _distance(model, generator, pictures)
    allowed = max(TOLERANCE, verification.tolerance(card))
    if not distance <= allowed:
        found = f'{distance:.2g} grey levels from the generator'
        cure = 'nothing was written; report this as a bug, with the version of onnxruntime'
        expected = f'the same numbers, to {allowed:g}'
        raise UserError([Problem(f'--onnx={path}', found, expected, cure)])
    with written_whole(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def _distance(model: 'onnx.ModelProto', generator: tf.keras.Model, pictures: np.ndarray) -> float:
    """The largest difference in grey levels, for one picture and for all with mirror images."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=['CPUExecutionProvider']
    )
    worst = 0.0
    with verification.full_float32():
        for grey, expected in verification.reference(generator, pictures):
            (found,) = session.run(['mr'], {'ct': grey})
            worst = max(worst, float(np.abs(found - expected).max()))
    return worst
