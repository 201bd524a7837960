"""Commands in processes that begin with the libraries loaded, which takes them seconds otherwise.

    started = WarmStart()
    done = started.run('export.py', '--workdir=...')  # as subprocess.run would, with text captured
    process = started.start('train.py', '--workdir=...')  # as subprocess.Popen would
    started.close()

A server process imports the libraries once, but nothing of this project, and forks for each
command; what is forked runs the entry file from its first line to the interpreter's own end. What
a start does, such as which libraries a command loads and what they print, this cannot show; nor, as
all share one hash seed and numpy's global generator, that two commands agree by luck. Each command
has tests in processes of its own.
"""

import contextlib
import gc
import importlib
import json
import os
import pathlib
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parent.parent
"""The repository."""

LIBRARIES = (
    *('cv2', 'matplotlib.figure', 'nibabel', 'pandas', 'pydicom', 'requests', 'scipy.ndimage'),
    *('scipy.stats', 'skimage.metrics', 'statsmodels.stats.proportion', 'tensorflow'),
)
"""What is loaded beforehand: large, and silent. No threads, which a fork would lose."""

LONGEST = 600
"""Seconds after which a process that nobody ended is ended by SIGALRM."""


class WarmProcess:
    """A process that was forked, and what it prints.

    Attributes:
        pid: of the process.
        returncode: its exit code, once `poll` or `wait` saw it ended.
    """

    def __init__(self, ask: Callable[[dict], int | None], request: dict, outputs: list[str]):
        self._ask = ask
        self._outputs = [pathlib.Path(output) for output in outputs]
        for output in self._outputs:
            output.touch()
        self.pid = ask({**request, 'outputs': outputs})
        self.returncode: int | None = None

    @property
    def stdout(self) -> str:
        """All that it printed so far."""
        return self._outputs[0].read_bytes().decode('utf-8', 'replace')

    @property
    def stderr(self) -> str:
        """All that it said so far."""
        return self._outputs[1].read_bytes().decode('utf-8', 'replace')

    def poll(self) -> int | None:
        """Its exit code, minus the number of the signal that ended it; None while it runs."""
        if self.returncode is None:
            self.returncode = self._ask({'ended': self.pid})
        return self.returncode

    def wait(self, timeout: float = LONGEST) -> int:
        """Returns its exit code once it ended.

        Raises:
            TimeoutError: it runs on for so many seconds.
        """
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f'process {self.pid} runs on after {timeout} s')
            time.sleep(0.005)
        return code

    def send_signal(self, number: int) -> None:
        """Sends a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)


class WarmStart:
    """The server, and what to ask it; it starts with the first command."""

    def __init__(self) -> None:
        self._server: subprocess.Popen | None = None
        self._folder = tempfile.TemporaryDirectory(prefix='warm-start-')
        self._started = 0

    def start(
        self, *arguments: str, environment: dict[str, str] | None = None, timeout: int = LONGEST
    ) -> WarmProcess:
        """Starts Python with these arguments in the repository.

        Args:
            arguments: '-c' and a program, '-m' and a module, or a file, and its arguments.
            environment: variables that it gets beside those that were there at the first command.
            timeout: seconds after which it is ended, by SIGALRM.
        """
        self._started += 1
        folder = pathlib.Path(self._folder.name)
        outputs = [str(folder / f'{self._started}.{kind}') for kind in ('stdout', 'stderr')]
        words = [str(word) for word in arguments]
        request = {'words': words, 'environment': environment or {}, 'timeout': timeout}
        return WarmProcess(self._ask, request, outputs)

    def run(self, *arguments: str, timeout: int = 120) -> subprocess.CompletedProcess:
        """Runs Python with these arguments, as `start`, to its end."""
        process = self.start(*arguments, timeout=timeout)
        code = process.wait()
        return subprocess.CompletedProcess(arguments, code, process.stdout, process.stderr)

    def _ask(self, request: dict) -> int | None:
        """The server's answer."""
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        self._server.stdin.write(json.dumps(request) + '\n')
        self._server.stdin.flush()
        answer = self._server.stdout.readline()
        assert answer, 'the server ended'
        return json.loads(answer)

    def close(self) -> None:
        """Ends the server, and what still runs."""
        if self._server is not None:
            with contextlib.suppress(BrokenPipeError):
                self._server.stdin.close()
            try:
                self._server.wait(60)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
            self._server.stdout.close()
        self._folder.cleanup()


def serve() -> list[str] | None:
    """Forks for each command on stdin and tells its number, or tells the exit code of one.

    Returns:
        In what was forked, the command line to run; None in the server, when stdin ends.
    """
    running: set[int] = set()
    for line in sys.stdin:
        request = json.loads(line)
        if 'ended' in request:
            ended, status = os.waitpid(request['ended'], os.WNOHANG)
            running.discard(ended)
            answer = os.waitstatus_to_exitcode(status) if ended else None
        elif answer := os.fork():
            running.add(answer)
        else:
            signal.alarm(request['timeout'])
            os.environ.update(request['environment'])
            _connect(request['outputs'])
            return request['words']
        print(json.dumps(answer), flush=True)
    for left in running:  # by a test that failed, or by one that was killed
        os.kill(left, signal.SIGKILL)
        os.waitpid(left, 0)
    return None


def _connect(outputs: list[str]) -> None:
    """Nothing to read, and files to print to."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY), number)


def start(words: list[str]) -> None:
    """What Python does with a command line."""
    os.chdir(ROOT)
    sys.path[0] = str(ROOT)
    if words[0] == '-c':
        sys.argv = ['-c', *words[2:]]
        exec(compile(words[1], '<string>', 'exec'), {'__name__': '__main__'})
    elif words[0] == '-m':
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name='__main__', alter_sys=True)
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name='__main__')


def main() -> None:
    # What is loaded stays, and its memory is shared as long as no search for garbage writes to it.
    gc.disable()
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()
    gc.enable()
    if words := serve():
        start(words)


if __name__ == '__main__':
    main()
