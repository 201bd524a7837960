"""What tests of several rooms share: a tiny data set, and the commands as a person runs them."""

import os
import pathlib
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from ct2mr_tf.data.examples import write_pair, write_table

# Before anything imports TensorFlow: its C++ prints start-up notes that no Python can filter.
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

ROOT = pathlib.Path(__file__).resolve().parent.parent
"""The repository."""

TINY_PAIRS = {'train': 4, 'val': 2, 'test': 2}
"""Pairs of each split of the tiny data set; each split is one patient."""

LEVELS = ('L1-2', 'L2-3', 'L3-4', 'L4-5', 'L5-S1')

TinySet = Callable[..., pathlib.Path]
Command = Callable[..., subprocess.CompletedProcess]


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


@pytest.fixture(scope='session')
def tiny_set() -> TinySet:
    """The function that writes a tiny data set: `tiny_set(folder, size=(H, W), pairs={...})`."""
    return make_tiny_set


@pytest.fixture(scope='session')
def command() -> Command:
    """The function that runs Python in the repository: `command('train.py', '--seed=1')`."""
    return run_command


@pytest.fixture(scope='session')
def root() -> pathlib.Path:
    """The repository."""
    return ROOT
