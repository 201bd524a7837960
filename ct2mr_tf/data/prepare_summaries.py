"""What a person reads when `prepare` is done: counts, by reason; nobody is named."""

from collections.abc import Sequence

import pandas as pd

from ct2mr_tf.data.building import Result
from ct2mr_tf.data.patients import PatientCase, Roster
from ct2mr_tf.data.splits import SPLITS
from ct2mr_tf.imaging.dicom_reader import Scan


def scan_summary(scan: Scan, roster: Roster, unread: int, unread_file: str) -> str:
    """What was found in a study folder.

    Args:
        scan: what was read.
        roster: the patients.
        unread: files that could not be read as they should be, pixels included.
        unread_file: name of the table that lists them.

    Returns:
        Lines of text.
    """
    slices = sum(len(stack.slices) for stack in scan.stacks)
    lines = [
        f'{scan.files} files: {slices} slices in {len(scan.stacks)} stacks '
        f'of {len(roster.stacks)} patients'
    ]
    lines += [f'  {count:6d} left out: {reason}' for reason, count in scan.skipped.most_common()]
    if unread:
        lines.append(f'  {unread:6d} cannot be read as they should be: see {unread_file}')
    if scan.warnings:
        lines.append(f'  {scan.warnings:6d} warnings of the reader were held back')
    return '\n'.join(lines)


def stack_summary(table: pd.DataFrame) -> str:
    """How many stacks of which kind there are, from the inventory."""
    if table.empty:
        return 'no CT and no MR'
    counts = table.groupby(['modality', 'orientation', 'pairing']).size().rename('stacks')
    return counts.reset_index().to_string(index=False)


def build_summary(result: Result, roster: Roster, cases: Sequence[PatientCase]) -> str:
    """What a data set holds and what was refused.

    Args:
        result: of the build.
        roster: the patients of the studies.
        cases: those of whom anything was decided.

    Returns:
        Lines of text.
    """
    lines = []
    if result.nothing_to_do:
        lines.append('Nothing to do: the data set is there, whole, and from these very studies.')
    elif result.done_before:
        lines.append(f'{result.done_before} patients had been done before.')
    pairs, refused = result.pairs, result.refused
    undecided = len(set(roster.stacks) - {case.pseudonym for case in cases})
    lines.append(f'{len(pairs)} pairs of {pairs.patient_id.nunique()} patients')
    for split in SPLITS:
        of_split = pairs[pairs.split == split]
        lines.append(f'  {len(of_split):6d} {split}, of {of_split.patient_id.nunique()} patients')
    warned = (pairs.warnings != '').sum()
    if warned:
        lines.append(f'  {warned:6d} with a warning: see their overviews')
    if undecided:
        lines.append(f'{undecided} patients of the studies without landmarks')
    if len(refused):
        lines.append(f'{len(refused)} discs refused')
        for reason, count in refused.reason.value_counts().sort_index().items():
            lines.append(f'  {count:6d} {reason}')
    return '\n'.join(lines)
