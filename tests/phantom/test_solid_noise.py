import numpy as np

from ct2mr_tf.phantom import solid_noise


def test_unit_spread_over_space_and_another_field_for_another_seed():
    x, y, z = np.meshgrid(*[np.linspace(0, 400, 60)] * 3)
    first = solid_noise.field(x, y, z, (10, 10, 10), [1])
    second = solid_noise.field(x, y, z, (10, 10, 10), [2])
    assert abs(first.mean()) < 0.05
    assert abs(first.std() - 1) < 0.1
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1


def test_features_have_the_size_asked_for_along_each_axis():
    line = np.arange(0, 4000, 1.0)
    still = np.zeros_like(line)

    def crossings(values):
        return np.count_nonzero(np.diff(np.sign(values)))

    along_x = crossings(solid_noise.field(line, still, still, (10, 40, 10), [3]))
    along_y = crossings(solid_noise.field(still, line, still, (10, 40, 10), [3]))
    assert 2.5 < along_x / along_y < 6


def test_a_point_has_one_value_whatever_is_read_with_it():
    points = np.random.default_rng(0).uniform(-500, 500, (3, 200))
    whole = solid_noise.field(*points, (5, 6, 7), [4])
    assert np.array_equal(whole[17:40], solid_noise.field(*points[:, 17:40], (5, 6, 7), [4]))
