"""The folder that a cohort of phantoms is written to: whole or not at all, never over another."""

import contextlib
import json
import pathlib
from collections.abc import Iterator, Mapping

from ct2mr_tf import files
from ct2mr_tf.problems import Problem, raise_if_any

MANIFEST_FILE = 'phantom.json'
"""What a folder was drawn from: the settings, by name."""

Settings = Mapping[str, str | int | float]
"""What decides over every byte of a folder."""


def is_finished(out: pathlib.Path, settings: Settings) -> bool:
    """Whether a folder holds the very phantoms that are to be written.

    Args:
        out: the folder.
        settings: of the phantoms to write.

    Returns:
        True where it does, False where the folder is missing or empty.

    Raises:
        UserError: the folder holds anything else; with all differences.
    """
    known: dict[str, object] | None = files.read_manifest(out, MANIFEST_FILE, dict)
    if known is None:
        return False
    cure = 'name another --out, or delete the folder'
    raise_if_any(
        Problem(f'{out}', f'{name} {known.get(name, "unknown")}', f'{name} {value}', cure)
        for name, value in settings.items()
        if known.get(name) != value
    )
    return True


@contextlib.contextmanager
def folder_written_whole(out: pathlib.Path, settings: Settings) -> Iterator[pathlib.Path]:
    """Gives a new folder beside `out`, and moves it into place when the block ends well.

    When the block raises, the new folder is removed and `out` is as it was.

    Args:
        out: the folder to write; missing or empty.
        settings: written into it as MANIFEST_FILE.

    Yields:
        The folder to write into.

    Raises:
        OSError: the place cannot be written to, the disk is full, or `out` is no longer free.
    """
    with files.folder_written_whole(out) as work:
        yield work
        files.write_text_whole(work / MANIFEST_FILE, json.dumps(dict(settings), indent=1) + '\n')
