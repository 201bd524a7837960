"""All that a folder holds, so that two folders can be compared, or one with itself later on."""

import hashlib
import pathlib


def tree(folder: pathlib.Path) -> dict[str, str]:
    """Every file of a folder, by its place in it, with a hash of its bytes."""
    return {
        f'{path.relative_to(folder)}': hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob('*')
        if path.is_file()
    }
