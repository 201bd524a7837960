"""Cases: what a predictor makes of each CT slice, beside the real MR, and its metrics.

A predictor is any function from CT to synthetic MR, float32 [B, H, W, 1] in [-1, 1] both: the same
code measures a checkpoint, a SavedModel or a server.
"""

import concurrent.futures
import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

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


class Collector(Protocol):
    """Takes what it needs of each case as it passes."""

    def add(self, case: Case) -> None:
        """Takes a case."""


def evenly_spread(count: int, most: int) -> list[int]:
    """At most `most` of the places 0 .. count - 1, rising, the first and the last among them."""
    return np.rint(np.linspace(0, count - 1, min(count, most))).astype(int).tolist()


class EvenCases:
    """A few cases of many, evenly spread, whole: a case takes 200 kB at 256x256.

    Attributes:
        cases: so far.
    """

    def __init__(self, count: int, most: int) -> None:
        """Of `count` cases to come, at most so many."""
        self.cases: list[Case] = []
        self._places = frozenset(evenly_spread(count, most))
        self._seen = 0

    def add(self, case: Case) -> None:
        """Keeps a case if its place is one of them."""
        if self._seen in self._places:
            self.cases.append(case)
        self._seen += 1


def collected(cases: Iterable[Case], collectors: Iterable[Collector]) -> Iterator[Case]:
    """The same cases, each shown to every collector as it passes."""
    collectors = tuple(collectors)
    for case in cases:
        for collector in collectors:
            collector.add(case)
        yield case


def case_tables(streams: dict[str, Iterator[Case]]) -> dict[str, pd.DataFrame]:
    """The tables of several predictors' cases, measured beside each other, by a thread a core.

    Most of the time goes into filters of SSIM, which do not hold Python's lock.

    Args:
        streams: the cases of each predictor, by name.
    """
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return dict(zip(streams, pool.map(case_table, streams.values()), strict=True))


def case_table(cases: Iterable[Case]) -> pd.DataFrame:
    """One row a case: pair_id as the index, the metrics as columns."""
    rows = {case.pair_id: case.metrics for case in cases}
    return pd.DataFrame.from_dict(rows, orient='index').rename_axis('pair_id')
