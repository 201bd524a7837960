"""A run and the pairs it is measured on: opened, checked, and ready to predict."""

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from ct2mr_tf.config import Config, load_config
from ct2mr_tf.data.examples import TABLE_FILE, Examples, load_examples, undecodable
from ct2mr_tf.data.fingerprint import DataSetDescription, describe_data_set
from ct2mr_tf.data.splits import read_table, shared_patients
from ct2mr_tf.evaluation.baselines import fit_baselines
from ct2mr_tf.evaluation.cases import Case, Predictor, predict_cases
from ct2mr_tf.evaluation.metrics import to_grey_levels
from ct2mr_tf.problems import Problem, UserError, raise_if_any


@dataclasses.dataclass(frozen=True)
class MeasuredRun:
    """A run, the pairs it was trained on, and those it is measured on.

    Attributes:
        workdir: folder of the run.
        config: of the run.
        data_dir: data set that it is measured on.
        data_sha256: what tells that data set from another.
        split: of that data set.
        measured: its pairs.
        trained_on: the training pairs of the run.
    """

    workdir: pathlib.Path
    config: Config
    data_dir: pathlib.Path
    data_sha256: str
    split: str
    measured: Examples
    trained_on: Examples

    @property
    def name(self) -> str:
        """The run as pages call it."""
        return _short(self.workdir)

    @property
    def data_set(self) -> str:
        """The data set as pages call it."""
        return _short(self.data_dir)

    def restore(self, checkpoint: str) -> tuple[Predictor, int]:
        """The generator of a checkpoint, 'best' or 'newest', and its step.

        Raises:
            UserError: the run has no such checkpoint, or none that can be read.
        """
        # Here, so that --help and wrong flags answer without waiting for TensorFlow.
        from ct2mr_tf.training.predictor import restore_predictor

        return restore_predictor(self.config, self.workdir, checkpoint)

    def predict(self, predictor: Predictor) -> Iterator[Case]:
        """Every case of the measured split, in the order of their names."""
        return predict_cases(predictor, self._batches(self.measured), self.measured.pair_ids)

    def baselines(self) -> dict[str, Predictor]:
        """The baselines, fitted on the training pairs at the size the network sees."""
        return fit_baselines(
            (to_grey_levels(batch['ct'])[0, ..., 0], to_grey_levels(batch['mr'])[0, ..., 0])
            for batch in self._batches(self.trained_on)
        )

    def table(self) -> pd.DataFrame:
        """The rows of the measured pairs in the table of pairs, as text; empty without a table."""
        pairs = read_table(self.data_dir / TABLE_FILE)
        if pairs is None:
            return pd.DataFrame({'pair_id': [], 'patient_id': []}, dtype=str)
        return pairs[pairs.pair_id.isin(self.measured.pair_ids)]

    def _batches(self, examples: Examples) -> Iterator[dict[str, np.ndarray]]:
        from ct2mr_tf.data.pipeline import create_eval_dataset

        return create_eval_dataset(examples, self.config.image_size).as_numpy_iterator()


def _short(folder: pathlib.Path) -> str:
    """The end of a path: enough to know a folder by, and nothing of where the disk keeps it."""
    return '/'.join(folder.resolve().parts[-2:])


def open_run(workdir: pathlib.Path, data_dir: str, split: str) -> MeasuredRun:
    """Opens a run and what it is measured on.

    Args:
        workdir: folder of the run.
        data_dir: data set to measure it on; its own if empty. Where its own was moved, this is it.
        split: 'train', 'val' or 'test'.

    Returns:
        The run.

    Raises:
        UserError: the run or a data set is missing or wrong, a picture cannot be decoded, or
            patients of the split were trained on.
    """
    config = load_config(workdir)
    own = pathlib.Path(config.data_dir)
    chosen = pathlib.Path(data_dir or config.data_dir)
    if chosen == own:
        _refuse_missing(own, 'name the place that it was moved to in --data_dir')
    examples = load_examples(chosen, required=(split, 'train') if chosen == own else (split,))
    description = describe_data_set(chosen, examples)
    if chosen == own or _was_trained_on(workdir, description):
        own, trained_on = chosen, examples
    else:
        _refuse_missing(
            own, 'put it back: what --data_dir names is not it, by data.json of the run'
        )
        trained_on = load_examples(own, required=('train',))
    if split != 'train':
        raise_if_any(_trained_on_problems(chosen, split, own))
    raise_if_any(
        problem
        for pairs in (examples[split], trained_on['train'])
        for problem in undecodable(pairs)
    )
    measured = examples[split], trained_on['train']
    return MeasuredRun(workdir, config, chosen, description['sha256'], split, *measured)


def open_runs(
    workdirs: Sequence[pathlib.Path], data_dir: str, split: str
) -> tuple[MeasuredRun, ...]:
    """Opens runs that are to be measured on the same pairs.

    Args:
        workdirs: folders of the runs.
        data_dir: data set to measure them on; if empty, their own, which must be one.
        split: see `open_run`.

    Returns:
        The runs.

    Raises:
        UserError: what `open_run` finds, or the runs differ in data set or picture size.
    """
    runs = tuple(open_run(workdir, data_dir, split) for workdir in workdirs)
    problems = []
    if len({run.data_dir.resolve() for run in runs}) > 1:
        found = ' and '.join(f'{run.data_dir}' for run in runs)
        cure = 'name the --data_dir to measure both on'
        problems.append(Problem('--compare', found, 'one data set', cure))
    if len({run.config.image_size for run in runs}) > 1:
        found = ' and '.join('{}x{} pixels'.format(*run.config.image_size) for run in runs)
        cure = 'train both at one --image_size: an error in larger pixels is another error'
        problems.append(Problem('--compare', found, 'pictures of one size', cure))
    raise_if_any(problems)
    return runs


def _refuse_missing(own: pathlib.Path, cure: str) -> None:
    """Refuses a run whose data set is gone: its baselines are fitted on the training pairs."""
    if not own.is_dir():
        raise UserError([Problem(f'{own}', 'no such folder', 'the data set of the run', cure)])


def _was_trained_on(workdir: pathlib.Path, description: DataSetDescription) -> bool:
    """Whether the run was started on this data set, wherever it lay then."""
    # Here, so that a run on its own set is refused without waiting for TensorFlow.
    from ct2mr_tf.training.run_folder import has_data_set

    return has_data_set(workdir, description)


def _trained_on_problems(
    data_dir: pathlib.Path, split: str, trained_on: pathlib.Path
) -> list[Problem]:
    """Patients who would be measured and were trained on, which flatters the model."""
    shared = shared_patients(data_dir / TABLE_FILE, split, trained_on / TABLE_FILE)
    return [
        Problem(
            f'{data_dir / TABLE_FILE}, patient {patient_id}',
            f'in the {split} split, and trained on',
            'patients the run has not seen',
            'measure another data set, or leave these patients out of it',
        )
        for patient_id in shared
    ]
