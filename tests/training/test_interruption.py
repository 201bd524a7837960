"""Signals that ask a run to stop: noticed at once, and only by whom they are meant for."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

from train_process import ROOT, two_clusters

from ct2mr_tf.training.interruption import SIGNALS, ended_by_signal, stop_on_signal


def test_outside_the_main_thread_signals_are_left_alone():
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def work() -> None:
        with stop_on_signal() as stop:
            seen.extend([signal.getsignal(signal.SIGTERM), bool(stop)])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before, False]


def test_other_signals_do_not_stop_a_run():
    noticed = threading.Event()
    before = signal.signal(signal.SIGUSR1, lambda *_: noticed.set())
    try:
        with stop_on_signal() as stop:
            signal.raise_signal(signal.SIGUSR1)
            assert noticed.wait(5)
            time.sleep(0.1)
            assert not bool(stop)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_signal_before_the_first_step_is_not_lost():
    with stop_on_signal() as stop:
        signal.raise_signal(signal.SIGTERM)
        deadline = time.monotonic() + 5
        while not bool(stop) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert bool(stop)


WAITING = """
import signal, threading
import tensorflow as tf
from ct2mr_tf.training.interruption import ended_by_signal
threading.Timer(0.1, print, ['waiting'], {'flush': True}).start()
with ended_by_signal():
    threading.Event().wait(0.5)
    tf.distribute.MultiWorkerMirroredStrategy()
"""


def test_a_worker_that_waits_for_the_others_is_ended_by_ctrl_c():
    cluster = two_clusters()[0]
    process = subprocess.Popen(
        [sys.executable, '-c', WAITING],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, 'TF_CONFIG': json.dumps(cluster)},
        cwd=ROOT,
    )
    try:
        assert process.stdout.readline() == 'waiting\n'
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == -signal.SIGINT
    finally:
        process.kill()
        process.communicate()


def test_afterwards_signals_are_as_before():
    before = {number: signal.getsignal(number) for number in SIGNALS}
    assert before[signal.SIGINT] != signal.SIG_DFL
    for meanwhile in (ended_by_signal, stop_on_signal):
        with meanwhile():
            assert {number: signal.getsignal(number) for number in SIGNALS} != before
        assert {number: signal.getsignal(number) for number in SIGNALS} == before
