"""Answers of a study beside its key: what each reader said of which pair, and what was right."""

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ct2mr_tf.reader_study import study_key
from ct2mr_tf.reader_study.study_files import AnswerSheet, Study


@dataclasses.dataclass(frozen=True)
class StudyAnswers:
    """A study with its answers.

    Attributes:
        study: the study.
        cases: its cases: pair_id as the index, METRICS as columns.
        answers: one row an answer asked for, whether given or not, by reader and case: reader,
            role, years, trial, item, answer (text, empty where there is none), seconds, comment,
            pair_id, truth.
    """

    study: Study
    cases: pd.DataFrame
    answers: pd.DataFrame

    @property
    def missing_readers(self) -> tuple[str, ...]:
        """Readers of the study who sent no answers."""
        sent = set(self.answers['reader'])
        return tuple(reader for reader in self.study.readers if reader not in sent)

    @property
    def given(self) -> pd.DataFrame:
        """The answers that were given."""
        return self.answers[self.answers['answer'] != '']

    @property
    def choices(self) -> pd.DataFrame:
        """Each look at a synthetic MR: reader, role, years, pair_id, taken.

        `taken` is whether the synthetic MR was taken for the real one: chosen, or called real.
        Studies of similarity have none.
        """
        looks = self.given
        if self.study.kind == 'yes_no':
            looks = looks[looks['truth'] == 'synthetic']
        taken = looks['answer'] != looks['truth']
        return looks[['reader', 'role', 'years', 'pair_id']].assign(taken=taken)

    @property
    def scores(self) -> pd.DataFrame:
        """Scores of a study of similarity: reader, role, years, pair_id, item, percent."""
        columns = ['reader', 'role', 'years', 'pair_id', 'item']
        return self.given[columns].assign(percent=self.given['answer'].astype(float))


def read_study_answers(
    folder: pathlib.Path, study: Study, sheets: Sequence[AnswerSheet]
) -> StudyAnswers:
    """Puts the answers to a study beside its key.

    Args:
        folder: of the study.
        study: its description.
        sheets: its readers' answers, checked: each row of the study once.

    Returns:
        The answers with pairs and truth.

    Raises:
        UserError: the key is missing or damaged.
    """
    key = study_key.read_key(folder, study)
    cases = study_key.read_cases(folder, study)
    rows = []
    for sheet in sheets:
        trials = key[sheet.reader]
        # In the order of the cases, whatever the order in which this reader saw them.
        for answer in sorted(sheet.answers, key=lambda answer: trials[answer.trial - 1]):
            case, truth = trials[answer.trial - 1]
            rows.append(
                {
                    'reader': sheet.reader,
                    'role': sheet.role,
                    'years': sheet.years,
                    **dataclasses.asdict(answer),
                    'pair_id': cases.index[case - 1],
                    'truth': truth,
                }
            )
    return StudyAnswers(study, cases, pd.DataFrame(rows))


def complete(
    answers: pd.DataFrame, rows: Sequence[str], value: str, readers: Sequence[str] = ()
) -> np.ndarray:
    """Answers as a matrix of what all readers answered.

    Args:
        answers: one row an answer, with the columns `reader`, `value` and those of `rows`.
        rows: columns that name what is judged.
        value: the column of judgements.
        readers: who all readers are; by default those who answered anything here.

    Returns:
        [N, readers], in the order in which the readers first come; rows that a reader left out are
        left out.
    """
    readers = readers or list(answers['reader'].unique())
    table = answers.pivot(index=list(rows), columns='reader', values=value)
    table = table.reindex(columns=readers).dropna()
    return table.to_numpy(answers[value].dtype)
