"""A CT with known contents in any pose, and what a synthesis makes of it."""

import dataclasses
import datetime
import functools
import io

import numpy as np
import pydicom
from scipy.spatial.transform import Rotation

from ct2mr_tf.cli import synthesis_request, synthesis_series
from ct2mr_tf.data.patients import PatientCase
from ct2mr_tf.imaging import dicom_reader, patient_record, synthesis
from ct2mr_tf.imaging.crop import DiscPoints
from ct2mr_tf.imaging.dicom_writer import Synthesizer
from ct2mr_tf.imaging.geometry import StackGeometry
from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.imaging.pairing_rules import PairingOptions
from ct2mr_tf.imaging.pseudonyms import Pseudonyms
from ct2mr_tf.imaging.study_writer import CtScan, Person, Series, write_slices

PSEUDONYMS = Pseudonyms(b'sixteen bytes...')

WINDOW = Window(-200.0, 600.0)

SYNTHESIZER = Synthesizer('ct2mr', '0123456789abcdef' * 4, WINDOW)

PERSON = Person('ID-7788', 'WIELAND^HANS', 'M', datetime.date(1950, 1, 2), 1.8)

HALF_SIDE = 36.0

SACS = {
    'L3-4': np.array([2.0, 10.0, 622.0]),
    'L4-5': np.array([-1.0, 14.0, 590.3]),
}
"""Centres of the sac in mm."""

TILTS = {'L3-4': -3.0, 'L4-5': 8.0}
"""Of the discs about the left-right axis, in degrees."""

DIRECTIONS = {
    'HFS': ([1, 0, 0], [0, 1, 0]),
    'HFP': ([-1, 0, 0], [0, -1, 0]),
    'FFS': ([-1, 0, 0], [0, 1, 0]),
    'FFP': ([1, 0, 0], [0, -1, 0]),
}
"""Rows and columns of a slice; those of feet first have normals towards the feet."""


def disc_points(level, **edges):
    sac = SACS[level]
    turn = Rotation.from_euler('x', TILTS[level], degrees=True)
    return DiscPoints(sac, sac + turn.apply([0, -HALF_SIDE, 0]), **edges)


POINTS = {level: disc_points(level) for level in SACS}


def ct_geometry(position='HFS', step=2.0, count=44, gantry_deg=0.0, oblique_deg=0.0):
    """A CT around the discs; a tilted gantry turns the slices, but not the way of the table."""
    turn = Rotation.from_euler('x', gantry_deg or oblique_deg, degrees=True)
    row, column = (turn.apply(np.array(one, dtype=float)) for one in DIRECTIONS[position])
    size, spacing = 72, 2.0
    middle = np.array([0.5, 2.0, 606.0])
    corner = middle - (row + column) * spacing * (size - 1) / 2
    normal = np.cross(row, column)
    way = np.array([0, 0, np.sign(normal[2])]) / abs(normal[2]) if gantry_deg else normal
    places = (np.arange(count) - (count - 1) / 2)[:, np.newaxis] * step
    return StackGeometry(corner + places * way, row, column, (spacing, spacing), size, size)


def sampled(geometry, field):
    indices = np.stack(np.mgrid[: geometry.rows, : geometry.columns], axis=-1)
    return np.stack([field(geometry.to_patient(i, indices)) for i in range(len(geometry))])


RAMP = 4.0
"""HU a mm."""


def ramp(axis):
    """HU that rise by 4 a mm along an axis, 200 at the middle of the discs.

    They rise a little along the other axes too, or all pixels of a row were rounded alike.
    """
    middle = np.array([0.5, 12.0, 606.0])
    slopes = np.roll([RAMP, 0.37, 0.23], axis)
    return lambda points: 200 + (points - middle) @ slopes


def ball(centre, sigma_mm=4.0):
    """A smooth ball of 500 HU in water."""
    return lambda points: 500 * np.exp(-((points - centre) ** 2).sum(-1) / (2 * sigma_mm**2))


def write_ct(folder, field, geometry=None, position='HFS', person=PERSON, **changes):
    """Writes a CT; `changes` are attributes of the files, None removes one."""
    geometry = ct_geometry(position) if geometry is None else geometry
    day = datetime.date(2020, 7, 17)
    series = Series(person, CtScan(), 'study', 2, 'lumbar thin', day, position, 2.0)
    write_slices(folder, series, geometry, sampled(geometry, field))
    if changes:
        for path in folder.iterdir():
            dataset = pydicom.dcmread(path)
            for keyword, value in changes.items():
                if value is None:
                    dataset.pop(keyword, None)
                else:
                    setattr(dataset, keyword, value)
            dataset.save_as(path)
    return folder


def scan(folder):
    found = dicom_reader.scan(folder, dicom_reader.ReadOptions(workers=1), PSEUDONYMS)
    assert found.problems == ()
    return found.stacks


def limits(ct_plane='mr', **changes):
    return PairingOptions(ct_plane=ct_plane, slab_mm=changes.pop('slab_mm', 4.0), **changes)


@dataclasses.dataclass(frozen=True, eq=False)
class Synthesis:
    """What is made of a CT by a model that answers with the CT itself."""

    stacks: tuple
    points: dict = dataclasses.field(default_factory=lambda: POINTS)
    options: PairingOptions = dataclasses.field(default_factory=limits)
    volume: bool = False
    anonymous: bool = False
    size: int = 64

    @functools.cached_property
    def plan(self):
        case = PatientCase('P0', tuple(self.stacks), {'CT': self.points, 'MR': {}})
        return synthesis_request.plan(case, self.options, self.volume)

    @functools.cached_property
    def products(self):
        record_of = patient_record.patients_own
        if self.anonymous:
            record_of = functools.partial(patient_record.anonymized, pseudonyms=PSEUDONYMS)
        return synthesis_series.products(self.plan, record_of, SYNTHESIZER, self.size)

    @functools.cached_property
    def ct(self):
        options = synthesis.PictureOptions(self.size, WINDOW)
        ct, refused = synthesis.cut_pictures(self.plan.pictures, options, lambda done, all_: None)
        assert refused == []
        return ct

    @functools.cached_property
    def contents(self):
        return self.products.contents(self.ct, self.ct)

    def dataset(self, name):
        return pydicom.dcmread(io.BytesIO(self.contents[name]))

    def datasets(self, folder):
        return [self.dataset(name) for name in self.contents if name.startswith(f'{folder}/')]


def pixel_centres(dataset):
    """Where a file says that its pixels lie: LPS mm, (rows, columns, 3)."""
    origin, spacing = (
        np.array(dataset[key].value, float) for key in ('ImagePositionPatient', 'PixelSpacing')
    )
    row, column = np.array(dataset.ImageOrientationPatient, float).reshape(2, 3)
    y, x = np.mgrid[: dataset.Rows, : dataset.Columns][..., np.newaxis]
    return origin + x * spacing[1] * row + y * spacing[0] * column


def hu_of(dataset):
    """What the model that repeats the CT has written, in HU; NaN where nothing was made."""
    pixels = dataset.pixel_array.astype(float)
    return np.where(pixels < 0, np.nan, WINDOW.low + pixels / 255 * (WINDOW.high - WINDOW.low))
