"""From the studies of patients to a prepared data set: the same bytes however it is worked out.

Patients are built side by side in processes of their own, each patient by one. What depends on all
of them (splits, tables, contact sheet) is made at the end, in the order of the pairs' names.
"""

import concurrent.futures
import dataclasses
import operator
import pathlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping

import pandas as pd

from ct2mr_tf.data import build_folder, overviews
from ct2mr_tf.data.build_plan import Plan
from ct2mr_tf.data.examples import TABLE_FILE, load_examples, write_table
from ct2mr_tf.data.patient_pairs import (
    PICTURES_FOLDER,
    REFUSED_COLUMNS,
    BuildOptions,
    PatientRecord,
    build_patient,
)
from ct2mr_tf.data.patients import PatientCase
from ct2mr_tf.evaluation.figures import encode_png
from ct2mr_tf.files import written_whole
from ct2mr_tf.imaging import worker_pool
from ct2mr_tf.problems import Problem, UserError, raise_if_any

REFUSED_FILE = 'refused.csv'
"""Name of the table of discs without a pair."""

UNREAD_FILE = 'unread.csv'
"""Name of the table of files that could not be read as they should be."""

SHEET_FILE = 'contact_sheet{}.png'
"""Name of the contact sheet; further pages are numbered from 2."""


@dataclasses.dataclass(frozen=True, eq=False)
class Result:
    """What was built.

    Attributes:
        pairs: the table of pairs.
        refused: the table of discs without a pair.
        done_before: patients whose pairs an earlier, interrupted build had made.
        nothing_to_do: the data set was there already, whole.
    """

    pairs: pd.DataFrame
    refused: pd.DataFrame
    done_before: int = 0
    nothing_to_do: bool = False


def build(
    plan: Plan, out: pathlib.Path, workers: int, progress: Callable[[int, int], None]
) -> Result:
    """Builds a data set, or goes on with one, or finds it there.

    Args:
        plan: what to build.
        out: the data set's folder: missing, empty, or holding this very set.
        workers: processes, at least 1.
        progress: called with the number of patients done and of all.

    Returns:
        What the set holds.

    Raises:
        UserError: the folder holds something else, or this set and a part of it is lost, another
            process builds the set, no disc makes a pair, or a worker was killed.
        OSError: the disk is full or cannot be written to.
    """
    manifest = plan.manifest()
    if build_folder.is_finished(out, manifest):
        build_folder.tidy(out)
        return _read_finished(out)
    with build_folder.locked(out) as work:
        if build_folder.is_finished(out, manifest):  # by another process, a moment ago
            shutil.rmtree(work)
            return _read_finished(out)
        settings = repr(sorted(plan.settings().items()))
        fingerprints = {
            pseudonym: plan.pseudonyms.fingerprint(fingerprint, settings)
            for pseudonym, fingerprint in manifest.patients.items()
        }
        records = build_folder.resume(work, fingerprints)
        done_before = len(records)
        progress(done_before, len(plan.cases))
        todo = [case for case in plan.cases if case.pseudonym not in records]
        for pseudonym, record in _built(todo, plan.options, work, workers):
            build_folder.write_record(work, pseudonym, fingerprints[pseudonym], record)
            records[pseudonym] = record
            progress(len(records), len(plan.cases))
        result = _finish(plan, records, work)
        build_folder.publish(work, out, manifest)
    return dataclasses.replace(result, done_before=done_before)


def _built(
    cases: list[PatientCase], options: BuildOptions, work: pathlib.Path, workers: int
) -> Iterator[tuple[str, PatientRecord]]:
    """Builds patients side by side, and yields each when it is done."""
    if workers == 1 or len(cases) < 2:
        for case in cases:
            yield case.pseudonym, build_patient(case, options, work)
        return
    with worker_pool.opened_pool(min(workers, len(cases))) as pool:
        waiting = {pool.submit(build_patient, case, options, work): case for case in cases}
        for future in concurrent.futures.as_completed(waiting):
            yield waiting.pop(future).pseudonym, future.result()


