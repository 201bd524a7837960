"""The series and pictures that a synthesis writes: their names before, their bytes after."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ct2mr_tf.cli import synthesis_pictures
from ct2mr_tf.cli.synthesis_request import Plan
from ct2mr_tf.imaging import synthesis, volumes
from ct2mr_tf.imaging.dicom_writer import (
    Synthesizer,
    SyntheticSeries,
    SyntheticSlice,
    encode_slice,
)
from ct2mr_tf.imaging.geometry import StackGeometry
from ct2mr_tf.imaging.patient_record import Record
from ct2mr_tf.imaging.slices import SliceHeader
from ct2mr_tf.imaging.source_images import read_ct_series
from ct2mr_tf.imaging.synthesis_plan import PlannedPicture
from ct2mr_tf.version import VERSION

DISCS_NUMBER, VOLUME_NUMBER = 1, 2
"""Added to a thousand times the CT's SeriesNumber."""

VOLUME_DESCRIPTION = 'Synthetic T2 MR from CT by ct2mr_tf. Not for diagnosis. -1: not made'
"""The text in the NIfTI header, at most 79 characters."""


@dataclasses.dataclass(frozen=True, eq=False)
class Products:
    """All that a synthesis writes, but for the pixels.

    Attributes:
        plan: the pictures.
        discs: the series of single discs, with the indices of its slices in `plan.discs`; more
            than one where discs are taken from several series of the CT.
        volume: the series of the volume, from head to foot, and its grid, from foot to head; None
            where there is none.
    """

    plan: Plan
    discs: tuple[tuple[SyntheticSeries, tuple[int, ...]], ...]
    volume: tuple[SyntheticSeries, StackGeometry] | None

    @property
    def description(self) -> dict[str, Any]:
        """What decides the files, as JSON; UIDs are those of the series that are written."""
        every = [series for series, _ in (*self.discs, *([self.volume] if self.volume else ()))]
        model = every[0].synthesizer
        return {
            'software_version': VERSION,
            'model': model.name,
            'model_sha256': model.sha256,
            'levels': [one.level for one in self.plan.discs],
            'volume': len(self.plan.volume),
            'series_instance_uids': [series.series_instance_uid for series in every],
        }

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """All files, by their place in the folder."""
        names = [_disc_name(one) for one in self.plan.discs] + ['discs.png']
        if self.volume:
            names += [_volume_name(index) for index in range(len(self.plan.volume))]
            names += ['volume.nii.gz', 'volume.png', 'sagittal.png', 'coronal.png']
        return tuple(names)

    def contents(self, ct: np.ndarray, mr: np.ndarray) -> dict[str, bytes]:
        """The bytes of all files.

        Args:
            ct: uint8 [n, N, N] of `plan.pictures`.
            mr: the same.
        """
        count = len(self.plan.discs)
        contents = dict(self._disc_files(ct[:count], mr[:count]))
        if self.volume:
            contents |= dict(self._volume_files(*self.volume, ct[count:], mr[count:]))
        return contents

    def _disc_files(self, ct: np.ndarray, mr: np.ndarray) -> Iterator[tuple[str, bytes]]:
        for series, indices in self.discs:
            for number, index in enumerate(indices):
                content = encode_slice(series, number, mr[index].astype(np.int16))
                yield _disc_name(self.plan.discs[index]), content
        levels = [one.level for one in self.plan.discs]
        yield 'discs.png', synthesis_pictures.disc_sheet(levels, ct, mr)

    def _volume_files(
        self, series: SyntheticSeries, grid: StackGeometry, ct: np.ndarray, mr: np.ndarray
    ) -> Iterator[tuple[str, bytes]]:
        planned = self.plan.volume
        ct_volume, mr_volume = (synthesis.on_grid(planned, made, grid) for made in (ct, mr))
        for number, pixels in enumerate(mr_volume[::-1]):
            yield _volume_name(number), encode_slice(series, number, pixels)
        yield 'volume.nii.gz', volumes.nifti_bytes(mr_volume, grid, VOLUME_DESCRIPTION)
        levels = [one.level for one in planned[::-1]]
        yield 'volume.png', synthesis_pictures.volume_sheet(levels, ct[::-1], mr[::-1])
        centres = np.stack([one.cut.crop.centre for one in planned])
        views = (volumes.canal_views(volume, grid, centres) for volume in (ct_volume, mr_volume))
        for name, ct_view, mr_view in zip(('sagittal', 'coronal'), *views, strict=True):
            title = f'{name.capitalize()}, curved through the canal'
            yield f'{name}.png', synthesis_pictures.view(title, ct_view, mr_view)


def products(
    plan: Plan, record_of: Callable[[SliceHeader], Record], synthesizer: Synthesizer, size: int
) -> Products:
    """Prepares the series of a synthesis.

    Args:
        plan: the pictures.
        record_of: in whose record what is made of a CT slice is filed; one for each series, since
            discs may be taken from several studies of the patient.
        synthesizer: the model.
        size: N, pixels a side of a picture.

    Returns:
        What will be written.

    Raises:
        UserError: a file of the CT cannot be read any more.
    """

    def series_of(
        slices: Sequence[SyntheticSlice], one: PlannedPicture, kind: str, number: int
    ) -> SyntheticSeries:
        header = one.stack.slices[0]
        ct, record = read_ct_series(header), record_of(header)
        return SyntheticSeries(tuple(slices), record, ct, synthesizer, kind, number)

    by_source: dict[str, list[int]] = {}
    for index, one in enumerate(plan.discs):
        by_source.setdefault(one.stack.series_instance_uid, []).append(index)
    slices = synthesis.disc_slices(plan.discs, size)
    discs = []
    for indices in by_source.values():
        some = [slices[index] for index in indices]
        series = series_of(some, plan.discs[indices[0]], 'discs', DISCS_NUMBER)
        discs.append((series, tuple(indices)))
    if not plan.volume:
        return Products(plan, tuple(discs), None)
    grid, slices = synthesis.volume_slices(plan.volume, size)
    volume = series_of(slices[::-1], plan.volume[0], 'volume', VOLUME_NUMBER)
    volume = dataclasses.replace(volume, spacing_between_mm=float(grid.steps_mm.mean()))
    return Products(plan, tuple(discs), (volume, grid))


def _disc_name(one: PlannedPicture) -> str:
    return f'discs/{one.level}.dcm'


def _volume_name(index: int) -> str:
    return f'volume/{index + 1:04d}.dcm'
