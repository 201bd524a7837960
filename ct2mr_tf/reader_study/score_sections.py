"""The parts of a score's page: what came out of each study, in words, tables and figures."""

import dataclasses
from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from ct2mr_tf.reader_study import (
    choice_statistics,
    outcome_correlations,
    score_figures,
    score_tables,
    score_text,
    similarity_statistics,
)
from ct2mr_tf.reader_study.estimates import Estimate
from ct2mr_tf.reader_study.score_tables import ScoreTable
from ct2mr_tf.reader_study.study_answers import StudyAnswers


@dataclasses.dataclass(frozen=True)
class ScoreFigure:
    """A figure with what is said of it.

    Attributes:
        name: of its files.
        figure: the figure.
        alternative: what it shows, for those who cannot see it.
        caption: what is said below it.
    """

    name: str
    figure: Figure
    alternative: str
    caption: str


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        name: of the part, in addresses and file names.
        title: its heading.
        paragraphs: what came out, in words.
        facts: name and value of what was asked and answered.
        tables: for people; the first is the paper's.
        figures: its figures.
        numbers: all numbers, by the name of the file.
        outcome: what readers say of a case, by its name: one value a case, pair_id as the index;
            None where there is none.
    """

    name: str
    title: str
    paragraphs: Sequence[str]
    facts: Sequence[tuple[str, str]]
    tables: Sequence[ScoreTable]
    figures: Sequence[ScoreFigure]
    numbers: dict[str, pd.DataFrame]
    outcome: pd.Series | None = None


def choice_section(answers: StudyAnswers) -> Section:
    """The part on a study of forced choice."""
    choices = answers.choices
    rates = choice_statistics.rates(choices)
    cases = choice_statistics.by_case(choices, answers.cases)
    kappa = choice_statistics.choice_agreement(choices)
    drawn = score_figures.rates(rates, {'rate': 'synthetic MR taken for real, %'}, 'rate')
    caption = (
        'Each reader, and readers together, with 95 % intervals. Dashed: what guessing would give.'
    )
    alternative = 'Share of synthetic MR taken for real with intervals; the numbers are in Table 2'
    return Section(
        name='forced_choice',
        title='Which of two MR is the real one?',
        paragraphs=score_text.forced_choice(rates, kappa),
        facts=_facts(answers),
        tables=[
            score_tables.table_2(rates),
            score_tables.choice_cases(cases, 'Synthetic MR taken for the real one, by case'),
        ],
        figures=[ScoreFigure('rates', drawn, alternative, caption), *_case_figure(cases)],
        numbers={
            'rates': rates.set_index('name'),
            'cases': cases,
            'kappa': _kappa_table({'synthetic MR taken for real': kappa}),
        },
        outcome=cases['rate'].rename('Chosen as real, share of readers'),
    )


def _case_figure(cases: pd.DataFrame) -> list[ScoreFigure]:
    figure = score_figures.taken_by_case(cases)
    if figure is None:
        return []
    alternative = 'Readers who took the synthetic MR for real, by case; the numbers are in a table'
    caption = 'By how many readers the synthetic MR of each case was taken for the real one.'
    return [ScoreFigure('cases', figure, alternative, caption)]


def detection_section(answers: StudyAnswers) -> Section:
    """The part on a study that shows one picture at a time."""
    detection = choice_statistics.detection(answers.given)
    cases = choice_statistics.by_case(answers.choices, answers.cases)
    fooled = choice_statistics.choice_agreement(answers.choices)
    called = choice_statistics.detection_agreement(answers.given)
    measures = {'fooled': 'synthetic MR called real, %', 'accuracy': 'right answers, %'}
    drawn = score_figures.rates(detection, measures, 'accuracy')
    alternative = 'Shares of answers with intervals; the numbers are in Table 2'
    caption = 'Each reader, and readers together, with 95 % intervals.'
    return Section(
        name='yes_no',
        title='Is this MR real?',
        paragraphs=score_text.yes_no(detection, fooled),
        facts=_facts(answers),
        tables=[
            score_tables.table_2_yes_no(detection),
            score_tables.choice_cases(cases, 'Synthetic MR called real, by case'),
        ],
        figures=[ScoreFigure('rates', drawn, alternative, caption), *_case_figure(cases)],
        numbers={
            'rates': detection.set_index('name'),
            'cases': cases,
            'kappa': _kappa_table(
                {'synthetic MR called real': fooled, 'all MR called real': called}
            ),
        },
        outcome=cases['rate'].rename('Called real, share of readers'),
    )


def similarity_section(answers: StudyAnswers) -> Section:
    """The part on a study of similarity."""
    scores = answers.scores
    agreement = similarity_statistics.agreement(scores)
    pairs = similarity_statistics.reader_pairs(scores)
    tables = [
        score_tables.table_3(scores, agreement),
        score_tables.similarity_cases(scores, answers.cases),
    ]
    figures = [
        ScoreFigure(
            'items',
            score_figures.scores_by_item(scores),
            'Box and points of the scores of each item and reader; the means are in Table 3',
            'Every point is a case. Boxes hold the middle half of the cases, with the median.',
        )
    ]
    if pairs:
        tables.append(score_tables.limits_of_agreement(pairs))
    if 0 < len(pairs) <= score_figures.MOST_PANELS:
        figures.append(
            ScoreFigure(
                'bland_altman',
                score_figures.bland_altman(pairs),
                'Differences of two readers against their mean; the numbers are in a table',
                'Bland and Altman: the difference of two readers against their mean, a point a '
                'score. Line: bias; dashed: limits of agreement, bias ± 1.96 SD; shaded: '
                'their 95 % intervals.',
            )
        )
    return Section(
        name='similarity',
        title='How similar are synthetic and real MR?',
        paragraphs=score_text.similarity(scores, agreement),
        facts=_facts(answers),
        tables=tables,
        figures=figures,
        numbers={
            'items': similarity_statistics.by_item(scores).set_index('item'),
            'cases': similarity_statistics.by_case(scores).set_index('pair_id'),
            'readers': similarity_statistics.by_reader(scores).set_index('reader'),
            'icc': similarity_statistics.agreement_table(agreement).set_index('item'),
            'bland_altman': similarity_statistics.limits_table(pairs),
        },
        outcome=scores.groupby('pair_id')['percent'].mean().rename('Similarity, %'),
    )


def correlation_section(studies: Sequence[StudyAnswers], parts: Sequence[Section]) -> Section:
    """The part on the paper's own question: do metrics say what readers see?

    Args:
        studies: the studies; where they share a case, its metrics must be the same.
        parts: their sections, in the same order.
    """
    cases = pd.concat([answers.cases for answers in studies])
    cases = cases[~cases.index.duplicated()]
    outcomes = {one.name: one for part in parts if (one := part.outcome) is not None}
    table = outcome_correlations.correlations(cases, outcomes)
    drawn = score_figures.correlations(cases, outcomes, table)
    alternative = 'What readers say of each case against its metrics; rho is in the table'
    caption = 'Every point is a case.'
    return Section(
        name='correlations',
        title='Do MAE, PSNR and SSIM say what readers see?',
        paragraphs=score_text.correlations(table),
        facts=[],
        tables=[score_tables.correlation_table(table)],
        figures=[ScoreFigure('scatter', drawn, alternative, caption)],
        numbers={'rho': table.set_index('outcome')},
    )


SECTIONS = {
    'forced_choice': choice_section,
    'yes_no': detection_section,
    'similarity': similarity_section,
}
"""What makes the part of each kind of study."""


def _kappa_table(kappas: dict[str, Estimate]) -> pd.DataFrame:
    rows = {
        name: {'kappa': k.value, 'low': k.low, 'high': k.high, 'note': k.note}
        for name, k in kappas.items()
    }
    return pd.DataFrame.from_dict(rows, orient='index').rename_axis('of')


def _facts(answers: StudyAnswers) -> list[tuple[str, str]]:
    """What was asked and what was answered."""
    study, sent = answers.study, answers.answers
    seconds = sent.drop_duplicates(['reader', 'trial'])['seconds'].median()
    left_out = len(sent) - len(answers.given)
    facts = [
        ('Study', study.study_id),
        ('Cases', f'{study.cases}'),
        ('Readers', f'{sent["reader"].nunique()} of {len(study.readers)}'),
        ('Time on a trial', f'{seconds:.0f} s in the median'),
    ]
    if answers.missing_readers:
        facts.append(('No answers from', ', '.join(answers.missing_readers)))
    if left_out:
        facts.append(('Left without an answer', f'{left_out} of {len(sent)}'))
    return facts
