"""Numbers that others have published for MR made from CT of the spine and pelvis."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class PublishedResult:
    """The result of a publication.

    Attributes:
        work: who and when, or what.
        task: from which pictures to which.
        mae: mean absolute error in 8-bit grey levels; None where it is not given.
        psnr_db: as printed, in dB; of the paper, against the peak 255.
        source: where it stands, so that it can be looked up.
        remark: what else to know; may be empty.
    """

    work: str
    task: str
    mae: float | None
    psnr_db: float
    source: str
    remark: str = ''


PUBLISHED = (
    PublishedResult(
        'Lee et al., 2020 (the paper)',
        'axial lumbar CT to T2',
        21.19,
        16.79,
        'J Korean Neurosurg Soc 2020',
        'printed as 64.92 dB, in its own convention',
    ),
    PublishedResult(
        'CycleGAN, 2025',
        'sagittal lumbar CT to T2',
        43.32,
        12.80,
        '"Translation of computed tomography images to T2-weighted magnetic resonance images of '
        'lumbar spine using generative adversarial networks on sagittal images"',
    ),
    PublishedResult(
        'pix2pix, 2024',
        'mid-sagittal lumbar CT to T2, fractures',
        None,
        10.88,
        'doi:10.1038/s41598-024-71288-4',
    ),
    PublishedResult(
        'Self-pix, 2024',
        'mid-sagittal lumbar CT to T2, fractures',
        None,
        11.02,
        'doi:10.1038/s41598-024-71288-4',
    ),
    PublishedResult(
        'ESAUNet, 2026',
        'pelvic CT to T2',
        None,
        22.21,
        'doi:10.1007/s10278-026-01900-8',
        'MAE 0.044, on a scale of its own',
    ),
)
"""Results on other data sets, by the abstracts of the works. Of the paper alone the code behind the
PSNR was seen."""
