import dataclasses

import numpy as np
import pytest

from ct2mr_tf.phantom import pairs, scanning, signal
from ct2mr_tf.phantom.cohort import Member
from ct2mr_tf.phantom.study_plan import StudyOptions, plan_studies
from ct2mr_tf.phantom.study_truth import disc_truth

draw_hidden = signal.draw_hidden


@pytest.fixture(scope='module')
def plan():
    options = StudyOptions(mr_matrix=128, truth_size=64, position='FFS')
    return plan_studies(Member(1, 5, ('L4-5',)), options)


def floor(plan):
    return disc_truth(plan, scanning.take_packet(plan, 'L4-5')).floor_mae


def test_where_nothing_hidden_varies_the_floor_is_rounding(plan, monkeypatch):
    quiet = dataclasses.replace(draw_hidden(plan.patient, 0), noise=1e-6)
    monkeypatch.setattr(signal, 'draw_hidden', lambda patient, number: quiet)
    # Redraws see every fourth pixel of the packet for their window: half a grey level and less.
    assert floor(plan) < 1


def test_the_floor_rises_with_what_varies(plan, monkeypatch):
    fixed = draw_hidden(plan.patient, 0)
    discs = ('nucleus_t2_ms', 'annulus_t2_ms')

    def only_discs(patient, number):
        other = draw_hidden(patient, number)
        return dataclasses.replace(fixed, **{name: getattr(other, name) for name in discs})

    everything = floor(plan)
    monkeypatch.setattr(signal, 'draw_hidden', lambda patient, number: fixed)
    noise = floor(plan)
    monkeypatch.setattr(signal, 'draw_hidden', only_discs)
    assert 0.5 < noise < floor(plan) < everything < 30


def test_labels_are_those_of_the_square_in_anatomy(plan):
    truth = disc_truth(plan, scanning.take_packet(plan, 'L4-5'))
    square = plan.mr.square_in_anatomy(plan.mr_square('L4-5'))
    pair = pairs.render_pair(plan.patient, 'L4-5', 64, square, thickness_mm=4.0)
    assert truth.level == 'L4-5'
    assert np.array_equal(truth.labels, pair.slice_.labels)
