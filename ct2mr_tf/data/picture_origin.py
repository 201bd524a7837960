"""How the pictures of a data set were made, as its table tells: windows and planes.

What a model is served must be made as what it was trained on was; a model card says how.
"""

import dataclasses
import pathlib

import numpy as np
import pandas as pd

from ct2mr_tf.data.examples import TABLE_FILE
from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.problems import Problem, UserError

UNKNOWN_PLANE = 'unknown'
"""The plane of pictures whose table does not tell."""

UNKNOWN_MR_WINDOW = 'Grey levels 0 to 255 of the training MR; how they were made is not known.'
"""The grey scale of MR where the table does not tell."""


@dataclasses.dataclass(frozen=True)
class PictureOrigin:
    """How the training pictures were made.

    Attributes:
        ct_windows: the CT windows among them, in HU, each once; none where the table has no such
            columns.
        ct_plane: where most CT pictures come from: 'slice', 'mr', or 'unknown'.
        mr_window: the grey scale of the MR, in words.
    """

    ct_windows: tuple[Window, ...]
    ct_plane: str
    mr_window: str


def read_picture_origin(data_dir: pathlib.Path) -> PictureOrigin:
    """Reads how the training pictures of a prepared data set were made.

    Args:
        data_dir: folder of the data set; a table, or columns of it, may be missing.

    Raises:
        UserError: a window in the table is none.
    """
    path = pathlib.Path(data_dir) / TABLE_FILE
    table = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=['split'])
    table = table[table['split'] == 'train']
    planes = _column(table, 'ct_plane').mode()
    return PictureOrigin(
        ct_windows=_windows(table, path),
        ct_plane=str(planes.iloc[0]) if len(planes) else UNKNOWN_PLANE,
        mr_window=_mr_window(table),
    )


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    """A column without its empty cells; empty where there is none."""
    return table[name].dropna() if name in table else pd.Series(dtype=object)


def _windows(table: pd.DataFrame, path: pathlib.Path) -> tuple[Window, ...]:
    columns = ['ct_low_hu', 'ct_high_hu']
    if not set(columns) <= set(table.columns):
        return ()
    ends = table[columns].dropna().drop_duplicates()
    try:
        return tuple(Window(float(low), float(high)) for low, high in ends.itertuples(index=False))
    except ValueError as error:
        cure = 'write the table again'
        raise UserError(
            [Problem(f'{path}, {", ".join(columns)}', str(error), 'HU, rising', cure)]
        ) from None


def _mr_window(table: pd.DataFrame) -> str:
    """The MR's grey scale in words; its signal has no unit, so its numbers are examples."""
    ends = [pd.to_numeric(_column(table, name), 'coerce') for name in ('mr_low', 'mr_high')]
    if not all(len(end) for end in ends):
        return UNKNOWN_MR_WINDOW
    low, high = (float(np.median(end)) for end in ends)
    return (
        'Grey levels 0 to 255 span the low to high percentiles of the signal of each training '
        f'stack, {low:g} to {high:g} in the median; MR signal has no unit.'
    )
