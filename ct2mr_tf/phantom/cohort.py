"""Who is in a cohort of phantoms, and which discs of each are pictured."""

import dataclasses

import numpy as np

from ct2mr_tf.imaging.landmarks import LEVELS
from ct2mr_tf.phantom.patient import Patient, create_patient

MOST_PATIENTS = 10_000
"""Patients a cohort can have: two cohorts of different seeds share none."""

LEVEL_COUNTS = {2: 0.7, 3: 0.3}
"""How many discs are pictured, and the share of patients: 2.3 on average, where
the paper has 2.29."""

LEVEL_SHARES = (0.08, 0.14, 0.24, 0.30, 0.24)
"""Share of each level among those pictured first, from head to foot: complaints and degeneration
are commonest at L4-5, and so are requests for a slice."""


@dataclasses.dataclass(frozen=True)
class Member:
    """One patient of a cohort.

    Attributes:
        number: in the cohort, from 1.
        seed: of the patient; see `patient.create_patient`.
        levels: the discs pictured, from head to foot.
    """

    number: int
    seed: int
    levels: tuple[str, ...]

    @property
    def name(self) -> str:
        """A short name that files and tables can carry: 'phantom-0003'."""
        return f'phantom-{self.number:04d}'

    def patient(self) -> Patient:
        """The patient."""
        return create_patient(self.seed)


def draw_cohort(seed: int, patients: int) -> tuple[Member, ...]:
    """Draws a cohort; a longer one of the same seed begins with the same patients.

    Args:
        seed: any non-negative integer.
        patients: how many.

    Returns:
        The members, in the order of their numbers.

    Raises:
        ValueError: a negative seed, or a number of patients outside 1 to MOST_PATIENTS.
    """
    if seed < 0 or not 1 <= patients <= MOST_PATIENTS:
        raise ValueError(f'seed {seed} and {patients} patients: 0 or more, 1 to {MOST_PATIENTS}')
    return tuple(_draw_member(seed, index) for index in range(patients))


def _draw_member(seed: int, index: int) -> Member:
    """Draws the member of that index."""
    patient_seed = seed * MOST_PATIENTS + index
    rng = np.random.default_rng([patient_seed, 6])
    count = rng.choice(list(LEVEL_COUNTS), p=list(LEVEL_COUNTS.values()))
    chosen = rng.choice(len(LEVELS), count, replace=False, p=LEVEL_SHARES)
    return Member(index + 1, patient_seed, tuple(LEVELS[number] for number in sorted(chosen)))
