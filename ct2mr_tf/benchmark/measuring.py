"""A benchmark from start to end: what is set up, what is timed in turn, what is written down."""

import contextlib
import dataclasses
import pathlib
import statistics
import time
from typing import Any

import tensorflow as tf

from ct2mr_tf.benchmark import (
    fresh_process,
    inference_tasks,
    machine,
    matrix_rate,
    phantom_set,
    report,
    training_tasks,
)
from ct2mr_tf.benchmark.multiply_adds import count_multiply_adds
from ct2mr_tf.benchmark.timing import Task, time_in_turn
from ct2mr_tf.benchmark.torch_process import STEP, TorchProcess
from ct2mr_tf.config import Config
from ct2mr_tf.data.examples import load_examples, undecodable
from ct2mr_tf.problems import raise_if_any
from ct2mr_tf.training.compilation import configure_gpus
from ct2mr_tf.training.precision import refuse_without_gpu
from ct2mr_tf.training.state import create_generator_for, create_train_state

PARTS = ('step', 'loop', 'pipeline', 'inference', 'start')
"""What can be measured; the matrix product always is."""

START_RUNS = 3
"""Fresh processes, of which the medians are taken: each builds its graph anew."""

LOOP_SECONDS = 3.0
"""How long a call of the loop shall last, so that what surrounds it is a small part, as in runs."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What is measured.

    Attributes:
        config: of the run; without a data_dir, phantoms are drawn.
        parts: some of PARTS.
        repeats: rounds that count.
        also: other precisions to measure beside the configuration's.
        torch: whether PyTorch's twin takes its turns.
    """

    config: Config
    parts: tuple[str, ...]
    repeats: int
    also: tuple[str, ...]
    torch: bool


def run_benchmark(options: Options, work: pathlib.Path) -> dict[str, Any]:
    """Measures everything.

    Args:
        options: what.
        work: an empty folder for data, runs and models.

    Returns:
        Plain values for JSON: machine, load before and after, configuration, all times, and the
        table.

    Raises:
        UserError: the data set is wrong, PyTorch is missing, or float16 is asked for without a GPU.
    """
    precisions = tuple(dict.fromkeys([options.config.precision, *options.also]))
    for precision in precisions:
        refuse_without_gpu(precision)
    configure_gpus(options.config)
    for gpu in tf.config.list_physical_devices('GPU'):
        # Other processes, of the fresh runs and of PyTorch, need their part.
        tf.config.experimental.set_memory_growth(gpu, True)
    before = machine.load_average()
    config = _with_data(options, work)
    rows = _start_rows(config, work) if 'start' in options.parts else []
    measured, others = _measure(options, config, precisions, work)
    rows = [*report.table(measured), *rows]
    return {
        'machine': machine.describe_machine() | others,
        'load_average': {'before': before, 'after': machine.load_average()},
        'config': {**dataclasses.asdict(options.config), 'data_dir': ''},
        'repeats': options.repeats,
        'times_s': {name: list(each.seconds) for name, each in measured.times.items()},
        'table': [dataclasses.asdict(row) for row in rows],
    }


def _measure(
    options: Options, config: Config, precisions: tuple[str, ...], work: pathlib.Path
) -> tuple[report.Measured, dict[str, object]]:
    """Everything that takes turns, and what else took part."""
    tasks: dict[str, Task] = {}
    others: dict[str, object] = {}
    for precision in precisions:
        own = dataclasses.replace(config, precision=precision)
        tasks[f'product {precision}'], product_flop = matrix_rate.create_product(precision)
        tasks |= _training_tasks(own, options.parts, work)
        if 'inference' in options.parts:
            tasks |= _inference_tasks(own, work)
    if 'pipeline' in options.parts:
        data_dir = pathlib.Path(config.data_dir)
        tasks['pipeline'] = training_tasks.create_pipeline_task(config, data_dir)
    with contextlib.ExitStack() as stack:
        if options.torch:
            process = stack.enter_context(contextlib.closing(TorchProcess(config, work)))
            others = process.about
            tasks |= _torch_tasks(process, options.parts)
        times = time_in_turn(tasks, options.repeats)
    needed = count_multiply_adds(config)
    return report.Measured(times, product_flop, needed, precisions), others


def _with_data(options: Options, work: pathlib.Path) -> Config:
    """The configuration with a data set that has what the parts need."""
    config = options.config
    if config.data_dir:
        # Here, for what a fresh process finds wrong with it would be a bug.
        needed = ('train', 'val') if 'start' in options.parts else ('train',)
        examples = load_examples(pathlib.Path(config.data_dir), required=needed)
        raise_if_any(problem for split in examples.values() for problem in undecodable(split))
        return config
    phantom_set.write_phantom_set(work / 'dataset', max(config.image_size))
    return dataclasses.replace(config, data_dir=str(work / 'dataset'))


def _training_tasks(config: Config, parts: tuple[str, ...], work: pathlib.Path) -> dict[str, Task]:
    """The step alone and the loop, on one state."""
    tasks: dict[str, Task] = {}
    if not {'step', 'loop'} & set(parts):
        return tasks
    state = create_train_state(config)
    step = training_tasks.create_step_task(state, config)
    if 'step' in parts:
        tasks[f'step {config.precision}'] = step
    if 'loop' in parts:
        step.run()
        started = time.perf_counter()
        step.run()
        steps = round(LOOP_SECONDS / (time.perf_counter() - started))
        tasks[f'loop {config.precision}'] = training_tasks.create_loop_task(
            state,
            config,
            pathlib.Path(config.data_dir),
            work / 'logs' / config.precision,
            min(max(steps, 2), config.steps_per_loop),
        )
    return tasks


def _inference_tasks(config: Config, work: pathlib.Path) -> dict[str, Task]:
    """Synthesis by Keras and by a SavedModel of the same generator, for each size of batch."""
    generator = create_generator_for(config)
    export_dir = work / 'models' / config.precision
    folder = inference_tasks.export_generator(generator, config, export_dir)
    served = tf.saved_model.load(str(folder))
    tasks = {}
    for count in report.BATCHES:
        tasks[f'keras {config.precision} {count}'] = inference_tasks.create_keras_task(
            generator, config, count
        )
        tasks[f'served {config.precision} {count}'] = inference_tasks.create_served_task(
            served, config, count
        )
    return tasks


def _torch_tasks(process: TorchProcess, parts: tuple[str, ...]) -> dict[str, Task]:
    tasks = {'torch step': process.task(STEP)} if 'step' in parts else {}
    if 'inference' in parts:
        tasks |= {f'torch {n}': process.task(f'{n}', n) for n in report.BATCHES}
    return tasks


def _start_rows(config: Config, work: pathlib.Path) -> list[report.Row]:
    """Runs that begin in fresh processes."""
    runs = []
    for number in range(START_RUNS):
        folder = work / f'start-{number}'
        folder.mkdir()
        runs.append(fresh_process.train_in_fresh_process(config, folder))
    first, memory = (
        statistics.median(getattr(run, name) for run in runs)
        for name in ('first_step_s', 'peak_memory_gib')
    )
    return [
        report.Row('first step after', first, 's', 'from the start of the process'),
        report.Row('largest memory', memory, 'GiB', 'resident, of a training process'),
    ]
