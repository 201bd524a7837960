"""The folder of a model's versions: `<export_dir>/<version>/`, each there whole or not at all.

    <version>/saved_model.pb, variables/, fingerprint.pb
    <version>/assets.extra/model_card.json
    <version>/assets.extra/tf_serving_warmup_requests

TensorFlow Serving looks into the folder every second and loads what has a number for a name. A
version therefore grows beside, under a hidden name that is no number, is loaded and compared with
the generator there, and is renamed when all is well. What a killed export leaves has such a name;
the next export deletes it.
"""

import contextlib
import logging
import os
import pathlib
import shutil
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from ct2mr_tf.files import locked_folder
from ct2mr_tf.problems import Problem, UserError, raise_if_any
from ct2mr_tf.serving import signatures, verification, warmup
from ct2mr_tf.serving.model_card import CARD_FILE, ModelCard
from ct2mr_tf.serving.saved_model import EXTRA_ASSETS, LARGEST_VERSION, versions

WORK_PREFIX = '.exporting-'
"""Begins the name of a version that is not whole."""


def write_version(
    generator: tf.keras.Model,
    card: ModelCard,
    pictures: np.ndarray,
    export_dir: pathlib.Path,
    version: int | None = None,
) -> pathlib.Path:
    """Exports a generator as a version of a model, checked against the generator.

    Args:
        generator: the network.
        card: what it is.
        pictures: uint8 [N, H, W], CT of real pairs in grey levels, at least one: for the check.
        export_dir: folder of the model's versions; made if it is missing.
        version: its number; by default one more than the highest there.

    Returns:
        The version's folder.

    Raises:
        UserError: the version exists, another process exports into the folder, the disk is full,
            or the exported model does not give the generator's numbers; nothing is left behind.
    """
    with _new_version(pathlib.Path(export_dir), version) as (work, final):
        try:
            _write(generator, card, work)
        except tf.errors.ResourceExhaustedError as error:
            cure = 'free some space and give the same command again'
            raise UserError(
                [Problem(f'{export_dir}', 'no space left on the device', 'room for a model', cure)]
            ) from error
        raise_if_any(verification.differences(work, generator, card, pictures))
    return final


def _write(generator: tf.keras.Model, card: ModelCard, work: pathlib.Path) -> None:
    served = signatures.ServedGenerator(generator, card)
    # No gradients: an exported model is not trained on. No debug information: it names source
    # files of this machine.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False, save_debug_info=False)
    with _without_notes():
        tf.saved_model.save(served, str(work), served.signatures(), options)
    extra = work / EXTRA_ASSETS
    extra.mkdir()
    (extra / CARD_FILE).write_text(card.to_json(), encoding='utf-8')
    warmup.write_warmup(extra / warmup.WARMUP_FILE, card)


@contextlib.contextmanager
def _without_notes() -> Iterator[None]:
    """Keeps TensorFlow from saying where it writes and which inner names it changes."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def _new_version(
    export_dir: pathlib.Path, version: int | None
) -> Iterator[tuple[pathlib.Path, pathlib.Path]]:
    """Gives the hidden folder to write to and the final one, and renames when the block ends well.

    Raises:
        UserError: the version exists, or the folder is in use or cannot be made.
    """
    with locked_folder(export_dir, f'--export_dir={export_dir}'):
        for left in export_dir.glob(f'{WORK_PREFIX}*'):
            shutil.rmtree(left)
        known = versions(export_dir)
        if version is None:
            version = max(known, default=0) + 1
            if version > LARGEST_VERSION:
                found, expected = f'version {version - 1}', 'a number after it'
                cure = 'name a free --version, or move that one away'
                raise UserError([Problem(f'{export_dir}', found, expected, cure)])
        if version in known:
            cure = 'leave --version out for the next number, or name another'
            raise UserError(
                [Problem(f'{known[version]}', 'a version that exists', 'a new version', cure)]
            )
        work, final = export_dir / f'{WORK_PREFIX}{version}', export_dir / str(version)
        try:
            work.mkdir()
            yield work, final
            for path in (*work.rglob('*'), work):
                _flush(path)
            work.rename(final)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _flush(path: pathlib.Path) -> None:
    """Waits until a file or folder is on the disk: the rename must not outlive its content."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
