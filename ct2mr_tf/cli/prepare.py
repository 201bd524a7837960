"""From a hospital's DICOM folders to a prepared data set.

    python -m ct2mr_tf.cli.prepare scan --dicom_root=STUDIES --out=inventory.csv
    python -m ct2mr_tf.cli.prepare build --dicom_root=STUDIES --landmarks=POINTS --out=DATASET

`scan` writes a table of patients and stacks, and a contact sheet of each stack beside it. `build`
writes the data set: pictures, pairs.csv, refused.csv (every disc without a pair, with what was
measured and the limit), unread.csv (files that cannot be read as they should be), an overview of
each pair, and a contact sheet. `datasets/lumbar/README.md` shows how to lay out studies and place
landmarks. An interrupted build goes on where it stopped; the same build again does nothing. On two
cores, a second is enough for 1,000 headers, and for 20 pairs of plain 512 x 512 CT.

Nothing that is written or printed names a patient but by a pseudonym; --keep_map writes what they
stand for.
"""

from ct2mr_tf.cli import entry

# isort: split
import dataclasses
import pathlib
from collections.abc import Callable
from typing import TypeVar

from absl import flags

from ct2mr_tf.cli import prepare_flags, study_command
from ct2mr_tf.cli.study_command import Meanings
from ct2mr_tf.data import building, inventory, patients, prepare_summaries
from ct2mr_tf.data.build_plan import Plan
from ct2mr_tf.data.patients import Decisions, Roster
from ct2mr_tf.files import written_whole
from ct2mr_tf.imaging import case_lists, landmarks, worker_pool
from ct2mr_tf.imaging.dicom_reader import ReadOptions, Scan
from ct2mr_tf.imaging.pseudonyms import Pseudonyms
from ct2mr_tf.problems import Problem, UserError, raise_if_any

FLAGS = flags.FLAGS

_Content = TypeVar('_Content')


def scan(problems: list[Problem]) -> None:
    """Flags -> studies -> table and contact sheets."""
    problems += _path_problems()
    options = prepare_flags.read_options(problems)
    pairing = prepare_flags.series_options(problems)
    out = pathlib.Path(FLAGS.out)
    if out.is_dir():
        problems.append(Problem('--out', 'a folder', 'a table to write', 'name a .csv file'))
    problems += prepare_flags.written_over('out', inventory.FIRST_COLUMNS)
    raise_if_any(problems)
    with study_command.opened_pseudonyms() as (pseudonyms, meanings):
        found, roster = _studies(options, pseudonyms, meanings)
        unread = list(found.problems)
        if FLAGS.sheets:
            with study_command.progress_bar('contact sheets', 'stack') as progress:
                folder = out.with_name(f'{out.stem}_sheets')
                workers = worker_pool.worker_count(FLAGS.workers)
                unread += inventory.write_sheets(roster, folder, workers, progress)
        stacks = inventory.inventory_table(roster, pairing)
        unread_table = building.unread_table(unread)
        unread_path = out.with_name(f'{out.stem}_{building.UNREAD_FILE}')
        for path, table in ((out, stacks), (unread_path, unread_table)):
            with written_whole(path) as temporary:
                table.to_csv(temporary, index=False)
    print(prepare_summaries.scan_summary(found, roster, len(unread_table), unread_path.name))
    print(prepare_summaries.stack_summary(stacks))
    print(f'\nThe table: {out}')


