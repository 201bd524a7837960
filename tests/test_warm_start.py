"""Forked commands: what they print and end with, and that none sees another."""

import os
import signal
import time

import pytest
from warm_start import WarmStart


@pytest.fixture(scope='module')
def started():
    """A server of its own."""
    started = WarmStart()
    yield started
    started.close()


@pytest.fixture
def script(tmp_path):
    """The function that writes a script and gives its path."""

    def write(text):
        path = tmp_path / 'script.py'
        path.write_text(text)
        return path

    return write


def test_exit_code_and_both_outputs(started, script):
    path = script("import sys; print(sys.argv[1:], __name__); print('ö', file=sys.stderr); exit(3)")
    done = started.run(path, '--one', 'two')
    assert (done.returncode, done.stdout, done.stderr) == (3, "['--one', 'two'] __main__\n", 'ö\n')
    assert started.run(script('')).stdout == ''


def test_a_bug_has_its_traceback(started, script):
    done = started.run(script("raise KeyError('pair_07')"))
    assert done.returncode == 1
    assert done.stderr.startswith('Traceback') and "KeyError: 'pair_07'" in done.stderr


def test_what_is_registered_for_the_end_happens(started, script):
    path = script("import atexit; atexit.register(print, 'last'); print('first')")
    assert started.run(path).stdout == 'first\nlast\n'


def test_no_command_sees_another(started, script):
    path = script(
        "import os, sys; print('SEEN' in os.environ, 'ct2mr_tf.config' in sys.modules)\n"
        "os.environ['SEEN'] = ''; import ct2mr_tf.config"
    )
    for _ in range(2):
        assert started.run(path).stdout == 'False False\n'


def test_a_command_that_takes_too_long_is_ended(started, script):
    done = started.run(script('import time; time.sleep(60)'), timeout=1)
    assert done.returncode == -signal.SIGALRM


def test_two_processes_run_at_once_each_with_its_environment(started):
    program = (
        "import os, sys, time; print(os.environ['NAME'], *sys.argv, flush=True); time.sleep(60)"
    )
    processes = [started.start('-c', program, '--x', environment={'NAME': n}) for n in 'ab']
    for name, process in zip('ab', processes, strict=True):
        while not process.stdout:
            assert process.poll() is None
            time.sleep(0.01)
        assert process.stdout == f'{name} -c --x\n'
    for process in processes:
        process.send_signal(signal.SIGTERM)
        assert process.wait() == -signal.SIGTERM
        process.send_signal(signal.SIGKILL)  # nobody's, or another's by now: not sent
        assert process.returncode == -signal.SIGTERM


def test_what_still_runs_ends_with_the_server():
    started = WarmStart()
    process = started.start('-c', 'import time; time.sleep(60)')
    started.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_to_wait_too_long_is_an_error(started):
    process = started.start('-c', 'import time; time.sleep(60)')
    with pytest.raises(TimeoutError, match=str(process.pid)):
        process.wait(0.1)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_a_command_says_what_it_says_in_a_process_of_its_own(started, command, tmp_path):
    arguments = ('-m', 'ct2mr_tf.cli.evaluate', f'--workdir={tmp_path}', '--split=test')
    warm, cold = started.run(*arguments), command(*arguments)
    assert (warm.returncode, warm.stdout, warm.stderr) == (2, cold.stdout, cold.stderr)
    assert 'config.json' in cold.stderr
