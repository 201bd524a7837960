import dataclasses
import hashlib
import subprocess
import sys

import numpy as np
import pytest

from ct2mr_tf.imaging.landmarks import LEVELS
from ct2mr_tf.phantom import pairs, signal
from ct2mr_tf.phantom import patient as patients
from ct2mr_tf.phantom.tissues import DISC, SAC, Tissue

DIGEST = """
import hashlib
from ct2mr_tf.phantom import pairs, patient
pair = pairs.render_pair(patient.create_patient(6), 'L3-4', 64)
print(hashlib.sha256(pair.ct_grey.tobytes() + pair.mr_grey.tobytes()).hexdigest())
"""


@pytest.fixture(scope='module')
def pair():
    return pairs.render_pair(patients.create_patient(6), 'L3-4', 64)


def test_pictures_are_the_same_in_another_process(pair):
    # Another order of work in this process must not matter either.
    pairs.render_pair(patients.create_patient(9), 'L1-2', 32)
    here = pairs.render_pair(patients.create_patient(6), 'L3-4', 64)
    digest = hashlib.sha256(here.ct_grey.tobytes() + here.mr_grey.tobytes()).hexdigest()
    assert np.array_equal(here.mr_signal, pair.mr_signal)
    there = subprocess.run(
        [sys.executable, '-c', DIGEST], capture_output=True, text=True, check=True
    )
    assert there.stdout.strip() == digest


def test_pictures_are_those_of_the_papers_square(pair):
    assert pair.ct_grey.shape == pair.mr_grey.shape == pair.slice_.labels.shape == (64, 64)
    assert pair.ct_grey.dtype == pair.mr_grey.dtype == np.uint8
    labels = pair.slice_.labels
    # The sac in the middle, the ventral edge of the disc at the top.
    assert np.isin(labels[30:34, 30:34], (*SAC, Tissue.NERVE_ROOT)).all()
    assert np.isin(labels[:2], DISC).any()
    # The right of the patient is on the left: x grows along the rows.
    assert pair.slice_.points[0, 0, 0] < pair.slice_.points[0, -1, 0]
    assert pair.slice_.points[0, 0, 1] < pair.slice_.points[-1, 0, 1]


@pytest.mark.parametrize('seed', range(6))
def test_both_sides_of_the_disc_are_inside_the_square(seed):
    patient = patients.create_patient(seed)
    labels = pairs.render_pair(patient, LEVELS[seed % 5], 64).slice_.labels
    assert not np.isin(labels[:, [0, -1]], DISC).any()


def test_patients_and_levels_differ():
    pictures = [
        pairs.render_pair(patients.create_patient(seed), level, 32).mr_grey.astype(int)
        for seed in (1, 2)
        for level in ('L2-3', 'L4-5')
    ]
    for i, first in enumerate(pictures):
        for second in pictures[:i]:
            assert np.abs(first - second).mean() > 10


def test_a_thinner_slice_of_ct_is_noisier(pair):
    """A quarter of the photons, twice the noise."""
    nucleus = pair.slice_.labels == Tissue.DISC_NUCLEUS
    thin, thick = (
        pairs.render_pair(pair.patient, 'L3-4', 64, pair.square, thickness_mm).ct_hu[nucleus]
        for thickness_mm in (0.75, 3.0)
    )
    assert thin.std() / thick.std() == pytest.approx(2, rel=0.2)


def test_floor_is_zero_where_nothing_hidden_varies(pair):
    assert pairs.floor_mae(pair, [pair.hidden] * 3) == 0


def test_floor_rises_with_all_that_varies(pair):
    others = pairs.redraws(pair, 12)

    def floor(*names):
        return pairs.floor_mae(
            pair,
            [
                dataclasses.replace(pair.hidden, **{name: getattr(other, name) for name in names})
                for other in others
            ],
        )

    everything = [field.name for field in dataclasses.fields(signal.Hidden)]
    noise = floor('noise_seed')
    coil = floor('noise_seed', 'coil_depth_mm', 'coil_side_mm')
    assert 0 < noise < coil < floor(*everything)


def test_floor_of_everything_is_far_below_what_ct_alone_leaves(pair):
    floor = pairs.floor_mae(pair)
    assert floor == pairs.floor_mae(pair, pairs.redraws(pair))
    constant = np.abs(pair.mr_grey - np.median(pair.mr_grey)).mean()
    assert 2 < floor < 0.5 * constant


@pytest.mark.parametrize('count', [8, 32])
def test_few_redraws_leave_the_error_of_the_true_median(count):
    """Of normal grey levels it is sd sqrt(2 / pi), whatever the number of redraws."""
    normal = np.random.default_rng(0).normal(128, 15, (count + 1, 256, 256))
    shown, *redrawn = np.rint(normal).astype(np.uint8)
    expected = 15 * np.sqrt(2 / np.pi)
    assert pairs.best_guess_mae(shown, redrawn) == pytest.approx(expected, rel=0.01)


def test_redraws_are_not_the_pairs_own(pair):
    assert len(pairs.redraws(pair)) == pairs.FLOOR_REDRAWS == 32
    assert pair.hidden not in pairs.redraws(pair)


def test_unknown_level_is_refused():
    with pytest.raises(ValueError, match='no level'):
        pairs.render_pair(patients.create_patient(0), 'L5-6', 32)
