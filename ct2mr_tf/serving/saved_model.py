"""An exported model in this process: the same numbers as from a server, without one."""

import logging
import pathlib
import re
from typing import Any

import numpy as np

from ct2mr_tf.files import taken_for_pattern
from ct2mr_tf.problems import Problem, UserError
from ct2mr_tf.serving.model_card import CARD_FILE, ModelCard

LARGEST_VERSION = 2**63 - 1
"""A server holds the number in 64 bits and passes over folders of greater ones."""

EXTRA_ASSETS = 'assets.extra'
"""Folder of a SavedModel for what the graph does not read."""


class LocalModel:
    """An exported model, loaded. It loads TensorFlow when built, and only then.

    Attributes:
        card: the model's card.
    """

    def __init__(self, folder: pathlib.Path):
        """Loads a model.

        Args:
            folder: of a version, or the export folder: then the highest version is taken.

        Raises:
            UserError: no exported model is there, or it cannot be read.
        """
        version = _version_folder(pathlib.Path(folder))
        card_file = version / EXTRA_ASSETS / CARD_FILE
        cure = 'name an --export_dir of export.py, or one of its versions'
        try:
            self.card = ModelCard.from_json(card_file.read_bytes(), f'{card_file}')
        except OSError as error:
            found = error.strerror or 'unreadable'
            raise UserError([Problem(f'{card_file}', found, 'a model card', cure)]) from None
        import tensorflow as tf

        try:
            loaded = load_quietly(version)
        except (OSError, tf.errors.OpError, ValueError, LookupError) as error:
            found = f'cannot be read: {str(error).splitlines()[0]:.200}'
            problem = Problem(f'{version}', found, 'an exported model', cure)
            raise UserError(taken_for_pattern(version, f'{version}') or [problem]) from None
        self._synthesize = loaded.signatures['serving_default']
        # Variables live as long as the object that was loaded.
        self._loaded = loaded

    def synthesize(self, ct: np.ndarray) -> np.ndarray:
        """Makes synthetic MR.

        Args:
            ct: uint8 [N, H, W], grey levels in the card's CT window; N may be 0.

        Returns:
            uint8 [N, H, W], grey levels.

        Raises:
            UserError: the model refuses the pictures, and says why.
            ValueError: another dtype or number of dimensions, or slices without pixels.
        """
        if ct.dtype != np.uint8 or ct.ndim != 3 or 0 in ct.shape[1:]:
            raise ValueError(f'uint8 [N, H, W], not {ct.dtype} {ct.shape}')
        if not len(ct):  # the graph takes one picture at least
            return np.zeros(ct.shape, np.uint8)
        import tensorflow as tf

        pictures = tf.constant(ct[..., np.newaxis].astype(np.float32))
        try:
            mr = self._synthesize(ct=pictures)['mr'].numpy()
        except tf.errors.InvalidArgumentError as error:
            said = re.search(r'assertion failed: (.*)', error.message)
            found = re.sub(r'[][]', '', said[1]) if said else error.message
            cure = 'send pictures within the limits of the model card'
            raise UserError([Problem('pictures', found, 'what the model takes', cure)]) from None
        return np.rint(mr[..., 0]).astype(np.uint8)


def load_quietly(version: pathlib.Path) -> Any:
    """`tf.saved_model.load` without TensorFlow's notes that an export has no gradients.

    It has none since nobody trains it; the notes, one for each loop in the graph, would alarm.
    """
    import tensorflow as tf

    logger = logging.getLogger('absl')
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        return tf.saved_model.load(str(version))
    finally:
        logger.setLevel(before)


def versions(export_dir: pathlib.Path) -> dict[int, pathlib.Path]:
    """The versions in an export folder, by number: what has a number for a name, as servers do."""
    children = export_dir.iterdir() if export_dir.is_dir() else ()
    return {int(child.name): child for child in children if child.name.isdecimal()}


def _version_folder(folder: pathlib.Path) -> pathlib.Path:
    """The folder itself, or its highest version where it holds versions."""
    known = versions(folder)
    return known[max(known)] if known else folder
