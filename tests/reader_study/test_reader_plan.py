"""What is drawn for a reader study: balance, distances, and that nothing leads to the seed."""

import collections
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ct2mr_tf.reader_study import reader_plan
from ct2mr_tf.reader_study.study_files import CHOICES, KINDS

SEED = '0123456789abcdef' * 2
OTHER_SEED = 'fedcba9876543210' * 2


def plan(kind, cases=15, reader='reader_01', seed=SEED, study_id='S0'):
    return reader_plan.draw_trials(kind, cases, reader, seed, study_id)


@pytest.mark.parametrize('kind', KINDS)
def test_the_same_seed_gives_the_same_trials(kind):
    assert plan(kind) == plan(kind)
    assert plan(kind) != plan(kind, seed=OTHER_SEED)
    # Another model's study of the same cases: who learned the answers of one knows none here.
    assert plan(kind) != plan(kind, study_id='S1')


@pytest.mark.parametrize('kind', KINDS)
def test_each_reader_has_another_order(kind):
    orders = {tuple(trial.case for trial in plan(kind, reader=f'r{n}')) for n in range(20)}
    assert len(orders) == 20


@given(cases=st.integers(1, 40), seed=st.integers(0, 2**128 - 1))
@settings(max_examples=50)
def test_forced_choice_shows_each_case_once_with_balanced_sides(cases, seed):
    trials = plan('forced_choice', cases, seed=f'{seed:032x}')
    assert sorted(trial.case for trial in trials) == list(range(1, cases + 1))
    counts = collections.Counter(trial.truth for trial in trials)
    assert set(counts) <= {'1', '2'}
    assert abs(counts['1'] - counts['2']) == cases % 2


@given(cases=st.integers(1, 40), seed=st.integers(0, 2**128 - 1))
@settings(max_examples=50)
def test_yes_no_shows_each_case_as_both_at_a_distance(cases, seed):
    trials = plan('yes_no', cases, seed=f'{seed:032x}')
    places = collections.defaultdict(dict)
    for place, trial in enumerate(trials):
        places[trial.case][trial.truth] = place
    assert len(trials) == 2 * cases
    assert sorted(places) == list(range(1, cases + 1))
    for at in places.values():
        assert abs(at['real'] - at['synthetic']) > cases // 2
    # Each half shows every case once, and as many real as synthetic ones.
    first = collections.Counter(trial.truth for trial in trials[:cases])
    assert abs(first['real'] - first['synthetic']) == cases % 2


def test_similarity_has_no_right_answers():
    trials = plan('similarity')
    assert {trial.truth for trial in trials} == {''}
    assert sorted(trial.case for trial in trials) == list(range(1, 16))


@pytest.mark.parametrize('kind', ['forced_choice', 'yes_no'])
def test_every_answer_is_right_equally_often_at_every_place_and_for_every_case(kind):
    """Over many seeds; 400 fair coins stay within 200 +- 60 (six standard deviations)."""
    plans = [plan(kind, 5, seed=f'{number:032x}') for number in range(400)]
    first, second = CHOICES[kind]
    for place in range(len(plans[0])):
        assert 140 < sum(trials[place].truth == first for trials in plans) < 260
    for case in range(1, 6):
        truths = [next(trial.truth for trial in trials if trial.case == case) for trials in plans]
        assert 140 < truths.count(second) < 260


def test_sides_do_not_follow_from_the_order():
    """Trials of one order come with both sides: the generators are apart."""
    sides = collections.defaultdict(set)
    for number in range(200):
        trials = plan('forced_choice', 2, seed=f'{number:032x}')
        sides[tuple(trial.case for trial in trials)].add(tuple(trial.truth for trial in trials))
    assert sides == {order: {('1', '2'), ('2', '1')} for order in ((1, 2), (2, 1))}


def test_a_pair_of_each_patient_before_a_second_of_any():
    patients = ['a', 'a', 'a', 'b', 'c', 'c']
    for number in range(50):
        drawn = reader_plan.draw_pairs(patients, 5, f'{number:032x}')
        assert len(set(drawn)) == 5
        assert {patients[place] for place in drawn[:3]} == {'a', 'b', 'c'}
        assert {patients[place] for place in drawn[3:]} == {'a', 'c'}


def test_every_pair_can_be_drawn():
    patients = ['a', 'a', 'b', 'b']
    drawn = {tuple(reader_plan.draw_pairs(patients, 2, f'{n:032x}')) for n in range(200)}
    apart = [(i, j) for i, j in itertools.permutations(range(4), 2) if i // 2 != j // 2]
    assert drawn == set(apart)
    assert reader_plan.draw_pairs(patients, 4, SEED) == reader_plan.draw_pairs(patients, 4, SEED)


def test_more_cases_than_pairs():
    with pytest.raises(ValueError, match='3 of 2 pairs'):
        reader_plan.draw_pairs(['a', 'b'], 3, SEED)


def test_seeds_and_ids():
    seeds = {reader_plan.create_seed() for _ in range(100)}
    assert len(seeds) == 100
    assert all(map(reader_plan.is_seed, seeds))
    for text in ('', '1', SEED.upper(), SEED + '0', f'{SEED}\n', 'g' * 32):
        assert not reader_plan.is_seed(text)
    ids = {reader_plan.study_id_of(seed, kind) for seed in seeds for kind in KINDS}
    assert len(ids) == 300
    assert all(len(study_id) == 13 and study_id[0] == 'S' for study_id in ids)


def test_names_of_readers():
    assert reader_plan.reader_names(2) == ('reader_01', 'reader_02')
    assert len(set(reader_plan.reader_names(99))) == 99
