"""SIGTERM and Ctrl-C end a run within one step or validation, even amid a long call.

A Python signal handler waits until the call into TensorFlow returns. So the signal's number goes
through `signal.set_wakeup_fd` to a thread, which sets a variable that the loop in the graph reads.
"""

import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Iterator

import tensorflow as tf

SIGNALS = (signal.SIGTERM, signal.SIGINT)
"""The signals that ask a run to stop."""


class Interrupted(Exception):  # noqa: N818 - it is no error
    """The run was asked to stop and has saved its state; the command ends with exit code 75.

    Attributes:
        step: training steps done and saved.
    """

    def __init__(self, step: int):
        self.step = step
        super().__init__(f'stopped at step {step}; the state is saved')


@contextlib.contextmanager
def stop_on_signal() -> Iterator[tf.Variable]:
    """Gives a bool variable that becomes true when a signal asks the run to stop.

    Outside the main thread, where Python forbids handlers, signals are left alone. The handlers
    from before are put back at the end.

    Yields:
        The variable, false at first.
    """
    with tf.device('CPU'):
        stop = tf.Variable(False, trainable=False, name='stop')
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    previous_fd = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(receiver, stop), daemon=True)
    watcher.start()
    # Without a Python handler the signal would end the process; it has nothing to do itself. Last,
    # for one that came before the thread listens would be lost.
    previous = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
    try:
        yield stop
    finally:
        signal.set_wakeup_fd(previous_fd)
        for number, handler in previous.items():
            signal.signal(number, handler)
        sender.close()
        watcher.join()
        receiver.close()


@contextlib.contextmanager
def ended_by_signal() -> Iterator[None]:
    """Lets Ctrl-C end the process at once: for waiting where there is no state to save.

    While TensorFlow waits for other workers it keeps Python's lock, so that neither a handler nor a
    thread would run; the kernel's own way of ending a process does not ask. SIGTERM is caught by
    TensorFlow itself in that time: there a scheduler's SIGKILL ends the process, which harms
    nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _watch(receiver: socket.socket, stop: tf.Variable) -> None:
    """Sets `stop` at the first of our signals; ends when the other side is closed."""
    while numbers := receiver.recv(64):
        if any(number in SIGNALS for number in numbers):
            logging.info('Asked to stop: finishing the step, or the validation, then saving.')
            stop.assign(True)
