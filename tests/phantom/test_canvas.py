import numpy as np
from spine_points import canvas_at

from ct2mr_tf.phantom import patient as patients
from ct2mr_tf.phantom import solid_noise
from ct2mr_tf.phantom.tissues import Tissue


def test_painting_a_part_of_a_part_paints_the_whole():
    canvas = canvas_at(patients.create_patient(0), np.arange(10.0), 0.0, 0.0)
    even = canvas.where(canvas.u % 2 == 0)
    late = even.where(even.u > 4)
    late.paint(late.u < 8, Tissue.VEIN)
    assert np.flatnonzero(canvas.labels == Tissue.VEIN).tolist() == [6]
    assert late.now().tolist() == [Tissue.VEIN, Tissue.AIR]
    assert (late.u == [6, 8]).all()


def test_noise_is_the_patients_own():
    canvas = canvas_at(patients.create_patient(7), np.arange(50.0), 3.0, -8.0)
    read = canvas.noise((5, 6, 7), 2)
    expected = solid_noise.field(canvas.u, canvas.v, canvas.s, (5, 6, 7), [7, 4, 2])
    assert np.array_equal(read, expected)
    other = canvas_at(patients.create_patient(8), np.arange(50.0), 3.0, -8.0).noise((5, 6, 7), 2)
    assert not np.allclose(read, other)
