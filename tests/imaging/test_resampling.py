import dataclasses

import cv2
import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.interpolate import RegularGridInterpolator
from scipy.spatial.transform import Rotation
from stack_builders import (
    ORIENTATIONS,
    blob,
    centroid,
    disc_points,
    sampled,
    stack_around,
)

from ct2mr_tf.imaging import resampling
from ct2mr_tf.imaging.crop import SquareCrop, square_crop
from ct2mr_tf.imaging.resampling import Cut

SAC = np.array([12.0, -180.0, 640.0])
GRADIENT = np.array([3.0, -2.0, 5.0])


def ramp(points):
    return (points - SAC) @ GRADIENT


def slice_cut(geometry, half_side_mm, index=0):
    points = disc_points(SAC, ventral_mm=half_side_mm)
    square = square_crop(points, geometry.normal, geometry.origins[index])
    return Cut(geometry, square.with_half_side(half_side_mm), index)


def volume_cut(geometry, tilt_deg=0.0, half_side_mm=40.0, slab_mm=0.0, around=SAC):
    normal = Rotation.from_euler('x', tilt_deg, degrees=True).apply([0, 0, 1])
    points = disc_points(around, tilt_deg, half_side_mm)
    return Cut(geometry, square_crop(points, normal), None, slab_mm)


def picture(cut, field, size):
    needed = resampling.slices_needed(cut)
    return resampling.resample(cut, sampled(cut.geometry.part(needed), field), size)


