import numpy as np
import pytest

from ct2mr_tf.phantom import shapes


def test_ellipse_of_equal_axes_is_the_distance_to_a_circle():
    x, y = np.array([0.0, 3.0, 8.0, 0.0]), np.array([5.0, 4.0, 6.0, 2.0])
    assert np.allclose(shapes.ellipse(x, y, 5, 5), [0, 0, 5, -3], atol=1e-5)


@pytest.mark.parametrize('angle', [0.0, 0.4, 1.1, 1.5])
def test_outlines_are_where_the_distance_is_zero(angle):
    x, y = 7 * np.cos(angle), 3 * np.sin(angle)
    assert shapes.ellipse(np.array([x]), np.array([y]), 7, 3) == pytest.approx(0, abs=1e-5)
    assert shapes.superellipse(np.array([x]), np.array([y]), 7, 3, 2) == pytest.approx(0, abs=1e-5)


def test_superellipse_is_inside_at_its_centre():
    assert shapes.superellipse(np.array([0.0]), np.array([0.0]), 7.0, 3.0, 2.5) < 0


def test_capsule_measures_from_its_axis_and_its_ends():
    # From (0, 0) to (10, 0), radius growing from 1 to 3: at x = 5 it is 2.
    x, y = np.array([5.0, -4.0, 14.0, 5.0]), np.array([6.0, 0.0, 3.0, 0.0])
    assert np.allclose(shapes.capsule(x, y, (0, 0), (10, 0), (1, 3)), [4, 3, 2, -2], atol=1e-5)


def test_turned_axes():
    x, y = shapes.turned(np.array([1.0]), np.array([3.0]), (1, 1), 90)
    assert (x[0], y[0]) == (pytest.approx(2), pytest.approx(0))


def test_blended_union_fills_the_corner_and_nothing_far_from_it():
    # Equal distances d meet at blend / 4 less: (blend - 0)^2 / (4 blend).
    assert shapes.union(np.array([1.0]), np.array([1.0]), blend=2.0) == pytest.approx(0.5)
    assert shapes.union(np.array([1.0]), np.array([4.0]), blend=2.0) == pytest.approx(1)
    assert shapes.intersection(np.array([-1.0]), np.array([-1.0]), blend=2.0) == pytest.approx(-0.5)
