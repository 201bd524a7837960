"""The files of a tree that a person has put together: in any folders, also behind links."""

import os
import pathlib
from collections.abc import Callable, Iterator


def files_below(
    root: pathlib.Path, note: Callable[[pathlib.PurePath, OSError], None]
) -> list[pathlib.Path]:
    """All regular files under a folder.

    Links are followed; a folder that several ways lead to is read once, so that links may go round
    in circles.

    Args:
        root: the folder.
        note: called with each folder that cannot be read, by its place under the root, and why.

    Returns:
        The files, ordered by place; also links that lead nowhere: opening one will say so.
    """

    def noted(error: OSError) -> None:
        note(pathlib.Path(error.filename).relative_to(root), error)

    return sorted(
        path
        for folder, names in _folders_below(root, noted)
        for name in names
        if _is_file(path := pathlib.Path(folder, name))
    )


def _folders_below(
    root: pathlib.Path, note: Callable[[OSError], None]
) -> Iterator[tuple[str, list[str]]]:
    """Each folder once, with the names of what lies in it but folders.

    First all folders that are there without links, then those that links lead to, in the order of
    the links: a folder has the same place whatever order the disk lists names in.
    """
    seen: set[str] = set()
    starts = [root]
    while starts:
        links: list[pathlib.Path] = []
        for start in starts:
            for folder, folders, names in os.walk(start, onerror=note):
                real = os.path.realpath(folder)
                if real in seen:
                    folders.clear()  # what lies below was seen with it
                    continue
                seen.add(real)
                inside = (pathlib.Path(folder, name) for name in folders)
                links += [path for path in inside if path.is_symlink()]
                yield folder, names
        starts = sorted(links)


def _is_file(path: pathlib.Path) -> bool:
    """Whether this is a file to open: no pipe, no device.

    Also where that cannot be found out, and where a link leads nowhere: opening it will say why.
    """
    try:
        return path.is_file() or not path.exists()
    except OSError:
        return True
