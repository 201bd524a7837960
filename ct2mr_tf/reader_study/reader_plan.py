"""What is drawn for a reader study: the cases, each reader's order of them, and sides.

All of it follows from the seed, which stands in the key only. Order and sides come from generators
of their own, each started from the seed through SHA-256, so that nothing a reader sees (the order,
the study's id) leads back to the seed or on to the sides. A seed is 128 bits: with a short one, who
has this software could try them all.
"""

import dataclasses
import hashlib
import random
import re
import secrets
from collections.abc import Sequence

from ct2mr_tf.reader_study.study_files import CHOICES

SEED_DIGITS = 32
"""Hexadecimal digits of a seed."""


@dataclasses.dataclass(frozen=True)
class Trial:
    """One trial of one reader: part of the key.

    Attributes:
        case: number of the case, from 1.
        truth: the right answer, one of CHOICES of the kind of study; '' with similarity.
    """

    case: int
    truth: str


def create_seed() -> str:
    """A seed that nobody can guess: SEED_DIGITS hexadecimal digits."""
    return secrets.token_hex(SEED_DIGITS // 2)


def is_seed(text: str) -> bool:
    """Whether a text is a seed as `create_seed` makes them."""
    return re.fullmatch(f'[0-9a-f]{{{SEED_DIGITS}}}', text) is not None


def study_id_of(seed: str, *content: str) -> str:
    """The id of a study: 'S' and twelve hexadecimal digits, from which no seed can be found.

    Args:
        seed: of the study.
        content: what tells it from others of the same seed.
    """
    return f'S{_digest(seed, "study id", *content).hex()[:12]}'


def reader_names(count: int) -> tuple[str, ...]:
    """Names of `count` readers: 'reader_01', 'reader_02', ..."""
    return tuple(f'reader_{number:02d}' for number in range(1, count + 1))


def draw_pairs(patients: Sequence[str], count: int, seed: str) -> list[int]:
    """Draws the pairs that become cases, from as many patients as can be.

    A pair of each patient is drawn before a second one of any is.

    Args:
        patients: the patient of each pair there is.
        count: how many to draw.
        seed: of the study.

    Returns:
        Places in `patients`, in the order in which they were drawn.

    Raises:
        ValueError: there are fewer pairs than that.
    """
    if count > len(patients):
        raise ValueError(f'{count} of {len(patients)} pairs cannot be drawn')
    generator = _generator(seed, 'pairs')
    places = generator.sample(range(len(patients)), len(patients))
    drawn_before: dict[str, int] = {}
    rounds = {}
    for place in places:
        rounds[place] = drawn_before.get(patients[place], 0)
        drawn_before[patients[place]] = rounds[place] + 1
    return sorted(places, key=rounds.__getitem__)[:count]


def draw_trials(kind: str, cases: int, reader: str, seed: str, study_id: str) -> tuple[Trial, ...]:
    """Draws the trials of one reader.

    With forced_choice and similarity each case is one trial. With yes_no each case comes twice,
    once as its real and once as its synthetic MR, more than half as many trials apart as there are
    cases: all cases come before any comes again. The right answers of forced_choice are balanced,
    and so are those of the first half of yes_no.

    Args:
        kind: of the study.
        cases: number of cases.
        reader: name of the reader.
        seed: of the study.
        study_id: of the study: another model's, of the same cases, has other orders and sides.

    Returns:
        The trials in their order.
    """
    order = _generator(seed, study_id, reader, 'order')
    numbers = order.sample(range(1, cases + 1), cases)
    truths = _balanced(CHOICES[kind] or ('',), cases, _generator(seed, study_id, reader, 'truth'))
    first = [Trial(number, truth) for number, truth in zip(numbers, truths, strict=True)]
    if kind != 'yes_no':
        return tuple(first)
    half = cases // 2
    again = [*order.sample(first[:half], half), *order.sample(first[half:], cases - half)]
    real, synthetic = CHOICES[kind]
    other = {real: synthetic, synthetic: real}
    return (*first, *(Trial(trial.case, other[trial.truth]) for trial in again))


def _balanced(values: Sequence[str], count: int, generator: random.Random) -> list[str]:
    """Each value equally often, as far as `count` allows, in random order."""
    whole, rest = divmod(count, len(values))
    drawn = [*values] * whole + generator.sample(values, rest)
    generator.shuffle(drawn)
    return drawn


def _generator(seed: str, *purpose: str) -> random.Random:
    """The generator of one purpose."""
    return random.Random(_digest(seed, *purpose))  # noqa: S311 - seeded by a secret of 128 bits


def _digest(seed: str, *purpose: str) -> bytes:
    return hashlib.sha256('/'.join([seed, *purpose]).encode()).digest()
