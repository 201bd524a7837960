"""Measures the generator of a run on a split, beside baselines fitted on the training split.

    python -m ct2mr_tf.cli.evaluate --workdir=RUN --split=test

Writes into --out (by default RUN/evaluation/<split>): cases.csv (each case: MAE, RMSE, PSNR against
the peak 255, PSNR in the paper's convention, SSIM, Pearson correlation), summary.csv (mean and SD
of the model and of every baseline), sheet.png (CT | synthetic MR | real MR | difference), and for
phantoms tissues.csv (mean grey of each tissue). Prints the summary. Takes some seconds, and about
0.6 s a slice at the paper's size on two CPU cores.
"""

import pathlib
from collections.abc import Iterator

import numpy as np
import pandas as pd
from absl import flags

from ct2mr_tf.cli import entry
from ct2mr_tf.config import load_config
from ct2mr_tf.data.examples import TABLE_FILE, Examples, load_examples, undecodable
from ct2mr_tf.data.splits import shared_patients
from ct2mr_tf.data.truth import TRUTH_FOLDER, Truth, load_truth
from ct2mr_tf.evaluation import tables
from ct2mr_tf.evaluation.baselines import fit_baselines
from ct2mr_tf.evaluation.cases import Case, Predictor, case_table, predict_cases
from ct2mr_tf.evaluation.figures import encode_png, sheet
from ct2mr_tf.evaluation.metrics import to_grey_levels
from ct2mr_tf.files import written_whole
from ct2mr_tf.problems import Problem, UserError, raise_if_any

FLAGS = flags.FLAGS

flags.DEFINE_string('workdir', '', 'Run folder whose generator is measured.')
flags.DEFINE_string('data_dir', '', 'Another prepared data set than that of the run.')
flags.DEFINE_enum('split', 'test', ['train', 'val', 'test'], 'Split to measure.')
flags.DEFINE_enum(
    'checkpoint', 'best', ['best', 'newest'], 'The best generator by validation MAE, or the newest.'
)
flags.DEFINE_string('truth', '', 'Truth of a phantom; by default truth/ in the data set.')
flags.DEFINE_string('out', '', 'Folder for tables and pictures; by default in the run folder.')
flags.DEFINE_integer('sheet_cases', 12, 'Most cases on the sheet.', lower_bound=1)


def main() -> None:
    """Flags -> run and data set -> tables and pictures."""
    if not FLAGS.workdir:
        cure = 'name the --workdir of a training run'
        raise UserError([Problem('--workdir', 'nothing', 'a run folder', cure)])
    workdir = pathlib.Path(FLAGS.workdir)
    config = load_config(workdir)
    data_dir = pathlib.Path(FLAGS.data_dir or config.data_dir)
    measured = load_examples(data_dir, required=(FLAGS.split,))[FLAGS.split]
    trained_on = load_examples(pathlib.Path(config.data_dir), required=('train',))['train']
    if FLAGS.split != 'train':
        raise_if_any(_trained_on_problems(data_dir, pathlib.Path(config.data_dir)))
    raise_if_any(
        problem for examples in (measured, trained_on) for problem in undecodable(examples)
    )
    truth = _truth_of(measured, pathlib.Path(FLAGS.truth or data_dir / TRUTH_FOLDER))
    # Here, so that --help and wrong flags answer without waiting for TensorFlow.
    from ct2mr_tf.training.predictor import restore_predictor

    predict_fn, step = restore_predictor(config, workdir, FLAGS.checkpoint)
    print(f'{FLAGS.checkpoint} generator, of step {step}; {len(measured)} {FLAGS.split} pairs\n')
    cases = list(_predict(predict_fn, measured, config.image_size))
    baselines = {
        name: case_table(_predict(baseline, measured, config.image_size))
        for name, baseline in fit_baselines(_grey_pairs(trained_on, config.image_size)).items()
    }
    out = pathlib.Path(FLAGS.out or workdir / 'evaluation' / FLAGS.split)
    _write(cases, baselines, truth, out)


def _trained_on_problems(data_dir: pathlib.Path, trained_on: pathlib.Path) -> list[Problem]:
    """Patients who would be measured and were trained on, which flatters the model."""
    shared = shared_patients(data_dir / TABLE_FILE, FLAGS.split, trained_on / TABLE_FILE)
    return [
        Problem(
            f'{data_dir / TABLE_FILE}, patient {patient_id}',
            f'in the {FLAGS.split} split, and trained on',
            'patients the run has not seen',
            'measure another data set, or leave these patients out of it',
        )
        for patient_id in shared
    ]


def _truth_of(measured: Examples, folder: pathlib.Path) -> Truth | None:
    """The truth of the pairs, where the data set is a phantom's; whole if it was asked for."""
    truth = load_truth(folder)
    if not truth:
        if FLAGS.truth:
            cure = 'name the truth/ of a phantom data set'
            raise UserError(
                [Problem(f'{folder}', 'no such folder', 'the truth of a phantom', cure)]
            )
        return None
    cure = 'name the truth of this data set, or write the phantom again'
    raise_if_any(
        Problem(f'{folder}', f'nothing of pair {pair_id}', 'its labels and its floor', cure)
        for pair_id in truth.missing(measured.pair_ids)
    )
    return truth


def _batches(examples: Examples, size: tuple[int, int]) -> Iterator[dict[str, np.ndarray]]:
    from ct2mr_tf.data.pipeline import create_eval_dataset

    return create_eval_dataset(examples, size).as_numpy_iterator()


def _predict(predict_fn: Predictor, examples: Examples, size: tuple[int, int]) -> Iterator[Case]:
    return predict_cases(predict_fn, _batches(examples, size), examples.pair_ids)


def _grey_pairs(
    examples: Examples, size: tuple[int, int]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """CT and MR of each pair as grey levels, at the size the network sees."""
    for batch in _batches(examples, size):
        yield tuple(to_grey_levels(batch[name])[0, ..., 0] for name in ('ct', 'mr'))


def _write(
    cases: list[Case], baselines: dict[str, pd.DataFrame], truth: Truth | None, out: pathlib.Path
) -> None:
    """Writes and prints the tables, and writes the sheet."""
    table = case_table(cases)
    written = {
        'cases.csv': table,
        'summary.csv': tables.summary_table({tables.MODEL: table, **baselines}),
    }
    if truth:
        floors = [truth.floor_mae[case.pair_id] for case in cases]
        written['summary.csv'] = tables.with_floor(written['summary.csv'], floors)
        labels = [truth.labels(case.pair_id, case.real.shape) for case in cases]
        written['tissues.csv'] = tables.tissue_table(cases, labels, truth.tissues)
    for name, content in written.items():
        with written_whole(out / name) as temporary:
            content.to_csv(temporary)
    with written_whole(out / 'sheet.png') as temporary:
        temporary.write_bytes(encode_png(sheet(cases[: FLAGS.sheet_cases])))
    print(tables.summary_text(written['summary.csv']))
    if truth:
        closed = tables.share_closed(written['summary.csv'])
        print(f'\nThe model goes {closed:.0%} of the way from the best baseline to the floor.\n')
        tissues = written['tissues.csv']
        print(tissues.round({'share_percent': 2}).round(1).to_string())
        off = ', '.join(tables.tissues_off(tissues)) or 'none'
        judged = f'Of the tissues that fill {tables.SMALLEST_SHARE} % of the pixels or more'
        print(f'\n{judged}, off by over {tables.TOLERANCE:g} grey levels in the mean: {off}')
    print(f'\nTables and sheet.png: {out}')


if __name__ == '__main__':
    entry.run(main)
