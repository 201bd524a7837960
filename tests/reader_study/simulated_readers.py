"""Readers who answer as told: with a known rate, or with a known agreement; and their studies."""

import dataclasses
import pathlib

import numpy as np
import pandas as pd

from ct2mr_tf.evaluation.metrics import METRICS
from ct2mr_tf.reader_study import study_files, study_key
from ct2mr_tf.reader_study.study_files import Answer, AnswerSheet, Study

ROLES = ('radiologist', 'radiologist', 'spine_surgeon', 'spine_surgeon', 'resident', 'resident')
"""The paper's six readers."""

YEARS = (12, 9, 15, 7, 3, 2)


def study_of(kind, readers=6, cases=15, items=()):
    """A study of this shape."""
    return Study(
        study_id=f'S{study_files.KINDS.index(kind):012x}',
        kind=kind,
        cases=cases,
        trials=cases * (2 if kind == 'yes_no' else 1),
        readers=tuple(f'reader_{number:02d}' for number in range(1, readers + 1)),
        items=items or (study_files.PAPER_ITEMS if kind == 'similarity' else ()),
    )


@dataclasses.dataclass
class SimulatedStudy:
    """A study in a folder, with a key drawn at random."""

    folder: pathlib.Path
    study: Study
    key: dict
    cases: pd.DataFrame

    def sheet(self, number, say):
        """Answers of reader `number`: `say(case from 0, truth, item)` gives each one's text."""
        reader = self.study.readers[number]
        answers = []
        for trial, item in self.study.rows:
            case, truth = self.key[reader][trial - 1]
            answers.append(Answer(trial, item, say(case - 1, truth, item), 10.0 + trial, ''))
        role, years = ROLES[number % len(ROLES)], YEARS[number % len(YEARS)]
        return AnswerSheet(self.study.study_id, reader, role, years, tuple(answers))

    def chooser(self, number, taken):
        """The sheet of a reader who takes synthetic for real in the cases of `taken` (bool)."""
        other = {'1': '2', '2': '1'}
        return self.sheet(number, lambda case, truth, item: other[truth] if taken[case] else truth)

    def rater(self, number, scores):
        """The sheet of a reader who gives `scores`, float [cases, items]."""
        items = self.study.items
        return self.sheet(number, lambda case, _, item: f'{scores[case, items.index(item)]:.0f}')

    def write_answers(self, sheets, folder=None):
        """Writes the files of answers; gives their folder."""
        folder = folder or self.folder.parent / f'{self.folder.name}_answers'
        folder.mkdir(exist_ok=True)
        for sheet in sheets:
            path = folder / f'answers_{sheet.reader}.csv'
            path.write_text(study_files.answers_text(sheet), encoding='utf-8', newline='')
        return folder


def simulated_study(folder, study, seed=0, metrics=None):
    """Writes study.json and key/ of a study with orders and sides drawn at random."""
    rng = np.random.default_rng(seed)
    choices = study_files.CHOICES[study.kind] or ('',)
    key, rows = {}, []
    for reader in study.readers:
        cases = rng.permutation(
            np.repeat(np.arange(1, study.cases + 1), study.trials // study.cases)
        )
        shown = {int(case): list(rng.permutation(choices)) for case in np.unique(cases)}
        key[reader] = [(int(case), str(shown[case].pop())) for case in cases]
        rows += [
            (study.study_id, reader, trial, *shows) for trial, shows in enumerate(key[reader], 1)
        ]
    cases = metrics if metrics is not None else drawn_metrics(rng, study.cases)
    study_files.write_study(study, folder)
    (folder / 'key').mkdir()
    pd.DataFrame(rows, columns=study_key.KEY_COLUMNS).to_csv(folder / 'key/key.csv', index=False)
    table = cases.rename_axis('pair_id').reset_index()
    table.insert(0, 'case', range(1, study.cases + 1))
    table.to_csv(folder / 'key/cases.csv', index=False)
    return SimulatedStudy(folder, study, key, cases)


def drawn_metrics(rng, cases):
    """Metrics of some cases, in a plausible range: pair_id as the index."""
    mae = rng.uniform(12, 30, cases)
    values = {
        'mae': mae,
        'rmse': mae * 1.4,
        'psnr_db': 48.13 - 20 * np.log10(mae * 1.4),
        'psnr_paper_db': 96.26 - 20 * np.log10(mae * 1.4),
        'ssim': 0.9 - mae / 100 + rng.normal(0, 0.03, cases),
        'pearson': 1 - mae / 200,
    }
    index = [f'P{number:03d}_L4-5' for number in range(1, cases + 1)]
    return pd.DataFrame(values, index=index)[list(METRICS)]


def fooled(rng, cases, readers, rate, kappa=0.0):
    """Who takes which synthetic MR for real: bool [cases, readers] of a known rate and kappa.

    Each case has a rate of its own, of the beta distribution with this mean; two readers' answers
    to one case then correlate by 1 / (a + b + 1), which is Fleiss' kappa of the population.
    """
    if not kappa:
        return rng.random((cases, readers)) < rate
    both = 1 / kappa - 1
    return rng.random((cases, readers)) < rng.beta(rate * both, (1 - rate) * both, (cases, 1))


def rated(rng, shape, variances, mean=80.0):
    """Scores float [cases, readers] of known ICC(2,1): variances of cases, readers and the rest."""
    cases, readers = shape
    of_cases, of_readers, rest = np.sqrt(variances)
    return (
        mean
        + rng.normal(0, of_cases, (cases, 1))
        + rng.normal(0, of_readers, (1, readers))
        + rng.normal(0, rest, (cases, readers))
    )
