"""What only a phantom knows of its pictures: the tissue of each pixel, and the floor of the error.

    <data set>/truth/labels/<pair_id>.png   8-bit tissue labels, as large as one half of the picture
    <data set>/truth/tissues.csv            label, name
    <data set>/truth/floor.csv              pair_id, floor_mae (grey levels)

The floor is the mean absolute error that no model can pass, since it comes from what CT does not
show.
"""

import dataclasses
import pathlib
from collections.abc import Iterable

import cv2
import numpy as np
import pandas as pd

from ct2mr_tf.data.examples import read_png
from ct2mr_tf.files import written_whole
from ct2mr_tf.problems import Problem, UserError, raise_if_any

TRUTH_FOLDER = 'truth'
"""Usual name of the folder, in a data set."""


@dataclasses.dataclass(frozen=True)
class Truth:
    """The truth of a phantom data set.

    Attributes:
        folder: where it lies.
        tissues: name of each label.
        floor_mae: grey levels, by pair_id.
    """

    folder: pathlib.Path
    tissues: dict[int, str]
    floor_mae: dict[str, float]

    def missing(self, pair_ids: Iterable[str]) -> list[str]:
        """Those of the pairs of which the labels or the floor are not there."""
        return [
            pair_id
            for pair_id in pair_ids
            if pair_id not in self.floor_mae or not self._labels_path(pair_id).exists()
        ]

    def _labels_path(self, pair_id: str) -> pathlib.Path:
        return self.folder / 'labels' / f'{pair_id}.png'

    def labels(self, pair_id: str, shape: tuple[int, ...]) -> np.ndarray:
        """The tissue labels of a pair as a picture of shape [H, W]; uint8 [H, W].

        Raises:
            UserError: the picture of the labels cannot be read or decoded, or has a label without
                a name.
        """
        path = self._labels_path(pair_id)
        labels = read_png(path)
        nameless = sorted(set(np.unique(labels).tolist()) - self.tissues.keys())
        if nameless:
            cure = 'write the phantom again'
            found = f'label {nameless[0]}'
            raise UserError([Problem(f'{path}', found, 'labels that tissues.csv names', cure)])
        return cv2.resize(labels, shape[::-1], interpolation=cv2.INTER_NEAREST)


def load_truth(folder: pathlib.Path) -> Truth | None:
    """Reads a truth folder; None where there is none, as with patients.

    Raises:
        UserError: a table is missing, or is none of its columns; all of them listed.
    """
    if not folder.is_dir():
        return None
    tables, problems = [], []
    # Names stay text: a pair may be called 0001.
    for name, kinds in (
        ('tissues.csv', {'label': np.int64, 'name': str}),
        ('floor.csv', {'pair_id': str, 'floor_mae': np.float64}),
    ):
        try:
            table = pd.read_csv(
                folder / name, usecols=list(kinds), dtype=kinds, keep_default_na=False
            )
            tables.append(dict(zip(*(table[key].tolist() for key in kinds), strict=True)))
        except (OSError, ValueError) as error:
            found = (isinstance(error, OSError) and error.strerror) or 'no such table'
            expected = f'a table of {" and ".join(kinds)}'
            cure = 'name the truth/ of a phantom data set, or write the phantom again'
            problems.append(Problem(f'{folder / name}', found, expected, cure))
    raise_if_any(problems)
    return Truth(folder, *tables)


def write_labels(folder: pathlib.Path, pair_id: str, labels: np.ndarray) -> None:
    """Writes the labels of a pair, uint8 [H, W], into a truth folder, whole or not at all."""
    with written_whole(folder / 'labels' / f'{pair_id}.png') as temporary:
        temporary.write_bytes(cv2.imencode('.png', labels)[1].tobytes())


def write_truth_tables(
    folder: pathlib.Path, tissues: dict[int, str], floor_mae: dict[str, float]
) -> None:
    """Writes the tables of tissues and floors into a truth folder, each whole or not at all."""
    tables = {
        'tissues.csv': pd.DataFrame({'label': tissues.keys(), 'name': tissues.values()}),
        'floor.csv': pd.DataFrame({'pair_id': floor_mae.keys(), 'floor_mae': floor_mae.values()}),
    }
    for name, table in tables.items():
        with written_whole(folder / name) as temporary:
            table.to_csv(temporary, index=False)
