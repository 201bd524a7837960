"""Stacks of slices sampled from a field in patient coordinates, in any pose of the patient."""

import dataclasses
import datetime

import numpy as np
from scipy.spatial.transform import Rotation

from ct2mr_tf.imaging.crop import DiscPoints
from ct2mr_tf.imaging.geometry import StackGeometry

SUPINE = ([1, 0, 0], [0, 1, 0])
"""Rows and columns of an axial slice of a patient lying on the back."""

PRONE = ([-1, 0, 0], [0, -1, 0])
"""The same for one lying on the belly: the scanner turns the picture by 180 degrees."""

ORIENTATIONS = {
    'supine': SUPINE,
    'prone': PRONE,
    'feet first': ([-1, 0, 0], [0, 1, 0]),
    'lying on the side': ([0, 1, 0], [-1, 0, 0]),
}
"""Directions of rows and columns of axial slices; the second two have normals towards the feet."""


@dataclasses.dataclass(frozen=True, eq=False)
class FakeStack:
    """A stack as pairing sees it."""

    geometry: StackGeometry
    modality: str = 'CT'
    series_description: str = ''
    series_instance_uid: str = '1.2.3'
    frame_of_reference_uid: str = '1.2.4'
    slice_thickness: float | None = None
    date: datetime.date | None = datetime.date(2020, 5, 17)
    is_t2: bool = True
    uid_prefix: str = '1.2.5'
    multi_frame: bool = False

    @property
    def sop_instance_uids(self):
        if self.multi_frame:
            return (self.uid_prefix,) * len(self.geometry)
        return tuple(f'{self.uid_prefix}.{index}' for index in range(len(self.geometry)))


def stack_around(
    centre,
    slices=1,
    step=1.0,
    spacing=(0.5, 0.5),
    size=(256, 256),
    directions=SUPINE,
    tilt_deg=0.0,
):
    """A stack whose middle lies at `centre`, turned about the left-right axis by `tilt_deg`."""
    turn = Rotation.from_euler('x', tilt_deg, degrees=True)
    row, column = (turn.apply(np.array(direction, dtype=float)) for direction in directions)
    normal = np.cross(row, column)
    corner = (
        np.asarray(centre, dtype=float)
        - row * spacing[1] * (size[1] - 1) / 2
        - column * spacing[0] * (size[0] - 1) / 2
    )
    depths = (np.arange(slices) - (slices - 1) / 2) * step
    origins = corner + depths[:, np.newaxis] * normal
    return StackGeometry(origins, row, column, spacing, *size)


def sampled(geometry, field):
    """The pixels of a stack of a field: a function of points (..., 3) in mm; float32 (n, r, c)."""
    indices = np.stack(np.mgrid[: geometry.rows, : geometry.columns], axis=-1)
    slices = [field(geometry.to_patient(index, indices)) for index in range(len(geometry))]
    return np.stack(slices).astype(np.float32)


def blob(centre, sigma_mm=4.0):
    """A Gaussian blob of height 1000 around a point."""

    def field(points):
        return 1000 * np.exp(-((points - centre) ** 2).sum(axis=-1) / (2 * sigma_mm**2))

    return field


def centroid(picture):
    """Centre of mass of a picture, (x, y) in pixels."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    weights = picture.astype(np.float64)
    return np.array([(weights * x).sum(), (weights * y).sum()]) / weights.sum()


def disc_points(sac, tilt_deg=0.0, ventral_mm=40.0, **edges_mm):
    """Points of a disc whose plane is tilted about the left-right axis: V before T by a length."""
    turn = Rotation.from_euler('x', tilt_deg, degrees=True)
    sac = np.asarray(sac, dtype=float)
    signs = {'left': 1, 'right': -1}
    edges = {name: sac + turn.apply([signs[name] * mm, -20, 0]) for name, mm in edges_mm.items()}
    return DiscPoints(sac, sac + turn.apply([0, -ventral_mm, 0]), **edges)
