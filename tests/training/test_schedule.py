"""The learning rate and the decay of the average, at the corners and by hand."""

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from ct2mr_tf.config import Config
from ct2mr_tf.training import schedule


def _rate(step: int, config: Config) -> float:
    rate = schedule.learning_rate(tf.constant(step, tf.int64), config)
    assert rate.dtype == tf.float32
    return float(rate)


@pytest.mark.parametrize(
    ('step', 'rate'),
    [
        (0, 2e-4),
        (99_999, 2e-4),
        (100_000, 2e-4),
        (100_002, 2e-4 * (1 - 1e-5)),
        (150_000, 1.5e-4),
        (200_000, 1e-4),  # where the published run probably stopped
        (299_999, 2e-4 / 200_000),
        (300_000, 0),
        (400_000, 0),
    ],
)
def test_learning_rate_of_the_paper(step, rate):
    assert _rate(step, Config()) == pytest.approx(rate, rel=1e-6)


def test_learning_rate_of_a_short_ramp_by_hand():
    config = Config(learning_rate=0.8, constant_steps=2, decay_steps=4, num_steps=6)
    rates = [_rate(step, config) for step in range(7)]
    assert rates == pytest.approx([0.8, 0.8, 0.8, 0.6, 0.4, 0.2, 0])


def test_without_decay_the_rate_stays():
    config = Config(learning_rate=0.5, constant_steps=3, decay_steps=0, num_steps=3)
    assert [_rate(step, config) for step in range(3)] == [0.5] * 3


def test_without_a_constant_phase_it_falls_at_once():
    config = Config(learning_rate=1.0, constant_steps=0, decay_steps=2, num_steps=2)
    assert [_rate(step, config) for step in range(3)] == [1, 0.5, 0]


@given(
    step=st.integers(0, 2_000_000),
    constant=st.integers(0, 1_000_000),
    decay=st.integers(1, 1_000_000),
)
def test_the_rate_never_rises_and_stays_in_its_range(step, constant, decay):
    config = Config(learning_rate=1.0, constant_steps=constant, decay_steps=decay, num_steps=1)
    expected = min(1.0, max(0.0, 1 - (step - constant) / decay))
    assert _rate(step, config) == pytest.approx(expected, abs=2e-6)
    assert 0 <= _rate(step + 1, config) <= _rate(step, config) <= 1


@pytest.mark.parametrize(
    ('step', 'decay'), [(0, 1 / 10), (1, 2 / 11), (90, 91 / 100), (8_990, 0.999), (10**6, 0.999)]
)
def test_ema_decay_warms_up(step, decay):
    found = schedule.ema_decay(tf.constant(step, tf.int64), Config(ema_decay=0.999))
    assert float(found) == pytest.approx(decay)
