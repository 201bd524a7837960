import dataclasses
import datetime
import itertools

import numpy as np
import pytest
from pairing_builders import (
    CT_SAC,
    DAY,
    MR_SAC,
    assert_finding,
    ct_slice,
    ct_volume,
    mr_packet,
    pair_one,
)
from stack_builders import (
    ORIENTATIONS,
    PRONE,
    blob,
    centroid,
    disc_points,
    sampled,
    stack_around,
)

from ct2mr_tf.imaging import pairing, resampling
from ct2mr_tf.imaging.case_lists import ListedPair, ListedSlice
from ct2mr_tf.imaging.landmarks import LEVELS
from ct2mr_tf.imaging.pairing_rules import PairingOptions, Reason


def picture(source, field, size=256):
    needed = resampling.slices_needed(source.cut)
    pixels = sampled(source.cut.geometry.part(needed), field)
    return resampling.resample(source.cut, pixels, size)


def test_parallel_slices_make_a_pair_of_slices():
    pair = pair_one([ct_volume()], [mr_packet()])
    assert (pair.level, pair.ct_plane, pair.days_between) == ('L4-5', 'slice', 0)
    assert (pair.ct.cut.index, pair.mr.cut.index) == (30, 1)
    assert pair.half_side_mm == pair.mr.cut.crop.half_side_mm == 40
    assert (pair.plane_angle_deg, pair.grown_mm, pair.warnings) == (0, 0, ())
    assert pair.ct.off_plane_mm == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize('ct_name', sorted(ORIENTATIONS))
@pytest.mark.parametrize('mr_name', ['supine', 'feet first'])
@pytest.mark.parametrize('tilt_deg', [0, 8, 15])
def test_ct_and_mr_show_the_same_place_whatever_pose_and_plane(ct_name, mr_name, tilt_deg):
    ct = ct_volume(ORIENTATIONS[ct_name])
    mr = mr_packet(tilt_deg, ORIENTATIONS[mr_name])
    points = disc_points(CT_SAC, tilt_deg, 40), disc_points(MR_SAC, tilt_deg, 41)
    pair = pair_one([ct], [mr], *points)
    assert pair.ct_plane == ('mr' if tilt_deg else 'slice')
    assert pair.plane_angle_deg == pytest.approx(tilt_deg)
    assert pair.half_side_mm == pytest.approx(41)
    for source in (pair.ct, pair.mr):
        square = source.cut.crop
        assert square.to_picture(source.points.sac, 256) == pytest.approx([127.5] * 2, abs=1e-6)
        at = source.points.sac + 15 * square.left_axis + 10 * square.anterior_axis
        # 15 mm to the left, 10 mm before the sac, in pixels of 82/256 mm.
        expected = [127.5 + 15 / (82 / 256), 127.5 - 10 / (82 / 256)]
        assert centroid(picture(source, blob(at, 3))) == pytest.approx(expected, abs=0.15)
    ventral = pair.mr.cut.crop.to_picture(pair.mr.points.ventral, 256)
    assert ventral == pytest.approx([127.5, -0.5], abs=1e-6)


def test_prone_ct_and_supine_mr_have_left_on_the_same_side():
    pair = pair_one([ct_volume(PRONE)], [mr_packet()])
    for source in (pair.ct, pair.mr):
        left = picture(source, lambda points: points[..., 0], 16)
        assert (np.diff(left, axis=1) > 0).all()


def test_the_mr_slice_nearest_the_points_is_taken_from_the_packet_of_the_level():
    # Packets of two levels in one series; the upper one's middle slice lies 30 mm higher.
    other = mr_packet(series_instance_uid='9.71')
    origins = other.geometry.origins + np.array([0, 0, 30])
    shifted = dataclasses.replace(other.geometry, origins=origins)
    other = dataclasses.replace(other, geometry=shifted)
    points = disc_points(MR_SAC + np.array([0, 0, 4.4 + 1.5]))
    pair = pair_one([ct_volume()], [other, mr_packet()], mr_points=points)
    assert pair.mr.stack.series_instance_uid == '9.7'
    assert (pair.mr.cut.index, pair.mr.off_plane_mm) == (2, pytest.approx(1.5))


