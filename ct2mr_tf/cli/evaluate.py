"""Measures the generator of a run on a split, beside baselines fitted on the training split.

    python -m ct2mr_tf.cli.evaluate --workdir=RUN --split=test --report=REPORT

Writes into --out (by default RUN/evaluation/<split>): cases.csv (each case: MAE, RMSE, PSNR against
the peak 255, PSNR in the paper's convention, SSIM, Pearson correlation), summary.csv (mean, SD and
range, of the model and of every baseline), sheet.png (CT | synthetic MR | real MR | difference),
and for phantoms tissues.csv (mean grey of each tissue). Prints the summary.

With --report it also writes a new folder: REPORT/report.html, which opens from disk and needs no
network, and beside it tables (CSV and XLSX), figures and the pictures of every case in full.

    python -m ct2mr_tf.cli.evaluate --compare=RUN_A,RUN_B --split=test --report=COMPARISON

compares two runs on the same pairs: the difference of each metric, case by case, with a bootstrap
interval over patients and a Wilcoxon test; printed, and with --report as COMPARISON/comparison.html
with its tables.

Takes some seconds, and then as long as the network takes for each slice (README, Speed).
"""

from ct2mr_tf.cli import entry

# isort: split
import contextlib
import pathlib
from collections.abc import Iterator

import pandas as pd
from absl import flags

from ct2mr_tf.cli.measured_run import MeasuredRun, open_run, open_runs
from ct2mr_tf.data.truth import TRUTH_FOLDER, Truth, load_truth
from ct2mr_tf.evaluation import tables
from ct2mr_tf.evaluation.cases import (
    Case,
    Collector,
    EvenCases,
    case_table,
    case_tables,
    collected,
)
from ct2mr_tf.evaluation.figures import encode_png, sheet
from ct2mr_tf.files import folder_written_whole, in_the_way, written_whole
from ct2mr_tf.problems import Problem, UserError, raise_if_any

FLAGS = flags.FLAGS

flags.DEFINE_string('workdir', '', 'Run folder whose generator is measured.')
flags.DEFINE_list('compare', [], 'Two run folders to compare, instead of --workdir.')
flags.DEFINE_string(
    'data_dir', '', 'Another data set than that of the run, or its own where it was moved.'
)
flags.DEFINE_enum('split', 'test', ['train', 'val', 'test'], 'Split to measure.')
flags.DEFINE_enum(
    'checkpoint', 'best', ['best', 'newest'], 'The best generator by validation MAE, or the newest.'
)
flags.DEFINE_string('truth', '', 'Truth of a phantom; by default truth/ in the data set.')
flags.DEFINE_string('out', '', 'Folder for tables and sheet; by default in the run folder.')
flags.DEFINE_string('report', '', 'New folder for a report: a page, tables, figures, pictures.')
flags.DEFINE_integer(
    'sheet_cases', 12, 'Most cases on the sheet, evenly spread over the split.', lower_bound=1
)


def main(problems: list[Problem]) -> None:
    """Flags -> run and data set -> tables, pictures and report."""
    raise_if_any(problems + _flag_problems())
    if FLAGS.compare:
        folders = [pathlib.Path(run) for run in FLAGS.compare]
        one, other = open_runs(folders, FLAGS.data_dir, FLAGS.split)
        # Here and below, so that --help and wrong flags do not wait for matplotlib and scipy.
        from ct2mr_tf.cli.run_report import compare_runs

        with _report_folder() as folder:
            compare_runs((one, other), FLAGS.checkpoint, folder)
        return
    run = open_run(pathlib.Path(FLAGS.workdir), FLAGS.data_dir, FLAGS.split)
    truth = _truth_of(run, pathlib.Path(FLAGS.truth or run.data_dir / TRUTH_FOLDER))
    with _report_folder() as folder:
        _measure(run, truth, folder)


@contextlib.contextmanager
def _report_folder() -> Iterator[pathlib.Path | None]:
    """The folder to write a report into, which appears whole; None where none is wanted."""
    if not FLAGS.report:
        yield None
        return
    with folder_written_whole(pathlib.Path(FLAGS.report)) as folder:
        yield folder
    print(f'Report: {FLAGS.report}')


