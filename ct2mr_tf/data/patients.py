"""Who is in a study folder, and what a person has decided about each: points, pairs, exclusions.

A table or a folder of landmarks names a patient by PatientID, or by the pseudonym that the
inventory shows. Nothing here is printed or written but pseudonyms.
"""

import collections
import dataclasses
import pathlib
import re
from collections.abc import Iterable, Mapping

from ct2mr_tf.data.splits import SPLITS
from ct2mr_tf.imaging import csv_tables
from ct2mr_tf.imaging.case_lists import ListedPair
from ct2mr_tf.imaging.crop import DiscPoints
from ct2mr_tf.imaging.landmarks import MODALITIES, Landmarks
from ct2mr_tf.imaging.pseudonyms import Pseudonyms
from ct2mr_tf.imaging.stacks import Stack
from ct2mr_tf.problems import Problem, raise_if_any

SPLIT_COLUMNS = ('patient', 'split')
"""Columns of a table of splits."""

SAME_COLUMNS = ('patient', 'same_as')
"""Columns of a table of patients who have several names."""

_PSEUDONYM = re.compile(r'P[0-9a-f]{12}')
"""How `Pseudonyms.patient` writes."""


@dataclasses.dataclass(frozen=True)
class Decisions:
    """What a person has decided, by the patient's name in the studies or by pseudonym.

    Attributes:
        landmarks: the points of each level, by patient and modality.
        listed: pairs named slice by slice.
        exclusions: for each patient, the reason for each level left out.
    """

    landmarks: Landmarks = dataclasses.field(default_factory=dict, repr=False)
    listed: tuple[ListedPair, ...] = dataclasses.field(default=(), repr=False)
    exclusions: Mapping[str, Mapping[str, str]] = dataclasses.field(
        default_factory=dict, repr=False
    )


@dataclasses.dataclass(frozen=True, eq=False)
class PatientCase:
    """One patient's stacks and what was decided about them.

    Attributes:
        pseudonym: of the patient.
        stacks: all there are; none where the studies do not hold the patient.
        points: for 'CT' and 'MR', the points of each level.
        listed: the pair named for a level.
        excluded: the reason for each level left out.
    """

    pseudonym: str
    stacks: tuple[Stack, ...] = dataclasses.field(default=(), repr=False)
    points: dict[str, dict[str, DiscPoints]] = dataclasses.field(
        default_factory=lambda: {modality: {} for modality in MODALITIES}
    )
    listed: dict[str, ListedPair] = dataclasses.field(default_factory=dict)
    excluded: dict[str, str] = dataclasses.field(default_factory=dict)


