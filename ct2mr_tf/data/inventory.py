"""What a study folder holds: a table of patients and stacks, and a contact sheet of each stack."""

import datetime
import pathlib
import re
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pandas as pd

from ct2mr_tf.data.overviews import Tile, grid
from ct2mr_tf.data.patients import Roster
from ct2mr_tf.evaluation.cases import evenly_spread
from ct2mr_tf.evaluation.figures import encode_png
from ct2mr_tf.files import written_whole
from ct2mr_tf.imaging import dicom_pixels, grey, slice_choice, worker_pool
from ct2mr_tf.imaging.dicom_pixels import Pixels
from ct2mr_tf.imaging.pairing_rules import PairingOptions
from ct2mr_tf.imaging.stacks import Stack
from ct2mr_tf.problems import Problem, UserError

SHEET_SLICES = 24
"""Most slices on a contact sheet; of a longer stack, as many at equal distances."""

FIRST_COLUMNS = ('patient_id', 'stack')
"""First columns of the table of stacks."""

SHEET_COLUMNS = 6
"""Slices beside each other."""

TILE_SIDE = 160
"""Pixels of the longer side of a slice on a contact sheet."""

_SHEET_NAME = re.compile(r'P[0-9a-f]{12}_s[0-9]{2,}\.png')
"""How contact sheets are called: by the stack."""


def inventory_table(roster: Roster, options: PairingOptions) -> pd.DataFrame:
    """A row for each stack, patient by patient.

    Args:
        roster: the patients.
        options: which series may be paired.

    Returns:
        The table: `stack` is the patient's pseudonym with a number; `description` holds the words
        of the SeriesDescription that belong to scan protocols; `frame` counts the patient's frames
        of reference (coordinates are comparable within one); `days` are counted from the patient's
        earliest known date; `pairing` says 'yes' where discs may be taken from the stack.
    """
    rows = []
    for pseudonym, stacks in sorted(roster.stacks.items()):
        usable = {
            id(candidate.stack)
            for modality, series in (('CT', options.ct_series), ('MR', options.mr_series))
            for candidate in slice_choice.candidates(stacks, modality, series)
        }
        first_day = min((day for stack in stacks if (day := stack.date)), default=None)
        frames = list(dict.fromkeys(map(slice_choice.frame_of, stacks)))
        for name, stack in _named(pseudonym, stacks):
            row = _row(stack, first_day)
            row |= {'frame': frames.index(slice_choice.frame_of(stack)) + 1}
            row |= {'pairing': 'yes' if id(stack) in usable else 'no'}
            rows.append({'patient_id': pseudonym, 'stack': name, **row})
    return pd.DataFrame(rows)


def _named(pseudonym: str, stacks: Sequence[Stack]) -> list[tuple[str, Stack]]:
    """The stacks of a patient with their names."""
    return [(f'{pseudonym}_s{number:02d}', stack) for number, stack in enumerate(stacks, start=1)]


def _row(stack: Stack, first_day: datetime.date | None) -> dict[str, str | int]:
    """What the table says of a stack by itself."""
    geometry = stack.geometry
    days = (stack.date - first_day).days if stack.date and first_day else 'unknown'
    return {
        'modality': stack.modality,
        'description': stack.description,
        'orientation': stack.orientation,
        'slices': len(geometry),
        'rows': geometry.rows,
        'columns': geometry.columns,
        'row_mm': _number(geometry.pixel_spacing[0]),
        'column_mm': _number(geometry.pixel_spacing[1]),
        'slice_mm': _number(stack.slice_thickness),
        'step_mm': _number(stack.spacing_between),
        'echo_time_ms': _number(stack.echo_time_ms),
        'repetition_time_ms': _number(stack.repetition_time_ms),
        't2': ('yes' if stack.is_t2 else 'no') if stack.modality == 'MR' else '',
        'days': days,
        'notes': '; '.join(stack.notes),
    }


def _number(value: float | None) -> str:
    """A number as the table shows it; '' where it is unknown."""
    return '' if value is None else f'{value:.4g}'


def write_sheets(
    roster: Roster, folder: pathlib.Path, workers: int, progress: Callable[[int, int], None]
) -> list[Problem]:
    """Writes a contact sheet of each stack, and deletes those of stacks that are no longer there.

    Args:
        roster: the patients.
        folder: where to.
        workers: processes, at least 1.
        progress: called with the number of stacks done and of all.

    Returns:
        The files whose pixels cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    named = [
        pair
        for pseudonym in sorted(roster.stacks)
        for pair in _named(pseudonym, roster.stacks[pseudonym])
    ]
    wanted = {f'{name}.png' for name, _ in named}
    for path in folder.iterdir():
        if _SHEET_NAME.fullmatch(path.name) and path.name not in wanted:
            path.unlink()
    problems: list[Problem] = []
    paths = [folder / f'{name}.png' for name, _ in named]
    stacks = [stack for _, stack in named]
    with worker_pool.ordered_map(workers if len(stacks) > 1 else 1) as run:
        for done, found in enumerate(run(write_sheet, paths, stacks), start=1):
            problems += found
            progress(done, len(stacks))
    return problems


def write_sheet(path: pathlib.Path, stack: Stack) -> list[Problem]:
    """Writes the contact sheet of a stack.

    Args:
        path: where to; its stem is the stack's name.
        stack: the stack.

    Returns:
        The files whose pixels cannot be read; their slices are grey on the sheet.
    """
    shown = evenly_spread(len(stack.slices), SHEET_SLICES)
    pixels: list[Pixels | None] = []
    problems: list[Problem] = []
    for index in shown:
        try:
            pixels.append(dicom_pixels.load_pixels([stack.slices[index]]))
        except UserError as error:
            pixels.append(None)
            problems += error.problems
    window = _window(stack, [one for one in pixels if one is not None])
    tiles = [
        Tile(_tile(stack, one, window), f'{index + 1} of {len(stack.slices)}')
        for index, one in zip(shown, pixels, strict=True)
    ]
    title = f'{path.stem}   {stack.modality} {stack.orientation}   {stack.description}'
    with written_whole(path) as temporary:
        temporary.write_bytes(encode_png(grid(tiles, SHEET_COLUMNS, title)))
    return problems


def _window(stack: Stack, pixels: Sequence[Pixels]) -> grey.Window:
    """The grey scale of a contact sheet; any, where there is nothing to see."""
    if stack.modality == 'CT' or not pixels:
        return grey.DEFAULT_CT_WINDOW
    values, valid = (
        np.concatenate([getattr(one, name) for one in pixels]) for name in ('values', 'valid')
    )
    try:
        return grey.percentile_window(values, valid)
    except ValueError:
        return grey.Window(float(values.min()), float(values.min()) + 1)


def _tile(stack: Stack, pixels: Pixels | None, window: grey.Window) -> np.ndarray:
    """A slice as it was stored, with square pixels: uint8, the longer side TILE_SIDE."""
    geometry = stack.geometry
    heights = (
        geometry.rows * geometry.pixel_spacing[0],
        geometry.columns * geometry.pixel_spacing[1],
    )
    scale = TILE_SIDE / max(heights)
    size = tuple(max(1, round(mm * scale)) for mm in reversed(heights))
    if pixels is None:
        return np.full(size[::-1], 128, np.uint8)
    picture = grey.to_grey(pixels.values[0], window)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
