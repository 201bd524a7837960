"""What a synthesis is asked to make: whose CT, which discs, and the pictures to cut for them."""

import dataclasses
import pathlib
from collections.abc import Iterable, Sequence

from absl import flags

from ct2mr_tf.cli import entry, study_command
from ct2mr_tf.cli.study_command import Meanings
from ct2mr_tf.data import patients
from ct2mr_tf.data.patients import Decisions, PatientCase, Roster
from ct2mr_tf.imaging import crop_path, landmarks, synthesis_plan
from ct2mr_tf.imaging.dicom_reader import ReadOptions
from ct2mr_tf.imaging.landmarks import LEVELS
from ct2mr_tf.imaging.pairing_rules import Finding, NoPairError, PairingOptions, Reason
from ct2mr_tf.imaging.pseudonyms import Pseudonyms
from ct2mr_tf.imaging.synthesis_plan import PlannedPicture
from ct2mr_tf.problems import Problem, UserError, raise_if_any

FLAGS = flags.FLAGS

MOST_LEFT_OUT = 10
"""Files without readable slices that are told one by one; of more, the number is said."""

_EXPECTED = 'a CT that can be cut as the training pictures were'

_CURES = {
    Reason.ONE_LEVEL: 'ask for two discs or more, or leave out --volume',
    Reason.NO_STACK: 'name an axial CT in --ct, and see what --ct_series asks for',
    Reason.FEW_SLICES: 'export the whole series, with all its slices, or take --plane=slice',
    Reason.NO_VOLUME: 'take a CT with thinner slices, or --plane=slice',
    Reason.GAPS: 'export the whole series, with all its slices, or take a CT without gaps between '
    'them, or --plane=slice',
    Reason.UNEVEN: 'export the whole series, with all its slices, or leave out --volume',
    Reason.OFF_PLANE: 'place the landmarks on this very CT; on thin slices, --plane=disc reformats',
    Reason.ANGLE: '--plane=disc reformats the CT along the disc',
    Reason.SEVERAL_FRAMES: 'name the folder of one examination in --ct, or choose by --ct_series',
    Reason.LEAVES_IMAGE: 'take a CT with a larger field of view',
    Reason.LEAVES_VOLUME: 'take a CT that reaches further up and down, or --plane=slice',
    Reason.NOT_MEASURED: 'take a CT with a larger field of view, or allow a --max_padding_share',
}
"""What can be done, by what stands in the way."""


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """The pictures that are to be made.

    Attributes:
        discs: one for each level, from head to foot.
        volume: from foot to head; empty where no volume is asked for.
    """

    discs: tuple[PlannedPicture, ...]
    volume: tuple[PlannedPicture, ...]

    @property
    def pictures(self) -> tuple[PlannedPicture, ...]:
        """All, the discs first."""
        return self.discs + self.volume


def read_case(
    levels: Sequence[str], options: ReadOptions, pseudonyms: Pseudonyms, meanings: Meanings
) -> PatientCase:
    """The patient of --ct, with the points of the levels on CT.

    Args:
        levels: those that are asked for.
        options: how the CT is read.
        pseudonyms: name patients and files.
        meanings: what they stand for; grows.

    Returns:
        The case; only levels that are asked for and have points on CT.

    Raises:
        UserError: CT or landmarks cannot be read or do not belong together, or several patients
            may be meant.
    """
    name_of = study_command.names_of_landmarks(pseudonyms, meanings)
    points = landmarks.read_landmarks(pathlib.Path(FLAGS.landmarks), name_of)
    of_ct = {key: discs for key, discs in points.items() if key[1] == 'CT'}
    found, roster = study_command.read_studies('ct', options, pseudonyms, meanings)
    _tell_left_out(found.problems)
    cases = patients.gather_cases(roster, Decisions(of_ct))
    meanings.update(roster.names)
    case = _chosen(cases, roster)
    known = case.points['CT']
    missing = [level for level in levels if level not in known] if FLAGS.levels else []
    raise_if_any(
        Problem(f'--levels, {level}', 'no landmarks on CT', 'landmarks', 'place them, or leave out')
        for level in missing
    )
    wanted = {level: known[level] for level in levels if level in known}
    return dataclasses.replace(case, points={**case.points, 'CT': wanted})


