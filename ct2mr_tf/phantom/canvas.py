"""The points being labelled, in coordinates of the spine, and the labels painted on them so far."""

import dataclasses

import numpy as np

from ct2mr_tf.phantom import solid_noise
from ct2mr_tf.phantom.tissues import Tissue


@dataclasses.dataclass
class Canvas:
    """Points and their labels. Painting a part paints the whole it was taken from.

    Attributes:
        u: float32 [n], mm to the patient's left of the spine's axis.
        v: float32 [n], mm to the front of it (the axis runs through the disc centres).
        s: float32 [n], mm along the axis to the head, 0 at the disc L3-4.
        t: float32 [n], the same as a segment number: 0 at T12-L1, 1 at L1-2, ... 5 at L5-S1.
        labels: uint8 [m], the labels of the whole.
        index: int [n], which of the whole's points these are.
        seed: the patient's, of the textures.
    """

    u: np.ndarray
    v: np.ndarray
    s: np.ndarray
    t: np.ndarray
    labels: np.ndarray
    index: np.ndarray
    seed: int

    def where(self, mask: np.ndarray) -> 'Canvas':
        """The part of the canvas where `mask` (bool [n]) is true."""
        chosen = np.flatnonzero(mask)
        return Canvas(
            self.u[chosen],
            self.v[chosen],
            self.s[chosen],
            self.t[chosen],
            self.labels,
            self.index[chosen],
            self.seed,
        )

    def paint(self, mask: np.ndarray, tissue: Tissue) -> None:
        """Labels the points where `mask` (bool [n]) is true."""
        self.labels[self.index[mask]] = tissue

    def now(self) -> np.ndarray:
        """The labels of these points so far, uint8 [n]."""
        return self.labels[self.index]

    def noise(self, feature_mm: tuple[float, float, float], number: int) -> np.ndarray:
        """Random field `number` of the patient at these points (see `solid_noise.field`)."""
        return solid_noise.field(self.u, self.v, self.s, feature_mm, [self.seed, 4, number])