def build(problems: list[Problem]) -> None:
    """Flags -> studies, landmarks and lists -> data set."""
    problems += _path_problems()
    if bool(FLAGS.landmarks) == bool(FLAGS.pairs):
        given, cure = 'both' if FLAGS.pairs else 'neither', 'give one of them'
        where, expected = '--landmarks, --pairs', 'one of them'
        problems.append(Problem(where, given, expected, cure))
    problems += prepare_flags.not_there('landmarks', pathlib.Path.exists)
    for name in ('pairs', 'exclude', 'split_table'):
        problems += prepare_flags.not_there(name, pathlib.Path.is_file)
    options = prepare_flags.build_options(problems)
    rule = prepare_flags.split_rule(problems)
    read_options = prepare_flags.read_options(problems)
    raise_if_any(problems)
    out = pathlib.Path(FLAGS.out)
    with study_command.opened_pseudonyms() as (pseudonyms, meanings):
        decisions = _decisions(pseudonyms, meanings)
        found, roster = _studies(read_options, pseudonyms, meanings)
        cases = patients.gather_cases(roster, decisions)
        meanings.update(roster.names)
        if FLAGS.split_table:
            path = pathlib.Path(FLAGS.split_table)
            table = patients.read_split_table(path, '--split_table', roster, cases)
            rule = dataclasses.replace(rule, table=table)
        plan = Plan(cases, options, rule, found.problems, pseudonyms)
        with study_command.progress_bar('pairs', 'patient') as progress:
            workers = worker_pool.worker_count(FLAGS.workers)
            result = building.build(plan, out, workers, progress)
    unread = len(found.problems)
    print(prepare_summaries.scan_summary(found, roster, unread, building.UNREAD_FILE))
    print(prepare_summaries.build_summary(result, roster, cases))
    print(f'\nThe data set: {out}')


def _path_problems() -> list[Problem]:
    """What is wrong with the paths that `scan` and `build` share."""
    problems = prepare_flags.missing(
        dicom_root='folder of the studies', key_file='key file', out='place to write to'
    )
    problems += prepare_flags.not_there('dicom_root', pathlib.Path.is_dir)
    problems += prepare_flags.not_there('same_patients', pathlib.Path.is_file)
    return problems + prepare_flags.map_problems()


def _studies(
    options: ReadOptions, pseudonyms: Pseudonyms, meanings: Meanings
) -> tuple[Scan, Roster]:
    """What the studies hold, and whose it is, by the name that --same_patients settles."""
    found, roster = study_command.read_studies('dicom_root', options, pseudonyms, meanings)
    if FLAGS.same_patients:
        path = pathlib.Path(FLAGS.same_patients)
        patients.join_patients(path, '--same_patients', roster)
    return found, roster


def _decisions(pseudonyms: Pseudonyms, meanings: Meanings) -> Decisions:
    """Landmarks, listed pairs and exclusions, as the flags name them."""
    name_of = study_command.names_of_landmarks(pseudonyms, meanings)
    problems: list[Problem] = []
    points = _read(FLAGS.landmarks, lambda path: landmarks.read_landmarks(path, name_of), problems)
    listed = _read(
        FLAGS.pairs, lambda path: case_lists.read_listed_pairs(path, '--pairs'), problems
    )
    left_out = _read(
        FLAGS.exclude, lambda path: case_lists.read_exclusions(path, '--exclude'), problems
    )
    raise_if_any(problems)
    return Decisions(points or {}, tuple(listed or ()), left_out or {})


def _read(
    path: str, read: Callable[[pathlib.Path], _Content], problems: list[Problem]
) -> _Content | None:
    """What a file holds; None where no flag names one, or where it is wrong, with its problems."""
    try:
        return read(pathlib.Path(path)) if path else None
    except UserError as error:
        problems += error.problems
        return None


def _with_help(define_flags: Callable[[], None]) -> Callable[[], None]:
    """Flags defined, and shown by --help."""

    def define() -> None:
        define_flags()
        flags.adopt_module_key_flags(prepare_flags)

    return define


SUBCOMMANDS = {
    'scan': entry.Subcommand(
        _with_help(prepare_flags.define_scan_flags), study_command.without_paths(scan)
    ),
    'build': entry.Subcommand(
        _with_help(prepare_flags.define_build_flags), study_command.without_paths(build)
    ),
}
"""What the command does, by its first argument."""


if __name__ == '__main__':
    entry.run_subcommand(SUBCOMMANDS)
