"""What tests of several rooms share: a tiny data set, and the commands as a person runs them."""

import gc
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import hypothesis
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from warm_start import WarmStart

from ct2mr_tf.cli.entry import GARBAGE_EVERY
from ct2mr_tf.data.examples import write_pair, write_table

# Before anything imports TensorFlow: its C++ prints start-up notes that no Python can filter.
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

# What XLA compiles here runs a few times: making it fast would take longer than running it.
os.environ.setdefault('XLA_FLAGS', '--xla_backend_optimization_level=0')

# For xdist's workers and for child processes: there is one worker a core already, and threads that
# wait for small products keep the others' cores busy.
os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')

# On a busy machine a single example may take long; that is no finding.
hypothesis.settings.register_profile('any machine', deadline=None)
hypothesis.settings.load_profile('any machine')

# A shell starts what it runs in the background deaf to Ctrl-C, and processes of tests would be too.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = pathlib.Path(__file__).resolve().parent.parent
"""The repository."""

TINY_PAIRS = {'train': 4, 'val': 2, 'test': 2}
"""Pairs of each split of the tiny data set; each split is one patient."""

LEVELS = ('L1-2', 'L2-3', 'L3-4', 'L4-5', 'L5-S1')

FAULT_TABLE = '| case | what happens | tried |\n| --- | --- | --- |'
"""Head of the table of faults, in markdown."""

TinySet = Callable[..., pathlib.Path]
Command = Callable[..., subprocess.CompletedProcess]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--full`: the faults in their long form, with a table of cases and outcomes."""
    parser.addoption('--full', action='store_true', help='faults in their long form, and a table')


def pytest_configure(config: pytest.Config) -> None:
    """The markers of the fault suite."""
    config.addinivalue_line('markers', 'fault(case, outcome): real harm, and what comes of it')
    config.addinivalue_line('markers', 'long: takes part in the long form of the fault suite only')


def pytest_collection(session: pytest.Session) -> None:
    """Looks for no garbage while all modules are imported, which make none."""
    gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Passes over those modules in every search for garbage: they are most of what there is.

    statsmodels asks for such a search in each correction of p-values; it took 0.4 s.
    """
    gc.freeze()
    gc.enable()
    gc.set_threshold(*GARBAGE_EVERY)  # as in commands


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is long, and hands each fault's case and outcome on to the table."""
    if not config.getoption('--full'):
        left_out = [item for item in items if item.get_closest_marker('long')]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    for item in items:
        if fault := item.get_closest_marker('fault'):
            item.user_properties.append(('fault', fault.args))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the table of faults, after the long form."""
    if not terminalreporter.config.getoption('--full'):
        return
    terminalreporter.write_line(FAULT_TABLE)
    for outcome in ('passed', 'failed', 'skipped'):
        for report in terminalreporter.stats.get(outcome, []):
            told = dict(report.user_properties)
            if 'fault' in told:
                case, expected = told['fault']
                tried = told.get('tried', 'once') if outcome == 'passed' else outcome.upper()
                terminalreporter.write_line(f'| {case} | {expected} | {tried} |')


def structured_pair(
    rng: np.random.Generator, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """CT and MR of smooth blobs on air, uint8 [H, W]; the MR follows from the CT, plus noise."""
    smooth = ndimage.gaussian_filter(rng.normal(size=size), 2.0, mode='wrap')
    blobs = (smooth - smooth.min()) / np.ptp(smooth)
    y, x = np.mgrid[-1 : 1 : size[0] * 1j, -1 : 1 : size[1] * 1j]
    body = x**2 + y**2 < 0.8
    ct = np.where(body, 60 + 180 * blobs, 0)
    mr = np.where(body, 230 - 200 * blobs + rng.normal(scale=4, size=size), 0)
    return ct.astype(np.uint8), np.clip(mr, 0, 255).astype(np.uint8)


def make_tiny_set(
    folder: pathlib.Path,
    size: tuple[int, int] = (32, 32),
    pairs: dict[str, int] | None = None,
    seed: int = 0,
) -> pathlib.Path:
    """Writes a prepared data set of small pictures with its table: one patient a split.

    Args:
        folder: where to.
        size: height and width in pixels of one half.
        pairs: number of pairs of each split; by default TINY_PAIRS.
        seed: of the pictures.

    Returns:
        The folder.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for split, count in (pairs or TINY_PAIRS).items():
        for number in range(count):
            pair_id = f'{split}_{number:02d}'
            digest = write_pair(folder / split / f'{pair_id}.png', *structured_pair(rng, size))
            rows.append(
                {
                    'pair_id': pair_id,
                    'patient_id': f'patient_{split}',
                    'split': split,
                    'level': LEVELS[number % len(LEVELS)],
                    'sha256': digest,
                }
            )
    write_table(folder, pd.DataFrame(rows))
    return folder


def run_command(
    *arguments: str, timeout: float = 120, **options: object
) -> subprocess.CompletedProcess:
    """Runs Python with these arguments in the repository, as a person would; text is captured."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        **options,
    )


@pytest.fixture(scope='module', autouse=True)
def long_lived() -> Iterator[None]:
    """Whatever outlives a module's tests, such as graphs that TensorFlow keeps, is no garbage."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope='session')
def tiny_set() -> TinySet:
    """The function that writes a tiny data set: `tiny_set(folder, size=(H, W), pairs={...})`."""
    return make_tiny_set


@pytest.fixture(scope='session')
def command() -> Command:
    """The function that runs Python in the repository: `command('train.py', '--seed=1')`."""
    return run_command


@pytest.fixture(scope='session')
def warm_start() -> Iterator[WarmStart]:
    """Starts commands without the seconds in which a process loads TensorFlow."""
    started = WarmStart()
    yield started
    started.close()


@pytest.fixture(scope='session')
def warm_command(warm_start) -> Command:
    """`command` by `warm_start`."""
    return warm_start.run


@pytest.fixture(scope='session')
def root() -> pathlib.Path:
    """The repository."""
    return ROOT