def test_of_mr_stacks_that_show_the_disc_the_nearest_is_taken_then_the_finest():
    further = mr_packet(series_instance_uid='9.1')
    origins = further.geometry.origins + np.array([0, 0, 0.8])
    further = dataclasses.replace(
        further, geometry=dataclasses.replace(further.geometry, origins=origins)
    )
    fine = dataclasses.replace(
        mr_packet(series_instance_uid='9.72'),
        geometry=stack_around(MR_SAC, 3, 4.4, (0.6, 0.6), (260, 260)),
    )
    for stacks in itertools.permutations([further, mr_packet(), fine]):
        assert pair_one([ct_volume()], stacks).mr.stack is fine
        without = [stack for stack in stacks if stack is not fine]
        assert pair_one([ct_volume()], without).mr.stack.series_instance_uid == '9.7'


def test_both_squares_take_the_larger_half_side_and_it_grows_for_lateral_edges():
    points = disc_points(CT_SAC, ventral_mm=38, left=44, right=30)
    pair = pair_one([ct_volume()], [mr_packet()], points)
    assert pair.half_side_mm == pair.mr.cut.crop.half_side_mm == pytest.approx(44)
    assert pair.grown_mm == pytest.approx(4)


class TestRefusals:
    @pytest.mark.parametrize('limit', [3, 10])
    def test_days_apart(self, limit):
        for days in (limit, -limit):
            ct = ct_volume(date=DAY + datetime.timedelta(days=days))
            assert pair_one([ct], [mr_packet()], max_days=limit).days_between == limit
        ct = ct_volume(date=DAY + datetime.timedelta(days=limit + 1))
        found = pair_one([ct], [mr_packet()], max_days=limit)
        assert_finding(found, Reason.DAYS, '', limit + 1, limit)

    def test_unknown_dates_are_never_the_same_day(self):
        for ct_day, mr_day in ((None, None), (DAY, None), (None, DAY)):
            stacks = [ct_volume(date=ct_day)], [mr_packet(date=mr_day)]
            assert_finding(pair_one(*stacks), Reason.DAYS_UNKNOWN, '', None, 3)
            assert pair_one(*stacks, allow_unknown_dates=True).days_between is None

    def test_points_off_every_slice(self):
        # Half of 4 mm on MR (slices 4.4 mm apart leave 0.4 mm between them), half of 3 mm on CT.
        mr_points = disc_points(MR_SAC + np.array([0, 0, 2.1]))
        found = pair_one([ct_volume()], [mr_packet()], mr_points=mr_points)
        assert_finding(found, Reason.OFF_PLANE, 'MR', 2.1, 2)
        # Of several packets the one that comes nearest is told.
        further = dataclasses.replace(
            mr_packet(), geometry=stack_around(MR_SAC - [0, 0, 30], 3, 4.4)
        )
        found = pair_one([ct_volume()], [further, mr_packet()], mr_points=mr_points)
        assert_finding(found, Reason.OFF_PLANE, 'MR', 2.1, 2)
        found = pair_one([ct_slice(at=CT_SAC + np.array([0, 0, 1.6]))], [mr_packet()])
        assert_finding(found, Reason.OFF_PLANE, 'CT', 1.6, 1.5)
        # The furthest point counts: V of a disc tilted by 4 degrees, 40 * sin(4) off.
        tilted = disc_points(MR_SAC, 4)
        found = pair_one([ct_volume()], [mr_packet()], mr_points=tilted)
        assert_finding(found, Reason.OFF_PLANE, 'MR', 40 * np.sin(np.radians(4)), 2)

    def test_without_a_thickness_the_step_stands_in(self):
        points = disc_points(MR_SAC + np.array([0, 0, 2.1]))
        mr = [mr_packet(slice_thickness=None)]
        assert pair_one([ct_volume()], mr, mr_points=points).mr.off_plane_mm == pytest.approx(2.1)
        found = pair_one(
            [ct_volume()], [mr_packet(slice_thickness=None, slices=1)], mr_points=points
        )
        assert_finding(found, Reason.OFF_PLANE, 'MR', 2.1, 1e-3)

    def test_squares_that_leave_an_image(self):
        # MR: 300 pixels of 0.25 mm reach 37.5 mm; CT: 150 of 1 mm reach 75 mm.
        small = stack_around(MR_SAC, 3, 4.4, (0.25, 0.25), (300, 300))
        found = pair_one([ct_volume()], [dataclasses.replace(mr_packet(), geometry=small)])
        assert_finding(found, Reason.LEAVES_IMAGE, 'MR', 2.5, 0)
        points = disc_points(CT_SAC, ventral_mm=76)
        found = pair_one([ct_volume()], [mr_packet()], points, ct_plane='slice')
        assert_finding(found, Reason.LEAVES_IMAGE, 'CT', 1, 0)

    def test_points_in_a_wrong_order(self):
        # As a file read as RAS instead of LPS would place them, mirrored about the sac.
        found = pair_one([ct_volume()], [mr_packet()], disc_points(CT_SAC, ventral_mm=-40))
        assert_finding(found, Reason.POINT_ORDER, 'CT', 40, 0)
        swapped = disc_points(MR_SAC, left=-25)
        found = pair_one([ct_volume()], [mr_packet()], mr_points=swapped)
        assert_finding(found, Reason.POINT_ORDER, 'MR', 25, 0)
        assert 'left edge' in str(found)

    @pytest.mark.parametrize(('ventral_mm', 'limit'), [(12, 20), (90, 80)])
    def test_sizes_that_no_disc_has(self, ventral_mm, limit):
        points = [disc_points(sac, ventral_mm=ventral_mm) for sac in (CT_SAC, MR_SAC)]
        found = pair_one([ct_volume()], [mr_packet()], *points)
        assert_finding(found, Reason.HALF_SIDE, '', ventral_mm, limit)

    def test_points_that_fit_two_frames_of_reference(self):
        twin = ct_volume(frame_of_reference_uid='7.7', series_instance_uid='7.8')
        found = pair_one([ct_volume(), twin], [mr_packet()])
        assert_finding(found, Reason.SEVERAL_FRAMES, 'CT', 2, 1)
        # Without a frame of reference, a stack shares its coordinates with no other.
        nameless = [mr_packet(frame_of_reference_uid='', series_instance_uid=uid) for uid in 'ab']
        found = pair_one([ct_volume()], nameless)
        assert_finding(found, Reason.SEVERAL_FRAMES, 'MR', 2, 1)

    def test_no_stack_of_the_kind(self):
        sagittal = stack_around(MR_SAC, 3, 4, directions=([0, 1, 0], [0, 0, -1]))
        for mr in (
            [],
            [mr_packet(is_t2=False)],
            [dataclasses.replace(mr_packet(), geometry=sagittal)],
        ):
            assert_finding(pair_one([ct_volume()], mr), Reason.NO_STACK, 'MR')
        assert_finding(pair_one([], [mr_packet()]), Reason.NO_STACK, 'CT')

    def test_series_are_chosen_by_their_description(self):
        bone = ct_volume(series_description='Bone 1.0', series_instance_uid='1.2.1')
        soft = ct_volume(series_description='Soft 1.0')
        pair = pair_one([bone, soft], [mr_packet()], ct_series='^soft')
        assert pair.ct.stack is soft
        assert pair.warnings == ()
        unmarked = mr_packet(is_t2=False, series_description='TSE tra')
        pair = pair_one([soft], [mr_packet(), unmarked], mr_series='tse.*tra')
        assert pair.mr.stack is unmarked
        assert_finding(pair_one([soft], [unmarked], ct_series='lung'), Reason.NO_STACK, 'CT')

    def test_every_level_ends_as_a_pair_or_a_refusal(self):
        apart = {level: np.array([0, 0, -10.0 * index]) for index, level in enumerate(LEVELS)}
        ct_points = {level: disc_points(CT_SAC + apart[level]) for level in LEVELS[:3]}
        mr_points = {'L1-2': disc_points(MR_SAC), 'L4-5': disc_points(MR_SAC - [0, 0, 60])}
        excluded = {'L3-4': 'fracture', 'L5-S1': 'tumour'}
        pairs, refusals = pairing.pair_patient(
            [mr_packet(), ct_volume()], ct_points, mr_points, PairingOptions(), excluded
        )
        assert [pair.level for pair in pairs] == ['L1-2']
        findings = [refusal.finding for refusal in refusals]
        assert [refusal.level for refusal in refusals] == ['L2-3', 'L3-4', 'L4-5', 'L5-S1']
        assert_finding(findings[0], Reason.NO_LANDMARKS, 'MR')
        assert_finding(findings[1], Reason.EXCLUDED)
        assert_finding(findings[2], Reason.NO_LANDMARKS, 'CT')
        assert (findings[1].detail, findings[3].detail) == ('fracture', 'tumour')

    def test_discs_whose_names_are_in_each_others_place(self):
        points = {'L3-4': disc_points(CT_SAC - [0, 0, 20]), 'L4-5': disc_points(CT_SAC)}
        mr_points = {'L3-4': disc_points(MR_SAC), 'L4-5': disc_points(MR_SAC - [0, 0, 20])}
        far = stack_around(MR_SAC - [0, 0, 20], 3, 4.4, (1.2, 1.2), (130, 130))
        stacks = [ct_volume(), mr_packet(), dataclasses.replace(mr_packet(), geometry=far)]
        pairs, refusals = pairing.pair_patient(stacks, points, mr_points, PairingOptions(), {})
        assert pairs == []
        for refusal in refusals:
            assert_finding(refusal.finding, Reason.POINT_ORDER, 'CT', 20, 0)
            assert refusal.finding.detail == 'L3-4 does not lie above L4-5'


