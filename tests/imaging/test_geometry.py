import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from stack_builders import ORIENTATIONS, stack_around

from ct2mr_tf.imaging.geometry import StackGeometry, angle_between_planes


def by_hand(**changes):
    """Two slices 3 mm apart; rows 0.5 mm apart run to the left, columns 0.25 mm apart backwards."""
    fields = {
        'origins': [[-10, -20, 100], [-10, -20, 103]],
        'row_direction': [1, 0, 0],
        'column_direction': [0, 1, 0],
        'pixel_spacing': (0.5, 0.25),
        'rows': 40,
        'columns': 80,
    }
    return StackGeometry(**{**fields, **changes})


def test_pixel_spacing_is_between_rows_first():
    # Equation C.7.6.2.1-1 of PS3.3: column 8 is 8 * 0.25 mm along the row, row 4 is 4 * 0.5 mm.
    assert by_hand().to_patient(1, [4, 8]).tolist() == [-8, -18, 103]
    assert by_hand().to_pixels(1, [-8, -18, 99]).tolist() == [4, 8]
    assert by_hand().to_voxels([-8, -18, 104.5]).tolist() == [1.5, 4, 8]


def test_plane_distances_by_hand():
    distances = by_hand().plane_distances([[0, 0, 101], [5, 5, 105]])
    assert distances.tolist() == [[1, 5], [-2, 2]]
    assert by_hand().plane_distances([0, 0, 101]).tolist() == [1, -2]


def test_sheared_volume_keeps_rows_and_columns():
    # A gantry tilted by 45 degrees: each slice lies 3 mm further back than the one below.
    sheared = by_hand(origins=[[-10, -20, 100], [-10, -17, 103]])
    assert sheared.to_voxels([-8, -16.5, 101.5]).tolist() == [0.5, 4, 8]


def test_uneven_steps_are_told_by_position():
    uneven = by_hand(origins=[[0, 0, 0], [0, 0, 1], [0, 0, 5]])
    assert uneven.steps_mm.tolist() == [1, 4]
    slices = uneven.to_voxels([[0, 0, -1], [0, 0, 0.5], [0, 0, 3], [0, 0, 7]])[:, 0]
    assert slices.tolist() == [-1, 0.5, 1.5, 2.5]
    assert uneven.part(range(1, 3)).to_voxels([0, 0, 3]).tolist() == [0.5, 0, 0]


@hypothesis.given(
    rotation=st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1),
    voxel=st.tuples(st.floats(-1, 4), st.floats(-1, 30), st.floats(-1, 30)),
    name=st.sampled_from(sorted(ORIENTATIONS)),
)
def test_voxels_and_patient_coordinates_agree_in_any_pose(rotation, voxel, name):
    turn = Rotation.from_quat(rotation)
    row, column = (turn.apply(direction) for direction in ORIENTATIONS[name])
    geometry = stack_around([30, -50, 800], 4, 2.5, (0.7, 0.4), (32, 33), (row, column))
    index, *row_column = voxel
    point = geometry.to_patient(0, row_column) + index * 2.5 * geometry.normal
    assert geometry.to_voxels(point) == pytest.approx(voxel, abs=1e-9)
    assert geometry.to_pixels(2, point) == pytest.approx(row_column, abs=1e-9)
    assert geometry.plane_distances(point)[1] == pytest.approx(2.5 * (index - 1), abs=1e-9)


def test_rounded_directions_are_made_orthonormal():
    geometry = by_hand(row_direction=[0.9999, 0.0141, 0], column_direction=[-0.0149, 0.9999, 0])
    axes = np.stack([geometry.row_direction, geometry.column_direction, geometry.normal])
    assert axes @ axes.T == pytest.approx(np.eye(3), abs=1e-12)
    assert geometry.row_direction[1] / geometry.row_direction[0] == pytest.approx(0.0141 / 0.9999)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'origins': np.zeros((0, 3))}, 'origins'),
        ({'origins': [1, 2, 3]}, 'origins'),
        ({'origins': [[0, 0, np.nan]]}, 'finite'),
        ({'origins': [[0, 0, 1], [0, 0, 1]]}, 'ordered'),
        ({'origins': [[0, 0, 2], [0, 0, 1]]}, 'ordered'),
        ({'row_direction': [1, 0]}, 'directions'),
        ({'row_direction': [0, 0, 0]}, 'unit'),
        ({'row_direction': [1, 0.1, 0]}, 'orthogonal'),
        ({'column_direction': [0, np.nan, 0]}, 'unit'),
        ({'pixel_spacing': (0.5, 0)}, 'spacing'),
        ({'pixel_spacing': (0.5, np.inf)}, 'spacing'),
        ({'rows': 0}, 'pixels'),
    ],
)
def test_geometries_that_are_none(changes, message):
    with pytest.raises(ValueError, match=message):
        by_hand(**changes)


def test_one_slice_spans_no_volume():
    with pytest.raises(ValueError, match='one slice'):
        by_hand(origins=[[0, 0, 0]]).to_voxels([0, 0, 0])


def test_angles_between_planes():
    assert angle_between_planes([0, 0, 1], [0, 0, -2]) == 0
    assert angle_between_planes([0, 0, 1], [0, 1, 1]) == pytest.approx(45)
    assert angle_between_planes([0, 0, 1], [0, np.sin(1e-9), 1]) == pytest.approx(
        np.degrees(1e-9), rel=1e-6
    )
