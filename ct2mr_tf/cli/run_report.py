"""From measured runs to their pages: the report of one, the comparison of two."""

import pathlib

import pandas as pd

from ct2mr_tf.cli.measured_run import MeasuredRun
from ct2mr_tf.evaluation.case_pictures import CasePictures
from ct2mr_tf.evaluation.cases import Collector, case_table
from ct2mr_tf.evaluation.comparison import compare, comparison_text
from ct2mr_tf.evaluation.comparison_page import Comparison, Setting, Side, write_comparison
from ct2mr_tf.evaluation.grey_error import GreyErrors
from ct2mr_tf.evaluation.regions import RegionErrors, body_and_sac_boxes
from ct2mr_tf.evaluation.report import write_report
from ct2mr_tf.evaluation.report_page import Results, Subject


class RunReport:
    """Takes what the report of a run needs while its cases pass, and writes it."""

    def __init__(self, run: MeasuredRun, folder: pathlib.Path, phantom: bool) -> None:
        """A report of `run` in `folder`; `phantom` if its truth is known."""
        self._run, self._phantom, self._pairs = run, phantom, run.table()
        self._grey = GreyErrors()
        self._regions = RegionErrors(body_and_sac_boxes(self._pairs))
        self._pictures = CasePictures(folder, len(run.measured))

    @property
    def collectors(self) -> tuple[Collector, ...]:
        """What is to see every case of the model."""
        return self._grey, self._regions, self._pictures

    def write(
        self,
        weights: str,
        cases: pd.DataFrame,
        baselines: dict[str, pd.DataFrame],
        summary: pd.DataFrame,
        tissues: pd.DataFrame | None,
    ) -> None:
        """Writes the report.

        Args:
            weights: which the model has, in words.
            cases: table of its cases.
            baselines: the same of each baseline, by name.
            summary: of both, with the floor of phantoms.
            tissues: table of tissues, of phantoms.
        """
        run = self._run
        subject = Subject(
            run=run.name,
            weights=weights,
            data_set=run.data_set,
            data_sha256=run.data_sha256,
            split=run.split,
            patients=self._pairs.patient_id.nunique() or None,
            ct_window=_one_window(self._pairs),
            phantom=self._phantom,
        )
        collected = self._grey, self._regions, self._pictures
        write_report(subject, Results(cases, baselines, summary, tissues, *collected))


def _one_window(pairs: pd.DataFrame) -> tuple[float, float] | None:
    """The CT window of all pairs; None where there are several, or nobody knows."""
    if not {'ct_low_hu', 'ct_high_hu'} <= set(pairs.columns):
        return None
    windows = pairs[['ct_low_hu', 'ct_high_hu']].apply(pd.to_numeric, errors='coerce')
    windows = windows.drop_duplicates()
    if len(windows) != 1 or windows.isna().any(axis=None):
        return None
    return tuple(windows.iloc[0])


def compare_runs(
    runs: tuple[MeasuredRun, MeasuredRun], checkpoint: str, folder: pathlib.Path | None
) -> None:
    """Measures two runs on the same pairs, prints how they compare, and writes the page of it.

    Args:
        runs: A and B.
        checkpoint: 'best' or 'newest', of both.
        folder: of the page and its tables; None for none.

    Raises:
        UserError: a run has no such checkpoint, or none that can be read.
    """
    measured, sides = [], []
    for letter, run in zip('AB', runs, strict=True):
        predictor, step = run.restore(checkpoint)
        sides.append(Side(run.name, f'{checkpoint} generator, of step {step}'))
        print(f'{letter}: {run.name}, {checkpoint} generator, of step {step}')
        measured.append(case_table(run.predict(predictor)))
    run, pairs = runs[0], runs[0].table()
    known = dict(zip(pairs.pair_id, pairs.patient_id, strict=True))
    # Where nobody knows, every pair is somebody.
    patients = {pair_id: known.get(pair_id, pair_id) for pair_id in run.measured.pair_ids}
    (cases_a, cases_b), (a, b) = measured, sides
    result = compare(cases_a, cases_b, patients)
    print(f'\n{len(cases_a)} {run.split} pairs of {run.data_set}\n')
    print(comparison_text(result))
    if folder:
        setting = Setting(a, b, run.data_set, run.data_sha256, run.split, len(known) > 0)
        write_comparison(folder, setting, Comparison(cases_a, cases_b, patients, result))
