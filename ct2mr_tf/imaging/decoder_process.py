"""Decodes compressed pictures in a process of its own, which a damaged file may kill or hang.

The decoders are C and C++ libraries. On some damaged JPEG files GDCM ends the process it runs in;
others write to the error output. So they run in a child process, whose output is thrown away: when
it dies or takes too long, one picture is refused, another child is started for the next, and the
parent goes on.
"""

import atexit
import contextlib
import dataclasses
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection

import numpy as np
from pydicom import uid
from pydicom.pixels import get_decoder

TIME_LIMIT_S = 60.0
"""The longest wait for a picture, in seconds: a hundred times what 1024 x 1024 pixels take, and
room for the child to start on a busy computer."""

_JPEG_2000_PLUGIN = 'pylibjpeg'
"""The one of pydicom's plugins that decodes JPEG 2000, by OpenJPEG 2.5. The first it would ask is
GDCM, which carries OpenJPEG 2.3.0: made-up pictures have it write beyond its memory (CVE-2020-6851,
CVE-2020-8112)."""

# A program of its own and not multiprocessing's child, which would import the parent's main module
# once more: a script without a guard around its main part would run twice.
_PROGRAM = """
import sys
from multiprocessing.connection import Connection
from ct2mr_tf.imaging import decoder_process
decoder_process.serve(Connection(int(sys.argv[1])))
"""


class DecodingError(Exception):
    """A picture cannot be decoded."""


def can_decode(transfer_syntax_uid: str) -> bool:
    """Whether the decoder of a transfer syntax is installed; of several, the one that is used."""
    decoder, plugin = get_decoder(transfer_syntax_uid), _plugin(transfer_syntax_uid)
    return plugin in decoder.available_plugins if plugin else decoder.is_available


def _plugin(transfer_syntax_uid: str) -> str:
    """The plugin that decodes a transfer syntax; '' leaves it to pydicom."""
    return _JPEG_2000_PLUGIN if transfer_syntax_uid in uid.JPEG2000TransferSyntaxes else ''


@dataclasses.dataclass(frozen=True)
class _Child:
    """A running child process and the way to talk to it."""

    process: subprocess.Popen
    connection: Connection
    parent: int

    def end(self) -> None:
        """Ends the child; one that was inherited by forking is left to its parent."""
        self.connection.close()
        if self.parent == os.getpid():
            self.process.kill()
            self.process.wait()


class DecoderProcess:
    """Starts the child when it is first needed and keeps it for the pictures that follow.

    May be used by several threads, which wait for each other, and after a fork.
    """

    def __init__(self, time_limit_s: float = TIME_LIMIT_S):
        self._time_limit_s = time_limit_s
        self._lock = threading.Lock()
        self._child: _Child | None = None
        atexit.register(self.close)

    def decode(
        self, transfer_syntax_uid: str, encapsulated: bytes, options: Mapping[str, object]
    ) -> np.ndarray:
        """Decodes one picture.

        Args:
            transfer_syntax_uid: of the picture.
            encapsulated: the picture as an encapsulated PixelData value of one frame.
            options: keyword arguments of pydicom's Decoder.as_array.

        Returns:
            Integers (rows, columns).

        Raises:
            DecodingError: no decoder can read the picture, or it killed or hung the child.
        """
        with self._lock:
            child = self._running_child()
            picture = None
            with contextlib.suppress(EOFError, OSError):  # the child has died
                child.connection.send((transfer_syntax_uid, encapsulated, dict(options)))
                if child.connection.poll(self._time_limit_s):
                    answered, picture = child.connection.recv()
                    if answered:
                        return picture
                    raise DecodingError
            self._end_child()
            raise DecodingError

    def close(self) -> None:
        """Ends the child, if one is running; it is started again when it is needed."""
        with self._lock:
            self._end_child()

    def _running_child(self) -> _Child:
        """The child, started where there is none of this process."""
        if self._child is not None and self._child.parent != os.getpid():
            self._end_child()
        if self._child is None:
            ours, theirs = multiprocessing.Pipe()
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, '-c', _PROGRAM, str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    env=os.environ | {'PYTHONPATH': os.pathsep.join(filter(None, sys.path))},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            self._child = _Child(process, ours, os.getpid())
        return self._child

    def _end_child(self) -> None:
        """Ends the child, if there is one."""
        if self._child is not None:
            self._child.end()
            self._child = None


DECODER_PROCESS = DecoderProcess()
"""The one child of this process."""


def serve(connection: Connection) -> None:
    """What the child does: decodes until the parent closes the connection or ends.

    Answers (True, picture), or (False, None) where no decoder could read it.

    Args:
        connection: to the parent.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to obey
    with contextlib.suppress(EOFError, OSError):  # the parent has gone
        while True:
            syntax, encapsulated, options = connection.recv()
            answer: tuple[bool, np.ndarray | None] = False, None
            # Decoders raise many kinds of exception, whose messages may quote the file.
            with contextlib.suppress(Exception):
                decoder, plugin = get_decoder(syntax), _plugin(syntax)
                picture, _ = decoder.as_array(encapsulated, decoding_plugin=plugin, **options)
                answer = True, picture
            connection.send(answer)
