"""Writes a cohort of lumbar phantoms: hospital-like studies, or a prepared data set.

    python -m ct2mr_tf.cli.make_phantom --out=PHANTOMS --patients=40

writes PHANTOMS/dicom (for each patient a thin-slice CT, and an MR with an angled axial T2 packet a
disc), PHANTOMS/landmarks (what a person would have placed), PHANTOMS/pseudonyms.key, and
PHANTOMS/truth (tissue labels and the floor of the error) for the pairs that

    python -m ct2mr_tf.cli.prepare build --dicom_root=PHANTOMS/dicom
        --landmarks=PHANTOMS/landmarks --key_file=PHANTOMS/pseudonyms.key --out=DATASET

makes of them. With --kind=pairs, a prepared data set is written straight from the phantom's truth.

A patient takes about 4 CPU seconds and 6 MB, with --kind=pairs 1 second. The same settings give the
same bytes in one version of this software, whatever the number of workers. Nothing is ever written
over: a folder that holds these very phantoms is left as it is, any other is refused.
"""

from ct2mr_tf.cli import entry

# isort: split
import functools
import hashlib
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import pandas as pd
import tqdm
from absl import flags

from ct2mr_tf.cli import phantom_folder
from ct2mr_tf.config import LARGEST_SIDE, SIDE_MULTIPLE
from ct2mr_tf.data.examples import write_pair, write_table
from ct2mr_tf.data.patient_pairs import extent_columns
from ct2mr_tf.data.splits import assign_splits
from ct2mr_tf.data.truth import TRUTH_FOLDER, write_labels, write_truth_tables
from ct2mr_tf.imaging import worker_pool
from ct2mr_tf.imaging.crop import body_extent
from ct2mr_tf.imaging.grey import DEFAULT_CT_WINDOW
from ct2mr_tf.imaging.pseudonyms import Pseudonyms
from ct2mr_tf.phantom.cohort import MOST_PATIENTS, Member, draw_cohort
from ct2mr_tf.phantom.cohort_pairs import Picture, draw_pictures
from ct2mr_tf.phantom.studies import write_studies
from ct2mr_tf.phantom.study_plan import CT_FIELD_MM, MR_FIELD_MM, StudyOptions
from ct2mr_tf.phantom.tissues import NAMES
from ct2mr_tf.problems import Problem, raise_if_any
from ct2mr_tf.version import VERSION

FLAGS = flags.FLAGS

flags.DEFINE_enum('kind', 'studies', ['studies', 'pairs'], 'What to write: see above.')
flags.DEFINE_string('out', '', 'Folder to write; must be new, or empty.')
flags.DEFINE_integer('patients', 40, 'Number of patients.', 1, MOST_PATIENTS)
flags.DEFINE_integer('seed', 0, 'Another seed is another cohort.', lower_bound=0)
flags.DEFINE_integer(
    'size',
    StudyOptions.truth_size,
    f'Pixels a side of pairs and of truth; a multiple of {SIDE_MULTIPLE}.',
    16,
    LARGEST_SIDE,
)
flags.DEFINE_integer('workers', 0, 'Processes; 0 for one a core.', lower_bound=0)
flags.DEFINE_integer(
    'ct_matrix',
    StudyOptions.ct_matrix,
    f'Studies: rows and columns of the CT, on {CT_FIELD_MM:g} mm.',
    16,
    1024,
)
flags.DEFINE_float(
    'ct_step_mm', StudyOptions.ct_step_mm, 'Studies: distance of CT slices in mm.', 0.5, 5
)
flags.DEFINE_integer(
    'mr_matrix',
    StudyOptions.mr_matrix,
    f'Studies: rows and columns of the MR, on {MR_FIELD_MM:g} mm.',
    16,
    1024,
)
flags.DEFINE_float(
    'turn_deg',
    StudyOptions.turn_deg,
    'Studies: spread of how patients lie turned, about each axis.',
    0,
    5,
)
flags.DEFINE_float(
    'jitter_mm',
    StudyOptions.jitter_mm,
    "Studies: spread of a person's hand placing landmarks, in the slice; truth/ has none.",
    0,
    10,
)

STUDY_FLAGS = ('ct_matrix', 'ct_step_mm', 'mr_matrix', 'turn_deg', 'jitter_mm')
"""Flags that --kind=pairs does not know."""

SPLIT_FRACTIONS = (0.8, 0.1, 0.1)
"""Shares of patients in train, val and test of --kind=pairs."""

KEY_FILE = 'pseudonyms.key'
"""Name of the key of the pseudonyms beside the studies."""

_Result = TypeVar('_Result')


def main(problems: list[Problem]) -> None:
    """Flags -> cohort -> folder."""
    raise_if_any(problems + _flag_problems())
    out = pathlib.Path(FLAGS.out)
    names = ('kind', 'patients', 'seed', 'size', *(STUDY_FLAGS if FLAGS.kind == 'studies' else ()))
    settings = {'version': VERSION, **{name: getattr(FLAGS, name) for name in names}}
    if phantom_folder.is_finished(out, settings):
        print(f'These phantoms are already in {out}.')
        return
    cohort = draw_cohort(FLAGS.seed, FLAGS.patients)
    write = _write_studies if FLAGS.kind == 'studies' else _write_pairs
    with phantom_folder.folder_written_whole(out, settings) as folder:
        pairs = write(cohort, folder)
    print(f'{len(cohort)} patients, {pairs} pairs of CT and MR in {out}')


