"""Commands in processes that begin with the libraries loaded, which takes them seconds otherwise.

    started = WarmStart()
    done = started.run('export.py', '--workdir=...')  # as subprocess.run would, with text captured
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

ROOT = pathlib.Path(__file__).resolve().parent.parent
"""The repository."""

LIBRARIES = (
    *('cv2', 'matplotlib.figure', 'nibabel', 'pandas', 'pydicom', 'requests', 'scipy.ndimage'),
    *('scipy.stats', 'skimage.metrics', 'statsmodels.stats.proportion', 'tensorflow'),
)
"""What is loaded beforehand: large, and silent. No threads, which a fork would lose."""

OUTPUTS = ('stdout', 'stderr')
"""Files of what a command prints, in the server's folder."""


class WarmStart:
    """The server, and what to ask it; it starts with the first command."""

    def __init__(self) -> None:
        self._server: subprocess.Popen | None = None
        self._folder = tempfile.TemporaryDirectory(prefix='warm-start-')

    def run(self, *arguments: str, timeout: int = 120) -> subprocess.CompletedProcess:
        """Runs Python with these arguments in the repository.

        Args:
            arguments: a file, or '-m' and a module, and its arguments.
            timeout: seconds after which the command is ended, by SIGALRM.

        Returns:
            Its exit code, and what it printed.
        """
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, __file__, self._folder.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        words = [str(word) for word in arguments]
        self._server.stdin.write(json.dumps([timeout, *words]) + '\n')
        self._server.stdin.flush()
        code = self._server.stdout.readline()
        assert code, 'the server ended'
        printed = [(pathlib.Path(self._folder.name) / name).read_text('utf-8') for name in OUTPUTS]
        return subprocess.CompletedProcess(words, int(code), *printed)

    def close(self) -> None:
        """Ends the server."""
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


def serve(folder: pathlib.Path) -> list[str] | None:
    """Forks for each line of stdin and answers with exit codes; in what was forked, returns.

    Args:
        folder: for what commands print.

    Returns:
        The command line that this process is to run; None in the server, when stdin ends.
    """
    for line in sys.stdin:
        timeout, *words = json.loads(line)
        if not (forked := os.fork()):
            signal.alarm(timeout)
            _connect(folder)
            return words
        _, status = os.waitpid(forked, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return None


def _connect(folder: pathlib.Path) -> None:
    """Nothing to read, and the files to print to."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in enumerate(OUTPUTS, start=1):
        # New files: whoever outlived the command before this one goes on printing into the old.
        (folder / name).unlink(missing_ok=True)
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)


def start(words: list[str]) -> None:
    """What Python does with a command line."""
    os.chdir(ROOT)
    sys.path[0] = str(ROOT)
    if words[0] == '-m':
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
    if words := serve(pathlib.Path(sys.argv[1])):
        start(words)


if __name__ == '__main__':
    main()
