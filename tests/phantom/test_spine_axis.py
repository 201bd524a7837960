import dataclasses
import math

import numpy as np
import pytest

from ct2mr_tf.imaging.landmarks import LEVELS
from ct2mr_tf.phantom import patient as patients
from ct2mr_tf.phantom import spine_axis


def _straight(tilt_deg=0.0, turn_deg=0.0):
    return dataclasses.replace(
        patients.create_patient(0),
        tilt_deg=(tilt_deg,) * 7,
        rotation_deg=(turn_deg, turn_deg),
        side_bend_mm=0.0,
        pitch_mm=(36.0,) * 6,
    )


def test_straight_spine_has_patient_axes():
    u, v, s, t = spine_axis.to_spine(_straight(), np.array([[7.0, -20.0, 36.0], [0.0, 5.0, -18.0]]))
    assert np.allclose(u, [7, 0], atol=1e-3)
    assert np.allclose(v, [20, -5], atol=1e-3)
    assert np.allclose(s, [36, -18], atol=1e-3)
    # L3-4 is segment 3 and lies at s = 0; one pitch up is L2-3, half a pitch down mid L4.
    assert np.allclose(t, [2, 3.5], atol=1e-3)


def test_tilted_spine_leans_to_the_front():
    # Tilt 30 degrees: up is (0, -1/2, cos 30), front is (0, -cos 30, -1/2).
    cos = math.cos(math.radians(30))
    point = 10 * np.array([0, -0.5, cos]) + 4 * np.array([0, -cos, -0.5]) + np.array([3.0, 0, 0])
    u, v, s, _ = spine_axis.to_spine(_straight(tilt_deg=30.0), point)
    assert (u, v, s) == (
        pytest.approx(3, abs=0.01),
        pytest.approx(4, abs=0.01),
        pytest.approx(10, abs=0.01),
    )


def test_positive_rotation_turns_the_front_to_the_left():
    u, v, _, _ = spine_axis.to_spine(_straight(turn_deg=90.0), np.array([5.0, 0.0, 0.0]))
    assert (u, v) == (pytest.approx(0, abs=1e-3), pytest.approx(5, abs=1e-3))


@pytest.mark.parametrize('seed', range(4))
def test_points_of_the_planes_across_a_real_spine_are_found_again(seed):
    patient = patients.create_patient(seed)
    table = spine_axis.axis(patient)
    rng = np.random.default_rng(seed)
    s = rng.uniform(table.disc_s[-1], table.disc_s[0], 500)
    row = np.rint((s - table.start) / spine_axis.STEP_MM).astype(int)
    u, v = rng.uniform(-60, 60, 500), rng.uniform(-60, 80, 500)
    points = table.centre[row] + u[:, None] * table.left[row] + v[:, None] * table.front[row]
    found_u, found_v, found_s, _ = spine_axis.to_spine(patient, points)
    expected = np.stack([u, v, table.start + spine_axis.STEP_MM * row])
    assert np.abs(np.stack([found_u, found_v, found_s]) - expected).max() < 0.05


def test_level_planes_pass_through_the_discs_in_order():
    patient = patients.create_patient(3)
    heights = []
    for level in LEVELS:
        centre, normal = spine_axis.level_plane(patient, level)
        u, v, _, t = spine_axis.to_spine(patient, centre)
        assert abs(u) < 0.01 and abs(v) < 0.01
        assert t == pytest.approx(spine_axis.segment_number(level), abs=1e-3)
        assert np.linalg.norm(normal) == pytest.approx(1)
        assert normal[2] > 0.6
        heights.append(centre[2])
    assert heights == sorted(heights, reverse=True)


def test_unknown_level_is_named():
    with pytest.raises(ValueError, match="'L6' is no level; the levels are L1-2"):
        spine_axis.segment_number('L6')
