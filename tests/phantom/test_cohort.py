import pytest

from ct2mr_tf.imaging.landmarks import LEVELS
from ct2mr_tf.phantom.cohort import MOST_PATIENTS, draw_cohort


def test_a_longer_cohort_begins_with_the_same_members():
    assert draw_cohort(3, 20)[:7] == draw_cohort(3, 7)


def test_cohorts_of_other_seeds_share_no_patient():
    seeds = [{member.seed for member in draw_cohort(seed, MOST_PATIENTS)} for seed in (0, 1)]
    assert len(seeds[0]) == MOST_PATIENTS
    assert not seeds[0] & seeds[1]


def test_discs_are_as_many_as_in_the_paper_and_low_ones_commonest():
    cohort = draw_cohort(0, 1000)
    counts = [len(member.levels) for member in cohort]
    assert set(counts) == {2, 3}
    assert sum(counts) / 1000 == pytest.approx(2.3, abs=0.05)
    pictured = [sum(level in member.levels for member in cohort) for level in LEVELS]
    assert LEVELS[pictured.index(max(pictured))] == 'L4-5'
    assert min(pictured) == pictured[0] > 100


def test_discs_go_from_head_to_foot_and_stand_once():
    for member in draw_cohort(5, 50):
        order = [LEVELS.index(level) for level in member.levels]
        assert order == sorted(set(order))


def test_names_are_short_and_tell_members_apart():
    names = [member.name for member in draw_cohort(0, 120)]
    assert names[0] == 'phantom-0001'
    assert len(set(names)) == 120


@pytest.mark.parametrize(('seed', 'patients'), [(-1, 3), (0, 0), (0, MOST_PATIENTS + 1)])
def test_what_is_no_cohort_is_refused(seed, patients):
    with pytest.raises(ValueError, match='patients'):
        draw_cohort(seed, patients)
