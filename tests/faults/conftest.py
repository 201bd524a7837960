"""Trainings in processes of their own, for all faults."""

import functools
from collections.abc import Callable

import pytest
from train_process import TrainProcess


@pytest.fixture(scope='session')
def start_training(warm_start) -> Callable[..., TrainProcess]:
    """The function that starts one: `start_training(config, workdir, cluster=...)`."""
    return functools.partial(TrainProcess, warm_start)
