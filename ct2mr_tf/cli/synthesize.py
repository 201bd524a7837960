"""From a patient's CT to synthetic MR: DICOM files that lie in the right place of the CT.

    python -m ct2mr_tf.cli.synthesize --ct=CT --landmarks=POINTS --saved_model=EXPORT --out=OUT
    python -m ct2mr_tf.cli.synthesize --ct=CT --landmarks=POINTS --server=http://host:8501
        --label=stable --out=OUT

Writes into --out a DICOM file for each disc with landmarks (discs/), and a sheet of CT beside
synthetic MR. With --volume also every CT slice from the highest disc to the lowest: as a DICOM
series on one grid (volume/, from head to foot), as volume.nii.gz, as a sheet, and as sagittal and
coronal pictures through the canal. Beyond the squares that were made, a volume holds -1.

The files belong to the patient and study of the CT, in a series of their own; with --anonymize to a
pseudonym. The same call writes the same bytes. Nothing is written over but what this command wrote,
and one process at a time writes to a folder.
Discs that a model cannot be shown as it was trained (see `prepare`) are refused, all at once.
Takes some seconds to start, and then as long as the network takes for each slice (README, Speed).
"""

from ct2mr_tf.cli import entry

# isort: split
import functools
import pathlib
from collections.abc import Iterator

import numpy as np
from absl import flags

from ct2mr_tf.cli import (
    prepare_flags,
    study_command,
    synthesis_folder,
    synthesis_request,
    synthesis_series,
    synthesize_flags,
)
from ct2mr_tf.cli.synthesis_series import Products
from ct2mr_tf.imaging import patient_record, synthesis
from ct2mr_tf.imaging.dicom_writer import Synthesizer
from ct2mr_tf.imaging.synthesis import PictureOptions
from ct2mr_tf.problems import Problem, UserError, raise_if_any
from ct2mr_tf.serving.client import Client
from ct2mr_tf.serving.model_card import ModelCard, SyntheticMrModel
from ct2mr_tf.serving.saved_model import LocalModel

FLAGS = flags.FLAGS

BATCH = 8
"""Pictures a model is asked for at a time: enough to keep it busy, few enough to show progress."""


def main(problems: list[Problem]) -> None:
    """Flags -> CT and landmarks -> pictures -> model -> files."""
    problems += synthesize_flags.path_problems()
    levels = synthesize_flags.chosen_levels(problems)
    limits = synthesize_flags.limits(problems)
    read_options = prepare_flags.read_options(problems)
    raise_if_any(problems)
    with study_command.opened_pseudonyms() as (pseudonyms, meanings):
        case = synthesis_request.read_case(levels, read_options, pseudonyms, meanings)
        model = _model()
        options = PictureOptions(_side(model.card), model.card.ct_window, FLAGS.max_padding_share)
        limits = synthesize_flags.with_plane(limits, FLAGS.plane, model.card.ct_plane)
        plan = synthesis_request.plan(case, limits, FLAGS.volume)
        record_of = patient_record.patients_own
        if FLAGS.anonymize:
            record_of = functools.partial(patient_record.anonymized, pseudonyms=pseudonyms)
        card = model.card
        synthesizer = Synthesizer(card.name, card.model_sha256, card.ct_window)
        products = synthesis_series.products(plan, record_of, synthesizer, options.size)
        out, description = pathlib.Path(FLAGS.out), products.description
        synthesis_folder.check_folder(out, products.names, description)
        ct = _cut_pictures(plan, options)
        with synthesis_folder.held_folder(out, products.names, description):
            mr = np.concatenate(list(_answers(model, ct)))
            synthesis_folder.write_folder(out, products.contents(ct, mr), description)
    _report(plan, products)


def _model() -> SyntheticMrModel:
    """The model that the flags name, ready to be asked.

    Raises:
        UserError: it cannot be reached or loaded.
    """
    if FLAGS.saved_model:
        return LocalModel(pathlib.Path(FLAGS.saved_model))
    client = Client(FLAGS.server, FLAGS.model, FLAGS.version, FLAGS.label)
    client.wait_available(FLAGS.wait_s)
    return client


def _side(card: ModelCard) -> int:
    """The side of the pictures that the model was trained on.

    Raises:
        UserError: they were not square, as crops of discs are.
    """
    height, width = card.picture
    if height != width:
        cure = 'export a model that was trained on square pictures'
        found = f'pictures of {height} x {width} pixels'
        raise UserError([Problem(f'model {card.name}', found, 'square pictures', cure)])
    return height


def _cut_pictures(plan: synthesis_request.Plan, options: PictureOptions) -> np.ndarray:
    """The CT of all pictures, uint8 [n, N, N].

    Raises:
        UserError: pixels cannot be read, or were not measured.
    """
    with study_command.progress_bar('CT', 'picture') as progress:
        ct, refused = synthesis.cut_pictures(plan.pictures, options, progress)
    raise_if_any(
        dict.fromkeys(
            synthesis_request.problem_of(one.level or '--volume', finding)
            for one, finding in refused
        )
    )
    return ct


def _answers(model: SyntheticMrModel, ct: np.ndarray) -> Iterator[np.ndarray]:
    """Synthetic MR, some pictures at a time.

    Raises:
        UserError: the model does not answer.
    """
    with study_command.progress_bar('synthetic MR', 'picture') as progress:
        for first in range(0, len(ct), BATCH):
            yield model.synthesize(ct[first : first + BATCH])
            progress(min(first + BATCH, len(ct)), len(ct))


def _report(plan: synthesis_request.Plan, products: Products) -> None:
    """Prints what was made."""
    levels = ', '.join(one.level for one in plan.discs)
    volume = f', and a volume of {len(plan.volume)} slices' if plan.volume else ''
    print(f'Synthetic MR of {levels}{volume}')
    for note in synthesis_request.notes(plan.pictures):
        print(f'Look at {note}')
    print(f'\n{len(products.names)} files: {FLAGS.out}\nNot for diagnosis.')


if __name__ == '__main__':
    synthesize_flags.define_flags()
    flags.adopt_module_key_flags(synthesize_flags)
    entry.run(study_command.without_paths(main))
