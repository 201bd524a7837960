"""Worker processes for files or patients read side by side: they end when their parent does.

Workers are started afresh and not forked: a fork of a process with threads may wait for ever.
"""

import collections
import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ct2mr_tf.problems import Problem, UserError


def worker_count(wanted: int) -> int:
    """How many processes to start.

    Args:
        wanted: what the user asked for; 0 for as many as there are cores to run on.

    Returns:
        At least 1.
    """
    return wanted or len(os.sched_getaffinity(0))


@contextlib.contextmanager
def opened_pool(workers: int) -> Iterator[concurrent.futures.ProcessPoolExecutor]:
    """A pool whose processes leave Ctrl-C to their parent, and end when it is killed.

    Args:
        workers: number of processes, at least 1.

    Yields:
        The pool; what has not begun when the block ends is not done.

    Raises:
        UserError: one of the processes was killed.
    """
    context = multiprocessing.get_context('spawn')
    with _Pool(workers, mp_context=context, initializer=_follow_parent) as pool:
        try:
            yield pool
        except concurrent.futures.BrokenExecutor:
            found = 'a worker process was killed, for want of memory perhaps'
            cure = 'give the same command again with fewer --workers'
            raise UserError([Problem('--workers', found, 'workers that live', cure)]) from None
        except (KeyboardInterrupt, GeneratorExit):
            # Nobody waits for what they are at; to finish it may take them ten seconds.
            for process in multiprocessing.active_children():
                process.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def ordered_map(workers: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """A `map` over worker processes; Python's own where one process is enough.

    Args:
        workers: number of processes, at least 1.

    Yields:
        A function like `map`, which gives results in the order of its arguments.

    Raises:
        UserError: one of the processes was killed.
    """
    if workers == 1:
        yield map
        return
    with opened_pool(workers) as pool:

        def ordered(work: Callable[..., Any], *arguments: Iterable[Any]) -> Iterator[Any]:
            # Not by the pool's own map: it cancels what is left when it is given up, and a process
            # that ends then has the pool's thread fail over that.
            calls = zip(*arguments, strict=False)
            waiting = collections.deque(pool.submit(work, *call) for call in calls)
            while waiting:
                yield waiting.popleft().result()

        yield ordered


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
