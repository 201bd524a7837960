"""Pictures of a synthesis for the eye; each says what it is, and that it is not for diagnosis."""

from collections.abc import Sequence

import cv2
import numpy as np

from ct2mr_tf.data import overviews
from ct2mr_tf.data.overviews import Tile
from ct2mr_tf.evaluation import figures

WARNING = 'CT | synthetic MR.  Not for diagnosis'
"""Title of every picture."""

DISC_SIDE = 256
"""Least pixels a side to which a disc's pictures are enlarged, by whole factors."""

THUMBNAIL_SIDE = 96
"""Pixels a side of a volume's pictures: enough to see the body turn into the sacrum."""

THUMBNAIL_COLUMNS = 8
"""Slices beside each other."""

VIEW_WIDTH = 256
"""Least width in pixels to which sagittal and coronal views are enlarged, by whole factors."""


def disc_sheet(levels: Sequence[str], ct: np.ndarray, mr: np.ndarray) -> bytes:
    """CT and synthetic MR of each disc, below each other, as PNG.

    Args:
        levels: name of each disc.
        ct: uint8 [n, N, N].
        mr: the same.
    """
    factor = max(1, -(-DISC_SIDE // ct.shape[1]))
    tiles = [
        Tile(_enlarged(_beside(one, other), factor), level)
        for level, one, other in zip(levels, ct, mr, strict=True)
    ]
    return figures.encode_png(overviews.grid(tiles, 1, WARNING))


def volume_sheet(levels: Sequence[str], ct: np.ndarray, mr: np.ndarray) -> bytes:
    """Small pictures of a volume's slices, as PNG.

    Args:
        levels: what each slice is called; '' for nothing but its number, from 1.
        ct: uint8 [n, N, N], from head to foot.
        mr: the same.
    """
    size = (2 * THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    tiles = [
        Tile(
            cv2.resize(np.hstack([one, other]), size, interpolation=cv2.INTER_AREA),
            f'{number}  {level}'.strip(),
        )
        for number, (level, one, other) in enumerate(zip(levels, ct, mr, strict=True), 1)
    ]
    return figures.encode_png(overviews.grid(tiles, THUMBNAIL_COLUMNS, WARNING))


def view(name: str, ct: np.ndarray, mr: np.ndarray) -> bytes:
    """A view of the CT beside that of the synthetic MR, as PNG.

    Args:
        name: of the view.
        ct: uint8 [height, width], square pixels.
        mr: the same.
    """
    factor = max(1, -(-VIEW_WIDTH // ct.shape[1]))
    picture = _enlarged(_beside(ct, mr), factor)
    lines = [figures.text_line(picture.shape[1], [(0, text)]) for text in (name, WARNING)]
    return figures.encode_png(np.vstack([line[..., 0] for line in lines] + [picture]))


def _beside(ct: np.ndarray, mr: np.ndarray) -> np.ndarray:
    """Two pictures with a white gap between them."""
    return np.hstack([ct, np.full((len(ct), 1), 255, np.uint8), mr])


def _enlarged(picture: np.ndarray, factor: int) -> np.ndarray:
    """A picture with each pixel repeated."""
    return np.kron(picture, np.ones((factor, factor), np.uint8))
