"""What CT and MR measure of a slice: HU, and the signal of a T2-weighted spin echo.

CT is a table of HU, a point spread function and noise. MR is the spin-echo equation

    S = PD (1 - exp(-TR / T1)) exp(-TE / T2)

for each tissue, the coil's falling sensitivity, a point spread function and Rician noise. All
that MR shows and CT does not is drawn into one `Hidden`, to be drawn again for the same slice.
"""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from ct2mr_tf.phantom.composition import FWHM_PER_SIGMA, Composition, blurred, mottling
from ct2mr_tf.phantom.label_volume import LabelVolume
from ct2mr_tf.phantom.patient import Patient
from ct2mr_tf.phantom.tissue_properties import HU, RELAXATION, Relaxation
from ct2mr_tf.phantom.tissues import Tissue

CT_FWHM_MM = 1.1
"""Width of the point spread function in the plane: about 7 line pairs/cm at 10 % modulation, a
standard body kernel (Prokop and Galanski, Spiral and Multislice CT of the Body, 2003, ch. 2)."""

CT_NOISE_HU = 11.0
"""Standard deviation of CT noise, HU: routine lumbar CT at 2-3 mm gives 10 to 15."""

CT_NOISE_THICKNESS_MM = 2.5
"""Thickness of a slice with that noise; thinner ones collect fewer photons."""

CT_THICKNESS_STEPS = 4 / 3
"""Thickness of CT slices as a share of their distance: they overlap by a quarter, as scans do that
are made to be reformatted onto other planes."""

CT_NOISE_PEAK_PER_MM = 0.32
"""Where the power of filtered back-projection's noise peaks: it rises as a ramp and falls with the
kernel (Riederer et al., Phys Med Biol 1978;23:446)."""

MARROW_HU = 35.0
"""Standard deviation of the mottling of spongy bone at a pixel of half a millimetre, HU."""

MARROW_SIGNAL = -0.12
"""Change of marrow signal for one standard deviation of mottling: denser bone holds less marrow."""

MR_FWHM_MM = 0.75
"""Width of the MR point spread function: voxels of an axial lumbar T2 measure 0.6 to 0.9 mm."""

COIL_WIDTH_MM = 190.0
"""Half width (at 1/e) of a spine coil's sensitivity from side to side."""

HEALTHY_T2_MS = 175.0
"""T2 of the nucleus without degeneration: 210 ms at Pfirrmann grade I, 129 at II (poster of the
European Society of Radiology, 479 discs); 108 at II (Marinelli et al., AJNR 2010;31:1278)."""

DEGENERATE_T2_MS = 48.0
"""T2 of the nucleus at full degeneration: 51 ms at grade IV in that series, 53 in Marinelli's."""

ANNULUS_T2_MS = (62.0, 40.0)
"""T2 of the annulus, healthy and fully degenerate: 62 and 55 ms at grade I behind and in front, 40
and 37 at grade IV (the same series)."""

GRADE_SCATTER = 0.18
"""Standard deviation of the water loss of a disc about the degeneration CT can see of it: height,
bulge and spurs foretell a dark disc, but not well."""


@dataclasses.dataclass(frozen=True)
class Hidden:
    """Everything CT cannot see: the scanner's settings, coil and noise, and the tissues' water.

    Attributes:
        repetition_time_ms: TR.
        echo_time_ms: TE (effective).
        t2_scale: one factor a tissue on its T2.
        nucleus_t2_ms: T2 of the nucleus of each of the seven segments.
        annulus_t2_ms: the same of the inner annulus.
        fluid_flow: share of signal that pulsating cerebrospinal fluid keeps.
        artery_flow: the same of arterial blood: a flow void.
        vein_flow: the same of slow venous blood.
        coil_depth_mm: depth over which the coil's sensitivity falls to 1/e towards the front.
        coil_side_mm: how far the coil's middle lies to the patient's left.
        noise: standard deviation of each channel's noise, in units of S.
        noise_seed: seeds its pattern.
    """

    repetition_time_ms: float
    echo_time_ms: float
    t2_scale: tuple[float, ...]
    nucleus_t2_ms: tuple[float, ...]
    annulus_t2_ms: tuple[float, ...]
    fluid_flow: float
    artery_flow: float
    vein_flow: float
    coil_depth_mm: float
    coil_side_mm: float
    noise: float
    noise_seed: int

    def with_noise(self, number: int) -> 'Hidden':
        """The same scanner and water with the noise of another slice; 0 is this one."""
        return dataclasses.replace(self, noise_seed=self.noise_seed + number)


