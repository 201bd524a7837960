"""Two workers on this machine: one is lost, one is asked to stop, and the run continues."""

import contextlib
import dataclasses
import pathlib
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from train_process import (
    SMALL,
    TrainProcess,
    assert_same_state,
    newest_step,
    saved_state,
    two_clusters,
)

from ct2mr_tf.config import Config

Workers = list[TrainProcess]


@pytest.fixture(scope='module')
def config(tiny_set, tmp_path_factory) -> Config:
    changed = {'strategy': 'multi_worker', 'batch_size': 2, 'checkpoint_every': 4, 'eval_every': 6}
    data_dir = tiny_set(tmp_path_factory.mktemp('data'))
    return Config(data_dir=str(data_dir), **{**SMALL, **changed})


@pytest.fixture(scope='module')
def two_workers(start_training) -> Callable[..., AbstractContextManager[Workers]]:
    """Worker 0, the chief, and worker 1 of a cluster, each with a run folder of its own."""

    @contextlib.contextmanager
    def start(config: Config, folder: pathlib.Path) -> Iterator[Workers]:
        workers = []
        try:
            for index, cluster in enumerate(two_clusters()):
                workers.append(start_training(config, folder / f'run{index}', cluster))
            yield workers
        finally:
            for worker in workers:
                worker.kill()

    return start


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> pathlib.Path:
    return tmp_path_factory.mktemp('workers')


@pytest.fixture(scope='module')
def lost(config, two_workers, folder) -> tuple[Workers, int]:
    """Two workers of which the second was killed, and the exit code of the first."""
    with two_workers(config, folder) as workers:
        workers[0].wait_for_step(8)
        workers[1].end(signal.SIGKILL)
        code, _ = workers[0].end()
    return workers, code


@pytest.fixture(scope='module')
def stopped(lost, config, two_workers, folder) -> tuple[Workers, list[int]]:
    """Both started again, and the second asked to stop after some steps; their exit codes."""
    with two_workers(config, folder) as workers:
        workers[0].wait_for_step(newest_step(workers[0].workdir) + 5)
        code, _ = workers[1].end(signal.SIGTERM)
        return workers, [workers[0].end()[0], code]


@pytest.mark.fault('a worker is lost', 'the others say so and exit 75; the newest checkpoint stays')
def test_a_lost_worker_ends_the_others(lost):
    (chief, _), code = lost
    assert code == 75, chief.said
    assert chief.said.splitlines()[-1] == (
        'another worker of TF_CONFIG is gone, its own messages say why; the newest checkpoint is '
        'whole; the same command continues.'
    )
    assert 'Traceback' not in chief.said
    assert newest_step(chief.workdir) % 4 == 0


@pytest.mark.long
@pytest.mark.fault('one of two workers is asked to stop', 'both stop at one step, save, exit 75')
def test_a_worker_that_is_asked_to_stop_stops_all(stopped):
    workers, codes = stopped
    assert codes == [75, 75], ''.join(worker.said for worker in workers)
    step = newest_step(workers[0].workdir)
    for worker in workers:
        said = worker.said.splitlines()[-1]
        assert said == f'stopped at step {step}; the state is saved; the same command continues.'


def test_only_the_chief_writes_and_tells(stopped):
    chief, other = stopped[0]
    assert 'step 10/' not in other.said
    assert 'generator/l1' in chief.said
    assert not other.workdir.exists()


@pytest.mark.fault('both workers are started again', 'on to the weights of two never interrupted')
def test_two_interrupted_workers_equal_two_that_were_not(stopped, config, two_workers, tmp_path):
    workdir = stopped[0][0].workdir
    step = newest_step(workdir)
    with two_workers(dataclasses.replace(config, num_steps=step), tmp_path) as workers:
        assert [worker.end()[0] for worker in workers] == [0, 0], workers[0].said
    whole, found = saved_state(tmp_path / 'run0', step), saved_state(workdir, step)
    # Trained to this step, the whole run was validated once more at its end.
    for name in ('best_mae', 'best_step'):
        key = f'{name}/.ATTRIBUTES/VARIABLE_VALUE'
        whole[key] = found[key]
    assert_same_state(whole, found)


@pytest.mark.fault('workers with different flags', 'all exit 2; no run folder is begun')
def test_unlike_workers_are_refused(config, start_training, tmp_path):
    workers = [
        start_training(dataclasses.replace(config, seed=index), tmp_path / f'run{index}', cluster)
        for index, cluster in enumerate(two_clusters())
    ]
    codes = [worker.end()[0] for worker in workers]
    assert codes == [2, 2], workers[0].said
    for worker in workers:
        assert 'flags that differ' in worker.said
        assert 'Traceback' not in worker.said
    assert not (tmp_path / 'run1').exists()
    assert not (tmp_path / 'run0' / 'config.json').exists()
