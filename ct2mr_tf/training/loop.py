"""Training from the first step to the last, with validation, checkpoints and logs on the way."""

import logging
import pathlib
import time

import tensorflow as tf

from ct2mr_tf.config import Config
from ct2mr_tf.data.examples import Examples, load_examples, undecodable
from ct2mr_tf.data.pipeline import create_eval_dataset, create_train_dataset
from ct2mr_tf.evaluation.cases import case_table, predict_cases
from ct2mr_tf.files import locked_folder
from ct2mr_tf.problems import Problem, UserError, raise_if_any
from ct2mr_tf.training import run_folder
from ct2mr_tf.training.interruption import Interrupted, stop_on_signal
from ct2mr_tf.training.predictor import create_predictor
from ct2mr_tf.training.progress import Meter, Progress
from ct2mr_tf.training.state import TrainState, save_best, save_checkpoint
from ct2mr_tf.training.step import create_train_loop
from ct2mr_tf.training.summaries import RunSummaries


def train_and_evaluate(config: Config, workdir: pathlib.Path) -> None:
    """Trains the networks of a configuration, or continues the run that is in the folder.

    Args:
        config: of the run.
        workdir: the run folder.

    Raises:
        UserError: the data set or the run folder is wrong, a loss was not finite, or the disk or
            the memory is full. What was saved before stays.
        Interrupted: a signal asked the run to stop; its state is saved.
    """
    workdir = pathlib.Path(workdir)
    examples = load_examples(pathlib.Path(config.data_dir), required=('train', 'val'))
    with locked_folder(workdir, f'--workdir={workdir}'), stop_on_signal() as stop:
        try:
            run = _Run(config, workdir, run_folder.open_run(config, workdir), examples)
            try:
                run.train(stop)
            finally:
                run.close()
        except (tf.errors.InvalidArgumentError, tf.errors.NotFoundError):
            # A picture damaged within the file, which TensorFlow's message does not name, or lost.
            raise_if_any(problem for split in examples.values() for problem in undecodable(split))
            raise
        except tf.errors.ResourceExhaustedError as error:
            raise UserError([_exhausted(workdir, error)]) from None


class _Run:
    """A run in progress: what is shared between two calls into TensorFlow."""

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
        self._predict_fn = create_predictor(state.eval_generator)
        self._summaries = RunSummaries(workdir)
        self._progress = Progress(total=config.num_steps, done=int(state.step))

    def close(self) -> None:
        """Ends the progress bar and the logs, however the run ended."""
        self._progress.close()
        self._summaries.close()

    def train(self, stop: tf.Variable) -> None:
        """Runs the steps that are left; between them logs, validates and saves what is due."""
        config, step = self._config, int(self._state.step)
        if step >= config.num_steps:
            self._progress.say(f'Nothing to do: step {step} of {config.num_steps} is done.')
            return
        compiled = use_xla(config)
        self._summaries.write_config(config, step)
        self._progress.say(
            f'Step {step} of {config.num_steps}. The first step builds the graph'
            + (' and compiles it by XLA: up to a minute.' if compiled else ': some seconds.')
        )
        batches = iter(create_train_dataset(self._examples['train'], config, step))
        train_loop = create_train_loop(self._state, config, compiled)
        meter = Meter()
        while step < config.num_steps and not stop.numpy():
            steps = tf.constant(steps_until_due(config, step), tf.int64)
            started = time.perf_counter()
            result = tf.nest.map_structure(
                lambda value: value.numpy(), train_loop(batches, steps, stop)
            )
            done = int(result['done'])
            if not done:  # asked to stop just before the first step of the call
                break
            self._refuse_not_finite(result)
            step = int(self._state.step)
            meter.add(result['sums'], done, time.perf_counter() - started)
            self._progress.advance(done, meter.means())
            if self._between_steps(step, meter):
                meter = Meter()
        if step < config.num_steps:
            if not is_due(step, config.checkpoint_every, config):
                save_checkpoint(self._state, self._workdir)
            raise Interrupted(step)

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
            save_checkpoint(self._state, self._workdir)
        return logged

    def _validate(self, step: int) -> None:
        """Measures the validation split, keeps the generator if it is the best, shows panels."""
        examples, state = self._examples['val'], self._state
        batches = create_eval_dataset(examples, self._config.image_size).as_numpy_iterator()
        cases = list(predict_cases(self._predict_fn, batches, examples.pair_ids))
        metrics = case_table(cases).mean().to_dict()
        best = metrics['mae'] < float(state.best_mae)
        if best:
            state.best_mae.assign(metrics['mae'])
            state.best_step.assign(step)
            save_best(state, self._workdir)
        run_folder.write_metrics(self._workdir, step, metrics, best)
        shown = cases[:: max(1, len(cases) // max(1, self._config.panels))][: self._config.panels]
        self._summaries.write_validation(metrics, shown, step)
        self._progress.say(
            f'step {step}  validation: MAE {metrics["mae"]:.2f}  PSNR {metrics["psnr_db"]:.2f} dB  '
            f'SSIM {metrics["ssim"]:.3f}' + ('  (best so far)' if best else '')
        )

    def _refuse_not_finite(self, result: dict) -> None:
        if result['finite']:
            return
        pair_ids = [self._examples['train'].pair_ids[index] for index in result['index']]
        problem = Problem(
            f'step {int(self._state.step)}, pairs {", ".join(pair_ids)}',
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


def use_xla(config: Config) -> bool:
    """Whether XLA compiles: as the flag says, or where a GPU is (it makes CPUs slower)."""
    if config.jit_compile == 'auto':
        return bool(tf.config.list_physical_devices('GPU'))
    return config.jit_compile == 'on'


def _exhausted(workdir: pathlib.Path, error: tf.errors.ResourceExhaustedError) -> Problem:
    logging.debug('%s', error)
    if 'No space left' in str(error) or 'disk' in str(error).lower():
        cure = 'free some space and give the same command again: it continues'
        return Problem(f'{workdir}', 'no space left on the device', 'room for a checkpoint', cure)
    cure = 'take a smaller --batch_size, --image_size or --ngf'
    return Problem('memory', 'not enough of it', 'room for one step', cure)