def draw_hidden(patient: Patient, number: int) -> Hidden:
    """Draws all that CT cannot see of a patient; another number is another draw."""
    rng = np.random.default_rng([patient.seed, 2, number])
    loss = [
        float(np.clip(segment.degeneration + rng.normal(0, GRADE_SCATTER), 0, 1))
        for segment in patient.segments
    ]
    spread = np.exp(rng.normal(0, 0.07, len(loss)))
    healthy, degenerate = ANNULUS_T2_MS
    return Hidden(
        repetition_time_ms=float(rng.uniform(3000, 4500)),
        echo_time_ms=float(rng.uniform(88, 112)),
        t2_scale=tuple(np.exp(rng.normal(0, 0.05, len(Tissue))).tolist()),
        nucleus_t2_ms=tuple(nucleus_t2(x) * float(s) for x, s in zip(loss, spread, strict=True)),
        annulus_t2_ms=tuple(healthy + (degenerate - healthy) * x for x in loss),
        fluid_flow=float(rng.uniform(0.85, 1)),
        artery_flow=float(rng.uniform(0.02, 0.1)),
        vein_flow=float(rng.uniform(0.1, 0.6)),
        coil_depth_mm=float(rng.uniform(120, 350)),
        coil_side_mm=float(rng.normal(0, 15)),
        noise=float(rng.uniform(0.005, 0.011)),
        noise_seed=int(rng.integers(2**31)),
    )


def nucleus_t2(water_loss: float) -> float:
    """T2 of the nucleus in ms, falling exponentially from water loss 0 (healthy) to 1."""
    return HEALTHY_T2_MS * (DEGENERATE_T2_MS / HEALTHY_T2_MS) ** water_loss


def spin_echo(tissue: Relaxation, repetition_time_ms: float, echo_time_ms: float) -> float:
    """S = PD (1 - exp(-TR / T1)) exp(-TE / T2), in units of the signal of water at TE = 0."""
    recovered = 1 - np.exp(-repetition_time_ms / tissue.t1_ms)
    return float(tissue.proton_density * recovered * np.exp(-echo_time_ms / tissue.t2_ms))


def hu_table(patient: Patient) -> np.ndarray:
    """HU of every tissue of a patient, float32 [tissues]."""
    table = np.array([HU[tissue] for tissue in Tissue], dtype=np.float32)
    table[Tissue.CANCELLOUS_BONE] = patient.cancellous_hu
    return table


def signal_table(hidden: Hidden, segment: int) -> np.ndarray:
    """Signal of every tissue near the disc of a segment, float32 [tissues]."""
    t2_ms = {tissue: RELAXATION[tissue].t2_ms * hidden.t2_scale[tissue] for tissue in Tissue}
    t2_ms[Tissue.DISC_NUCLEUS] = hidden.nucleus_t2_ms[segment]
    t2_ms[Tissue.INNER_ANNULUS] = hidden.annulus_t2_ms[segment]
    flow = {
        Tissue.CEREBROSPINAL_FLUID: hidden.fluid_flow,
        Tissue.ARTERY: hidden.artery_flow,
        Tissue.VEIN: hidden.vein_flow,
    }
    signals = [
        flow.get(tissue, 1.0)
        * spin_echo(
            dataclasses.replace(RELAXATION[tissue], t2_ms=t2_ms[tissue]),
            hidden.repetition_time_ms,
            hidden.echo_time_ms,
        )
        for tissue in Tissue
    ]
    return np.array(signals, dtype=np.float32)


def ct_image(
    patient: Patient,
    slice_: Composition,
    rng: np.random.Generator,
    thickness_mm: float = CT_NOISE_THICKNESS_MM,
) -> np.ndarray:
    """A CT slice: HU, float32 [H, W], with the noise of its thickness drawn from `rng`."""
    bone = slice_.shares[..., Tissue.CANCELLOUS_BONE]
    hu = slice_.shares @ hu_table(patient) + MARROW_HU * bone * slice_.marrow
    hu = blurred(hu, CT_FWHM_MM, slice_.pixel_mm)
    return hu + _ct_noise(hu.shape, slice_.pixel_mm, thickness_mm, rng)


