"""What a data set is to be built from, and the fingerprints by which a change of it is noticed."""

import dataclasses
import operator
from collections.abc import Iterable, Mapping

from ct2mr_tf.data.build_folder import Manifest
from ct2mr_tf.data.patient_pairs import BuildOptions
from ct2mr_tf.data.patients import PatientCase
from ct2mr_tf.data.splits import SPLITS, assign_splits
from ct2mr_tf.imaging.crop import DiscPoints
from ct2mr_tf.imaging.pseudonyms import Pseudonyms
from ct2mr_tf.imaging.slices import Identity, SliceHeader
from ct2mr_tf.problems import Problem
from ct2mr_tf.version import VERSION

_SAID = [field.name for field in dataclasses.fields(SliceHeader)]
_SAID_BY_SLICE = operator.attrgetter(*(name for name in _SAID if name not in ('place', 'identity')))
_SAID_BY_IDENTITY = operator.attrgetter(*(field.name for field in dataclasses.fields(Identity)))
"""All that a header says, whether repr shows it or not, but for where the file lies."""


@dataclasses.dataclass(frozen=True)
class SplitRule:
    """Who goes into which split.

    Attributes:
        fractions: shares of train, val and test.
        seed: of the draw.
        table: the split of each patient by pseudonym, in place of a draw; None for a draw.

    Raises:
        ValueError: the shares are not three that add up to 1, or the seed is negative.
    """

    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    seed: int = 0
    table: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        shares = self.fractions
        if len(shares) != len(SPLITS) or not min(shares) >= 0 or not abs(sum(shares) - 1) <= 1e-6:
            raise ValueError(f'fractions must be three shares that add up to 1, got {shares}')
        if self.seed < 0:
            raise ValueError(f'the seed must not be negative, got {self.seed}')

    def assign(self, patients: Iterable[str]) -> dict[str, str]:
        """The split of each of these patients; see `splits.assign_splits`."""
        if self.table is None:
            return assign_splits(list(patients), self.fractions, self.seed)
        return {patient: self.table[patient] for patient in patients}


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """What is to be built.

    Attributes:
        cases: the patients, ordered by pseudonym.
        options: how pictures are made.
        rule: who goes into which split.
        unread: what is wrong with files of the studies.
        pseudonyms: make fingerprints that tell nothing.
    """

    cases: list[PatientCase]
    options: BuildOptions
    rule: SplitRule
    unread: tuple[Problem, ...]
    pseudonyms: Pseudonyms = dataclasses.field(repr=False)

    def settings(self) -> dict[str, str]:
        """All settings that decide over a patient's pictures, by name; no text a person typed."""
        pairing = dataclasses.asdict(self.options.pairing)
        for name in ('ct_series', 'mr_series'):
            typed = pairing[name]
            pairing[name] = self.pseudonyms.fingerprint(typed) if typed else ''
        window = self.options.ct_window
        return {
            'version': VERSION,
            'size': f'{self.options.size}',
            'ct_window': f'{window.low} to {window.high} HU',
            'mr_percentiles': '{} to {}'.format(*self.options.mr_percentiles),
            'max_padding_share': f'{self.options.max_padding_share}',
            **{name: f'{value}' for name, value in pairing.items()},
        }

    def split_setting(self) -> str:
        """The rule of splits, in words."""
        if self.rule.table is None:
            return 'fractions {}, {}, {}'.format(*self.rule.fractions) + f', seed {self.rule.seed}'
        rows = (field for row in sorted(self.rule.table.items()) for field in row)
        return f'table {self.pseudonyms.fingerprint(*rows)}'

    def manifest(self) -> Manifest:
        """What the data set is built from."""
        settings = {**self.settings(), 'split': self.split_setting()}
        fingerprints = {case.pseudonym: self._fingerprint(case) for case in self.cases}
        return Manifest(settings, fingerprints)

    def _fingerprint(self, case: PatientCase) -> str:
        """Changes with anything that is known of a patient, but not with where the files lie."""
        fields = [
            repr((_SAID_BY_SLICE(header), _SAID_BY_IDENTITY(header.identity), header.place.frame))
            for stack in case.stacks
            for header in stack.slices
        ]
        for modality, levels in sorted(case.points.items()):
            fields += [f'{modality} {level} {_told(points)}' for level, points in levels.items()]
        for level, listed in sorted(case.listed.items()):
            for one in (listed.ct, listed.mr):
                points = {name: point.tolist() for name, point in one.points.items()}
                fields.append(f'{level} {one.sop_instance_uid} {one.unit} {points}')
        fields += [f'{level} {reason}' for level, reason in sorted(case.excluded.items())]
        return self.pseudonyms.fingerprint(*fields)


def _told(points: DiscPoints) -> list[list[float]]:
    """All that is known of a disc's points, absent ones too."""
    named = dataclasses.astuple(points)
    return [[] if point is None else [float(mm) for mm in point] for point in named]
