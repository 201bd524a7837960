"""The squares of a volume: those of the discs, and between them in proportion to the height."""

import dataclasses

import numpy as np
import pytest
from stack_builders import ORIENTATIONS, FakeStack, disc_points, stack_around

from ct2mr_tf.imaging.crop_path import plan_volume
from ct2mr_tf.imaging.pairing_rules import NoPairError, PairingOptions, Reason

MIDDLE = np.array([0.0, 10.0, 100.0])

POINTS = {
    'L3-4': disc_points(MIDDLE + [2, -4, 30], ventral_mm=40.0),
    'L4-5': disc_points(MIDDLE + [0, 2, 0], ventral_mm=44.0),
    'L5-S1': disc_points(MIDDLE + [-3, -10, -30], ventral_mm=38.0),
}


def ct(step=2.0, slices=46, uid='1.2.3', **changes):
    around = stack_around(MIDDLE + [0, 0, 0.3], slices=slices, step=step, **changes)
    return FakeStack(around, slice_thickness=step, series_instance_uid=uid)


def options(ct_plane='slice', **changes):
    return PairingOptions(ct_plane=ct_plane, slab_mm=4.0, **changes)


def reason_of(stacks, points=None, limits=None):
    with pytest.raises(NoPairError) as raised:
        plan_volume(stacks, POINTS if points is None else points, limits or options())
    return raised.value.finding


@pytest.mark.parametrize('pose', ORIENTATIONS)
def test_squares_follow_the_canal_from_disc_to_disc(pose):
    planned = plan_volume([ct(directions=ORIENTATIONS[pose])], POINTS, options())
    heights = np.array([one.cut.crop.centre[2] for one in planned])
    assert np.all(np.diff(heights) == pytest.approx(2.0))
    assert (heights[0], heights[-1]) == pytest.approx((69.3, 129.3))
    named = {one.level: one for one in planned if one.level}
    assert list(named) == ['L5-S1', 'L4-5', 'L3-4']
    for level, disc in POINTS.items():
        assert abs(named[level].cut.crop.centre[2] - disc.sac[2]) <= 1
    # 7.3 mm above L4-5 of the 30 to L3-4: x from 0 to 2, y from 12 to 6, half side from 44 to 40.
    (one,) = [one for one in planned if abs(one.cut.crop.centre[2] - 107.3) < 1e-6]
    assert one.cut.crop.centre == pytest.approx([2 * 7.3 / 30, 12 - 6 * 7.3 / 30, 107.3])
    assert one.cut.crop.half_side_mm == pytest.approx(44 - 4 * 7.3 / 30)
    assert one.level == ''
    assert {one.cut.index is None for one in planned} == {False}


def test_beyond_the_outermost_sac_the_square_stays():
    planned = plan_volume([ct()], POINTS, options())
    assert planned[0].cut.crop.centre == pytest.approx([-3, 0, 69.3])
    assert planned[0].cut.crop.half_side_mm == pytest.approx(38)


def test_a_tilted_gantry_moves_slices_but_not_squares():
    """Slices sheared along their columns: the squares follow the patient, not the pixels."""
    straight = ct(tilt_deg=10.0)
    geometry = straight.geometry
    shear = np.outer(np.arange(len(geometry)), 0.35 * geometry.column_direction)
    moved = dataclasses.replace(
        straight, geometry=dataclasses.replace(geometry, origins=geometry.origins + shear)
    )
    plans = [plan_volume([stack], POINTS, options()) for stack in (straight, moved)]
    for one, other in zip(*plans, strict=True):
        assert one.cut.crop.centre == pytest.approx(other.cut.crop.centre)
        assert one.cut.crop.half_side_mm == pytest.approx(other.cut.crop.half_side_mm)


def test_a_reformatting_model_is_shown_slabs():
    planned = plan_volume([ct()], POINTS, options('mr'))
    assert {(one.cut.index, one.cut.slab_mm) for one in planned} == {(None, 4.0)}
    thick = ct(step=5.0, slices=20)
    assert reason_of([thick], limits=options('mr')).reason == Reason.NO_VOLUME
    gaps = dataclasses.replace(ct(step=2.5, slices=38), slice_thickness=1.0)
    assert reason_of([gaps], limits=options('mr')).reason == Reason.GAPS
    for stack in (thick, gaps):
        for plane in ('auto', 'slice'):
            assert plan_volume([stack], POINTS, options(plane))[0].cut.index is not None


def test_what_stands_in_the_way_is_told():
    assert reason_of([ct()], {'L4-5': POINTS['L4-5']}).reason == Reason.ONE_LEVEL
    assert reason_of([]).reason == Reason.NO_STACK
    short = reason_of([ct(slices=12)])
    assert short.reason == Reason.OFF_PLANE
    assert short.measured == pytest.approx(19.3)
    missing = ct()
    kept = np.delete(missing.geometry.origins, 20, axis=0)
    uneven = dataclasses.replace(
        missing, geometry=dataclasses.replace(missing.geometry, origins=kept)
    )
    assert reason_of([uneven]).reason == Reason.UNEVEN
    small = {**POINTS, 'L4-5': disc_points(MIDDLE, ventral_mm=15.0)}
    assert reason_of([ct()], small).reason == Reason.HALF_SIDE
    backwards = {**POINTS, 'L4-5': disc_points(MIDDLE, ventral_mm=-40.0)}
    assert reason_of([ct()], backwards).reason == Reason.POINT_ORDER
    narrow = reason_of([ct(size=(160, 160))])
    assert narrow.reason == Reason.LEAVES_IMAGE
    assert '31 of 31 slices' in narrow.detail
    ends = reason_of([ct(slices=31)], limits=options('mr'))
    assert ends.reason == Reason.LEAVES_VOLUME
    level = {'L3-4': disc_points(MIDDLE), 'L4-5': disc_points(MIDDLE + [0, 0, 0.1])}
    assert reason_of([ct()], level).reason == Reason.FEW_SLICES


def test_a_sac_between_thin_slices_lies_in_the_volume():
    thin = dataclasses.replace(ct(step=3.0, slices=32), slice_thickness=1.0)
    planned = plan_volume([thin], POINTS, options())
    assert np.diff([one.cut.crop.centre[2] for one in planned]) == pytest.approx(3.0)


def test_small_steps_come_before_small_pixels_and_nearness():
    # The sacs lie 0.7 mm off the fine slices, 0.3 mm off the coarse ones.
    fine, coarse = ct(), ct(step=5.0, slices=21, uid='1.2.9', spacing=(0.25, 0.25), size=(512, 512))
    for stacks in ([fine, coarse], [coarse, fine]):
        assert plan_volume(stacks, POINTS, options())[0].stack is fine


def test_the_finest_of_several_stacks_is_taken_and_examinations_are_not_mixed():
    fine, coarse = ct(uid='1.2.3'), ct(step=5.0, slices=20, uid='1.2.9')
    for stacks in ([fine, coarse], [coarse, fine]):
        assert plan_volume(stacks, POINTS, options())[0].stack is fine
    other = dataclasses.replace(coarse, frame_of_reference_uid='1.2.77')
    assert reason_of([fine, other]).reason == Reason.SEVERAL_FRAMES
    twin = dataclasses.replace(fine, series_instance_uid='1.2.8')
    planned = plan_volume([fine, twin], POINTS, options())
    assert planned[0].warnings[0].reason == Reason.SEVERAL_STACKS