class Roster:
    """The patients of a study folder.

    Attributes:
        stacks: of each patient, by pseudonym, in the order of the scan.
        names: PatientID (or what stands for it) by pseudonym, also of patients who were looked for
            and are not there; to be written only where the user asks for it.
    """

    def __init__(self, stacks: Iterable[Stack], pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms
        self.stacks: dict[str, list[Stack]] = collections.defaultdict(list)
        self.names: dict[str, str] = {}
        self._named: dict[str, set[str]] = collections.defaultdict(set)
        self._joined: dict[str, str] = {}
        for stack in stacks:
            patient = stack.identity.patient
            pseudonym = pseudonyms.patient(*patient)
            self.stacks[pseudonym].append(stack)
            self.names[pseudonym] = patient[0]
            self._named[patient[0]].add(pseudonym)

    def find(self, named: str) -> tuple[str, list[Problem]]:
        """The pseudonym of a patient whom somebody named.

        Args:
            named: PatientID or pseudonym.

        Returns:
            The pseudonym, whether the patient is known or not, and the problem that several
            patients have this PatientID.
        """
        named = self._joined.get(named, named)
        if named in self.stacks:
            return named, []
        found = self._named.get(named, set())
        if len(found) > 1:
            cure = 'name each by the pseudonym that stands in the inventory'
            several = f'{len(found)} patients with this PatientID, of several issuers'
            where = self._pseudonyms.patient(named)
            return where, [Problem(f'patient {where}', several, 'one patient', cure)]
        if found:
            return next(iter(found)), []
        if _PSEUDONYM.fullmatch(named):
            return named, []
        pseudonym = self._pseudonyms.patient(named)
        self.names[pseudonym] = named
        return pseudonym, []

    def join(self, same: Mapping[str, str]) -> None:
        """Files the studies of some patients under others, who are the same people.

        Args:
            same: pseudonyms of both, each patient's in the studies and on one side only.
        """
        for pseudonym, same_as in same.items():
            self.stacks[same_as] += self.stacks.pop(pseudonym)
        self._joined.update(same)
        for found in self._named.values():
            found.update(same[pseudonym] for pseudonym in found & same.keys())
            found.difference_update(same)


def join_patients(path: pathlib.Path, name: str, roster: Roster) -> None:
    """Joins patients who are one person under several names, as a table says.

    Args:
        path: a CSV with the columns patient and same_as: the studies of the one are filed under
            the other.
        name: what messages call it: nothing that could name a patient.
        roster: who is in the studies; changed.

    Raises:
        UserError: the file is wrong, a patient is not in the studies, or has no single place to go
            to; all at once. Nothing is joined then.
    """
    rows, problems = csv_tables.read_rows(path, name, SAME_COLUMNS)
    same: dict[str, str] = {}
    for row in rows:
        both = []
        for column in SAME_COLUMNS:
            pseudonym, found = roster.find(row.values[column])
            problems += found
            both.append(pseudonym)
            if not found and pseudonym not in roster.stacks:
                cure = 'correct the row, or delete it'
                expected = 'a patient of the studies'
                problems.append(Problem(row.where, f'{column}: not there', expected, cure))
        if both[0] in same:
            found_text, expected = f'patient {both[0]} a second time', 'one row a patient'
            problems.append(Problem(row.where, found_text, expected, 'delete one of them'))
        same.setdefault(*both)
    onward = sorted(same.keys() & set(same.values()))
    expected, cure = 'each in one column', 'write one of the names into same_as throughout'
    problems += [Problem(name, f'patient {one} in both columns', expected, cure) for one in onward]
    raise_if_any(problems)
    roster.join(same)


def gather_cases(roster: Roster, decisions: Decisions) -> list[PatientCase]:
    """Brings studies and decisions together.

    Args:
        roster: who is in the studies.
        decisions: what was decided.

    Returns:
        A case for each patient about whom anything was decided, ordered by pseudonym. Of patients
        with points but without studies the case has no stacks.

    Raises:
        UserError: a name stands for several patients, a level is there under two names of one
            patient, or a patient to exclude is not in the studies; all at once.
    """
    cases: dict[str, PatientCase] = {}
    problems: list[Problem] = []

    def case_of(named: str) -> PatientCase:
        pseudonym, found = roster.find(named)
        problems.extend(problem for problem in found if problem not in problems)
        stacks = roster.stacks.get(pseudonym, [])
        return cases.setdefault(pseudonym, PatientCase(pseudonym, tuple(stacks)))

    for (named, modality), levels in decisions.landmarks.items():
        case = case_of(named)
        problems += _twice(case, f'landmarks on {modality}', case.points[modality], levels)
        case.points[modality].update(levels)
    for listed in decisions.listed:
        case = case_of(listed.patient)
        problems += _twice(case, 'listed pairs', case.listed, [listed.level])
        case.listed[listed.level] = listed
    for named, reasons in decisions.exclusions.items():
        case = case_of(named)
        if not case.stacks:
            cure = 'correct the patient in the list of exclusions, or delete the rows'
            where, expected = f'patient {case.pseudonym}', 'a patient of the studies'
            problems.append(Problem(where, 'excluded, but not in the studies', expected, cure))
        case.excluded.update(reasons)
    raise_if_any(problems)
    return [case for _, case in sorted(cases.items())]


def _twice(case: PatientCase, what: str, known: Iterable[str], new: Iterable[str]) -> list[Problem]:
    """Levels of a patient that stand under two names of the patient."""
    return [
        Problem(
            f'patient {case.pseudonym}',
            f'{what} of {level} under two names of the patient',
            'one of them',
            'delete one of them',
        )
        for level in sorted(set(known) & set(new))
    ]


def read_split_table(
    path: pathlib.Path, name: str, roster: Roster, cases: Iterable[PatientCase]
) -> dict[str, str]:
    """Reads who belongs to which split.

    Args:
        path: a CSV with the columns patient and split.
        name: what messages call it.
        roster: who is in the studies.
        cases: those who must have a split.

    Returns:
        The split of each patient, by pseudonym.

    Raises:
        UserError: the file is wrong, a split is unknown, a patient is in two, or one of the cases
            is in none; all at once.
    """
    rows, problems = csv_tables.read_rows(path, name, SPLIT_COLUMNS)
    splits: dict[str, str] = {}
    for row in rows:
        split = row.values['split'].lower()
        if split not in SPLITS:
            expected, cure = f'one of {", ".join(SPLITS)}', 'correct the split'
            problems.append(Problem(row.where, 'another split', expected, cure))
            continue
        pseudonym, found = roster.find(row.values['patient'])
        problems += found
        if splits.setdefault(pseudonym, split) != split:
            found_text = f'patient {pseudonym} in {splits[pseudonym]} and {split}'
            cure = 'delete one of the rows'
            problems.append(Problem(row.where, found_text, 'one split a patient', cure))
    problems += [
        Problem(name, f'no row for patient {case.pseudonym}', 'a row a patient', 'add the patient')
        for case in cases
        if case.stacks and case.pseudonym not in splits
    ]
    raise_if_any(problems)
    return splits
