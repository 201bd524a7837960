"""Files that appear whole or not at all."""

import contextlib
import os
import pathlib
import secrets
from collections.abc import Iterator


@contextlib.contextmanager
def written_whole(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives a temporary path beside `path`, and renames it into place when the block ends well.

    When the block raises, the temporary file is removed and whatever stood at `path` is untouched.

    Args:
        path: the file to write; its folder is made if it is missing.

    Yields:
        The path to write to, with the same suffix as `path` (some writers choose a format by it).

    Raises:
        OSError: the folder cannot be written to, or the disk is full.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.writing-{secrets.token_hex(8)}{path.suffix}')
    temporary.touch(exist_ok=False)
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
