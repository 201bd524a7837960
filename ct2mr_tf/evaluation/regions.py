"""The error inside and outside the vertebral body and the thecal sac, from the landmarks.

The paper's picture is a square around the sac's centre that touches the body's ventral edge. Inside
it, a box holds body and sac:

    sideways    from the body's right edge to its left one
    up          to the body's most ventral point
    down        to SAC_REACH_MM behind the sac's centre

A box is no outline: its corners hold fat and muscle, and pedicles and facets lie across its border.
"""

import dataclasses

import numpy as np
import pandas as pd

from ct2mr_tf.evaluation.cases import Case

SAC_REACH_MM = 10.0
"""How far behind its centre the sac is taken to end: half the depth of a normal lumbar sac is 6 to
8 mm, and a hand errs by a millimetre or two."""

COLUMNS = ('half_side_mm', 'body_ventral_mm', 'body_left_mm', 'body_right_mm')
"""Columns of a table of pairs that place the box; empty where an edge is not marked."""


@dataclasses.dataclass(frozen=True)
class Box:
    """A box in a picture, in shares of its sides: 0 is the left or upper border, 1 the other.

    Attributes:
        left: border on the picture's left, the patient's right.
        top: border that lies ventrally.
        right: border on the picture's right, the patient's left.
        bottom: border that lies dorsally.
    """

    left: float
    top: float
    right: float
    bottom: float

    def mask(self, shape: tuple[int, ...]) -> np.ndarray:
        """The pixels of a picture of shape [H, W] whose centres lie in the box, bool [H, W]."""
        height, width = shape
        y = (np.arange(height) + 0.5) / height
        x = (np.arange(width) + 0.5) / width
        rows = (self.top <= y) & (y <= self.bottom)
        return rows[:, np.newaxis] & (self.left <= x) & (x <= self.right)


def body_and_sac_boxes(pairs: pd.DataFrame) -> dict[str, Box]:
    """The box around body and sac of each pair that has the landmarks for it.

    Args:
        pairs: a table of pairs: pair_id, and COLUMNS in mm, as text or numbers.

    Returns:
        Boxes by pair_id; none of pairs without a marked edge on both sides, or of a table without
        the columns.
    """
    if not {'pair_id', *COLUMNS} <= set(pairs.columns):
        return {}
    lengths = pairs[list(COLUMNS)].apply(pd.to_numeric, errors='coerce')
    placed = np.isfinite(lengths).all(axis=1) & (lengths.half_side_mm > 0)

    boxes = {}
    for pair_id, half_side, ventral, left, right in zip(
        pairs.pair_id[placed], *lengths[placed].to_numpy().T, strict=True
    ):
        # The sac's centre is the picture's; x grows to the patient's left, y dorsally.
        edges = np.array([-right, -ventral, left, SAC_REACH_MM])
        boxes[pair_id] = Box(*np.clip(0.5 + edges / (2 * half_side), 0, 1).tolist())
    return boxes


class RegionErrors:
    """The mean absolute error inside and outside the box of each case."""

    def __init__(self, boxes: dict[str, Box]) -> None:
        self.boxes = boxes
        self._rows: dict[str, dict[str, float]] = {}

    def add(self, case: Case) -> None:
        """Measures a case, if it has a box with pixels on both sides of its border."""
        if case.pair_id not in self.boxes:
            return
        inside = self.boxes[case.pair_id].mask(case.real.shape)
        if inside.all() or not inside.any():
            return
        error = np.abs(case.synthetic.astype(np.float64) - case.real)
        self._rows[case.pair_id] = {
            'inside_mae': error[inside].mean(),
            'outside_mae': error[~inside].mean(),
            'inside_share': inside.mean(),
        }

    def table(self) -> pd.DataFrame:
        """One row a case: pair_id as the index; inside_mae, outside_mae, inside_share (0 to 1)."""
        columns = ['inside_mae', 'outside_mae', 'inside_share']
        table = pd.DataFrame.from_dict(self._rows, orient='index', columns=columns)
        return table.rename_axis('pair_id')
