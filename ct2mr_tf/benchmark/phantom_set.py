"""A small data set of phantoms to measure on: pictures like those that training reads."""

import pathlib

from ct2mr_tf.data.examples import write_pair
from ct2mr_tf.phantom.cohort import draw_cohort
from ct2mr_tf.phantom.pairs import render_pair

PAIRS = {'train': 6, 'val': 1}
"""Pairs of each split: training reads them again and again, which costs the same as new ones."""


def write_phantom_set(folder: pathlib.Path, side: int) -> None:
    """Writes a prepared data set without a table.

    Args:
        folder: where to.
        side: of the pictures, pixels.
    """
    discs = [(member.patient(), level) for member in draw_cohort(0, 4) for level in member.levels]
    for split, count in PAIRS.items():
        for number in range(count):
            patient, level = discs.pop()
            pair = render_pair(patient, level, side)
            write_pair(folder / split / f'{number}.png', pair.ct_grey, pair.mr_grey)
