import dataclasses
import math

import numpy as np
import pytest
from scipy import ndimage

from ct2mr_tf.imaging import crop
from ct2mr_tf.phantom import composition, pairs, signal, spine_axis
from ct2mr_tf.phantom import patient as patients
from ct2mr_tf.phantom.tissue_properties import HU, RELAXATION, Relaxation
from ct2mr_tf.phantom.tissues import Tissue

LARGE = (
    Tissue.SUBCUTANEOUS_FAT,
    Tissue.DEEP_FAT,
    Tissue.WALL_MUSCLE,
    Tissue.PARASPINAL_MUSCLE,
    Tissue.PSOAS,
    Tissue.BOWEL_CONTENT,
)
"""Tissues with many pixels far from any border in a picture of the whole body."""


@pytest.fixture(scope='module')
def patient():
    return patients.create_patient(1)


@pytest.fixture(scope='module')
def body(patient):
    centre, normal = spine_axis.level_plane(patient, 'L4-5')
    left, anterior = crop.plane_axes(normal)
    square = crop.SquareCrop(centre + 25 * anterior, left, anterior, 190)
    return composition.compose(patient, composition.slab_of_square(square, 256, 3.0))


@pytest.fixture(scope='module')
def disc(patient):
    return pairs.render_pair(patient, 'L4-5', 128).slice_


def _inside(slice_, tissue):
    """Pixels that hold nothing but a tissue, with their neighbours."""
    return ndimage.binary_erosion(slice_.shares[..., tissue] > 0.99, iterations=2)


def _quiet(patient):
    """A draw without noise, scatter or fall of the coil's sensitivity towards the front."""
    return dataclasses.replace(
        signal.draw_hidden(patient, 0),
        repetition_time_ms=4000.0,
        echo_time_ms=100.0,
        t2_scale=(1.0,) * len(Tissue),
        coil_depth_mm=1e9,
        coil_side_mm=0.0,
        noise=0.0,
    )


def test_spin_echo_by_hand():
    # TR = T1 ln 2 recovers half; TE = T2 ln 4 leaves a quarter: 0.8 / 8.
    tissue = Relaxation(0.8, 1000, 50)
    assert signal.spin_echo(tissue, 1000 * math.log(2), 50 * math.log(4)) == pytest.approx(0.1)


def test_tables_cover_every_tissue():
    assert set(HU) == set(RELAXATION) == set(Tissue)


@pytest.mark.parametrize('tissue', LARGE)
def test_ct_shows_the_hu_of_the_table(patient, body, tissue):
    hu = signal.ct_image(patient, body, np.random.default_rng(0))
    assert hu.dtype == np.float32
    inside = _inside(body, tissue)
    assert inside.sum() > 30
    assert hu[inside].mean() == pytest.approx(HU[tissue], abs=4)


def test_ct_shows_air_and_noise(patient, body):
    hu = signal.ct_image(patient, body, np.random.default_rng(0))
    air = _inside(body, Tissue.AIR)
    assert hu[air].mean() == pytest.approx(-1000, abs=3)
    assert hu[air].std() == pytest.approx(signal.CT_NOISE_HU, rel=0.1)


def test_ct_noise_is_another_for_another_generator_and_the_same_for_the_same(patient, disc):
    first, again, other = (
        signal.ct_image(patient, disc, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    # Two independent noises of one standard deviation differ by the root of two of them.
    assert (first - other).std() == pytest.approx(math.sqrt(2) * signal.CT_NOISE_HU, rel=0.1)


@pytest.mark.parametrize('tissue', LARGE)
def test_mr_shows_the_spin_echo_of_the_table(patient, body, tissue):
    hidden = _quiet(patient)
    shown = signal.mr_image(body, hidden) / signal.coil_sensitivity(body.points, hidden)
    # By hand, at TR 4000 and TE 100.
    row = RELAXATION[tissue]
    expected = row.proton_density * (1 - math.exp(-4000 / row.t1_ms)) * math.exp(-100 / row.t2_ms)
    assert shown[_inside(body, tissue)].mean() == pytest.approx(expected, rel=0.03)


def test_contrast_of_a_t2_weighted_image(patient):
    table = signal.signal_table(_quiet(patient), 4)
    order = (
        Tissue.CEREBROSPINAL_FLUID,
        Tissue.SUBCUTANEOUS_FAT,
        Tissue.CANCELLOUS_BONE,
        Tissue.NERVE_ROOT,
        Tissue.PARASPINAL_MUSCLE,
        Tissue.OUTER_ANNULUS,
        Tissue.CORTICAL_BONE,
    )
    signals = [table[tissue] for tissue in order]
    assert signals == sorted(signals, reverse=True)
    # Water at TE 100 and TR 4000: 1 (1 - exp(-4000/4200)) exp(-100/1500) = 0.6142 * 0.9355.
    flow = _quiet(patient).fluid_flow
    assert table[Tissue.CEREBROSPINAL_FLUID] == pytest.approx(0.5746 * flow, rel=1e-3)
    assert table[Tissue.ARTERY] < 0.1 * table[Tissue.CEREBROSPINAL_FLUID]


def test_noise_of_air_is_rician(body, patient):
    hidden = dataclasses.replace(_quiet(patient), noise=0.02)
    air = signal.mr_image(body, hidden)[_inside(body, Tissue.AIR)]
    # Without signal the magnitude is Rayleigh: mean sigma sqrt(pi / 2).
    assert air.mean() == pytest.approx(0.02 * math.sqrt(math.pi / 2), rel=0.03)
    assert air.min() >= 0


def test_coil_is_more_sensitive_at_the_back(patient):
    hidden = dataclasses.replace(_quiet(patient), coil_depth_mm=100.0)
    points = np.array([[0.0, 0.0, 0.0], [0.0, 100.0, 0.0], [190.0, 0.0, 0.0]])
    assert np.allclose(signal.coil_sensitivity(points, hidden), [1, math.e, 1 / math.e])


def test_degeneration_darkens_the_nucleus_on_mr_and_not_on_ct(patient):
    number = spine_axis.segment_number('L3-4')
    square = pairs.render_pair(patient, 'L3-4', 16).square
    shown, hu = [], []
    for degeneration in (0.1, 0.5, 0.9):
        segments = list(patient.segments)
        segments[number] = dataclasses.replace(segments[number], degeneration=degeneration)
        changed = dataclasses.replace(patient, segments=tuple(segments))
        pair = pairs.render_pair(changed, 'L3-4', 96, square)
        hidden = dataclasses.replace(_quiet(changed), nucleus_t2_ms=pair.hidden.nucleus_t2_ms)
        core = pair.slice_.shares[..., Tissue.DISC_NUCLEUS] > 0.97
        shown.append(signal.mr_image(pair.slice_, hidden)[core].mean())
        hu.append(pair.ct_hu[core].mean())
    assert shown[0] > 1.3 * shown[1] > 1.3 * 1.3 * shown[2]
    assert max(hu) - min(hu) < 4


def test_water_of_a_disc_scatters_about_its_degeneration(patient):
    number = 4
    t2_ms = [signal.draw_hidden(patient, redraw).nucleus_t2_ms[number] for redraw in range(200)]
    middle = signal.nucleus_t2(patient.segments[number].degeneration)
    assert np.median(t2_ms) == pytest.approx(middle, rel=0.1)
    assert np.std(np.log(t2_ms)) > 0.1
    assert signal.nucleus_t2(0) == 175
    assert signal.nucleus_t2(1) == pytest.approx(48)
