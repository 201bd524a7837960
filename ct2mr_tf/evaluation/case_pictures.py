"""The pictures of a report: each case in full as files, and as a thumbnail that the page holds.

In the folder of a report, `pictures/<pair_id>.png` holds CT | synthetic MR | real MR in 8-bit grey,
pixel by pixel, and `differences/<pair_id>.png` the absolute difference in the colours of the scale.
"""

import dataclasses
import pathlib

import cv2
import numpy as np

from ct2mr_tf.evaluation.cases import Case
from ct2mr_tf.evaluation.figures import coloured_difference, encode_png, panel

PICTURES_FOLDER = 'pictures'
"""Where the slices of each case lie in a report."""

DIFFERENCES_FOLDER = 'differences'
"""Where the difference map of each case lies in a report."""

SIDES = (256, 192, 128, 96, 64)
"""Sides a thumbnail may have, in pixels."""

THUMBNAIL_BYTES = 19_000_000
"""Room for all thumbnails together: 25 MB in a page, where base64 makes 4 bytes of 3."""

JPEG_QUALITY = 75
"""Of thumbnails; the files beside the page are without loss."""

BYTES_PER_PIXEL = 0.25
"""Of a thumbnail at that quality: measured on phantoms with much noise at 96 pixels a side; less
without noise, and at larger sides."""


def thumbnail_side(count: int) -> int:
    """Side in pixels of each of a case's four pictures, for so many cases in one page."""
    for side in SIDES:
        if count * 4 * side**2 * BYTES_PER_PIXEL <= THUMBNAIL_BYTES:
            return side
    return SIDES[-1]


def most_thumbnails() -> int:
    """How many cases a page has room for at the smallest size."""
    return int(THUMBNAIL_BYTES / (4 * SIDES[-1] ** 2 * BYTES_PER_PIXEL))


@dataclasses.dataclass(frozen=True)
class Thumbnail:
    """CT | synthetic MR | real MR | difference of a case, small.

    Attributes:
        jpeg: the bytes of a JPEG.
        size: width and height in pixels.
    """

    jpeg: bytes = dataclasses.field(repr=False)
    size: tuple[int, int]


class CasePictures:
    """Writes the pictures of each case, and keeps its thumbnail: some kilobytes.

    Attributes:
        folder: the report's.
        thumbnails: by pair_id.
        picture_size: height and width in pixels of the cases; (0, 0) before the first.
    """

    def __init__(self, folder: pathlib.Path, count: int) -> None:
        """A report in `folder`, of `count` cases."""
        self.folder = folder
        self.thumbnails: dict[str, Thumbnail] = {}
        self.picture_size = (0, 0)
        self._side = thumbnail_side(count)
        for name in (PICTURES_FOLDER, DIFFERENCES_FOLDER):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def add(self, case: Case) -> None:
        """Writes and keeps the pictures of a case."""
        height, width = case.ct.shape
        self.picture_size = (height, width)
        slices = np.hstack([case.ct, case.synthetic, case.real])
        self._path(PICTURES_FOLDER, case.pair_id).write_bytes(encode_png(slices))
        difference = coloured_difference(case.real, case.synthetic)
        self._path(DIFFERENCES_FOLDER, case.pair_id).write_bytes(encode_png(difference))
        self.thumbnails[case.pair_id] = _thumbnail(panel(case), self._side / max(height, width))

    def slices(self, pair_id: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """CT, synthetic and real MR of a case, read back: uint8 [H, W] each."""
        path = self._path(PICTURES_FOLDER, pair_id)
        whole = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
        ct, synthetic, real = np.hsplit(whole, 3)
        return ct, synthetic, real

    def _path(self, folder: str, pair_id: str) -> pathlib.Path:
        return self.folder / folder / f'{pair_id}.png'


def _thumbnail(picture: np.ndarray, factor: float) -> Thumbnail:
    """A picture, uint8 RGB, made smaller where the factor is below 1."""
    if factor < 1:
        picture = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    ordered = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    jpeg = cv2.imencode('.jpg', ordered, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
    height, width = picture.shape[:2]
    return Thumbnail(jpeg, (width, height))