def _flag_problems() -> list[Problem]:
    """What is wrong with the flags together."""
    problems = []
    if not FLAGS.out:
        problems.append(Problem('--out', 'nothing', 'a new folder', 'name the folder to write'))
    if FLAGS.size % SIDE_MULTIPLE:
        expected = f'a multiple of {SIDE_MULTIPLE}'
        problems.append(Problem('--size', f'{FLAGS.size}', expected, f'name {expected}'))
    if FLAGS.kind == 'pairs':
        given = [name for name in STUDY_FLAGS if FLAGS[name].present]
        cure = 'leave it out, or write --kind=studies'
        problems += [
            Problem(f'--{name}', 'a flag of studies', 'no such flag with --kind=pairs', cure)
            for name in given
        ]
    return problems


def _write_studies(cohort: tuple[Member, ...], folder: pathlib.Path) -> int:
    """Writes studies, landmarks, key and truth; gives the number of pairs."""
    options = StudyOptions(
        truth_size=FLAGS.size, **{name: getattr(FLAGS, name) for name in STUDY_FLAGS}
    )
    pseudonyms = Pseudonyms(_write_key(folder / KEY_FILE))
    work = functools.partial(write_studies, options=options, folder=folder)
    floors = {}
    for truth in _each(work, cohort):
        for disc in truth.discs:
            pair_id = f'{pseudonyms.patient(truth.patient_id)}_{disc.level}'
            write_labels(folder / TRUTH_FOLDER, pair_id, disc.labels)
            floors[pair_id] = disc.floor_mae
    write_truth_tables(folder / TRUTH_FOLDER, _tissue_names(), floors)
    return len(floors)


def _write_key(path: pathlib.Path) -> bytes:
    """Writes the key that the cohort's pseudonyms are made with, as a person's own key would be.

    It follows from the seed, so that the pairs of a cohort always have the same names; phantoms
    have nothing to hide.
    """
    key = hashlib.sha256(f'phantoms {FLAGS.seed}'.encode()).digest()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, 'w', encoding='ascii') as file:
        file.write(key.hex() + '\n')
    return key


def _write_pairs(cohort: tuple[Member, ...], folder: pathlib.Path) -> int:
    """Writes a prepared data set with its truth; gives the number of pairs."""
    split_of = assign_splits([member.name for member in cohort], SPLIT_FRACTIONS, FLAGS.seed)
    rows, floors = [], {}
    for pictures in _each(functools.partial(draw_pictures, size=FLAGS.size), cohort):
        for picture in pictures:
            row = _write_picture(folder, picture, split_of[picture.member.name])
            floors[f'{row["pair_id"]}'] = picture.floor_mae
            rows.append(row)
    write_truth_tables(folder / TRUTH_FOLDER, _tissue_names(), floors)
    write_table(folder, pd.DataFrame(rows))
    return len(rows)


def _write_picture(folder: pathlib.Path, picture: Picture, split: str) -> dict[str, str | float]:
    """Writes a pair and its labels; gives its row of the table."""
    pair_id = f'{picture.member.name}_{picture.level}'
    digest = write_pair(folder / split / f'{pair_id}.png', picture.ct, picture.mr)
    write_labels(folder / TRUTH_FOLDER, pair_id, picture.labels)
    half_side_mm = picture.square.half_side_mm
    return {
        'pair_id': pair_id,
        'patient_id': picture.member.name,
        'split': split,
        'level': picture.level,
        'pixel_mm': round(2 * half_side_mm / len(picture.ct), 6),
        'half_side_mm': round(half_side_mm, 6),
        'plane_angle_deg': 0.0,
        'ct_plane': 'slice',
        'days_between': 0,
        'ct_low_hu': DEFAULT_CT_WINDOW.low,
        'ct_high_hu': DEFAULT_CT_WINDOW.high,
        'mr_low': round(picture.mr_window.low, 6),
        'mr_high': round(picture.mr_window.high, 6),
        'sha256': digest,
        **extent_columns(body_extent(picture.points, picture.square)),
    }


def _tissue_names() -> dict[int, str]:
    """The name of each label, for the table of tissues."""
    return {int(tissue): name for tissue, name in NAMES.items()}


def _each(work: Callable[[Member], _Result], cohort: tuple[Member, ...]) -> Iterator[_Result]:
    """Does a work for every member, in several processes, and gives the results in order."""
    with worker_pool.ordered_map(worker_pool.worker_count(FLAGS.workers)) as run:
        # No bar where nobody watches.
        yield from tqdm.tqdm(run(work, cohort), total=len(cohort), unit='patient', disable=None)


if __name__ == '__main__':
    entry.run(main)