@pytest.mark.parametrize('name', sorted(ORIENTATIONS))
@pytest.mark.parametrize('size', [33, 256, 512])
def test_a_ramp_in_a_slice_is_reproduced_exactly_at_every_scale(name, size):
    geometry = stack_around(SAC, 1, 1, (0.5, 0.4), (220, 260), ORIENTATIONS[name], 12)
    cut = slice_cut(geometry, 40)
    expected = ramp(cut.crop.grid(size))
    assert_allclose(picture(cut, ramp, size), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize('name', sorted(ORIENTATIONS))
@pytest.mark.parametrize(('tilt_deg', 'slab_mm'), [(0, 0), (15, 0), (15, 4), (-10, 3)])
def test_a_ramp_in_a_volume_is_reproduced_exactly_on_every_plane(name, tilt_deg, slab_mm):
    geometry = stack_around(SAC, 34, 1.25, (0.8, 0.9), (110, 110), ORIENTATIONS[name])
    cut = volume_cut(geometry, tilt_deg, 40, slab_mm)
    assert resampling.leaves_by_mm(cut) == 0
    expected = ramp(cut.crop.grid(90))
    assert_allclose(picture(cut, ramp, 90), expected, rtol=0, atol=1e-3)


def test_a_sheared_volume_of_a_tilted_gantry_is_read_right():
    upright = stack_around(SAC, 41, 1, (1, 1), (120, 120))
    shear = np.tan(np.radians(12)) * (upright.origins[:, 2:] - SAC[2]) * upright.column_direction
    sheared = dataclasses.replace(upright, origins=upright.origins + shear)
    cut = volume_cut(sheared, 8)
    expected = ramp(cut.crop.grid(64))
    assert_allclose(picture(cut, ramp, 64), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize('name', sorted(ORIENTATIONS))
@pytest.mark.parametrize('tilt_deg', [0, 7, 15])
def test_a_blob_lies_where_the_grid_says_within_a_tenth_of_a_pixel(name, tilt_deg):
    turn = Rotation.from_euler('x', tilt_deg, degrees=True)
    at = SAC + turn.apply([11.3, -17.7, 0])
    volume = stack_around(SAC, 50, 0.9, (0.7, 0.7), (150, 150), ORIENTATIONS[name])
    tilted = stack_around(SAC, 1, 1, (0.6, 0.6), (170, 170), ORIENTATIONS[name], tilt_deg)
    for cut in (volume_cut(volume, tilt_deg), slice_cut(tilted, 40)):
        where = centroid(picture(cut, blob(at, 3.0), 256))
        assert where == pytest.approx(cut.crop.to_picture(at, 256), abs=0.1)
        # To the patient's left and before the sac: right of the middle, and above it.
        assert where[0] > 127.5 > where[1]


@hypothesis.given(
    shift=st.tuples(*[st.floats(-300, 300)] * 3), name=st.sampled_from(sorted(ORIENTATIONS))
)
@hypothesis.settings(max_examples=20)
def test_the_picture_moves_with_the_patient_and_forgets_how_it_was_scanned(shift, name):
    def moved(points):
        return blob(SAC + np.array([5, -9, 2]), 6)(points - shift)

    still = stack_around(SAC, 36, 1, (1, 1), (100, 100))
    reference = picture(volume_cut(still, 10), blob(SAC + np.array([5, -9, 2]), 6), 64)
    scanned = stack_around(SAC + shift, 36, 1, (1, 1), (100, 100), ORIENTATIONS[name])
    again = picture(volume_cut(scanned, 10, around=SAC + shift), moved, 64)
    assert_allclose(again, reference, rtol=0, atol=0.5)


@pytest.mark.parametrize('name', sorted(ORIENTATIONS))
def test_left_stays_left_and_anterior_up(name):
    geometry = stack_around(SAC, 1, 1, (1, 1), (120, 120), ORIENTATIONS[name])
    left = picture(slice_cut(geometry, 40), lambda points: points[..., 0] - SAC[0], 8)
    behind = picture(slice_cut(geometry, 40), lambda points: points[..., 1] - SAC[1], 8)
    assert left[0] == pytest.approx([-35, -25, -15, -5, 5, 15, 25, 35], abs=1e-3)
    assert behind[:, 0] == pytest.approx([-35, -25, -15, -5, 5, 15, 25, 35], abs=1e-3)


def test_shrinking_by_a_whole_number_is_the_mean_of_the_pixels_beneath():
    pixels = np.random.default_rng(0).normal(size=(1, 128, 128)).astype(np.float32)
    geometry = stack_around(SAC, 1, 1, (0.5, 0.5), (128, 128))
    shrunk = resampling.resample(slice_cut(geometry, 32), pixels, 32)
    expected = cv2.resize(pixels[0], (32, 32), interpolation=cv2.INTER_AREA)
    assert_allclose(shrunk, expected, rtol=0, atol=1e-6)


def test_a_fine_pattern_does_not_alias():
    checks = (np.indices((1, 128, 128)).sum(axis=0) % 2 * 200).astype(np.float32)
    geometry = stack_around(SAC, 1, 1, (0.5, 0.5), (128, 128))
    # 62 mm onto 40 pixels: 3.1 pixels of the pattern in one.
    shrunk = resampling.resample(slice_cut(geometry, 31), checks, 40)
    assert np.abs(shrunk - 100).max() < 12


def test_enlarging_agrees_with_another_trilinear_interpolation():
    rng = np.random.default_rng(1)
    geometry = stack_around(SAC, 20, 2, (1.5, 1.2), (60, 70))
    pixels = rng.normal(size=(20, 60, 70)).astype(np.float32)
    cut = volume_cut(geometry, 11, 30)
    needed = resampling.slices_needed(cut)
    ours = resampling.resample(cut, pixels[needed.start : needed.stop], 96)
    axes = [np.arange(length) for length in pixels.shape]
    offsets = cut.crop.grid(96) - geometry.origins[0]
    theirs = RegularGridInterpolator(axes, pixels)(offsets[..., [2, 1, 0]] / [2, 1.5, 1.2])
    assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_a_slab_of_unevenly_spaced_slices_has_layers_as_thin_as_their_smallest_step():
    even = stack_around(SAC, 3, 1, (1, 1), (100, 100))
    gap = np.concatenate([even.origins, even.origins[2:] + 4 * even.normal])
    cut = volume_cut(dataclasses.replace(even, origins=gap), slab_mm=2)
    pixels = np.zeros((4, 100, 100), np.float32)
    pixels[1] = 10  # the slice of the sac: half a millimetre from it, on both sides, it is 5
    needed = resampling.slices_needed(cut)
    slab = resampling.resample(cut, pixels[needed.start : needed.stop], 4)
    assert slab == pytest.approx(np.full((4, 4), 5))


def test_a_slab_by_hand():
    # Slices 1 mm apart, the sac on the middle one; 4 mm are 4 layers at -1.5, -0.5, 0.5, 1.5 mm,
    # each half of two slices: weights 1/8, 1/4, 1/4, 1/4, 1/8.
    values = np.array([0, 0, 80, 40, 20, 400, 8, 0, 0], dtype=np.float32)
    pixels = np.broadcast_to(values[:, None, None], (9, 100, 100))
    cut = volume_cut(stack_around(SAC, 9, 1, (1, 1), (100, 100)), slab_mm=4)
    needed = resampling.slices_needed(cut)
    assert needed == range(2, 7)
    slab = resampling.resample(cut, pixels[needed.start : needed.stop], 4)
    assert slab == pytest.approx(np.full((4, 4), 10 + 10 + 5 + 100 + 1))


def test_slices_needed_by_hand():
    geometry = stack_around(SAC, 41, 1, (1, 1), (120, 120))
    # Tilted by 15 degrees the square of half side 40 spans +-10.35 mm; a slab of 4 adds 1.93.
    assert resampling.slices_needed(volume_cut(geometry, 15)) == range(9, 32)
    assert resampling.slices_needed(volume_cut(geometry, 15, slab_mm=4)) == range(7, 34)
    assert resampling.slices_needed(volume_cut(geometry)) == range(20, 22)
    assert resampling.slices_needed(slice_cut(geometry, 40, 20)) == range(20, 21)
    beyond = volume_cut(geometry, around=SAC + np.array([0, 0, 500]))
    assert resampling.slices_needed(beyond) == range(39, 41)


def test_how_far_the_square_leaves_the_image_by_hand():
    geometry = stack_around(SAC, 5, 2, (0.5, 1.0), (160, 80))
    # The image is 80 mm x 80 mm, edges of its outermost pixels included.
    assert resampling.leaves_by_mm(slice_cut(geometry, 40, 2)) == 0
    assert resampling.leaves_by_mm(slice_cut(geometry, 41.5, 2)) == pytest.approx(1.5)
    # The volume reaches half a step, 1 mm, beyond slices at +-4 mm.
    volume = volume_cut(geometry, half_side_mm=30)
    assert resampling.leaves_by_mm(dataclasses.replace(volume, slab_mm=10)) == 0
    assert resampling.leaves_by_mm(dataclasses.replace(volume, slab_mm=13)) == pytest.approx(1.5)


def test_outside_the_image_is_nan_never_zero():
    geometry = stack_around(SAC, 1, 1, (1, 1), (80, 80))
    cut = slice_cut(geometry, 50)
    ours = picture(cut, ramp, 100)
    inside = np.isfinite(ours)
    assert inside.sum() == 80 * 80
    assert inside[10:90, 10:90].all()
    volume = volume_cut(stack_around(SAC, 10, 1, (1, 1), (120, 120)), 15)
    ours = picture(volume, ramp, 80)
    # Slices end at +-5 mm, where the plane is 5 / sin(15 deg) = 19.3 mm from the sac.
    depths = np.abs(volume.crop.grid(80)[..., 2] - SAC[2])
    assert np.array_equal(np.isfinite(ours), depths <= 5)


def test_padding_becomes_nan_wherever_it_takes_part():
    geometry = stack_around(SAC, 1, 1, (1, 1), (80, 80))
    pixels = np.ones((1, 80, 80), np.float32)
    pixels[0, :, :10] = np.nan
    ours = resampling.resample(slice_cut(geometry, 40), pixels, 80)
    assert np.isnan(ours[:, :10]).all()
    assert (ours[:, 11:] == 1).all()


def test_integers_are_interpolated_without_loss():
    pixels = np.arange(2 * 60 * 60, dtype=np.int16).reshape(2, 60, 60)
    geometry = stack_around(SAC, 2, 1, (1, 1), (60, 60))
    cut = volume_cut(geometry, half_side_mm=20)
    ours = resampling.resample(cut, pixels, 41)
    again = resampling.resample(cut, pixels.astype(np.float64), 41)
    assert ours.dtype == np.float32
    assert np.array_equal(ours, again)
    assert (ours % 1 != 0).any()


def test_pixels_of_another_shape_are_refused():
    cut = slice_cut(stack_around(SAC, 1, 1, (1, 1), (80, 80)), 30)
    with pytest.raises(ValueError, match='shape'):
        resampling.resample(cut, np.zeros((2, 80, 80)), 16)


def test_cuts_that_are_none():
    geometry = stack_around(SAC, 3, 1, (1, 1), (80, 80))
    one = geometry.part(range(1))
    square = SquareCrop(SAC, [1, 0, 0], [0, -1, 0], 30)
    tilted = square_crop(disc_points(SAC), [0, 0.1, 1])
    assert Cut(geometry, square, 1).slab_mm == 0
    for arguments, message in [
        ((geometry, square, 0), 'off the slice'),
        ((geometry, tilted, 1), 'off the slice'),
        ((geometry, square, 1, 2.0), 'slab'),
        ((geometry, square, None, -1.0), 'slab'),
        ((one, square, None), 'one slice'),
    ]:
        with pytest.raises(ValueError, match=message):
            Cut(*arguments)
