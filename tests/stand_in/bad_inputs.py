"""Inputs that an exported model cannot answer, by what is wrong with them."""

from typing import Any

import numpy as np
from stand_in.asking import b64
from stand_in.examples import CT, png, png_of_zeros

GOOD = png(CT[0])
"""A file that can be answered."""

BAD_INPUTS: dict[str, tuple[str, Any]] = {
    'a number': ('serving_default', 1.0),
    'rank 1': ('serving_default', [1.0] * 16),
    'rank 2': ('serving_default', np.ones((16, 16)).tolist()),
    'rank 3': ('serving_default', np.ones((16, 16, 1)).tolist()),
    'rank 5': ('serving_default', np.ones((1, 1, 16, 16, 1)).tolist()),
    'no channel': ('serving_default', np.ones((1, 16, 16, 0)).tolist()),
    'three channels': ('serving_default', np.ones((1, 16, 16, 3)).tolist()),
    'odd height': ('serving_default', np.ones((1, 15, 16, 1)).tolist()),
    'odd width': ('serving_default', np.ones((1, 16, 18, 1)).tolist()),
    'too small': ('serving_default', np.ones((1, 8, 16, 1)).tolist()),
    'too large': ('serving_default', np.ones((1, 12, 1028, 1)).tolist()),
    'no pixel': ('serving_default', [[[]]]),
    'empty batch': ('serving_default', []),
    'ragged': ('serving_default', [[[[1.0]], [[1.0], [2.0]]]]),
    'NaN': ('serving_default', np.full((1, 16, 16, 1), np.nan).tolist()),
    'infinity': ('serving_default', np.full((1, 16, 16, 1), np.inf).tolist()),
    'beyond white': ('serving_default', np.full((1, 16, 16, 1), 256.0).tolist()),
    'below black': ('serving_default', np.full((1, 16, 16, 1), -1.0).tolist()),
    'text': ('serving_default', 'CT'),
    'HU rank 3': ('hu', np.ones((16, 16, 1)).tolist()),
    'HU three channels': ('hu', np.ones((1, 16, 16, 3)).tolist()),
    'HU NaN': ('hu', np.full((1, 16, 16, 1), np.nan).tolist()),
    'HU empty batch': ('hu', []),
    'PNG empty batch': ('png', []),
    'PNG one string': ('png', b64(GOOD)),
    'PNG rank 2': ('png', [[b64(GOOD)]]),
    'PNG number': ('png', [1.0]),
    'PNG of 30,000 x 30,000': ('png', [b64(png_of_zeros(30_000, 30_000, rows=0))]),
    'PNG 16-bit': ('png', [b64(png(CT[0].astype(np.uint16) * 257))]),
    'PNG RGB': ('png', [b64(png(np.stack([CT[0]] * 3, axis=-1)))]),
    'PNG with alpha': ('png', [b64(png(np.stack([CT[0]] * 4, axis=-1)))]),
    'PNG palette': ('png', [b64(png_of_zeros(16, 16, rows=16, colour=3))]),
    'PNG without its last row': ('png', [b64(png_of_zeros(16, 16, rows=15))]),
    'PNG cut in its header': ('png', [b64(GOOD[:20])]),
    'PNG cut in its data': ('png', [b64(GOOD[: len(GOOD) // 2])]),
    'PNG cut at its end': ('png', [b64(GOOD[:-4])]),
    'PNG damaged': ('png', [b64(GOOD[:60] + bytes(20) + GOOD[80:])]),
    'PNG none': ('png', [b64(b'\xff\xd8\xff\xe0 a JPEG file, perhaps' * 9)]),
    'PNG empty': ('png', [b64(b'')]),
    'PNG one of two': ('png', [b64(GOOD), b64(GOOD[:-4])]),
    'PNG of two sizes': ('png', [b64(GOOD), b64(png(CT[0].T.copy()))]),
    'PNG of comments': ('png', [b64(png_of_zeros(16, 16, rows=16, comments=10))]),
    'PNG odd': ('png', [b64(png(CT[0][:15]))]),
    'card one string': ('model_card', 'x'),
    'card empty batch': ('model_card', []),
    'card a thousand': ('model_card', ['x'] * 1000),
}
"""Signature and value of its input."""
