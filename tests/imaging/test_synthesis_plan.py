"""A disc's own plane takes the place of the MR's, by the rules of pairing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from stack_builders import FakeStack, disc_points, stack_around

from ct2mr_tf.imaging.crop import DiscPoints
from ct2mr_tf.imaging.geometry import angle_between_planes
from ct2mr_tf.imaging.pairing_rules import PairingOptions, Reason
from ct2mr_tf.imaging.synthesis_plan import disc_normal, plan_levels

SAC = np.array([3.0, 20.0, 400.0])


def ct(**changes):
    around = stack_around(SAC - [0, 5, 0], slices=61, **changes)
    return FakeStack(around, slice_thickness=1.0)


def options(ct_plane, **changes):
    return PairingOptions(ct_plane=ct_plane, slab_mm=4.0, **changes)


@given(st.floats(-35, 35), st.floats(-15, 15), st.floats(-10, 10))
def test_the_plane_holds_all_points_of_a_disc(about_x, about_y, sideways):
    turn = Rotation.from_euler('xy', [about_x, about_y], degrees=True)
    points = [
        SAC + turn.apply(one)
        for one in ([0, 0, 0], [sideways, -40, 0], [25, -20, 0], [-27, -18, 0])
    ]
    for edges in (points[2:], [points[2], None], [None, points[3]]):
        normal = disc_normal(DiscPoints(*points[:2], *edges))
        assert angle_between_planes(normal, turn.apply([0, 0, 1])) < 1e-4
        assert np.linalg.norm(normal) == pytest.approx(1)


@given(st.floats(-35, 35), st.floats(-10, 10))
def test_without_edges_the_plane_runs_from_left_to_right(about_x, sideways):
    turn = Rotation.from_euler('x', about_x, degrees=True)
    normal = disc_normal(DiscPoints(SAC, SAC + turn.apply([0, -40, 0]) + [sideways, 0, 0]))
    assert abs(normal[0]) < 1e-12
    assert angle_between_planes(normal, turn.apply([0, 0, 1])) < 1e-4


def test_points_on_one_line_have_no_plane():
    assert not disc_normal(DiscPoints(SAC, SAC + [-30, 0, 0])).any()
    planned, (refusal,) = plan_levels(
        [ct()], {'L4-5': DiscPoints(SAC, SAC + [-30, 0, 0])}, options('mr')
    )
    assert planned == []
    assert refusal.finding.reason == Reason.POINT_ORDER


def test_along_the_disc_the_volume_is_cut_through_the_sac():
    (planned,), refusals = plan_levels([ct()], {'L4-5': disc_points(SAC, 12.0)}, options('mr'))
    assert refusals == []
    cut = planned.cut
    assert (planned.level, cut.index, cut.slab_mm, planned.thickness_mm) == ('L4-5', None, 4, 4)
    assert cut.crop.centre == pytest.approx(SAC)
    assert cut.crop.half_side_mm == pytest.approx(40)
    assert angle_between_planes(cut.crop.normal, [0, 0, 1]) == pytest.approx(12)


def test_a_slice_must_keep_the_limits_of_training():
    for tilt, reason in ((4.0, Reason.OFF_PLANE), (12.0, Reason.ANGLE)):
        limits = options('slice', max_off_plane_share=0.5 if tilt == 4.0 else 20.0)
        points = {'L4-5': disc_points(SAC, tilt)}
        planned, (refusal,) = plan_levels([ct()], points, limits)
        assert planned == [] and refusal.finding.reason == reason
    (planned,), _ = plan_levels([ct()], {'L4-5': disc_points(SAC, 0.5)}, options('slice'))
    assert planned.cut.index == 30
    assert planned.thickness_mm == 1.0


@pytest.mark.parametrize(('tilt', 'index'), [(0.2, 30), (9.0, None)])
def test_what_fits_is_the_slice_where_it_shows_the_same(tilt, index):
    (planned,), _ = plan_levels([ct()], {'L4-5': disc_points(SAC, tilt)}, options('auto'))
    assert planned.cut.index == index


def test_every_level_is_planned_or_refused_from_head_to_foot():
    points = {
        'L5-S1': disc_points(SAC - [0, 0, 200]),
        'L4-5': disc_points(SAC),
        'L3-4': disc_points(SAC + [0, 0, 5], ventral_mm=12.0),
        'L2-3': disc_points(SAC + [60, 0, 10]),
    }
    planned, refusals = plan_levels([ct()], points, options('mr'))
    assert [one.level for one in planned] == ['L4-5']
    assert [(one.level, one.finding.reason) for one in refusals] == [
        ('L2-3', Reason.LEAVES_VOLUME),
        ('L3-4', Reason.HALF_SIDE),
        ('L5-S1', Reason.LEAVES_VOLUME),
    ]
    _, (nothing,) = plan_levels([], {'L4-5': disc_points(SAC)}, options('mr'))
    assert nothing.finding.reason == Reason.NO_STACK


def test_discs_whose_names_are_in_each_others_place_are_refused():
    points = {'L3-4': disc_points(SAC), 'L4-5': disc_points(SAC + [0, 0, 9])}
    planned, refusals = plan_levels([ct()], points, options('mr'))
    assert planned == []
    assert {one.finding.reason for one in refusals} == {Reason.POINT_ORDER}


def test_marked_edges_make_the_square_grow():
    points = {'L4-5': disc_points(SAC, left=45.0, right=30.0)}
    (planned,), _ = plan_levels([ct()], points, options('mr'))
    assert planned.cut.crop.half_side_mm == pytest.approx(45)
