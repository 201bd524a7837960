"""Files that appear whole or not at all, and folders that one process holds at a time."""

import contextlib
import dataclasses
import errno
import json
import os
import pathlib
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from typing import TypeVar

import filelock

from ct2mr_tf.problems import Problem, UserError

LOCK_FILE = '.lock'
"""Locked by the process that holds a folder; the kernel frees it when the process dies."""

PATTERN_CHARACTERS = frozenset('[\\')
"""In a path TensorFlow takes them for a pattern when it reads, for themselves when it writes."""

_Manifest = TypeVar('_Manifest')


def make_folder(folder: pathlib.Path) -> None:
    """Makes a folder and those above it, where they are missing.

    Raises:
        UserError: it is a place where nothing can be made, such as below /proc.
        OSError: the folder cannot be written to, or the disk is full.
    """
    with _made_in_place(folder, 'folder'):
        folder.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def _made_in_place(path: pathlib.Path, kind: str) -> Iterator[None]:
    """Tells of a place where the block can make no folder or file, `kind`, such as in /proc."""
    try:
        yield
    except FileNotFoundError:
        found, cure = f'no {kind} can be made there', 'name another place'
        raise UserError([Problem(f'{path}', found, 'a place to write to', cure)]) from None


@contextlib.contextmanager
def written_whole(path: pathlib.Path, mode: int = 0o666) -> Iterator[pathlib.Path]:
    """Gives a temporary path beside `path`, and renames it into place when the block ends well.

    When the block raises, the temporary file is removed and whatever stood at `path` is untouched.
    A link stays, and what it leads to is written: who keeps a file elsewhere has a reason.

    Args:
        path: the file to write; its folder is made if it is missing.
        mode: of the file, from the first moment, less what the umask takes away.

    Yields:
        The path to write to, with the same suffix as `path` (some writers choose a format by it).

    Raises:
        UserError: see `make_folder`.
        OSError: the folder cannot be written to, the disk is full, or `path` is a folder, a device
            or a pipe.
    """
    path = pathlib.Path(path)
    if path.exists() and not path.is_file():  # renaming would put a file in the place of /dev/null
        number = errno.EISDIR if path.is_dir() else errno.EEXIST
        raise OSError(number, os.strerror(number), f'{path}')
    if path.is_symlink():
        path = pathlib.Path(os.path.realpath(path))  # a ring of links gives no error, as resolve's
    make_folder(path.parent)
    temporary = path.with_name(f'.writing-{secrets.token_hex(8)}{path.suffix}')
    with _made_in_place(path, 'file'):
        temporary.touch(mode, exist_ok=False)
    try:
        yield temporary
        with temporary.open('rb') as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text_whole(path: pathlib.Path, text: str) -> None:
    """Writes `text` as UTF-8 to `path`, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding='utf-8')


def in_the_way(folder: pathlib.Path) -> list[Problem]:
    """What keeps a folder from being written as a whole; nothing where it is missing or empty."""
    found, cure = '', 'name another folder, or move this one away'
    if not folder.is_dir():
        found = 'a file' if folder.exists() or folder.is_symlink() else ''
    elif any(folder.iterdir()):
        found = 'something already'
    elif folder.is_symlink() or folder.absolute().is_mount():  # of '.' alone, is_mount is true
        found = 'a link or a mounted folder, which nothing can be moved onto'
        cure = 'name a folder within it'
    return [Problem(f'{folder}', found, 'a new or empty folder', cure)] if found else []


def taken_for_pattern(folder: pathlib.Path, named: str) -> list[Problem]:
    """Whether TensorFlow would not find again what it wrote into a folder: the name is a pattern.

    Args:
        folder: the folder, as TensorFlow will be given it.
        named: the flag or folder as the user knows it.
    """
    if PATTERN_CHARACTERS.isdisjoint(f'{folder}'):
        return []
    found = 'a [ or \\, which TensorFlow takes for a pattern when it reads'
    cure = 'rename the folder, or name another'
    return [Problem(named, found, 'a path without these', cure)]


def read_manifest(
    folder: pathlib.Path, name: str, kind: Callable[..., _Manifest]
) -> _Manifest | None:
    """What a folder that was written as a whole says that it was made from.

    Args:
        folder: the folder.
        name: of the JSON file in it that says so.
        kind: makes the manifest of the values in that file, by name: a dataclass, or dict.

    Returns:
        The manifest; None where nothing is in the way of writing the folder.

    Raises:
        UserError: the folder holds something else.
    """
    problems = in_the_way(folder)
    if not problems:
        return None
    if not (folder / name).is_file():
        raise UserError(problems)
    try:
        return kind(**json.loads((folder / name).read_text(encoding='utf-8')))
    except (OSError, ValueError, TypeError):
        found = f'a {name} that cannot be read'
        raise UserError([dataclasses.replace(problems[0], found=found)]) from None


@contextlib.contextmanager
def folder_written_whole(out: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives a new folder beside `out`, and renames it to `out` when the block ends well.

    When the block raises, the new folder is removed and `out` is as it was.

    Args:
        out: the folder to write; see `in_the_way`.

    Yields:
        The folder to write into.

    Raises:
        UserError: see `make_folder`.
        OSError: the place cannot be written to, the disk is full, or `out` is no longer free.
    """
    out = out.absolute()
    make_folder(out.parent)
    with _made_in_place(out, 'folder'):
        work = pathlib.Path(tempfile.mkdtemp(dir=out.parent, prefix=f'.{out.name}.writing-'))
    try:
        yield work
        # mkdtemp makes folders only their owner can enter; a finished one gets the usual mode.
        work.chmod(0o755)
        work.rename(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def locked_folder(folder: pathlib.Path, named: str) -> Iterator[None]:
    """Holds a folder for this process; makes it if it is missing.

    Args:
        folder: the folder.
        named: the flag and folder as the user knows them.

    Raises:
        UserError: another process holds it, or it cannot be made.
    """
    try:
        make_folder(folder)
        # Where the disk knows no locks, an error: a marker file would outlive a killed process.
        lock = filelock.FileLock(folder / LOCK_FILE, blocking=False, fallback_to_soft=False)
        lock.acquire()
    except filelock.Timeout:
        found, cure = 'another process works in it', 'wait for that to end, or name another folder'
        raise UserError([Problem(named, found, 'one process a folder', cure)]) from None
    except OSError as error:
        found = error.strerror or 'a place that cannot be used'
        cure = 'name a folder that can be written to'
        raise UserError([Problem(named, found, 'a folder', cure)]) from None
    try:
        yield
    finally:
        lock.release()
