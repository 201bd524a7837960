"""Whose pictures are to be made, and what is told where they cannot be."""

import dataclasses

import numpy as np
import pytest
from synthesis_builders import POINTS, SACS, Synthesis, ct_geometry, limits, ramp, scan, write_ct

from ct2mr_tf.cli import synthesis_request
from ct2mr_tf.imaging.pairing_rules import Finding, Reason
from ct2mr_tf.problems import UserError


@pytest.fixture(scope='module')
def stacks(tmp_path_factory):
    return scan(write_ct(tmp_path_factory.mktemp('ct'), ramp(0)))


def problems_of(stacks, points=POINTS, **changes):
    with pytest.raises(UserError) as raised:
        _ = Synthesis(stacks, points, **changes).plan
    return {one.where: one for one in raised.value.problems}


def test_all_that_stands_in_the_way_is_told_at_once(stacks):
    points = {
        'L2-3': dataclasses.replace(POINTS['L3-4'], ventral=POINTS['L3-4'].ventral - [0, 60, 0]),
        'L4-5': POINTS['L4-5'],
        'L5-S1': dataclasses.replace(POINTS['L4-5'], sac=SACS['L4-5'] - [0, 0, 300]),
    }
    found = problems_of(stacks, points, options=limits('slice'), volume=True)
    assert list(found) == ['L2-3', 'L4-5', 'L5-S1', '--volume']
    assert 'half side is implausible: 95.' in found['L2-3'].found
    assert '--plane=disc' in found['L4-5'].cure
    assert '(--levels)' in found['L5-S1'].cure
    assert 'lie off every slice' in found['--volume'].found


def test_an_angle_is_told_as_one_between_slice_and_disc(tmp_path):
    stacks = scan(write_ct(tmp_path, ramp(0), ct_geometry(oblique_deg=-9.0)))
    found = problems_of(stacks, options=limits('slice', max_off_plane_share=9.0))
    assert found['L4-5'].found == 'the slice stands at an angle to the disc: 17 deg, limit 10'
    assert 'MR' not in str(found['L4-5'])


def test_a_volume_needs_two_levels(stacks):
    found = problems_of(stacks, {'L4-5': POINTS['L4-5']}, volume=True)
    assert found['--volume'].found == 'CT: one disc with landmarks makes no volume'
    assert found['--volume'].cure == 'ask for two discs or more, or leave out --volume'


def test_a_missing_slice_is_told(tmp_path):
    folder = write_ct(tmp_path, ramp(0))
    sorted(folder.iterdir())[20].unlink()
    found = problems_of(scan(folder), volume=True, options=limits('slice', max_off_plane_share=9))
    assert 'the slices are not evenly spaced' in found['--volume'].found
    assert 'export the whole series' in found['--volume'].cure


@pytest.mark.parametrize(
    ('thickness', 'found', 'cure'),
    [
        (2.0, 'leave gaps (steps between slices of 2 mm): 4 mm, limit 2.2', 'without gaps'),
        (4.0, 'too far apart to reformat: 4 mm, limit 3', 'thinner slices'),
    ],
)
def test_gaps_and_thick_slices_are_told_apart(tmp_path, thickness, found, cure):
    stacks = scan(write_ct(tmp_path, ramp(0), ct_geometry(step=4.0), SliceThickness=thickness))
    problem = problems_of(stacks, options=limits('mr'))['L4-5']
    assert found in problem.found
    assert cure in problem.cure


def test_every_reason_has_something_that_can_be_done():
    for reason in Reason:
        assert synthesis_request.problem_of('L4-5', Finding(reason)).cure
        assert '--levels' not in synthesis_request.problem_of('--volume', Finding(reason)).cure


def test_what_to_look_at_is_told_once(stacks):
    twin = dataclasses.replace(stacks[0], notes=())
    made = Synthesis((*stacks, twin), volume=True, options=limits('slice', max_off_plane_share=9.0))
    lines = synthesis_request.notes(made.plan.pictures)
    assert [line.partition(':')[0] for line in lines if 'several stacks' in line] == [
        'L3-4', 'L4-5', 'volume'
    ]  # fmt: skip
    assert np.all(['MR' not in line for line in lines])
