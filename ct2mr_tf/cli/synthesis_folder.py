"""The folder of a synthesis: what is in it, and that nothing in it is written over but one's own.

    <out>/synthesis.json   the model, the series, and the SHA-256 of every file written here
    <out>/discs/L4-5.dcm   a DICOM file for each disc
    <out>/volume/0001.dcm  with --volume, from head to foot
    <out>/*.png, *.nii.gz  pictures for the eye, and the volume as NIfTI
    <out>/.lock            held while a process makes a synthesis here

A file is one's own where synthesis.json knows its SHA-256: the same synthesis again writes the same
files, and an interrupted one goes on. A file that somebody put there or changed is refused, and so
is a folder that holds another synthesis: of another model, other landmarks or other flags.
"""

import contextlib
import hashlib
import json
import pathlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ct2mr_tf.files import locked_folder, write_text_whole, written_whole
from ct2mr_tf.problems import Problem, UserError, raise_if_any

MANIFEST_FILE = 'synthesis.json'
"""Name of the list of what was written; the first file to be written."""

_CURE = 'name another --out, or move what is there'


@contextlib.contextmanager
def held_folder(
    out: pathlib.Path, names: Iterable[str], description: Mapping[str, Any]
) -> Iterator[None]:
    """Holds the folder of a synthesis for this process, and makes it if it is missing.

    Args:
        out: a folder that `check_folder` found nothing wrong with.
        names: as `check_folder` takes them.
        description: as `check_folder` takes it.

    Raises:
        UserError: another process works in the folder, or what `check_folder` finds.
    """
    with locked_folder(out, '--out'):
        check_folder(out, names, description)  # again: another process may have written meanwhile
        yield


def check_folder(out: pathlib.Path, names: Iterable[str], description: Mapping[str, Any]) -> None:
    """Refuses a folder in which something foreign would be written over.

    Args:
        out: the folder; it may be missing.
        names: files that are to be written, by their place in it.
        description: of the synthesis: what decides the files; JSON, and names nobody.

    Raises:
        UserError: with every file that is in the way, or that the folder holds another synthesis.
    """
    if out.exists() and not out.is_dir():
        raise UserError([Problem('--out', 'a file', 'a folder', 'name a folder')])
    try:
        known = _read_manifest(out / MANIFEST_FILE)
    except ValueError:
        found = f'a {MANIFEST_FILE} that was not written here'
        raise UserError([Problem('--out', found, 'a new or empty folder', _CURE)]) from None
    if known and known['description'] != description:
        differing = sorted(
            key
            for key in {*known['description'], *description}
            if known['description'].get(key) != description.get(key)
        )
        found = f'another synthesis; it differs in: {", ".join(differing)}'
        cure = 'name another --out, or delete the folder'
        raise UserError([Problem('--out', found, 'a new folder, or this very synthesis', cure)])
    written = known['files'] if known else {}
    raise_if_any(
        Problem(f'--out, {name}', 'a file that was not written here', 'no such file', _CURE)
        for name in names
        if (path := out / name).exists() and _digest_of(path) != written.get(name)
    )


def write_folder(
    out: pathlib.Path, contents: Mapping[str, bytes], description: Mapping[str, Any]
) -> None:
    """Writes all files, each whole or not at all, after the list of them.

    Args:
        out: the folder, held by this process: see `held_folder`.
        contents: bytes of each file, by its place in the folder.
        description: as `check_folder` was given it.

    Raises:
        OSError: a file cannot be written.
    """
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    manifest = {'written_by': 'ct2mr_tf', 'description': description, 'files': digests}
    write_text_whole(out / MANIFEST_FILE, json.dumps(manifest, indent=1) + '\n')
    for name, content in contents.items():
        if not (out / name).exists() or _digest_of(out / name) != digests[name]:
            with written_whole(out / name) as temporary:
                temporary.write_bytes(content)


def _read_manifest(path: pathlib.Path) -> dict[str, Any] | None:
    """The manifest; None where there is none.

    Raises:
        ValueError: it is none of ours.
    """
    try:
        manifest = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        return None
    if not isinstance(manifest, dict) or manifest.get('written_by') != 'ct2mr_tf':
        raise ValueError
    if not all(isinstance(manifest.get(key), dict) for key in ('description', 'files')):
        raise ValueError
    return manifest


def _digest_of(path: pathlib.Path) -> str:
    """SHA-256 of a file; '' of what is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ''
