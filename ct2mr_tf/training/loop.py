"""Training from the first step to the last, with validation, checkpoints and logs on the way."""

import contextlib
import logging
import pathlib
import time
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from ct2mr_tf.config import Config
from ct2mr_tf.data.examples import Examples, load_examples, undecodable
from ct2mr_tf.data.fingerprint import describe_data_set
from ct2mr_tf.data.pipeline import create_eval_dataset, create_train_dataset, pair_ids_of_step
from ct2mr_tf.evaluation.cases import EvenCases, case_table, collected, predict_cases
from ct2mr_tf.files import locked_folder
from ct2mr_tf.problems import Problem, UserError, raise_if_any
from ct2mr_tf.training import run_folder
from ct2mr_tf.training.compilation import configure_gpus, use_xla
from ct2mr_tf.training.failures import problems_of
from ct2mr_tf.training.interruption import Interrupted, stop_on_signal
from ct2mr_tf.training.precision import refuse_without_gpu
from ct2mr_tf.training.predictor import create_predictor
from ct2mr_tf.training.progress import Meter, Progress
from ct2mr_tf.training.state import (
    TrainState,
    create_train_state,
    save_best,
    save_checkpoint,
)
from ct2mr_tf.training.step import create_train_loop, sums_of
from ct2mr_tf.training.strategy import (
    LOST_ERRORS,
    WorkerLost,
    any_worker,
    copy_from_chief,
    create_strategy,
    is_chief,
    refuse_unlike_workers,
    wait_for_workers,
)
from ct2mr_tf.training.summaries import RunSummaries


def train_and_evaluate(
    config: Config, workdir: pathlib.Path, allow_changed_data: bool = False
) -> None:
    """Trains the networks of a configuration, or continues the run that is in the folder.

    Args:
        config: of the run.
        workdir: the run folder; of several workers, only the chief's is used.
        allow_changed_data: continue even where the data set is not the one of the last start.

    Raises:
        UserError: the data set or the run folder is wrong, a loss was not finite, or the disk or
            the memory is full. What was saved before stays.
        Interrupted: a signal asked the run to stop; its state is saved.
        WorkerLost: another worker of the run ended. What was saved before stays.
    """
    workdir = pathlib.Path(workdir)
    refuse_without_gpu(config.precision)
    configure_gpus(config)
    examples = load_examples(pathlib.Path(config.data_dir), required=('train', 'val'))
    data = describe_data_set(pathlib.Path(config.data_dir), examples)
    strategy = create_strategy(config)
    chief = is_chief(strategy)
    lock = locked_folder(workdir, f'--workdir={workdir}') if chief else contextlib.nullcontext()
    try:
        refuse_unlike_workers(strategy, config, data['sha256'])
        with lock, stop_on_signal() as stop, strategy.scope():
            if chief:
                state = run_folder.open_run(config, workdir, data, allow_changed_data)
            else:
                state = create_train_state(config)
            copy_from_chief(strategy, state.variables)
            with contextlib.closing(_Run(config, workdir, state, examples)) as run:
                run.train(stop)
    except (tf.errors.InvalidArgumentError, tf.errors.NotFoundError):
        # A picture damaged within the file, which TensorFlow's message does not name, or lost.
        raise_if_any(problem for split in examples.values() for problem in undecodable(split))
        raise
    except LOST_ERRORS as error:
        if config.strategy != 'multi_worker':
            raise
        logging.debug('%s', error)
        raise WorkerLost from None
    except tf.errors.OpError as error:
        logging.debug('%s', error)
        raise_if_any(problems_of(error, workdir))
        raise