def ct_volume(
    patient: Patient, volume: LabelVolume, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Thin CT slices that lie side by side.

    Args:
        patient: whose CT.
        volume: the tissues; its slices are CT_THICKNESS_STEPS of its steps thick.
        rng: where noise is drawn from.

    Yields:
        HU of each slice, float32 [H, W].
    """
    hu = hu_table(patient)[volume.labels].mean(axis=0)
    bone = np.nonzero((volume.labels == Tissue.CANCELLOUS_BONE).all(axis=0))
    hu[bone] += MARROW_HU * mottling(patient, volume.points(np.stack(bone, axis=-1)))
    # The section sensitivity profile of a spiral CT is bell-shaped, its width at half maximum the
    # thickness of the slice (Kalender, Computed Tomography, 3rd ed., ch. 4).
    profile = CT_THICKNESS_STEPS / FWHM_PER_SIGMA
    hu = ndimage.gaussian_filter1d(hu, profile, axis=0, mode='nearest')
    thickness_mm = CT_THICKNESS_STEPS * volume.step_mm
    for slice_hu in hu:
        noise = _ct_noise(slice_hu.shape, volume.pixel_mm, thickness_mm, rng)
        yield blurred(slice_hu, CT_FWHM_MM, volume.pixel_mm) + noise


def _ct_noise(
    shape: tuple[int, ...], pixel_mm: float, thickness_mm: float, rng: np.random.Generator
) -> np.ndarray:
    """Noise [H, W] in HU whose power goes as f exp(-f^2 / 2 f0^2), peak at f0."""
    down = np.fft.fftfreq(shape[0], pixel_mm)[:, None]
    across = np.fft.rfftfreq(shape[1], pixel_mm)[None]
    frequency = np.hypot(down, across)
    power = frequency * np.exp(-((frequency / CT_NOISE_PEAK_PER_MM) ** 2) / 2)
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) * np.sqrt(power), shape)
    noise_hu = CT_NOISE_HU * math.sqrt(CT_NOISE_THICKNESS_MM / thickness_mm)
    return noise_hu * (noise / noise.std()).astype(np.float32)


def mr_image(slice_: Composition, hidden: Hidden) -> np.ndarray:
    """A T2-weighted MR slice: signal in units of S, float32 [H, W], never negative."""
    first, *others = np.unique(slice_.segments)
    signal = _tissue_signal(slice_, signal_table(hidden, first))
    for segment in others:
        near_it = _tissue_signal(slice_, signal_table(hidden, segment))
        signal = np.where(slice_.segments == segment, near_it, signal)
    signal = (signal * coil_sensitivity(slice_.points, hidden)).astype(np.float32)
    signal = blurred(signal, MR_FWHM_MM, slice_.pixel_mm)
    rng = np.random.default_rng(hidden.noise_seed)
    # Scanners interpolate: noise is no finer than a voxel, whatever the size of a pixel.
    noise = rng.standard_normal((*signal.shape, 2), dtype=np.float32)
    noise = blurred(noise, MR_FWHM_MM, slice_.pixel_mm)
    noise *= hidden.noise / noise.std()
    return np.hypot(signal + noise[..., 0], noise[..., 1])


def _tissue_signal(slice_: Composition, table: np.ndarray) -> np.ndarray:
    """What the tissues of each pixel would give in an even coil, float32 [H, W]."""
    marrow = slice_.shares[..., Tissue.CANCELLOUS_BONE] * table[Tissue.CANCELLOUS_BONE]
    return slice_.shares @ table + MARROW_SIGNAL * marrow * slice_.marrow


def coil_sensitivity(points: np.ndarray, hidden: Hidden) -> np.ndarray:
    """Sensitivity of the coil in the table at points [..., 3] (LPS mm), 1 at the spine's axis."""
    side = (points[..., 0] - hidden.coil_side_mm) / COIL_WIDTH_MM
    return np.exp(points[..., 1] / hidden.coil_depth_mm - side**2)
