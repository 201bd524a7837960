"""A model card, slices, and PNG files, good and bad, for tests of clients and servers."""

import json
import struct
import zlib

import cv2
import numpy as np

from ct2mr_tf.config import Config, to_json
from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.serving.model_card import Limits, ModelCard

CARD = ModelCard(
    name='ct2mr',
    software_version='1.2.3',
    model_sha256='ab' * 32,
    config=json.loads(to_json(Config(ngf=4, blocks=1))),
    data_set={'sha256': 'cd' * 32, 'train': 4, 'val': 2, 'test': 2},
    checkpoint={'which': 'best', 'step': 7},
    validation={'mae': 12.5},
    ct_window=Window(-200.0, 600.0),
    mr_window='percentiles',
    picture=(16, 20),
    limits=Limits(12, 1024, 4),
    ct_plane='mr',
)

CT = np.random.default_rng(0).integers(0, 256, (3, 16, 20), dtype=np.uint8)
"""Slices that every exported model of the tests answers."""


def png(picture: np.ndarray) -> bytes:
    """A PNG file; colours are in OpenCV's order."""
    return cv2.imencode('.png', picture)[1].tobytes()


def png_of_zeros(height: int, width: int, rows: int, colour: int = 0, comments: int = 0) -> bytes:
    """A PNG file of any size, black.

    Args:
        height: in pixels, as its header says.
        width: the same.
        rows: for how many there is data; fewer than `height` in a damaged file.
        colour: type of PNG: 0 grey, 2 RGB, 3 palette, 4 grey with alpha.
        comments: how many of 7.9 MB each, compressed to 7.7 kB.
    """
    header = struct.pack('>IIBBBBB', width, height, 8, colour, 0, 0, 0)
    deflate = zlib.compressobj(1)
    data = b''.join(deflate.compress(bytes(1 + width)) for _ in range(rows)) + deflate.flush()
    comment = b'Comment\0\0' + (zlib.compress(bytes(7_900_000)) if comments else b'')
    chunks = [(b'IHDR', header), *[(b'zTXt', comment)] * comments, (b'IDAT', data), (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(_chunk(*chunk) for chunk in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack('>I', zlib.crc32(name + content))
    return struct.pack('>I', len(content)) + name + content + checksum