class _Run:
    """A run in progress: what is shared between two calls into TensorFlow.

    All workers of a run do the same, but that only the chief writes.
    """

    def __init__(
        self,
        config: Config,
        workdir: pathlib.Path,
        state: TrainState,
        examples: dict[str, Examples],
    ):
        self._config = config
        self._workdir = workdir
        self._state = state
        self._examples = examples
        self._strategy = tf.distribute.get_strategy()
        self._chief = is_chief(self._strategy)
        self._predict_fn = create_predictor(state.eval_generator, use_xla(config))
        self._summaries = RunSummaries(workdir, wanted=self._chief)
        self._progress = Progress(config.num_steps, int(state.step.numpy()), shown=self._chief)

    def close(self) -> None:
        """Ends the progress bar and the logs, however the run ended."""
        self._progress.close()
        self._summaries.close()

    def train(self, stop: tf.Variable) -> None:
        """Runs the steps that are left; between them logs, validates and saves what is due."""
        config, step = self._config, int(self._state.step.numpy())
        if step >= config.num_steps:
            self._progress.say(f'Nothing to do: step {step} of {config.num_steps} is done.')
            return
        compiled = use_xla(config)
        self._begin(step, compiled)
        batches = self._batches(step)
        train_loop = create_train_loop(self._state, config, compiled)
        asked_to_stop = tf.function(lambda: any_worker(self._strategy, stop), autograph=False)
        meter = Meter()
        while step < config.num_steps and not asked_to_stop():
            steps = tf.constant(steps_until_due(config, step))
            started = time.perf_counter()
            rows = train_loop(batches, steps, stop).numpy()
            if not len(rows):  # asked to stop just before the first step of the call
                break
            self._refuse_not_finite(rows, step)
            step += len(rows)
            meter.add(sums_of(rows), len(rows), time.perf_counter() - started)
            self._progress.advance(len(rows), meter.means())
            if self._between_steps(step, meter):
                meter = Meter()
        if step < config.num_steps and not is_due(step, config.checkpoint_every, config):
            self._save()
        # Nobody leaves while the chief writes: it would take that for a lost worker.
        wait_for_workers(self._strategy)
        if step < config.num_steps:
            raise Interrupted(step)

    def _begin(self, step: int, compiled: bool) -> None:
        """Says what is about to happen."""
        config = self._config
        self._summaries.write_config(config, step)
        found, wanted = self._examples['train'].picture_size, config.image_size
        if found[0] < wanted[0] or found[1] < wanted[1]:
            self._progress.say(
                f'The pictures of {found[0]}x{found[1]} pixels are enlarged to {wanted[0]}x'
                f'{wanted[1]}, which adds no detail: --image_size={found[0]},{found[1]} is faster.'
            )
        self._progress.say(
            f'Step {step} of {config.num_steps}. The first step builds the graph'
            + (' and compiles it by XLA: up to a minute.' if compiled else ': some seconds.')
        )

    def _batches(self, step: int) -> Iterator:
        """The training input from a step on, for the replicas of this process."""

        def create(context: tf.distribute.InputContext) -> tf.data.Dataset:
            return create_train_dataset(self._examples['train'], self._config, step, context)

        return iter(self._strategy.distribute_datasets_from_function(create))

    def _between_steps(self, step: int, meter: Meter) -> bool:
        """Logs, validates and saves where it is due; true where the meter is used up."""
        config = self._config
        if logged := is_due(step, config.log_every, config):
            self._summaries.write_train(meter.means(), step)
            self._progress.log(step, meter.means())
        if is_due(step, config.eval_every, config):
            self._validate(step)
        # After the validation: the checkpoint holds the best so far.
        if is_due(step, config.checkpoint_every, config):
            self._save()
        return logged

    def _save(self) -> None:
        if self._chief:
            save_checkpoint(self._state, self._workdir)

    def _validate(self, step: int) -> None:
        """Measures the validation split, keeps the generator if it is the best, shows panels."""
        examples, state = self._examples['val'], self._state
        # One slice for each replica at a time.
        dataset = create_eval_dataset(
            examples, self._config.image_size, self._strategy.num_replicas_in_sync
        )
        batches = dataset.as_numpy_iterator()
        cases = predict_cases(self._predict_fn, batches, examples.pair_ids)
        panels = EvenCases(len(examples), self._config.panels)
        metrics = case_table(collected(cases, [panels])).mean().to_dict()
        best = metrics['mae'] < float(state.best_mae.numpy())
        if best:
            state.best_mae.assign(metrics['mae'])
            state.best_step.assign(step)
        if self._chief:
            if best:
                save_best(state, self._workdir)
            run_folder.write_metrics(self._workdir, step, metrics, best)
        self._summaries.write_validation(metrics, panels.cases, step)
        self._progress.say(
            f'step {step}  validation: MAE {metrics["mae"]:.2f}  PSNR {metrics["psnr_db"]:.2f} dB  '
            f'SSIM {metrics["ssim"]:.3f}' + ('  (best so far)' if best else '')
        )

    def _refuse_not_finite(self, rows: np.ndarray, step: int) -> None:
        """Looks through the scalars of the steps after `step`, a row each."""
        finite = np.isfinite(rows).all(axis=1)
        if finite.all():
            return
        first = step + int(np.argmin(finite))
        pair_ids = pair_ids_of_step(self._examples['train'], self._config, first)
        problem = Problem(
            f'step {first + 1}, pairs {", ".join(pair_ids)}',
            'a loss or a gradient that is not finite',
            'finite numbers',
            'look at these pairs, or lower the --learning_rate; the last checkpoint is finite',
        )
        raise UserError([problem])


def is_due(step: int, every: int, config: Config) -> bool:
    """Whether something that happens every so many steps, and after the last one, happens now."""
    return step % every == 0 or step == config.num_steps


def steps_until_due(config: Config, step: int) -> int:
    """How many steps may run in one call into TensorFlow before something is due between steps."""
    intervals = (config.log_every, config.eval_every, config.checkpoint_every)
    due = min(every - step % every for every in intervals)
    return min(due, config.steps_per_loop, config.num_steps - step)
