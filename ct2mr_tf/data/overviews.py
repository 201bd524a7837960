"""Pictures of pairs for the eye: do CT and MR show the same place, and is the square right?"""

import dataclasses
import pathlib
from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from ct2mr_tf.data.examples import read_pair
from ct2mr_tf.evaluation import figures

CHECKER_FIELDS = 8
"""Fields a side of the checkerboard: 11 mm each, as large as a facet joint."""

EDGE_BLUR_PIXELS = 1.5
"""Standard deviation of the blur before edges are sought, or noise has edges (at 256 pixels)."""

EDGE_THRESHOLDS = (40, 100)
"""Canny's thresholds in grey levels of gradient: outlines of bone and fat, not of muscles."""

EDGE_COLOUR = (255, 200, 0)
"""Edges of the CT drawn on the MR, RGB."""

CENTRE_COLOUR = (0, 255, 255)
"""Cross at the centre of the thecal sac, RGB."""

SMALLEST_SIDE = 192
"""Height in pixels to which small pictures are enlarged, so that the headings have room."""

THUMBNAIL_SIDE = 128
"""Pixels a side of a half on the contact sheet."""

SHEET_COLUMNS = 6
"""Pairs beside each other on the contact sheet."""

SHEET_PAIRS = 240
"""Pairs on one page of the contact sheet: 40 rows, 6,000 pixels high."""


@dataclasses.dataclass(frozen=True, eq=False)
class Tile:
    """A picture of a sheet, uint8 grey [H, W], and what stands below it."""

    picture: np.ndarray
    label: str


def pair_overview(
    ct: np.ndarray, mr: np.ndarray, title: str, notes: Iterable[str] = ()
) -> np.ndarray:
    """CT, MR, both as a checkerboard, and the edges of the CT on the MR, side by side.

    Args:
        ct: uint8 [N, N], grey levels.
        mr: the same.
        title: line above it.
        notes: lines below it; like the title, they name nobody.

    Returns:
        uint8 RGB [height, width, 3] on white; a cross marks the square's centre, the sac, in the
        last picture.
    """
    factor = max(1, -(-SMALLEST_SIDE // len(ct)))
    ct, mr = (np.kron(half, np.ones((factor, factor), np.uint8)) for half in (ct, mr))
    tiles = [cv2.cvtColor(half, cv2.COLOR_GRAY2RGB) for half in (ct, mr, checkerboard(ct, mr))]
    tiles.append(with_edges(ct, mr))
    gap = np.full((len(ct), figures.GAP, 3), 255, np.uint8)
    row = np.hstack([part for tile in tiles for part in (tile, gap)][:-1])
    step = ct.shape[1] + figures.GAP
    headings = ('CT', 'MR', 'CT and MR in turn', 'edges of the CT on the MR')
    lines = [[(0, title)], [(step * i, text) for i, text in enumerate(headings)]]
    above = [figures.text_line(row.shape[1], line) for line in lines]
    below = [figures.text_line(row.shape[1], [(0, note)]) for note in notes]
    return np.vstack([*above, row, *below])


def checkerboard(ct: np.ndarray, mr: np.ndarray) -> np.ndarray:
    """CT and MR in turn, in CHECKER_FIELDS x CHECKER_FIELDS fields, the first of the CT.

    Args:
        ct: uint8 [N, N].
        mr: the same.

    Returns:
        uint8 [N, N].
    """
    field = np.arange(len(ct)) * CHECKER_FIELDS // len(ct)
    return np.where((field[:, np.newaxis] + field) % 2 == 0, ct, mr)


def with_edges(ct: np.ndarray, mr: np.ndarray) -> np.ndarray:
    """The MR with the edges of the CT in colour, and a cross at the centre.

    Args:
        ct: uint8 [N, N].
        mr: the same.

    Returns:
        uint8 RGB [N, N, 3].
    """
    size = len(ct)
    smooth = cv2.GaussianBlur(ct, (0, 0), EDGE_BLUR_PIXELS * max(1, size / 256))
    picture = cv2.cvtColor(mr, cv2.COLOR_GRAY2RGB)
    picture[cv2.Canny(smooth, *EDGE_THRESHOLDS) > 0] = EDGE_COLOUR
    centre = (size // 2, size // 2)
    cv2.drawMarker(picture, centre, CENTRE_COLOUR, cv2.MARKER_CROSS, max(7, size // 24), 1)
    return picture


def contact_sheet(paths: Sequence[pathlib.Path]) -> np.ndarray:
    """Small pictures of pairs, CT beside MR, each with its name.

    Args:
        paths: at least one picture of a prepared data set.

    Returns:
        uint8 grey [height, width] on white.

    Raises:
        UserError: a picture cannot be decoded.
    """
    size = (2 * THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    tiles = []
    for path in paths:
        pair = np.hstack(read_pair(path))
        tiles.append(Tile(cv2.resize(pair, size, interpolation=cv2.INTER_AREA), path.stem))
    return grid(tiles, SHEET_COLUMNS)


def grid(tiles: Sequence[Tile], columns: int, title: str = '') -> np.ndarray:
    """Pictures of one size in rows, each above its name.

    Args:
        tiles: at least one.
        columns: most pictures in a row.
        title: a line above all, if any.

    Returns:
        uint8 grey [height, width] on white.
    """
    columns = min(columns, len(tiles))
    height, width = tiles[0].picture.shape
    row_height, column_width = height + figures.TEXT_HEIGHT, width + figures.GAP
    shape = -(-len(tiles) // columns) * row_height, columns * column_width - figures.GAP
    sheet = np.full(shape, 255, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // columns * row_height, number % columns * column_width
        label = figures.text_line(width, [(0, tile.label)])[..., 0]
        sheet[top : top + row_height, left : left + width] = np.vstack([tile.picture, label])
    if not title:
        return sheet
    return np.vstack([figures.text_line(shape[1], [(0, title)])[..., 0], sheet])
