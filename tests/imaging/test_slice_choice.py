import dataclasses

import numpy as np
import pytest
from stack_builders import FakeStack, stack_around

from ct2mr_tf.imaging import slice_choice
from ct2mr_tf.imaging.pairing_rules import NoPairError, PairingOptions, Reason
from ct2mr_tf.imaging.slice_choice import Candidate

SAGITTAL = ([0, 1, 0], [0, 0, -1])

AXIAL_T2 = FakeStack(stack_around(np.zeros(3), 3, 4.0), 'MR', 't2 tse', slice_thickness=4.0)


def chosen(stacks, modality='MR', series=''):
    return [one.stack for one in slice_choice.candidates(stacks, modality, series)]


def test_candidates_are_axial_t2_stacks_of_the_modality():
    others = [
        FakeStack(stack_around(np.zeros(3), 3, 4.0, directions=SAGITTAL), 'MR'),
        FakeStack(stack_around(np.zeros(3), 3, 4.0), 'MR', 't1 tse', is_t2=False),
        FakeStack(stack_around(np.zeros(3), 3, 4.0), 'CT'),
    ]
    assert chosen([*others, AXIAL_T2]) == [AXIAL_T2]
    assert chosen([*others, AXIAL_T2], 'CT') == others[2:]


def test_a_series_that_is_named_need_not_look_t2_weighted():
    odd = FakeStack(stack_around(np.zeros(3)), 'MR', 'Spezial AX', is_t2=False)
    assert chosen([odd, AXIAL_T2], series='spezial') == [odd]


def candidate(**fields):
    return Candidate(dataclasses.replace(AXIAL_T2, **fields), range(3))


def nearest(z, **fields):
    points = np.array([[0.0, 0, z], [0, -40, z + 0.5]])
    return slice_choice.nearest_slice(candidate(**fields), points)


@pytest.mark.parametrize(('z', 'index', 'off'), [(0.0, 1, 0.5), (3.9, 2, 0.4), (-9.0, 0, 5.0)])
def test_the_nearest_slice_is_nearest_the_furthest_point(z, index, off):
    found = nearest(z)
    assert (found.index, found.off_plane_mm) == (index, pytest.approx(off))
    assert found.origin[2] == pytest.approx(4.0 * (index - 1))


def test_half_the_thickness_is_the_limit():
    options = PairingOptions()
    assert slice_choice.off_plane(nearest(1.5), options) is None
    finding = slice_choice.off_plane(nearest(-6.01), options)
    assert (finding.reason, finding.modality, finding.limit) == (Reason.OFF_PLANE, 'MR', 2.0)
    assert finding.measured == pytest.approx(2.01)


def test_a_thickness_that_is_missing_is_the_step_and_for_a_single_slice_nothing():
    unknown = dataclasses.replace(AXIAL_T2, slice_thickness=None)
    assert slice_choice.thickness_mm(unknown) == 4.0
    single = dataclasses.replace(unknown, geometry=AXIAL_T2.geometry.part(range(1)))
    assert slice_choice.thickness_mm(single) == 0.0


def test_points_that_fit_two_frames_of_reference_are_refused():
    frames = [nearest(0, frame_of_reference_uid=uid) for uid in ('1.2', '1.3')]
    slice_choice.check_one_frame([frames[0], frames[0]])
    with pytest.raises(NoPairError, match='several frames of reference: 2, limit 1'):
        slice_choice.check_one_frame(frames)


def test_stacks_without_a_frame_of_reference_share_their_series_only():
    unnamed = [
        nearest(0, frame_of_reference_uid='', series_instance_uid=uid) for uid in ('1', '1', '2')
    ]
    slice_choice.check_one_frame(unnamed[:2])
    with pytest.raises(NoPairError):
        slice_choice.check_one_frame(unnamed)


def test_nearer_then_finer_then_larger_stacks_come_first():
    finer = stack_around(np.zeros(3), 3, 4.0, (0.4, 0.4))
    larger = Candidate(
        dataclasses.replace(AXIAL_T2, geometry=stack_around(np.zeros(3), 5, 4.0)), range(5)
    )
    ordered = [
        nearest(-0.25),
        nearest(0, geometry=finer),
        slice_choice.nearest_slice(larger, np.array([[0.0, 0, 0.5]])),
        nearest(0, series_instance_uid='1'),
        nearest(0, series_instance_uid='2'),
    ]
    assert [one.off_plane_mm for one in ordered] == [0.25, 0.5, 0.5, 0.5, 0.5]
    backwards = ordered[::-1]
    assert sorted(backwards, key=lambda one: one.preference) == ordered


def test_stacks_as_near_as_the_chosen_one_are_told():
    near, as_near, further = nearest(0), nearest(0, series_instance_uid='2'), nearest(1.0)
    assert slice_choice.equally_good([near, further], near) == []
    (finding,) = slice_choice.equally_good([near, as_near, further], near)
    assert (finding.reason, finding.measured) == (Reason.SEVERAL_STACKS, 2)
