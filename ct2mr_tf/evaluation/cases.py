"""Cases: what a predictor makes of each CT slice, beside the real MR, and its metrics.

A predictor is any function from CT to synthetic MR, float32 [B, H, W, 1] in [-1, 1] both: the same
code measures a checkpoint, a SavedModel or a server.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pandas as pd

from ct2mr_tf.evaluation.metrics import slice_metrics, to_grey_levels

Predictor = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Case:
    """One slice: CT, real and synthetic MR, each uint8 [H, W] in grey levels, and its metrics."""

    pair_id: str
    ct: np.ndarray = dataclasses.field(repr=False)
    real: np.ndarray = dataclasses.field(repr=False)
    synthetic: np.ndarray = dataclasses.field(repr=False)
    metrics: dict[str, float]


def predict_cases(
    predict_fn: Predictor, batches: Iterable[dict[str, np.ndarray]], pair_ids: tuple[str, ...]
) -> Iterator[Case]:
    """Predicts and measures every slice of some batches.

    Args:
        predict_fn: the predictor to measure.
        batches: dicts of 'ct', 'mr' (float32 [B, H, W, 1] in [-1, 1]) and 'index' (into pair_ids).
        pair_ids: name of each pair.

    Yields:
        One Case a pair, in the order of the batches.
    """
    for batch in batches:
        synthetic = to_grey_levels(predict_fn(batch['ct']))[..., 0]
        ct, real = (to_grey_levels(batch[name])[..., 0] for name in ('ct', 'mr'))
        for row, index in enumerate(np.asarray(batch['index'])):
            metrics = slice_metrics(real[row], synthetic[row])
            yield Case(pair_ids[index], ct[row], real[row], synthetic[row], metrics)


def case_table(cases: Iterable[Case]) -> pd.DataFrame:
    """One row a case: pair_id as the index, the metrics as columns."""
    rows = {case.pair_id: case.metrics for case in cases}
    return pd.DataFrame.from_dict(rows, orient='index').rename_axis('pair_id')
