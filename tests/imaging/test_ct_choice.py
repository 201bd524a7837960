import dataclasses

import numpy as np
import pytest
from pairing_builders import (
    CT_SAC,
    MR_SAC,
    assert_finding,
    ct_slice,
    ct_volume,
    mr_packet,
    pair_one,
)
from stack_builders import disc_points

from ct2mr_tf.imaging.pairing_rules import Reason


def test_auto_keeps_the_slice_where_the_square_stays_within_half_its_thickness():
    # The corners lie 40 mm before and behind: sin(t) * 40 mm of 1.5 mm is 2.15 degrees.
    thick = ct_volume(step=3.0, slices=21)
    for tilt_deg, plane in ((2.1, 'slice'), (2.2, 'mr')):
        mr_points = disc_points(MR_SAC, tilt_deg)
        assert pair_one([thick], [mr_packet(tilt_deg)], None, mr_points).ct_plane == plane


def test_auto_counts_how_far_the_sac_lies_off_the_slice():
    # 1 mm above it, the corners lie 1 mm -+ sin(t) * 40 mm off: 1.5 mm is 0.72 degrees.
    thick = ct_volume(step=3.0, slices=21)
    ct_points = disc_points(CT_SAC + [0, 0, 1])
    for tilt_deg, plane in ((0.7, 'slice'), (0.75, 'mr')):
        mr_points = disc_points(MR_SAC, tilt_deg)
        assert pair_one([thick], [mr_packet(tilt_deg)], ct_points, mr_points).ct_plane == plane


def test_auto_falls_back_to_the_slice_where_there_is_no_volume():
    pair = pair_one([ct_slice()], [mr_packet(4)], None, disc_points(MR_SAC, 4))
    assert (pair.ct_plane, pair.warnings) == ('slice', ())


def test_auto_prefers_a_volume_to_a_slice_much_thicker_than_the_mr():
    thick = ct_slice(slice_thickness=10.0, series_instance_uid='1.2.9')
    mr_points = disc_points(MR_SAC, 4)
    pair = pair_one([ct_volume(), thick], [mr_packet(4)], disc_points(CT_SAC, 4), mr_points)
    assert (pair.ct_plane, pair.ct.stack.slice_thickness) == ('mr', 1.0)
    alone = pair_one([thick], [mr_packet(4)], disc_points(CT_SAC, 4), mr_points)
    assert alone.ct_plane == 'slice'


def test_auto_takes_the_slice_angled_along_the_disc_before_the_volume():
    stacks = [ct_volume(), ct_slice(12, series_instance_uid='1.2.9')]
    pair = pair_one(stacks, [mr_packet(12)], disc_points(CT_SAC, 12), disc_points(MR_SAC, 12))
    assert pair.ct.stack is stacks[1]
    assert (pair.ct_plane, pair.warnings) == ('slice', ())


def test_slice_warns_above_five_degrees_and_refuses_above_ten():
    mr_points = disc_points(MR_SAC, 7)
    pair = pair_one([ct_volume()], [mr_packet(7)], None, mr_points, ct_plane='slice')
    assert pair.ct_plane == 'slice'
    [warning] = pair.warnings
    assert_finding(warning, Reason.ANGLE, '', 7, 5)
    mr_points = disc_points(MR_SAC, 10.5)
    found = pair_one([ct_volume()], [mr_packet(10.5)], None, mr_points, ct_plane='slice')
    assert_finding(found, Reason.ANGLE, '', 10.5, 10)


def test_mr_reformats_parallel_slices_too_and_averages_over_the_mr_slice():
    pair = pair_one([ct_volume()], [mr_packet()], ct_plane='mr')
    assert (pair.ct_plane, pair.ct.cut.index, pair.ct.cut.slab_mm) == ('mr', None, 4)
    pair = pair_one([ct_volume()], [mr_packet()], ct_plane='mr', slab_mm=0.0)
    assert pair.ct.cut.slab_mm == 0


def test_points_placed_on_the_axial_slice_serve_for_the_reformatted_plane():
    # V on the axial slice of T: h = 40 * cos(15) on CT, 41 on MR.
    mr_points = disc_points(MR_SAC, 15, 41)
    pair = pair_one([ct_volume()], [mr_packet(15)], disc_points(CT_SAC), mr_points)
    assert (pair.ct_plane, pair.half_side_mm) == ('mr', pytest.approx(41))
    assert pair.ct.cut.crop.centre == pytest.approx(CT_SAC)


@pytest.mark.parametrize(
    ('step', 'thickness', 'reason', 'limit'),
    [
        (5.0, 5.0, Reason.NO_VOLUME, 3),
        (4.0, 5.0, Reason.NO_VOLUME, 3),
        (2.5, 1.0, Reason.GAPS, 1.1),
        (3.0, 2.0, Reason.GAPS, 2.2),
        (3.5, 2.0, Reason.GAPS, 2.2),
    ],
)
def test_slices_too_far_apart_are_no_volume(step, thickness, reason, limit):
    """The limit that is told is the one to mend: thick slices, or gaps between thin ones."""
    ct = ct_volume(slices=15, step=step, slice_thickness=thickness)
    mr_points = disc_points(MR_SAC, 12)
    found = pair_one([ct], [mr_packet(12)], None, mr_points, ct_plane='mr')
    assert_finding(found, reason, 'CT', step, limit)
    assert (f'slices of {thickness:g} mm' in str(found)) == (reason is Reason.GAPS)


def test_a_missing_slice_under_the_square_is_a_gap_and_one_beyond_it_is_not():
    volume = ct_volume()
    for missing, reason in ((33, Reason.GAPS), (58, None)):
        origins = np.delete(volume.geometry.origins, missing, axis=0)
        geometry = dataclasses.replace(volume.geometry, origins=origins)
        ct = dataclasses.replace(volume, geometry=geometry)
        found = pair_one([ct], [mr_packet(12)], None, disc_points(MR_SAC, 12), ct_plane='mr')
        if reason:
            assert_finding(found, reason, 'CT', 2, 1.1)
        else:
            assert found.ct_plane == 'mr'


def test_a_packet_too_thin_to_hold_the_plane():
    # 9 slices reach 4.5 mm; the plane 40 * sin(15) = 10.353 mm, its slab 2 * cos(15) more.
    mr_points = disc_points(MR_SAC, 15)
    found = pair_one([ct_volume(slices=9)], [mr_packet(15)], None, mr_points, ct_plane='mr')
    beyond = 40 * np.sin(np.radians(15)) + 2 * np.cos(np.radians(15)) - 4.5
    assert_finding(found, Reason.LEAVES_VOLUME, 'CT', beyond, 0)
    single = pair_one([ct_slice()], [mr_packet()], ct_plane='mr')
    assert_finding(single, Reason.FEW_SLICES, 'CT')
    assert 'a single one' in single.detail
