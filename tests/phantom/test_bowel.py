import dataclasses

import numpy as np
import pytest
from spine_points import canvas_at

from ct2mr_tf.phantom import bowel
from ct2mr_tf.phantom import patient as patients
from ct2mr_tf.phantom.tissues import Tissue

LOOP = bowel.Loop(start=(-30.0, 60.0, 0.0), end=(30.0, 60.0, 0.0), radius_mm=12.0, gas=0.5)
"""A straight loop from right to left, half full of gas."""


@pytest.fixture(scope='module')
def patient():
    return patients.create_patient(0)


def across_the_loop(patient, loops, tissue=Tissue.DEEP_FAT):
    """Tissues along a line from the back to the front through the loop's axis."""
    v = np.arange(40.0, 80.0, 0.25)
    canvas = canvas_at(patient, 0.0, v, 0.0, tissue)
    bowel.paint_bowel(canvas, loops)
    return v, canvas.labels


def test_a_loop_has_a_wall_content_behind_and_gas_in_front(patient):
    v, labels = across_the_loop(patient, (LOOP,))
    runs = labels[np.flatnonzero(np.diff(labels.astype(int), prepend=-1))]
    fat, wall = Tissue.DEEP_FAT, Tissue.BOWEL_WALL
    expected = [fat, wall, Tissue.BOWEL_CONTENT, Tissue.BOWEL_GAS, wall, fat]
    assert runs.tolist() == expected
    # The outer radius is 12 mm, of which folds take up to 6 %.
    outside = v[labels != fat]
    assert np.ptp(outside) == pytest.approx(24, abs=1.8)
    front_wall = (labels == wall) & (v > 60)
    assert front_wall.sum() * 0.25 == pytest.approx(bowel.WALL_MM, abs=0.3)
    # Half the lumen: the gas begins at the loop's axis.
    assert v[labels == Tissue.BOWEL_GAS].min() == pytest.approx(60, abs=0.3)


def test_without_gas_there_is_none(patient):
    _, labels = across_the_loop(patient, (dataclasses.replace(LOOP, gas=0.0),))
    assert Tissue.BOWEL_GAS not in labels
    assert Tissue.BOWEL_CONTENT in labels


def test_bowel_lies_in_fat_only(patient):
    _, labels = across_the_loop(patient, (LOOP,), tissue=Tissue.PSOAS)
    assert (labels == Tissue.PSOAS).all()


def test_loops_fill_the_front_of_the_abdomen_and_stay_inside():
    loops = bowel.draw_loops(np.random.default_rng(0), 130.0, 190.0)
    ends = np.array([end for loop in loops for end in (loop.start, loop.end)])
    assert len(loops) > 60
    assert np.abs(ends[:, 0]).max() < 130
    assert ends[:, 1].max() < 190 - 70
    assert ends[:, 1].min() > 0
    assert all(0 <= loop.gas <= 0.8 for loop in loops)
