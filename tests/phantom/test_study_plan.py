import numpy as np
import pytest

from ct2mr_tf.imaging.geometry import angle_between_planes
from ct2mr_tf.phantom import spine_axis, study_plan
from ct2mr_tf.phantom.cohort import Member
from ct2mr_tf.phantom.study_plan import POSITIONS, StudyOptions, plan_studies

LEVELS = ('L3-4', 'L5-S1')


def plan_of(seed=3, **options):
    return plan_studies(Member(1, seed, LEVELS), StudyOptions(**options))


@pytest.fixture(scope='module', params=POSITIONS)
def plan(request):
    return plan_of(position=request.param, ct_matrix=64, mr_matrix=64)


def test_frames_are_turned_a_little_and_shifted_much():
    plan = plan_of(turn_deg=2.0)
    for scan in (plan.ct, plan.mr):
        assert np.allclose(scan.rotation @ scan.rotation.T, np.eye(3))
        assert np.linalg.det(scan.rotation) == pytest.approx(1)
        degrees = np.degrees(np.arccos((np.trace(scan.rotation) - 1) / 2))
        assert 0 < degrees < 10
        points = np.random.default_rng(0).normal(0, 50, (20, 3))
        assert np.allclose(scan.to_anatomy(scan.to_frame(points)), points)
        assert np.allclose(scan.to_frame(np.zeros(3)), scan.shift)
    assert np.abs(plan.ct.shift - plan.mr.shift).max() > 100


def test_nobody_is_turned_where_nobody_shall_be():
    plan = plan_of(turn_deg=0.0)
    assert np.allclose(plan.ct.rotation, np.eye(3))


def test_rows_and_columns_stand_in_the_scanner(plan):
    """Left is at the end of rows and the back at the end of columns, on the back and head first."""
    row = {'HFS': 1, 'FFS': -1, 'HFP': -1, 'FFP': 1}[plan.mr.position]
    column = {'HFS': 1, 'FFS': 1, 'HFP': -1, 'FFP': -1}[plan.mr.position]
    geometry = plan.ct_volume()
    assert np.allclose(geometry.row_direction, [row, 0, 0])
    assert np.allclose(geometry.column_direction, [0, column, 0])
    for level in LEVELS:
        packet, _ = plan.packet(level)
        assert packet.row_direction[0] * row > 0.95
        assert packet.column_direction[1] * column > 0.6


def test_packets_lie_along_the_discs(plan):
    for level in LEVELS:
        geometry, middle = plan.packet(level)
        centre, normal = spine_axis.level_plane(plan.patient, level)
        assert angle_between_planes(geometry.normal, plan.mr.rotation @ normal) < 1e-6
        off_plane = geometry.plane_distances(plan.mr.to_frame(centre))
        assert abs(off_plane[middle]) < 1e-9
        assert len(geometry) in study_plan.PACKET_SLICES
        assert np.allclose(geometry.steps_mm, 4.4)
        assert geometry.rows * geometry.pixel_spacing[0] == pytest.approx(160)


def test_squares_lie_inside_what_is_scanned(plan):
    ct = plan.ct_volume()
    for level in LEVELS:
        square = plan.ct_square(level)
        slab = [square.corners() + side * 2.0 * square.normal for side in (-1, 1)]
        voxels = ct.to_voxels(np.concatenate(slab))
        assert voxels.min() > 0
        assert (voxels < np.array([len(ct), ct.rows, ct.columns]) - 1).all()
        packet, middle = plan.packet(level)
        pixels = packet.to_pixels(middle, plan.mr_square(level).corners())
        assert pixels.min() > 0
        assert pixels.max() < packet.rows - 1


def test_squares_of_both_scans_show_the_same_anatomy_but_for_the_turn():
    plan = plan_of(turn_deg=0.0)
    for level in LEVELS:
        ct = plan.ct.square_in_anatomy(plan.ct_square(level))
        mr = plan.mr.square_in_anatomy(plan.mr_square(level))
        assert np.abs(ct.corners() - mr.corners()).max() < 1e-6


def test_patients_lie_on_their_backs_head_first_mostly_and_are_scanned_within_days():
    plans = [plan_studies(Member(1, seed, ('L4-5',)), StudyOptions()) for seed in range(24)]
    positions = [scan.position for plan in plans for scan in (plan.ct, plan.mr)]
    assert positions.count('HFS') > 24
    assert len(set(positions)) > 2
    days = {(plan.mr.date - plan.ct.date).days for plan in plans}
    assert days == {0, 1, 2, 3}


def test_options_do_not_change_who_is_scanned():
    first, second = plan_of(), plan_of(ct_matrix=64, jitter_mm=2.0)
    assert np.array_equal(first.ct.rotation, second.ct.rotation)
    assert first.mr.date == second.mr.date


@pytest.mark.parametrize(
    'options',
    [
        {'ct_matrix': 8},
        {'ct_step_mm': 0.1},
        {'truth_size': 0},
        {'turn_deg': -1.0},
        {'jitter_mm': 20.0},
        {'position': 'HFDR'},
    ],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match=r'\d|HFDR'):
        StudyOptions(**options)
