"""Scoring reader studies: files of answers to tables, figures and a page."""

import itertools
import pathlib
from collections.abc import Sequence

import numpy as np

from ct2mr_tf.evaluation import fonts
from ct2mr_tf.files import folder_written_whole, in_the_way
from ct2mr_tf.problems import Problem, UserError, raise_if_any
from ct2mr_tf.reader_study import score_report, study_files
from ct2mr_tf.reader_study.answer_files import read_answers
from ct2mr_tf.reader_study.study_answers import StudyAnswers, read_study_answers
from ct2mr_tf.reader_study.study_files import Study

MOST_LETTERS = 10
"""Letters listed of those that no font has."""


def score_studies(
    studies: Sequence[pathlib.Path],
    answers: Sequence[pathlib.Path],
    out: pathlib.Path,
    allow_incomplete: bool = False,
) -> str:
    """Scores one reader study, or several of different kinds that then share a page.

    A file of answers names its study, so those of several studies may lie in one folder.

    Args:
        studies: folders of studies as `reader_study build` wrote them, with their keys.
        answers: files of answers, and folders of such files.
        out: the folder to write, whole or not at all; missing or empty.
        allow_incomplete: whether readers, or their answers to some trials or items, may be missing.

    Returns:
        The main tables as text, and what is missing, also letters in the fonts of the figures.

    Raises:
        UserError: a study or its key cannot be read, two studies are of one kind, or `out` is not
            free; else an answer file is refused, with its line; else a reader sent none, or two
            studies are of different models, or nothing was answered.
        OSError: the place cannot be written to, or the disk is full.
    """
    described = _described(studies, in_the_way(out))
    sheets = read_answers(answers, [study for _, study in described], allow_incomplete)
    scored = [
        read_study_answers(folder, study, sheets[study.study_id]) for folder, study in described
    ]
    raise_if_any([*_conflicts(scored), *([] if allow_incomplete else _silent(scored))])
    raise_if_any(_empty(scored))
    notes = [*_missing(scored), *_without_font(scored)]
    with folder_written_whole(out) as work:
        tables = score_report.write_score(scored, work)
    return '\n\n'.join([*(table.text() for table in tables), *notes])


def _described(
    folders: Sequence[pathlib.Path], problems: list[Problem]
) -> list[tuple[pathlib.Path, Study]]:
    """The studies of some folders.

    Raises:
        UserError: there are problems already, a study cannot be read, or two are of one kind.
    """
    described: list[tuple[pathlib.Path, Study]] = []
    first: dict[str, pathlib.Path] = {}
    for folder in folders:
        try:
            study = study_files.read_study(folder)
        except UserError as error:
            problems += error.problems
            continue
        described.append((folder, study))
        if study.kind in first:
            cure = 'score them one after the other'
            found = f'of the kind {study.kind}, as is {first[study.kind]}'
            problems.append(Problem(f'{folder}', found, 'one study of each kind', cure))
        first.setdefault(study.kind, folder)
    raise_if_any(problems)
    return described


def _conflicts(scored: Sequence[StudyAnswers]) -> list[Problem]:
    """Cases that two studies share and that have other metrics: of another model."""
    problems = []
    for answers, other in itertools.combinations(scored, 2):
        shared = answers.cases.index.intersection(other.cases.index)
        differs = ~np.isclose(
            answers.cases.loc[shared, 'mae'], other.cases.loc[shared, 'mae'], rtol=1e-9
        )
        if differs.any():
            cure = 'score studies of different models one after the other'
            where = f'studies {answers.study.study_id} and {other.study.study_id}'
            found = (
                f'another MAE in {differs.sum()} of {len(shared)} cases, first {shared[differs][0]}'
            )
            problems.append(Problem(where, found, 'synthetic MR of one model', cure))
    return problems


def _silent(scored: Sequence[StudyAnswers]) -> list[Problem]:
    """Readers who sent no answers."""
    cure = 'add their files, or say --allow_incomplete to score without them'
    return [
        Problem(
            f'study {answers.study.study_id}',
            f'no answers from {", ".join(answers.missing_readers)}',
            'a file of answers from each reader',
            cure,
        )
        for answers in scored
        if answers.missing_readers
    ]


def _empty(scored: Sequence[StudyAnswers]) -> list[Problem]:
    """Studies without an answer to score, which --allow_incomplete lets through."""
    cure = 'ask the readers to answer, or leave the study out'
    problems = []
    for answers in scored:
        seen = answers.given['truth'].unique()
        found = 'no answers' if not len(seen) else f'answers to {seen[0]} MR only'
        if not len(seen) or (answers.study.kind == 'yes_no' and len(seen) == 1):
            where = f'study {answers.study.study_id}'
            problems.append(Problem(where, found, 'answers that can be scored', cure))
    return problems


def _missing(scored: Sequence[StudyAnswers]) -> list[str]:
    """What is not there, for a terminal."""
    lines = []
    for answers in scored:
        name = f'study {answers.study.study_id}'
        if answers.missing_readers:
            lines.append(f'No answers to {name} from {", ".join(answers.missing_readers)}.')
        left_out = len(answers.answers) - len(answers.given)
        if left_out:
            lines.append(f'Left without an answer in {name}: {left_out} of {len(answers.answers)}.')
    return lines


def _without_font(scored: Sequence[StudyAnswers]) -> list[str]:
    """A sentence on letters that the figures cannot show, for a terminal."""
    named = [name for answers in scored for name in (answers.study.items or answers.cases.index)]
    letters = fonts.without_glyph(''.join(named))
    if not letters:
        return []
    shown = letters[:MOST_LETTERS] + ('...' if len(letters) > MOST_LETTERS else '')
    cure = 'for Korean, install Noto Sans CJK or NanumGothic and score again'
    return [f'Figures show boxes for {shown}: none of their fonts here has these; {cure}.']
