"""From planned pictures to what a model is shown, and from its answers to slices of a series."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from ct2mr_tf.imaging import pictures, resampling, volumes
from ct2mr_tf.imaging.dicom_writer import SyntheticSlice
from ct2mr_tf.imaging.geometry import StackGeometry
from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.imaging.pairing_rules import Finding, NoPairError
from ct2mr_tf.imaging.source_images import SourceImage, read_source_images
from ct2mr_tf.imaging.synthesis_plan import PlannedPicture
from ct2mr_tf.problems import Problem, UserError

Progress = Callable[[int, int], None]
"""Called with what is done and with all."""


@dataclasses.dataclass(frozen=True)
class PictureOptions:
    """How pictures are cut, so that a model sees what it was trained on.

    Attributes:
        size: N, pixels a side.
        window: the HU shown as grey levels.
        max_padding_share: how much of a picture the scanner may have padded, 0 to 1.
    """

    size: int
    window: Window
    max_padding_share: float = 0.0


def disc_slices(planned: Sequence[PlannedPicture], size: int) -> list[SyntheticSlice]:
    """The slices of a series of single discs: each on the grid of its own picture.

    Args:
        planned: the pictures.
        size: N, pixels a side of each.

    Returns:
        A slice for each picture, in their order.

    Raises:
        UserError: a file of the CT cannot be read any more.
    """
    sources = _sources(planned)
    planes = [volumes.common_grid([one.cut.crop], size) for one in planned]
    return [_slice(*of_one) for of_one in zip(planned, planes, sources, strict=True)]


def volume_slices(
    planned: Sequence[PlannedPicture], size: int
) -> tuple[StackGeometry, list[SyntheticSlice]]:
    """The slices of a volume, all on one grid.

    Args:
        planned: as `crop_path.plan_volume` gives them, from foot to head.
        size: N, pixels a side of each picture.

    Returns:
        The grid, and its slices, from foot to head.

    Raises:
        UserError: a file of the CT cannot be read any more.
    """
    grid = volumes.common_grid([one.cut.crop for one in planned], size)
    planes = [grid.part(range(index, index + 1)) for index in range(len(grid))]
    sources = _sources(planned)
    return grid, [_slice(*of_one) for of_one in zip(planned, planes, sources, strict=True)]


def _sources(planned: Sequence[PlannedPicture]) -> list[tuple[SourceImage, ...]]:
    """The CT slices that each picture is made from; each file is read once."""
    needed = {
        (id(one.stack), index): one.stack.slices[index]
        for one in planned
        for index in resampling.slices_needed(one.cut)
    }
    read = dict(zip(needed, read_source_images(needed.values()), strict=True))
    return [
        tuple(read[id(one.stack), index] for index in resampling.slices_needed(one.cut))
        for one in planned
    ]


def _slice(
    one: PlannedPicture, plane: StackGeometry, sources: tuple[SourceImage, ...]
) -> SyntheticSlice:
    """A slice on a plane, and in words how its picture was cut."""
    cut = one.cut
    how = 'CT slice as it is'
    if cut.index is None:
        how = f'CT reformatted and averaged over {cut.slab_mm:g} mm'
    place = one.level or 'between the discs'
    comment = f'{place}: {how}, square of {2 * cut.crop.half_side_mm:.1f} mm around the sac'
    return SyntheticSlice(plane, cut.crop, one.thickness_mm, sources, comment)


def cut_pictures(
    planned: Sequence[PlannedPicture], options: PictureOptions, progress: Progress
) -> tuple[np.ndarray, list[tuple[PlannedPicture, Finding]]]:
    """Reads the CT and cuts the pictures that a model is to be shown.

    Args:
        planned: the pictures, at least one.
        options: how they are cut.
        progress: told after each picture.

    Returns:
        (ct, refused): uint8 [n, N, N], grey levels; and the pictures with too much padding, which
        are black, with what was measured.

    Raises:
        UserError: pixels of slices cannot be read, with a problem for each.
    """
    ct = np.zeros((len(planned), options.size, options.size), np.uint8)
    refused: list[tuple[PlannedPicture, Finding]] = []
    problems: dict[Problem, None] = {}
    for number, one in enumerate(planned):
        try:
            ct[number] = pictures.grey_picture(
                one.stack, one.cut, options.size, options.window, options.max_padding_share
            )
        except NoPairError as error:
            refused.append((one, error.finding))
        except UserError as error:
            problems |= dict.fromkeys(error.problems)
        progress(number + 1, len(planned))
    if problems:
        raise UserError(problems)
    return ct, refused


def on_grid(
    planned: Sequence[PlannedPicture], pictures_made: np.ndarray, grid: StackGeometry
) -> np.ndarray:
    """Pictures of a volume on its grid.

    Args:
        planned: the pictures' squares, from foot to head.
        pictures_made: uint8 [n, N, N], CT or synthetic MR.
        grid: as `volume_slices` gives it.

    Returns:
        int16 [n, rows, columns], grey levels, `volumes.OUTSIDE` beyond the squares.
    """
    each = enumerate(zip(pictures_made, planned, strict=True))
    return np.stack([volumes.placed(made, one.cut.crop, grid, i) for i, (made, one) in each])
