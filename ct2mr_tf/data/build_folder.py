"""The folder a data set grows in: beside its final place, under a hidden name, until it is whole.

    .<data set>.building/.lock               held by the process that works here
    .<data set>.building/patients/<P>.json   what became of a patient, written after the pictures
    .<data set>.building/pictures/           pictures whose split is not yet known
    .<data set>.building/overviews/          overviews of pairs

When all patients are done the tables are written, the pictures go into their splits, and the folder
is renamed: the data set appears whole or not at all. A build that was interrupted goes on with the
patients who have no record, or whose studies, points or settings are no longer those of the record.
"""

import contextlib
import dataclasses
import json
import pathlib
import shutil
from collections.abc import Iterator, Mapping

from ct2mr_tf.data.patient_pairs import OVERVIEWS_FOLDER, PICTURES_FOLDER, PatientRecord
from ct2mr_tf.data.splits import SPLITS
from ct2mr_tf.files import LOCK_FILE, locked_folder, read_manifest, write_text_whole
from ct2mr_tf.problems import Problem, raise_if_any

MANIFEST_FILE = 'build.json'
"""What a data set was built from; written last."""

RECORDS_FOLDER = 'patients'
"""Where the records of patients lie while the set is built."""


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a data set is built from.

    Attributes:
        settings: by name; none identifies a patient.
        patients: by pseudonym, the fingerprint of the patient's studies and of all decisions.
    """

    settings: Mapping[str, str]
    patients: Mapping[str, str]


def is_finished(out: pathlib.Path, manifest: Manifest) -> bool:
    """Whether a folder holds the very data set that is to be built.

    Args:
        out: the folder.
        manifest: of the set to build.

    Returns:
        True where it does, False where the folder is missing or empty.

    Raises:
        UserError: the folder holds anything else; with all differences.
    """
    known = read_manifest(out, MANIFEST_FILE, Manifest)
    if known is None:
        return False
    raise_if_any(_differences(out, known, manifest))
    return True


def _differences(out: pathlib.Path, known: Manifest, wanted: Manifest) -> list[Problem]:
    """What tells the data set in a folder from the one to build."""
    problems = []
    for name in sorted({*known.settings, *wanted.settings}):
        was, now = known.settings.get(name, 'nothing'), wanted.settings.get(name, 'nothing')
        if was != now:
            cure = 'name another --out, or build with the settings of the set that is there'
            problems.append(Problem(f'{out}', f'built with {name} {was}', f'{name} {now}', cure))
    added = sorted(set(wanted.patients) - set(known.patients))
    gone = sorted(set(known.patients) - set(wanted.patients))
    changed = sorted(
        pseudonym
        for pseudonym in set(known.patients) & set(wanted.patients)
        if known.patients[pseudonym] != wanted.patients[pseudonym]
    )
    cure = 'name another --out, or delete the folder to build the set anew'
    for patients, built in (
        (added, 'without patients'),
        (gone, 'with patients who are no longer there:'),
        (changed, 'from other studies or decisions of patients'),
    ):
        if patients:
            names = ', '.join(patients[:5])
            names += f' and {len(patients) - 5} more' if len(patients) > 5 else ''
            expected = 'the studies and decisions as they are now'
            problems.append(Problem(f'{out}', f'built {built} {names}', expected, cure))
    return problems


def work_folder(out: pathlib.Path) -> pathlib.Path:
    """Where the data set `out` grows."""
    return out.absolute().parent / f'.{out.absolute().name}.building'


@contextlib.contextmanager
def locked(out: pathlib.Path) -> Iterator[pathlib.Path]:
    """Holds the folder in which a data set grows, and makes it if it is missing.

    Args:
        out: the data set.

    Yields:
        The folder.

    Raises:
        UserError: another process works in it, or it cannot be made.
    """
    work = work_folder(out)
    with locked_folder(work, f'--out={out}'):
        yield work


def resume(work: pathlib.Path, fingerprints: Mapping[str, str]) -> dict[str, PatientRecord]:
    """What an earlier build in this folder has done and still holds; all else is deleted.

    Args:
        work: the folder, locked by this process.
        fingerprints: of each patient to build, of studies, decisions and settings together.

    Returns:
        The records of patients whose fingerprint is unchanged and whose pictures are there.
    """
    pictures, overviews = work / PICTURES_FOLDER, work / OVERVIEWS_FOLDER
    for folder in (work / RECORDS_FOLDER, pictures, overviews):
        folder.mkdir(exist_ok=True)
    _undo_finishing(work)
    records = {}
    for path in (work / RECORDS_FOLDER).iterdir():
        record = _read_record(path, fingerprints.get(path.stem))
        ids = [f'{row["pair_id"]}.png' for row in record.pairs] if record else []
        if record and all((pictures / name).exists() for name in ids):
            records[path.stem] = record
        else:
            path.unlink()
    kept = {f'{row["pair_id"]}.png' for record in records.values() for row in record.pairs}
    for folder in (pictures, overviews):
        for path in folder.iterdir():
            if path.name not in kept:
                path.unlink()
    return records


def _undo_finishing(work: pathlib.Path) -> None:
    """Takes back what a build did that was interrupted while it finished: splits and tables."""
    for split in SPLITS:
        for path in (work / split).glob('*.png'):
            path.replace(work / PICTURES_FOLDER / path.name)
        shutil.rmtree(work / split, ignore_errors=True)
    for path in work.iterdir():
        if path.is_file() and path.name != LOCK_FILE:
            path.unlink()


def _read_record(path: pathlib.Path, fingerprint: str | None) -> PatientRecord | None:
    """The record in a file, if it is whole and of this fingerprint."""
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        if content.pop('fingerprint') != fingerprint:
            return None
        problems = [Problem(**problem) for problem in content.pop('problems')]
        return PatientRecord(**content, problems=problems)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def write_record(
    work: pathlib.Path, pseudonym: str, fingerprint: str, record: PatientRecord
) -> None:
    """Writes what became of a patient, whole or not at all; after the patient's pictures."""
    content = {'fingerprint': fingerprint, **dataclasses.asdict(record)}
    path = work / RECORDS_FOLDER / f'{pseudonym}.json'
    write_text_whole(path, json.dumps(content, indent=1) + '\n')


def sort_into_splits(work: pathlib.Path, splits: Mapping[str, str]) -> None:
    """Moves the pictures into the folders of their splits.

    Args:
        work: the folder, locked by this process.
        splits: the split of each pair id.
    """
    for pair_id, split in splits.items():
        (work / split).mkdir(exist_ok=True)
        name = f'{pair_id}.png'
        (work / PICTURES_FOLDER / name).replace(work / split / name)


def publish(work: pathlib.Path, out: pathlib.Path, manifest: Manifest) -> None:
    """Makes the finished work the data set.

    Args:
        work: the folder, locked by this process.
        out: where it goes: nothing, or an empty folder.
        manifest: of the set.

    Raises:
        OSError: `out` is no longer free.
    """
    text = json.dumps(dataclasses.asdict(manifest), indent=1, sort_keys=True)
    write_text_whole(work / MANIFEST_FILE, text + '\n')
    work.rename(out)
    tidy(out)


def tidy(out: pathlib.Path) -> None:
    """Deletes from a finished data set what only its making needed."""
    for folder in (RECORDS_FOLDER, PICTURES_FOLDER):
        shutil.rmtree(out / folder, ignore_errors=True)
    (out / LOCK_FILE).unlink(missing_ok=True)
