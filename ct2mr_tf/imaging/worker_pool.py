"""Worker processes for files or patients read side by side: they end when their parent does.

Workers are started afresh and not forked: a fork of a process with threads may wait for ever.
"""

import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any


def worker_count(wanted: int) -> int:
    """How many processes to start.

    Args:
        wanted: what the user asked for; 0 for as many as there are cores to run on.

    Returns:
        At least 1.
    """
    return wanted or len(os.sched_getaffinity(0))


def create_pool(workers: int) -> concurrent.futures.ProcessPoolExecutor:
    """A pool whose processes leave Ctrl-C to their parent, and end when it is killed.

    Args:
        workers: number of processes, at least 1.

    Returns:
        The pool, to be used in a `with` block.
    """
    context = multiprocessing.get_context('spawn')
    return _Pool(workers, mp_context=context, initializer=_follow_parent)


@contextlib.contextmanager
def ordered_map(workers: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """A `map` over worker processes; Python's own where one process is enough.

    Args:
        workers: number of processes, at least 1.

    Yields:
        A function like `map`, which gives results in the order of its arguments.
    """
    if workers == 1:
        yield map
        return
    with create_pool(workers) as pool:
        try:
            yield pool.map
        finally:
            pool.shutdown(cancel_futures=True)


class _Pool(concurrent.futures.ProcessPoolExecutor):
    """Starts its processes with Ctrl-C held back, until they have come to ignore it."""

    def submit(self, *arguments: Any, **named: Any) -> concurrent.futures.Future:
        """Hands work to the pool; a process that is started for it inherits the signal mask."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            return super().submit(*arguments, **named)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _follow_parent() -> None:
    """Begins a worker: ignores Ctrl-C, and watches the parent from a thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this process when its parent has ended, however that came about.

    A worker waits on a pipe that it holds both ends of, so it would never see the parent go.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
