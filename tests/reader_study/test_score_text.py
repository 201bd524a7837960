"""What a score says: never more than the numbers do."""

import numpy as np
import pytest
import simulated_readers
from test_choice_statistics import choices_of, yes_no_of
from test_similarity_statistics import scores_of

from ct2mr_tf.reader_study import (
    choice_statistics,
    outcome_correlations,
    score_text,
    similarity_statistics,
)


def said_of(taken):
    choices = choices_of(taken)
    kappa = choice_statistics.choice_agreement(choices)
    return score_text.forced_choice(choice_statistics.rates(choices), kappa)


def spread(counts, cases=15):
    """bool [cases, readers]: so many of each reader, each beginning at another case."""
    return np.stack(
        [np.roll(np.arange(cases) < count, 5 * place) for place, count in enumerate(counts)], axis=1
    )


def test_readers_who_tell():
    first, second, third, _ = said_of(spread([1, 2, 3, 2, 1, 3]))
    assert first.startswith('6 readers gave 90 answers. In 12 the synthetic MR was taken for the ')
    assert 'by reader 6.7 to 20.0 %' in first
    assert second.startswith('Together, the readers tell the synthetic MR from the real one better')
    assert 'Of the 6 readers, 4 differ from guessing' in second
    assert third.startswith(
        'With 15 cases, a reader differs from guessing (p < 0.05) with at most 3 or at least 12'
    )


def test_readers_who_cannot_be_told_from_guessing_are_not_said_to_guess():
    second = said_of(spread([6, 7, 8, 8, 7, 6]))[1]
    assert 'do not show that the readers can tell' in second
    assert 'they do not show that they cannot' in second
    assert 'Of the 6 readers, 0 differ' in second


def test_readers_who_are_misled():
    assert 'it misleads them' in said_of(spread([13, 14, 13, 12, 14, 13]))[1]


def test_guessing_is_ruled_out_though_the_interval_holds_one_half():
    """All six are right in ten cases and wrong in five: 30 of 90, but by few cases."""
    said = said_of(np.repeat(np.arange(15)[:, np.newaxis] < 5, 6, axis=1))[1]
    assert said.startswith('Readers who all guess would seldom answer like this (p = 0.002)')
    assert 'do not show' not in said
    assert 'is not ruled out: 10 to 65 % all fit.' in said


def test_too_few_cases_to_tell_anything():
    third = said_of(spread([0, 1], cases=5))[2]
    assert third.startswith('With 5 cases, no reader can be told from one who guesses')


def test_kappa_in_words():
    rng = np.random.default_rng(0)
    same = np.repeat(rng.random((15, 1)) < 0.4, 5, axis=1)
    same[0, 0] = ~same[0, 0]
    assert said_of(same)[3].endswith('it is the same synthetic MR that mislead several readers.')
    assert 'in part' in said_of(same)[3]
    # Each reader is misled by cases of their own.
    other = np.arange(15)[:, np.newaxis] % 5 == np.arange(5)
    assert 'every case has the same number' in said_of(other)[3]
    assert said_of(np.zeros((15, 5), bool))[3] == (
        "Fleiss' kappa is not defined: all readers gave one and the same answer throughout."
    )


def test_yes_no_in_words():
    real, synthetic = spread([12, 12, 12]), spread([3, 3, 3])
    detection = choice_statistics.detection(yes_no_of(real, synthetic))
    kappa = choice_statistics.choice_agreement(choices_of(synthetic))
    first, second, third, _ = score_text.yes_no(detection, kappa)
    assert first.startswith('3 readers gave 90 answers, of which 80.0 % (95 % interval ')
    assert 'A synthetic MR was called real in 20.0 %' in first
    assert 'how readily a reader says so' in second
    assert third == 'Together, the readers tell the two apart better than chance.'
    misled = choice_statistics.detection(yes_no_of(synthetic, real))
    assert 'wrong more often than chance' in score_text.yes_no(misled, kappa)[2]
    guessing = choice_statistics.detection(yes_no_of(synthetic, synthetic))
    assert 'they do not show that they cannot' in score_text.yes_no(guessing, kappa)[2]


def test_similarity_in_words():
    rng = np.random.default_rng(0)
    percent = np.stack(
        [simulated_readers.rated(rng, (15, 2), (30, 10, 60), mean) for mean in (70, 90)], axis=-1
    )
    scores = scores_of(percent)
    first, second, _ = score_text.similarity(scores, similarity_statistics.agreement(scores))
    assert first.startswith('2 readers gave 60 scores to 15 cases: ')
    assert first.endswith('.') and 'The most similar is Bone' in first
    assert second.startswith('Agreement of the readers: ICC(2,1) of the mean of all items is ')
    assert second.endswith('leaves open whether they agree well or poorly.')
    one = scores[(scores['reader'] == 'reader_01') & (scores['item'] == 'Disc')]
    first, second, _ = score_text.similarity(one, similarity_statistics.agreement(one))
    assert first.startswith('1 reader gave 15 scores') and 'most similar' not in first
    assert second.endswith('ICC(2,1) of disc is not defined: there is one reader.')


def test_a_correlation_against_the_metric_is_called_one():
    metrics = simulated_readers.drawn_metrics(np.random.default_rng(0), 15)
    table = outcome_correlations.correlations(metrics, {'similarity': metrics['mae']})
    first, _ = score_text.correlations(table)
    assert 'MAE with similarity (rho 1.00, against what the metric says)' in first


@pytest.mark.parametrize('sees', [True, False])
def test_correlations_in_words(sees):
    metrics = simulated_readers.drawn_metrics(np.random.default_rng(0), 15)
    outcome = -metrics['mae'] if sees else metrics['mae'].sample(frac=1, random_state=3)
    outcome.index = metrics.index
    table = outcome_correlations.correlations(metrics, {'similarity': outcome})
    first, second = score_text.correlations(table)
    if sees:
        assert first.startswith('Of 3 correlations, p < 0.05 holds for: MAE with similarity (rho −')
    else:
        assert first.startswith('None of the 3 correlations can be told from zero')
        assert 'not to show that they do not' in first
    # R: qt(0.975, 13) = 2.1604; 2.1604 / sqrt(13 + 2.1604 ** 2) = 0.514.
    assert second.startswith('With 15 cases, only a correlation beyond about ±0.51 ')


def test_correlations_that_do_not_exist():
    metrics = simulated_readers.drawn_metrics(np.random.default_rng(0), 15)
    table = outcome_correlations.correlations(metrics, {'taken': metrics['mae'] * 0})
    assert score_text.correlations(table) == ['No correlation is defined for these answers.']


def test_the_method_is_that_of_the_parts():
    both = score_text.method(['forced_choice', 'correlations'])
    assert any('Clopper' in sentence for sentence in both)
    assert not any('Bland' in sentence for sentence in both)
    # Shares of a study of one picture at a time are those of forced choice.
    assert set(score_text.METHOD['forced_choice']) < set(score_text.method(['yes_no']))


def test_so_few_cases_that_no_correlation_can_be_told_from_none():
    for cases, says in ((4, 'no correlation can be told'), (5, 'only a correlation beyond')):
        metrics = simulated_readers.drawn_metrics(np.random.default_rng(0), cases)
        table = outcome_correlations.correlations(metrics, {'similarity': -metrics['mae']})
        assert (table['p_value'].min() < 0.05) == (cases == 5)
        assert score_text.correlations(table)[1].startswith(f'With {cases} cases, {says}')
