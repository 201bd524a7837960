"""Does an exported model give the generator's numbers? Every signature, on real pictures."""

import contextlib
import pathlib
from collections.abc import Iterator

import cv2
import numpy as np
import tensorflow as tf

from ct2mr_tf.evaluation.metrics import HALF_RANGE
from ct2mr_tf.imaging.grey import from_grey
from ct2mr_tf.problems import Problem
from ct2mr_tf.serving import saved_model, signatures
from ct2mr_tf.serving.model_card import ModelCard

TOLERANCES = {'float32': 1e-2, 'float16': 1.0, 'bfloat16': 8.0}
"""Grey levels by which numbers may differ, by the precision that the network computes in.

The same sums in another order. A small trained model differed by 1e-4 in float32, the paper's
network with its initial weights by 2e-3. In bfloat16, whose mantissa of 8 bits is rounded more or
less often as TensorFlow fuses operations, a trained model differed by 0.7, random weights by up to
5. A wrong window or a lost weight makes tens.
"""


def differences(
    version: pathlib.Path, generator: tf.keras.Model, card: ModelCard, pictures: np.ndarray
) -> list[Problem]:
    """Loads an exported model and compares every signature with the generator.

    Args:
        version: folder of the SavedModel.
        generator: the network as it was trained.
        card: of the model.
        pictures: uint8 [N, H, W], CT in grey levels: real ones, at least one.

    Returns:
        One Problem for each signature whose numbers differ, for one picture or for a batch of all
        pictures and their mirror images.
    """
    loaded = saved_model.load_quietly(version).signatures
    worst = dict.fromkeys((signatures.DEFAULT, signatures.HU, signatures.PNG), 0.0)
    with full_float32():
        for grey, expected in reference(generator, pictures):
            for signature, value, wanted in _questions(grey, expected, card):
                answer = loaded[signature](**{signatures.INPUTS[signature]: tf.constant(value)})
                found = _as_pictures(next(iter(answer.values())).numpy())
                worst[signature] = max(worst[signature], _distance(found, wanted))
    same = f'the same numbers, to {tolerance(card):g}'
    problems = [
        _problem(signature, f'{distance:.2g} grey levels from the generator', same)
        for signature, distance in worst.items()
        # A value half way between two levels may round either way: one level more in a picture.
        if not distance <= tolerance(card) + (signature == signatures.PNG)
    ]
    told = loaded[signatures.CARD](request=tf.constant(['']))['model_card_json'].numpy()[0]
    if told.decode() != card.to_json():
        problems.append(_problem(signatures.CARD, 'another card', 'the card of the export'))
    return problems


def tolerance(card: ModelCard) -> float:
    """Grey levels by which a model may differ from its generator."""
    return TOLERANCES[card.config['precision']]


@contextlib.contextmanager
def full_float32() -> Iterator[None]:
    """Keeps NVIDIA GPUs from TF32 while two ways to the same sums are compared.

    TF32 has a mantissa of 10 bits, and each way rounds to it elsewhere: on an H100 the same model
    differed from itself by 0.2 to 0.5 grey levels.
    """
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


def reference(
    generator: tf.keras.Model, pictures: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What a generator makes of pictures, in a graph as evaluation runs it.

    Args:
        generator: the network.
        pictures: uint8 [N, H, W], CT in grey levels, at least one.

    Yields:
        CT and MR, float32 [B, H, W, 1], in grey levels: of the first picture alone, then of a batch
        of all pictures and their mirror images.
    """
    spec = tf.TensorSpec([None, None, None, 1], tf.float32)
    generate = tf.function(lambda ct: generator(ct, training=False), [spec], autograph=False)
    for batch in (pictures[:1], np.concatenate([pictures, pictures[:, :, ::-1]])):
        grey = batch[..., np.newaxis].astype(np.float32)
        yield grey, (generate(tf.constant(grey / HALF_RANGE - 1)).numpy() + 1) * HALF_RANGE


def _questions(
    grey: np.ndarray, expected: np.ndarray, card: ModelCard
) -> list[tuple[str, np.ndarray | list[bytes], np.ndarray]]:
    """What each signature is asked for pictures, and the numbers that it should answer."""
    pictures = grey[..., 0].astype(np.uint8)
    files = [cv2.imencode('.png', picture)[1].tobytes() for picture in pictures]
    return [
        (signatures.DEFAULT, grey, expected),
        (signatures.HU, from_grey(grey, card.ct_window), expected),
        (signatures.PNG, files, np.rint(expected)),
    ]


def _as_pictures(answer: np.ndarray) -> np.ndarray:
    """The answer of a signature as numbers [N, H, W, 1]."""
    if answer.dtype != object:
        return answer
    decoded = [cv2.imdecode(np.frombuffer(f, np.uint8), cv2.IMREAD_UNCHANGED) for f in answer]
    return np.stack(decoded)[..., np.newaxis].astype(np.float32)


def _distance(found: np.ndarray, wanted: np.ndarray) -> float:
    """The largest difference; infinite where the shapes differ or a value is no number."""
    if found.shape != wanted.shape or not np.isfinite(found).all():
        return np.inf
    return float(np.abs(found - wanted).max())


def _problem(signature: str, found: str, expected: str) -> Problem:
    cure = 'nothing was written; report this as a bug, with the version of TensorFlow'
    return Problem(f'signature {signature} of the exported model', found, expected, cure)
