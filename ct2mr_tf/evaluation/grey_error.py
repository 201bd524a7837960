"""The error of a model against grey level: where on the scale of the MR, or of the CT, it errs."""

import numpy as np
import pandas as pd

from ct2mr_tf.evaluation.cases import Case
from ct2mr_tf.evaluation.metrics import LEVELS

AXES = ('real MR', 'CT')
"""Pictures whose grey level the error is told apart by."""


class GreyErrors:
    """Sums of the error for each grey level of the real MR and of the CT, over any number of cases.

    The bias against the real MR falls with its grey level for every model that is not perfect: what
    is uncertain is drawn nearer the middle. The bias against the CT has no such slope.
    """

    def __init__(self) -> None:
        self._pixels, self._absolute, self._signed = np.zeros((3, len(AXES), LEVELS))

    def add(self, case: Case) -> None:
        """Adds all pixels of a case."""
        difference = (case.synthetic.astype(np.float64) - case.real).ravel()
        for axis, picture in enumerate((case.real, case.ct)):
            grey = picture.ravel()
            self._pixels[axis] += np.bincount(grey, minlength=LEVELS)
            self._absolute[axis] += np.bincount(grey, np.abs(difference), LEVELS)
            self._signed[axis] += np.bincount(grey, difference, LEVELS)

    def table(self, width: int = 1) -> pd.DataFrame:
        """The errors, in bins of neighbouring grey levels.

        Args:
            width: grey levels a bin; divides 256.

        Returns:
            One row a bin that holds pixels: `against` (one of AXES), `grey` (middle of the bin),
            `pixels`, `mae` (mean absolute error) and `bias` (mean of synthetic - real), in grey
            levels of the MR.
        """
        middle = np.arange(0, LEVELS, width) + (width - 1) / 2
        parts = []
        for axis, name in enumerate(AXES):
            pixels, absolute, signed = (
                sums[axis].reshape(-1, width).sum(axis=1)
                for sums in (self._pixels, self._absolute, self._signed)
            )
            seen = pixels > 0
            columns = {
                'against': name,
                'grey': middle[seen],
                'pixels': pixels[seen].astype(np.int64),
                'mae': absolute[seen] / pixels[seen],
                'bias': signed[seen] / pixels[seen],
            }
            parts.append(pd.DataFrame(columns))
        return pd.concat(parts, ignore_index=True)
