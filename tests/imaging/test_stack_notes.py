import numpy as np
from stack_builders import stack_around

from ct2mr_tf.imaging import stack_notes
from ct2mr_tf.imaging.geometry import StackGeometry


def with_origins(places, shifts=None):
    """Axial slices at these places along the axis, shifted within their planes (mm, y)."""
    like = stack_around(np.zeros(3))
    origins = np.zeros((len(places), 3))
    origins[:, 2] = places
    if shifts is not None:
        origins[:, 1] = shifts
    return StackGeometry(origins, like.row_direction, like.column_direction, (1, 1), 8, 8)


def test_even_slices_and_single_slices_have_no_notes():
    assert stack_notes.of_steps(with_origins([0, 3, 6, 9])) == []
    assert stack_notes.of_steps(with_origins([5])) == []


def test_a_missing_slice_is_a_gap_and_no_unevenness():
    assert stack_notes.of_steps(with_origins([0, 3, 6, 12, 15])) == [
        '1 gaps, up to 6.00 mm where 3.00 mm is usual'
    ]


def test_uneven_steps_are_told_with_their_range():
    assert stack_notes.of_steps(with_origins([0, 3, 6.5, 9.5])) == ['slices 3.00 to 3.50 mm apart']


def test_an_even_shear_is_a_tilted_gantry():
    # 1 mm for 5 mm: arctan 0.2 is 11.3 degrees.
    notes = stack_notes.of_steps(with_origins([0, 5, 10], shifts=[0, 1, 2]))
    assert notes == ['sheared by 11.3 degrees (tilted gantry)']


def test_an_uneven_shear_is_a_shift_of_slices():
    notes = stack_notes.of_steps(with_origins([0, 5, 10], shifts=[0, 1, 1]))
    assert notes == ['slices shifted within their plane by up to 1.00 mm']


def test_rounding_of_positions_is_not_told():
    assert stack_notes.of_steps(with_origins([0, 5.0004, 10], shifts=[0, 0.01, 0])) == []
