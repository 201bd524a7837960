"""The tables in the paper's layout, on the paper's shape of data, word for word."""

import pathlib

import numpy as np
import pandas as pd
import simulated_readers
from test_choice_statistics import choices_of, yes_no_of
from test_similarity_statistics import scores_of

from ct2mr_tf.reader_study import (
    choice_statistics,
    outcome_correlations,
    score_tables,
    similarity_statistics,
    study_files,
)
from ct2mr_tf.reader_study.score_tables import ScoreTable

TAKEN = np.arange(15)[:, np.newaxis] < np.array([0, 1, 2, 3, 5, 6])
"""Six readers who take the synthetic MR of 0 to 6 of 15 cases for the real one: 0 to 40 %."""

CALLED_REAL = np.arange(15)[:, np.newaxis] < np.array([15, 14, 12, 12, 10, 9])
"""How many of the 15 real MR they call real."""

EXPECTED = pathlib.Path(__file__).with_name('paper_tables.txt').read_text().strip().split('\n\n')
"""The tables of both kinds of Table 2, Table 3, and the limits of agreement."""


def paper_scores():
    """Scores of two readers, nine items and 15 cases, without any chance."""
    case, item = np.meshgrid(np.arange(15), np.arange(9), indexing='ij')
    first = 70 + (3 * case + 2 * item) % 17 + item
    second = first + (5 * case**2 + 7 * item) % 13 - 5
    return scores_of(np.stack([first, second], axis=1), study_files.PAPER_ITEMS)


def test_table_2():
    table = score_tables.table_2(choice_statistics.rates(choices_of(TAKEN)))
    assert table.text() == EXPECTED[0]
    assert table.main == {6, 7, 8, 9}


def test_table_2_of_a_yes_no_study():
    table = score_tables.table_2_yes_no(choice_statistics.detection(yes_no_of(CALLED_REAL, TAKEN)))
    assert table.text() == EXPECTED[1]


def test_table_3():
    scores = paper_scores()
    table = score_tables.table_3(scores, similarity_statistics.agreement(scores))
    assert table.text() == EXPECTED[2]
    assert table.main == {9}
    assert table.notes == ()


def test_limits_of_agreement():
    pairs = similarity_statistics.reader_pairs(paper_scores())
    assert score_tables.limits_of_agreement(pairs).text() == EXPECTED[3]


def test_table_3_of_one_reader_says_why_there_is_no_agreement():
    scores = paper_scores()
    scores = scores[scores['reader'] == 'reader_01']
    table = score_tables.table_3(scores, similarity_statistics.agreement(scores))
    assert table.frame()['ICC(2,1) [95 % CI]'].unique().tolist() == ['–']
    (note,) = table.notes
    assert note.startswith('ICC of Disc signal, Degree of disc protrusion, ')
    assert note.endswith(': not defined: there is one reader.')


def test_a_reader_without_a_score_has_a_dash():
    scores = scores_of([[[70, 90], [80, 90]]])
    scores = scores.drop(index=3)  # the second reader's bone
    table = score_tables.table_3(scores, similarity_statistics.agreement(scores))
    assert table.rows[1][:4] == ('Bone', '90.0', '–', '90.0')


def test_cases_are_ordered_by_what_readers_say():
    metrics = simulated_readers.drawn_metrics(np.random.default_rng(0), 3)
    metrics.index = ['P000', 'P001', 'P002']
    metrics['mae'] = [10.123, 20, 15]
    by_case = choice_statistics.by_case(choices_of([[0, 1], [0, 0], [1, 1]]), metrics)
    table = score_tables.choice_cases(by_case, 'by case')
    assert [row[:4] for row in table.rows] == [
        ('P002', '2/2', '100 [16, 100]', '15.00'),
        ('P000', '1/2', '50 [1, 99]', '10.12'),
        ('P001', '0/2', '0 [0, 84]', '20.00'),
    ]
    assert [row[-1] for row in table.rows] == ['reader_01, reader_02', 'reader_02', '']


def test_similarity_by_case():
    metrics = simulated_readers.drawn_metrics(np.random.default_rng(0), 2)
    metrics.index = ['P000', 'P001']
    scores = scores_of([[[90, 80], [80, 70]], [[60, 60], [60, 60]]])
    table = score_tables.similarity_cases(scores, metrics)
    assert [row[:4] for row in table.rows] == [
        ('P001', '60.0 ± 0.0', '60.0 ± 0.0', '60.0 ± 0.0'),
        ('P000', '85.0 ± 7.1', '75.0 ± 7.1', '80.0 ± 8.2'),
    ]


def test_correlations_say_which_sign_is_expected_and_why_there_is_none():
    metrics = simulated_readers.drawn_metrics(np.random.default_rng(0), 8)
    outcomes = {
        'similarity': -metrics['mae'],
        'taken': pd.Series(0.0, index=metrics.index),
    }
    table = score_tables.correlation_table(outcome_correlations.correlations(metrics, outcomes))
    assert table.rows[0][:4] == ('similarity', 'MAE', '8', 'negative')
    assert table.rows[0][4].startswith('−1.00 [')
    assert table.rows[3] == ('taken', 'MAE', '8', 'negative', '–', '')
    (note,) = table.notes
    assert note == (
        'rho of taken and MAE, taken and PSNR, dB, taken and SSIM, similarity and taken: not '
        'defined: one of the two is the same in all cases.'
    )


def test_roles():
    assert score_tables.role_name('spine_surgeon') == 'Spine surgeon'


def test_the_frame_of_a_table():
    table = ScoreTable('caption', ('Item', 'A'), (('Disc', '1'), ('Bone', '2')))
    assert table.frame().to_dict() == {'A': {'Disc': '1', 'Bone': '2'}}
    assert table.text() == 'caption\nItem  A\nDisc  1\nBone  2'
