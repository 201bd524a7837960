"""Which errors of TensorFlow are the user's to mend, and what is said of them."""

import pathlib

import pytest
import tensorflow as tf

from ct2mr_tf.training.failures import problems_of

RUN = pathlib.Path('/runs/mine')


def test_a_full_disk():
    with pytest.raises(tf.errors.ResourceExhaustedError) as raised:
        tf.io.write_file('/dev/full', 'x')
    (problem,) = problems_of(raised.value, RUN)
    assert problem.where == str(RUN)
    assert problem.found == 'no space left on the device'


def test_too_little_memory():
    text = 'OOM when allocating tensor with shape[1,256,256,64]'
    (problem,) = problems_of(tf.errors.ResourceExhaustedError(None, None, text), RUN)
    assert problem.where == 'memory'
    assert '--batch_size' in problem.cure


def test_a_place_that_cannot_be_written_to():
    with pytest.raises(tf.errors.OpError) as raised:
        tf.io.write_file('/proc/version', 'x')
    (problem,) = problems_of(raised.value, RUN)
    assert problem.where == '/proc/version'
    assert problem.found in ('Permission denied', 'Input/output error')


def test_a_bug_is_no_problem_of_the_user():
    with pytest.raises(tf.errors.InvalidArgumentError) as raised:
        tf.reshape([1, 2, 3], [2])
    assert problems_of(raised.value, RUN) == []