def _tell_left_out(problems: Sequence[Problem]) -> None:
    """Says which files gave no slices: what is made of the others may lack them."""
    if not problems:
        return
    count = len(problems)
    plural = 's' if count > 1 else ''
    entry.tell(f'{count} problem{plural} in --ct; what cannot be read is left out:')
    for problem in problems[:MOST_LEFT_OUT]:
        entry.tell(f'  {problem.where}: {problem.found}')
    if count > MOST_LEFT_OUT:
        entry.tell(f'  ... and {count - MOST_LEFT_OUT} more')


def _chosen(cases: Iterable[PatientCase], roster: Roster) -> PatientCase:
    """The one patient with CT and landmarks, or the one that --patient names.

    Raises:
        UserError: there is none, or there are several.
    """
    found = [case for case in cases if case.stacks]
    if FLAGS.patient:
        pseudonym, problems = roster.find(FLAGS.patient)
        raise_if_any(problems)
        found = [case for case in found if case.pseudonym == pseudonym]
    if len(found) == 1:
        _check_modality(found[0])
        return found[0]
    if found:
        names = ', '.join(case.pseudonym for case in found)
        expected, cure = 'one patient', 'name one of them in --patient'
        raise UserError([Problem('--ct', f'landmarks and CT of {names}', expected, cure)])
    there = ', '.join(roster.stacks)
    cure = 'name the patient of --ct in the landmarks, by PatientID or by pseudonym'
    asked = 'that patient' if FLAGS.patient else f'a patient of --ct ({there})'
    raise UserError([Problem('--landmarks', f'no CT landmarks of {asked}', 'landmarks', cure)])


def _check_modality(case: PatientCase) -> None:
    """Refuses a patient without any CT: MR in its place is one mistake, not one a level."""
    if any(stack.modality == 'CT' for stack in case.stacks):
        return
    found, cure = 'no CT of the patient, only MR', 'name the folder of the CT'
    raise UserError([Problem('--ct', found, 'CT', cure)])


def plan(case: PatientCase, options: PairingOptions, with_volume: bool) -> Plan:
    """Plans the pictures.

    Args:
        case: the patient.
        options: the limits, with the plane chosen.
        with_volume: whether a volume is asked for.

    Returns:
        The pictures.

    Raises:
        UserError: a disc or the volume cannot be made; with all that stands in the way.
    """
    points = case.points['CT']
    discs, refusals = synthesis_plan.plan_levels(case.stacks, points, options)
    problems = [problem_of(refusal.level, refusal.finding) for refusal in refusals]
    volume: list[PlannedPicture] = []
    if with_volume:
        try:
            volume = crop_path.plan_volume(case.stacks, points, options)
        except NoPairError as error:
            problems.append(problem_of('--volume', error.finding))
    raise_if_any(problems)
    return Plan(tuple(discs), tuple(volume))


def problem_of(where: str, finding: Finding) -> Problem:
    """The problem that a picture cannot be made.

    Args:
        where: its level, or --volume.
        finding: why.
    """
    # There is no MR: the disc's plane stands in its place.
    found = str(finding).replace(Reason.ANGLE.value, 'the slice stands at an angle to the disc')
    cure = _CURES.get(finding.reason, 'correct the landmarks')
    if where in LEVELS:
        cure += ', or leave the level out (--levels)'
    return Problem(where, found, _EXPECTED, cure)


def notes(planned: Iterable[PlannedPicture]) -> list[str]:
    """What a person should look at, a line each; of a volume, what it shares once."""
    lines = {
        f'{one.level or "volume"}: {problem_of("", warning).found}': None
        for one in planned
        for warning in one.warnings
    }
    return list(lines)