def _finish(plan: Plan, records: Mapping[str, PatientRecord], work: pathlib.Path) -> Result:
    """Writes the tables and the contact sheet, and sorts the pictures into their splits."""
    ordered = [record for _, record in sorted(records.items())]
    rows = sorted(
        (row for record in ordered for row in record.pairs), key=operator.itemgetter('pair_id')
    )
    refused = pd.DataFrame([row for record in ordered for row in record.refusals], dtype=object)
    refused = refused.reindex(columns=list(REFUSED_COLUMNS))
    if not rows:
        shutil.rmtree(work)
        raise UserError(_why_nothing(refused))
    splits = plan.rule.assign(sorted({f'{row["patient_id"]}' for row in rows}))
    pairs = pd.DataFrame(rows)
    pairs.insert(2, 'split', pairs.patient_id.map(splits))
    names = [pathlib.Path(work, PICTURES_FOLDER, f'{row["pair_id"]}.png') for row in rows]
    _write_sheets(names, work)
    build_folder.sort_into_splits(work, dict(zip(pairs.pair_id, pairs.split, strict=True)))
    write_table(work, pairs)
    unread = [*plan.unread, *(problem for record in ordered for problem in record.problems)]
    for name, table in ((REFUSED_FILE, refused), (UNREAD_FILE, unread_table(unread))):
        with written_whole(work / name) as temporary:
            table.to_csv(temporary, index=False)
    return _read_result(work)


def unread_table(problems: Iterable[Problem]) -> pd.DataFrame:
    """The table of files that could not be read: file (a pseudonym), found, expected, cure."""
    rows = sorted({dataclasses.astuple(problem) for problem in problems})
    return pd.DataFrame(rows, columns=['file', 'found', 'expected', 'cure'])


def _write_sheets(pictures: list[pathlib.Path], work: pathlib.Path) -> None:
    """Writes the contact sheet, in as many pages as it takes."""
    pages = range(0, len(pictures), overviews.SHEET_PAIRS)
    for number, first in enumerate(pages, start=1):
        sheet = overviews.contact_sheet(pictures[first : first + overviews.SHEET_PAIRS])
        name = SHEET_FILE.format('' if number == 1 else f'_{number}')
        with written_whole(work / name) as temporary:
            temporary.write_bytes(encode_png(sheet))


def _why_nothing(refused: pd.DataFrame) -> list[Problem]:
    """The problems of a build in which every disc was refused."""
    if refused.empty:
        cure = 'place landmarks on discs of patients of these studies'
        return [Problem('the landmarks', 'no disc', 'at least one disc', cure)]
    problems = []
    for row in refused.itertuples():
        found = ': '.join(filter(None, (row.modality, row.reason, row.detail)))
        found += f': {row.measured} {row.unit}' if row.measured != '' else ''
        expected = f'at most or at least {row.limit} {row.unit}' if row.limit != '' else 'a pair'
        cure = 'mend the landmarks or the studies, or change the limit if it does not fit them'
        problems.append(Problem(f'{row.patient_id} {row.level}', found, expected, cure))
    return problems


def _read_finished(out: pathlib.Path) -> Result:
    """The tables of a data set that an earlier build has finished.

    Raises:
        UserError: a table or a picture is no longer there, or is damaged.
    """
    cure = 'delete the folder, and build the set anew'
    raise_if_any(
        Problem(f'{out / name}', 'no such file', 'a table of the data set', cure)
        for name in (TABLE_FILE, REFUSED_FILE)
        if not (out / name).is_file()
    )
    load_examples(out, required=())
    return dataclasses.replace(_read_result(out), nothing_to_do=True)


def _read_result(folder: pathlib.Path) -> Result:
    """The tables of a finished data set."""
    pairs, refused = (
        pd.read_csv(folder / name, dtype=str, keep_default_na=False)
        for name in (TABLE_FILE, REFUSED_FILE)
    )
    return Result(pairs, refused)
