"""What commands that read patients' studies share: pseudonyms and their map, progress, no paths."""

import contextlib
import pathlib
from collections.abc import Callable, Iterator

import tqdm
from absl import flags

from ct2mr_tf.cli import entry
from ct2mr_tf.data.patients import Roster
from ct2mr_tf.imaging import dicom_reader
from ct2mr_tf.imaging.dicom_reader import ReadOptions, Scan
from ct2mr_tf.imaging.pseudonyms import Pseudonyms, load_or_create_key, write_map
from ct2mr_tf.problems import Problem, UserError

FLAGS = flags.FLAGS

Meanings = dict[str, str]
"""What pseudonyms stand for."""


@contextlib.contextmanager
def opened_pseudonyms() -> Iterator[tuple[Pseudonyms, Meanings]]:
    """Gives the pseudonyms of the key, and a dict for what they stand for.

    The dict is written where the user asks for it, also where the command fails: a message may
    name a file by pseudonym.

    Yields:
        The pseudonyms of --key_file, and what will be written to --keep_map.
    """
    meanings: Meanings = {}
    try:
        yield Pseudonyms(load_or_create_key(pathlib.Path(FLAGS.key_file))), meanings
    except UserError as error:
        if not FLAGS.keep_map and any('file-' in problem.where for problem in error.problems):
            entry.tell('--keep_map=FILE tells which file each file-... is.')
        raise
    finally:
        if FLAGS.keep_map:
            write_map(pathlib.Path(FLAGS.keep_map), meanings.items())


def names_of_landmarks(
    pseudonyms: Pseudonyms, meanings: Meanings
) -> Callable[[pathlib.PurePath], str]:
    """A function that names files of landmarks by pseudonym, and notes what those stand for."""

    def name_of(relative: pathlib.PurePath) -> str:
        name = pseudonyms.path(relative)
        meanings[name] = f'{relative} (landmarks)'
        return name

    return name_of


def read_studies(
    flag: str, options: ReadOptions, pseudonyms: Pseudonyms, meanings: Meanings
) -> tuple[Scan, Roster]:
    """Reads the headers of the studies.

    Args:
        flag: name of the flag that names their folder.
        options: how they are read.
        pseudonyms: name patients and files.
        meanings: what they stand for; grows.

    Returns:
        What the folder holds, and whose it is.

    Raises:
        UserError: there is no CT and no MR; with what is wrong with the files that are there.
    """
    with progress_bar('headers', 'file') as progress:
        found = dicom_reader.scan(pathlib.Path(getattr(FLAGS, flag)), options, pseudonyms, progress)
    roster = Roster(found.stacks, pseudonyms)
    meanings.update({name: f'{path}' for name, path in found.paths.items()})
    meanings.update(roster.names)
    if not found.stacks:
        skipped = ', '.join(f'{count} {reason}' for reason, count in found.skipped.items())
        seen = f'{found.files} files, none a slice of CT or MR; left out: {skipped or "none"}'
        cure = 'name the folder that holds the studies'
        problem = Problem(f'--{flag}', seen, 'DICOM files of CT and MR', cure)
        raise UserError([problem, *found.problems])
    return found, roster


@contextlib.contextmanager
def progress_bar(what: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar, where the output is a terminal: call it with what is done and with all."""
    with tqdm.tqdm(desc=what, unit=unit, disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress


def without_paths(main: entry.Main) -> entry.Main:
    """A main whose trouble with files is told without their names, which may name a patient."""

    def guarded(problems: list[Problem]) -> None:
        try:
            main(problems)
        except BrokenPipeError:  # names no file: the output is no longer read
            raise
        except OSError as error:
            if error.errno in entry.FULL_DISK:
                raise
            found = error.strerror or 'an error of the file system'
            cure = 'name places that can be written to, or see whether the disk is well'
            where = '--out, --keep_map, --key_file'
            raise UserError([Problem(where, found, 'files that can be written', cure)]) from None

    return guarded