def _flag_problems() -> list[Problem]:
    """Flags that contradict each other, and a report's folder that is taken."""
    problems = []
    if FLAGS.compare:
        cure = 'give --compare=RUN_A,RUN_B, or --workdir for a single run'
        if len(FLAGS.compare) != 2:
            found = f'{len(FLAGS.compare)} run folders'
            problems.append(Problem('--compare', found, 'two', cure))
        problems += [
            Problem(f'--{name}', value, f'no --{name} beside --compare', cure)
            for name in ('workdir', 'truth', 'out')
            if (value := FLAGS[name].value)
        ]
    elif not FLAGS.workdir:
        cure = 'name the --workdir of a training run'
        problems.append(Problem('--workdir', 'nothing', 'a run folder', cure))
    if FLAGS.report:
        report = pathlib.Path(FLAGS.report)
        problems += in_the_way(report)
        if not FLAGS.compare and _out().resolve().is_relative_to(report.resolve()):
            cure = 'name a folder of its own for the report'
            found = f'{report}, which is to hold --out, {_out()}'
            problems.append(Problem('--report', found, 'a folder apart from --out', cure))
    return problems


def _out() -> pathlib.Path:
    """The folder for tables and sheet."""
    return pathlib.Path(FLAGS.out or pathlib.Path(FLAGS.workdir) / 'evaluation' / FLAGS.split)


def _truth_of(run: MeasuredRun, folder: pathlib.Path) -> Truth | None:
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
        for pair_id in truth.missing(run.measured.pair_ids)
    )
    return truth


def _measure(run: MeasuredRun, truth: Truth | None, folder: pathlib.Path | None) -> None:
    """Measures the run and its baselines, writes and prints what comes out, and reports it."""
    report = None
    if folder:
        from ct2mr_tf.cli.run_report import RunReport

        report = RunReport(run, folder, phantom=truth is not None)
    predictor, step = run.restore(FLAGS.checkpoint)
    weights = f'{FLAGS.checkpoint} generator, of step {step}'
    print(f'{weights}; {len(run.measured)} {run.split} pairs\n')
    on_sheet = EvenCases(len(run.measured), FLAGS.sheet_cases)
    tissues = truth and tables.TissueSums(
        lambda case: truth.labels(case.pair_id, case.real.shape), truth.tissues
    )
    collectors: list[Collector] = [on_sheet]
    collectors += [tissues] if tissues else []
    collectors += report.collectors if report else ()
    cases = case_table(collected(run.predict(predictor), collectors))
    baselines = case_tables(
        {name: run.predict(baseline) for name, baseline in run.baselines().items()}
    )
    summary = tables.summary_table({tables.MODEL: cases, **baselines})
    if truth:
        summary = tables.with_floor(summary, [truth.floor_mae[pair_id] for pair_id in cases.index])
    tissue_table = tissues.table() if tissues else None
    _write(cases, summary, tissue_table, on_sheet.cases)
    if report:
        report.write(weights, cases, baselines, summary, tissue_table)


def _write(
    cases: pd.DataFrame, summary: pd.DataFrame, tissues: pd.DataFrame | None, on_sheet: list[Case]
) -> None:
    """Writes and prints the tables, and writes the sheet."""
    out = _out()
    written = {'cases.csv': cases, 'summary.csv': summary}
    if tissues is not None:
        written['tissues.csv'] = tissues
    else:  # those of an earlier evaluation would pass for this one's
        (out / 'tissues.csv').unlink(missing_ok=True)
    for name, content in written.items():
        with written_whole(out / name) as temporary:
            content.to_csv(temporary)
    with written_whole(out / 'sheet.png') as temporary:
        temporary.write_bytes(encode_png(sheet(on_sheet)))
    print(tables.summary_text(summary))
    if tissues is not None:
        closed = tables.share_closed(summary)
        print(f'\nThe model goes {closed:.0%} of the way from the best baseline to the floor.\n')
        print(tissues.round({'share_percent': 2}).round(1).to_string())
        off = ', '.join(tables.tissues_off(tissues)) or 'none'
        judged = f'Of the tissues that fill {tables.SMALLEST_SHARE} % of the pixels or more'
        print(f'\n{judged}, off by over {tables.TOLERANCE:g} grey levels in the mean: {off}')
    print(f'\nTables and sheet.png: {out}')


if __name__ == '__main__':
    entry.run(main)
