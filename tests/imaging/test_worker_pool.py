import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from ct2mr_tf.imaging import worker_pool
from ct2mr_tf.problems import UserError

PARENT = """
import os, time
from ct2mr_tf.imaging import worker_pool

if __name__ == '__main__':
    with worker_pool.opened_pool(2) as pool:
        print(*{pool.submit(os.getpid).result() for _ in range(8)}, flush=True)
        time.sleep(60)
"""


def is_running(pid):
    """Whether a process lives; a zombie whose parent has not asked for its end does not."""
    try:
        status = pathlib.Path(f'/proc/{pid}/stat').read_text(encoding='ascii')
    except OSError:
        return False
    return status.rpartition(')')[2].split()[0] != 'Z'


@pytest.mark.parametrize('workers', [1, 2])
def test_a_map_keeps_the_order(workers):
    with worker_pool.ordered_map(workers) as run:
        assert list(run(divmod, range(40), [7] * 40)) == [divmod(n, 7) for n in range(40)]


def test_a_killed_worker_is_the_users_to_mend():
    with (
        pytest.raises(UserError, match='a worker process was killed'),
        worker_pool.ordered_map(2) as run,
    ):
        list(run(signal.raise_signal, [signal.SIGKILL]))


def test_zero_stands_for_one_worker_a_core():
    assert worker_pool.worker_count(3) == 3
    assert worker_pool.worker_count(0) == len(os.sched_getaffinity(0)) >= 1


def test_workers_end_when_their_parent_is_killed(root, tmp_path):
    script = tmp_path / 'parent.py'
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, 'PYTHONPATH': f'{root}'},
    )
    with parent:
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        assert workers and all(map(is_running, workers))
        # Ctrl-C at a terminal reaches workers too: it must not end them.
        for pid in workers:
            os.kill(pid, signal.SIGINT)
        time.sleep(0.2)
        assert all(map(is_running, workers))
        parent.kill()
    deadline = time.monotonic() + 20
    while any(map(is_running, workers)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(is_running, workers))


INTERRUPTED = """
import os, sys, time
from ct2mr_tf.imaging import worker_pool

def work(seconds):
    print(os.getpid(), flush=True)
    time.sleep(seconds)

def results():
    with worker_pool.ordered_map(2) as run:
        yield from run(work, [0, *[600] * 9])

if __name__ == '__main__':
    for _ in results():
        if sys.argv[1] == 'outside':
            raise KeyboardInterrupt
"""
"""Stops while its workers have ten minutes of work: waiting for them, or between two results."""


@pytest.mark.parametrize('place', ['inside', 'outside'])
def test_who_stops_does_not_wait_for_the_workers(root, tmp_path, place):
    script = tmp_path / 'parent.py'
    script.write_text(INTERRUPTED)
    parent = subprocess.Popen(
        [sys.executable, script, place],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, 'PYTHONPATH': f'{root}'},
    )
    said = ''
    if place == 'inside':
        said = ''.join(parent.stdout.readline() for _ in range(3))
        time.sleep(0.5)  # until it waits: Python may keep a lock where Ctrl-C comes as it is taken
        parent.send_signal(signal.SIGINT)
    rest, stderr = parent.communicate(timeout=60)
    workers = [int(pid) for pid in (said + rest).split()]
    assert parent.returncode == -signal.SIGINT
    assert stderr.count('Traceback') == 1
    assert not any(map(is_running, workers))
