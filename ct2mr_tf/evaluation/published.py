"""Numbers that others have published for MR made from CT of the spine and pelvis."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class PublishedResult:
    """The result of a publication.

    Attributes:
        work: who and when, or what.
        task: from which pictures to which.
        mae: mean absolute error in 8-bit grey levels; None where it is not given.
        psnr_db: against the peak 255, in dB.
        remark: what else to know; may be empty.
    """

    work: str
    task: str
    mae: float | None
    psnr_db: float
    remark: str = ''


PUBLISHED = (
    PublishedResult(
        'Lee et al., J Korean Neurosurg Soc 2020 (the paper)',
        'axial lumbar CT to T2',
        21.19,
        16.79,
        'printed as 64.92 dB, in its own convention',
    ),
    PublishedResult('CycleGAN, 2025', 'sagittal lumbar CT to T2', 43.32, 12.80),
    PublishedResult('pix2pix, 2024', 'mid-sagittal lumbar CT to T2', None, 10.88),
    PublishedResult('Self-pix, 2024', 'mid-sagittal lumbar CT to T2', None, 11.02),
    PublishedResult('2026', 'pelvic CT to T2', None, 22.21),
)
"""Results on other data sets, in 8-bit grey levels and true PSNR."""
