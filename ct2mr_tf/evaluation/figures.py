"""Pictures of cases for the eye: CT | synthetic MR | real MR | absolute difference."""

from collections.abc import Iterable

import cv2
import numpy as np

from ct2mr_tf.evaluation.cases import Case

DIFFERENCE_LIMIT = 128
"""Grey levels of absolute difference at the bright end of the colour map; one scale for all."""

HEADINGS = ('CT', 'synthetic MR', 'real MR', '|difference|')
"""What stands above the columns of a sheet."""

TEXT_HEIGHT = 18
"""Pixels of a line of text above a row of pictures."""

GAP = 4
"""Pixels between pictures."""

SMALLEST_TILE = 128
"""Height in pixels to which small pictures are enlarged, by whole factors, for the eye."""


def panel(case: Case) -> np.ndarray:
    """One case as a row of pictures.

    Returns:
        uint8 RGB [H, 4 W + gaps, 3]: CT, synthetic MR, real MR in grey, and the map of the absolute
        difference in colour (black 0, bright DIFFERENCE_LIMIT grey levels and more).
    """
    coloured = coloured_difference(case.real, case.synthetic)
    greys = [
        cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB) for grey in (case.ct, case.synthetic, case.real)
    ]
    gap = np.full((case.ct.shape[0], GAP, 3), 255, np.uint8)
    tiles = [tile for picture in (*greys, coloured) for tile in (picture, gap)]
    return np.hstack(tiles[:-1])


def coloured_difference(real: np.ndarray, synthetic: np.ndarray) -> np.ndarray:
    """The map of the absolute difference of two pictures, uint8 [H, W].

    Returns:
        uint8 RGB [H, W, 3], in OpenCV's inferno: black 0, bright DIFFERENCE_LIMIT grey levels and
        more.
    """
    difference = np.abs(real.astype(np.int16) - synthetic)
    scaled = np.clip(difference * (255 / DIFFERENCE_LIMIT), 0, 255).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(scaled, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)


def sheet(cases: Iterable[Case]) -> np.ndarray:
    """Cases below each other, each with its name and main metrics, under the headings.

    Args:
        cases: at least one; all of one size.

    Returns:
        uint8 RGB [height, width, 3] on white.
    """
    rows: list[np.ndarray] = []
    for case in cases:
        picture = panel(case)
        factor = max(1, -(-SMALLEST_TILE // case.ct.shape[0]))
        picture = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)
        step = (case.ct.shape[1] + GAP) * factor
        if not rows:
            rows.append(
                text_line(picture.shape[1], zip(range(0, 4 * step, step), HEADINGS, strict=True))
            )
        values = case.metrics
        caption = f'{case.pair_id}   MAE {values["mae"]:.2f}   PSNR {values["psnr_db"]:.2f} dB'
        caption += f'   SSIM {values["ssim"]:.3f}'
        rows += [text_line(picture.shape[1], [(0, caption)]), picture]
    return np.vstack(rows)


def text_line(width: int, texts: Iterable[tuple[int, str]]) -> np.ndarray:
    """Black text at given columns on a white line, uint8 RGB [TEXT_HEIGHT, width, 3]."""
    line = np.full((TEXT_HEIGHT, width, 3), 255, np.uint8)
    for column, text in texts:
        place = (column + 2, TEXT_HEIGHT - 5)
        cv2.putText(line, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return line


def encode_png(picture: np.ndarray) -> bytes:
    """An RGB or grey uint8 picture as the bytes of a PNG."""
    ordered = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 else picture
    return cv2.imencode('.png', ordered)[1].tobytes()
