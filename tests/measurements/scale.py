"""A data set larger than memory: start-up, memory and pairs a second of 200,000 pairs.

    .venv/bin/python tests/measurements/scale.py [--pairs=200000]

Makes a temporary data set of hard links to a few pictures, so that it takes no room, and prints the
time to check it, the time to the first batch, and the memory of the process before and after.
"""

import argparse
import os
import pathlib
import sys
import tempfile
import time

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import conftest

from ct2mr_tf.config import Config
from ct2mr_tf.data.examples import load_examples
from ct2mr_tf.data.fingerprint import describe_data_set

FILES = 16
"""Pictures that are really there."""

MEGABYTE = 1e6
"""Bytes."""


def link_pairs(folder: pathlib.Path, pairs: int) -> pathlib.Path:
    """Writes a data set of hard links to a few pictures, with its table.

    Args:
        folder: where to.
        pairs: number of training pairs; one in twenty more are validation pairs.

    Returns:
        The folder of the data set.
    """
    pictures = sorted(
        (conftest.make_tiny_set(folder / 'few', (64, 64), {'train': FILES}) / 'train').iterdir()
    )
    lines = ['pair_id,patient_id,split']
    for split, count in (('train', pairs), ('val', pairs // 20)):
        target = folder / 'many' / split
        target.mkdir(parents=True)
        for number in range(count):
            pair_id = f'{split}_{number:06d}'
            os.link(pictures[number % FILES], target / f'{pair_id}.png')
            lines.append(f'{pair_id},{split}_{number // 5},{split}')
    (folder / 'many' / 'pairs.csv').write_text('\n'.join(lines) + '\n')
    return folder / 'many'


def resident() -> float:
    """Memory of this process, megabytes (/proc/self/statm, pages)."""
    pages = int(pathlib.Path('/proc/self/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / MEGABYTE


def measure(data_dir: pathlib.Path, batches: int) -> dict[str, float]:
    """Opens a data set as a training run does, and reads some batches.

    Returns:
        Seconds ('checked', 'hashed', 'first batch') and megabytes ('memory ...').
    """
    from ct2mr_tf.data.pipeline import create_train_dataset

    figures = {'memory before': resident()}
    started = time.perf_counter()
    examples = load_examples(data_dir, required=('train', 'val'))
    figures['checked'] = time.perf_counter() - started
    started = time.perf_counter()
    describe_data_set(data_dir, examples)
    figures['hashed'] = time.perf_counter() - started
    figures['memory opened'] = resident()
    started = time.perf_counter()
    iterator = iter(create_train_dataset(examples['train'], Config(image_size=(64, 64))))
    next(iterator)
    figures['first batch'] = time.perf_counter() - started
    figures['memory first batch'] = resident()
    started = time.perf_counter()
    for _ in range(batches):
        next(iterator)
    figures['pairs a second'] = batches / (time.perf_counter() - started)
    figures['memory last batch'] = resident()
    return figures


def main() -> None:
    """Prints the figures of a small and of the large data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--pairs', type=int, default=200_000)
    parser.add_argument('--batches', type=int, default=20_000)
    options = parser.parse_args()
    for pairs in (1000, options.pairs):
        with tempfile.TemporaryDirectory() as folder:
            data_dir = link_pairs(pathlib.Path(folder), pairs)
            print(f'{pairs} pairs')
            for name, value in measure(data_dir, options.batches).items():
                print(f'  {name:20} {value:10.2f}')


if __name__ == '__main__':
    main()