class TestWarnings:
    def test_stacks_that_fit_equally_well_are_told_and_the_choice_ignores_their_order(self):
        stacks = [ct_volume(series_instance_uid=uid) for uid in ('1.2.8', '1.2.3')]
        for order in (stacks, stacks[::-1]):
            pair = pair_one(order, [mr_packet()])
            assert pair.ct.stack is stacks[1]
            [warning] = pair.warnings
            assert_finding(warning, Reason.SEVERAL_STACKS, 'CT', 2, 1)

    def test_half_sides_that_differ(self):
        points = disc_points(CT_SAC, ventral_mm=33)
        [warning] = pair_one([ct_volume()], [mr_packet()], points).warnings
        assert_finding(warning, Reason.HALF_SIDES_DIFFER, '', 7, 6)


class TestListedPairs:
    def listed(self, ct_uid='1.2.5.29', mr_uid='9.6.1', unit='mm', ct=None, mr=None):
        ct = ct or {'sac': CT_SAC - [0, 0, 1], 'ventral': CT_SAC - [0, 40, 1]}
        mr = mr or {'sac': MR_SAC, 'ventral': MR_SAC - [0, 40, 0]}
        sides = ListedSlice(ct_uid, unit, ct), ListedSlice(mr_uid, unit, mr)
        return ListedPair('list, row 2', 'p', 'L4-5', *sides)

    def pair(self, listed, stacks=None, excluded=None, **options):
        stacks = [ct_volume(), mr_packet()] if stacks is None else stacks
        return pairing.pair_listed(stacks, listed, PairingOptions(**options), excluded or {})

    def test_the_named_slices_are_taken(self):
        pair = self.pair(self.listed())
        assert (pair.level, pair.ct.cut.index, pair.mr.cut.index) == ('L4-5', 29, 1)

    def test_pixels_are_column_and_row_of_the_named_slice(self):
        # CT: the sac lies at the middle of 150 x 150 pixels of 1 mm; MR: 130 of 1.2 mm.
        ct = {'sac': np.array([74.5, 74.5, 0]), 'ventral': np.array([74.5, 34.5, 0])}
        mr = {'sac': np.array([64.5, 64.5, 0]), 'ventral': np.array([69.5, 32.0, 0])}
        pair = self.pair(self.listed(unit='pixel', ct=ct, mr=mr))
        assert pair.ct.cut.crop.centre == pytest.approx(CT_SAC - [0, 0, 1])
        assert pair.mr.points.ventral == pytest.approx(MR_SAC - [-6, 39, 0])
        assert pair.half_side_mm == pytest.approx(40)

    def test_a_slice_that_is_not_there(self):
        assert self.pair(self.listed(ct_uid='1')).finding.reason is Reason.SLICE_UNKNOWN
        swapped = self.listed(ct_uid='9.6.1', mr_uid='1.2.5.29')
        assert self.pair(swapped).finding.reason is Reason.SLICE_UNKNOWN

    def test_a_slice_that_is_not_axial(self):
        sagittal = stack_around(MR_SAC, 3, 4, directions=([0, 1, 0], [0, 0, -1]))
        stacks = [ct_volume(), dataclasses.replace(mr_packet(), geometry=sagittal)]
        assert_finding(self.pair(self.listed(), stacks).finding, Reason.NO_STACK, 'MR')

    def test_frames_of_one_object_are_told_apart_by_points_in_mm_only(self):
        stacks = [ct_volume(multi_frame=True), mr_packet()]
        assert self.pair(self.listed(ct_uid='1.2.5'), stacks).ct.cut.index == 29
        pixels = {'sac': np.array([74.5, 74.5, 0]), 'ventral': np.array([74.5, 34.5, 0])}
        listed = self.listed(ct_uid='1.2.5', unit='pixel', ct=pixels, mr=pixels)
        assert self.pair(listed, stacks).finding.reason is Reason.SLICE_UNKNOWN

    def test_an_object_of_several_packets_is_named_by_points_in_mm(self):
        mr = mr_packet(multi_frame=True)
        other = stack_around(MR_SAC - [0, 0, 40], 3, 4.4, tilt_deg=12)
        packets = [dataclasses.replace(mr, geometry=other), mr]
        pair = self.pair(self.listed(mr_uid='9.6'), [ct_volume(), *packets])
        assert pair.mr.stack is mr
        pixels = {'sac': np.array([64.5, 64.5, 0]), 'ventral': np.array([64.5, 32.0, 0])}
        listed = self.listed(mr_uid='9.6', unit='pixel', ct=pixels, mr=pixels)
        assert self.pair(listed, [mr]).finding.reason is Reason.SLICE_UNKNOWN

    def test_points_that_do_not_lie_on_the_named_slice_of_a_volume(self):
        far = self.listed(ct_uid='1.2.5.25')
        for ct_plane, limit in (('mr', 0.501), ('auto', 0.5)):
            found = self.pair(far, ct_plane=ct_plane).finding
            assert_finding(found, Reason.OFF_PLANE, 'CT', 4, limit)

    def test_the_limits_hold_for_named_slices_too(self):
        far = self.listed(ct_uid='1.2.5.25')
        assert_finding(self.pair(far, ct_plane='slice').finding, Reason.OFF_PLANE, 'CT', 4, 0.5)
        excluded = self.pair(self.listed(), excluded={'L4-5': 'infection'})
        assert_finding(excluded.finding, Reason.EXCLUDED)
