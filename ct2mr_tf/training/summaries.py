"""What TensorBoard shows of a run: scalars, the configuration, panels of fixed validation pairs."""

import pathlib
from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from ct2mr_tf.config import Config, to_json
from ct2mr_tf.evaluation.cases import Case
from ct2mr_tf.evaluation.figures import panel


class RunSummaries:
    """The writers of a run: `train/` for what the steps report, `val/` for validation.

    A resumed run writes the steps since its checkpoint once more. Validation then has the same
    values; the first means of training are over the steps since the checkpoint only. Where they are
    not wanted, since another process writes the same, nothing is written.
    """

    def __init__(self, workdir: pathlib.Path, wanted: bool = True):
        self._train, self._val = (
            tf.summary.create_file_writer(str(workdir / name))
            if wanted
            else tf.summary.create_noop_writer()
            for name in ('train', 'val')
        )

    def write_config(self, config: Config, step: int) -> None:
        """Writes the configuration as a block of text."""
        with self._train.as_default():
            tf.summary.text('config', f'```json\n{to_json(config)}```', step=step)

    def write_train(self, scalars: dict[str, float], step: int) -> None:
        """Writes named scalars of training, means since the last ones."""
        self._write_scalars(self._train, scalars, step)

    def write_validation(self, metrics: dict[str, float], cases: Iterable[Case], step: int) -> None:
        """Writes validation metrics and one panel a case: CT | synthetic | real | difference."""
        self._write_scalars(self._val, metrics, step)
        with self._val.as_default():
            for case in cases:
                picture = panel(case)[np.newaxis]
                tf.summary.image(f'panels/{case.pair_id}', picture, step=step)
        self._val.flush()

    def close(self) -> None:
        """Writes what is still in memory."""
        self._train.close()
        self._val.close()

    def _write_scalars(
        self, writer: tf.summary.SummaryWriter, scalars: dict[str, float], step: int
    ) -> None:
        with writer.as_default():
            for name, value in scalars.items():
                tf.summary.scalar(name, value, step=step)
        writer.flush()
