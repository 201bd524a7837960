"""Small studies as hospitals have them: CT volume and MR packets of discs in known places."""

import dataclasses
import json
import zlib

import numpy as np
import pydicom
from pydicom import uid
from pydicom.dataset import FileMetaDataset
from scipy.spatial.transform import Rotation

SUPINE = ([1, 0, 0], [0, 1, 0])
"""Directions of rows and columns of an axial slice of a patient lying on the back."""

PRONE = ([-1, 0, 0], [0, -1, 0])
FEET_FIRST = ([-1, 0, 0], [0, 1, 0])

HALF_SIDE = 30.0
"""From the sac to the ventral edge, in mm."""

LEVEL_STEP = 34.0
"""From one disc to the next, in mm."""


@dataclasses.dataclass(frozen=True)
class Disc:
    """A disc in the patient's own coordinates (mm, LPS axes, the origin anywhere)."""

    level: str
    sac: np.ndarray
    tilt_deg: float

    @property
    def turn(self):
        return Rotation.from_euler('x', self.tilt_deg, degrees=True)

    @property
    def ventral(self):
        return self.sac + self.turn.apply([0, -HALF_SIDE, 0])


@dataclasses.dataclass(frozen=True)
class Study:
    """What is to be written for a patient, and how; `spacing` and `size` are those of both."""

    patient_id: str
    issuer: str = ''
    tilts: tuple = (('L4-5', 8.0),)
    spacing: float = 1.5
    size: int = 72
    ct_step: float = 1.5
    ct_date: str = '20190402'
    mr_date: str = '20190403'
    ct_directions: tuple = SUPINE
    mr_directions: tuple = SUPINE
    ct_shift: tuple = (4.0, -150.0, 720.0)
    mr_shift: tuple = (-9.0, 35.0, -42.0)
    attributes: dict = dataclasses.field(default_factory=dict)
    private: tuple = ()

    @property
    def uid(self):
        return zlib.crc32(f'{self.patient_id} {self.issuer}'.encode())

    @property
    def discs(self):
        return [
            Disc(level, np.array([0.0, 0, -LEVEL_STEP * number]), tilt)
            for number, (level, tilt) in enumerate(self.tilts)
        ]


def anatomy(points):
    """HU-like values of a patient: a smooth body with a bright sac column and a dark edge field."""
    x, y, z = np.moveaxis(points, -1, 0)
    sac = np.exp(-(x**2 + y**2) / (2 * 5.0**2))
    body = 1 / (1 + np.exp((-HALF_SIDE - y) / 0.8))
    return 40 * body + 200 * sac * body + 20 * np.sin(z / 5) * body - 100 * (1 - body)


def write_study(root, study):
    """Writes CT and MR of a patient below a folder; gives their files back."""
    return [*_write_ct(root, study), *_write_mr(root, study)]


def _write_ct(root, study):
    lowest = study.discs[-1].sac[2] - 25
    count = int((50 - study.discs[-1].sac[2]) / study.ct_step) + 1
    row, column = (np.array(one, dtype=float) for one in study.ct_directions)
    files = []
    for number in range(count):
        centre = np.array([0, -5.0, lowest + number * study.ct_step])
        dataset = _slice(study, 'CT', centre, row, column, study.ct_step, study.ct_shift, number)
        files.append(_save(dataset, root, study, number))
    return files


def _write_mr(root, study):
    files = []
    for packet, disc in enumerate(study.discs):
        row, column = (disc.turn.apply(np.array(one, dtype=float)) for one in study.mr_directions)
        normal = np.cross(row, column)
        for offset in (-1, 0, 1):
            centre = disc.sac + disc.turn.apply([0, -5.0, 0]) + 4.4 * offset * normal
            number = 3 * packet + offset + 1
            dataset = _slice(study, 'MR', centre, row, column, 4.0, study.mr_shift, number)
            files.append(_save(dataset, root, study, 1000 + number))
    return files


def _slice(study, modality, centre, row, column, thickness, shift, number):
    """One slice of the patient whose middle lies at `centre` in the patient's own coordinates."""
    span = (np.arange(study.size) - (study.size - 1) / 2) * study.spacing
    points = centre + span[:, None, None] * column + span[None, :, None] * row
    values = anatomy(points)
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    ct = modality == 'CT'
    dataset.SOPClassUID = uid.CTImageStorage if ct else uid.MRImageStorage
    dataset.SOPInstanceUID = f'1.2.{study.uid}.{ct:d}.{number}'
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.Modality, dataset.PatientID = modality, study.patient_id
    dataset.IssuerOfPatientID = study.issuer
    dataset.ImageType = ['ORIGINAL', 'PRIMARY', 'AXIAL']
    dataset.StudyDate = dataset.AcquisitionDate = study.ct_date if ct else study.mr_date
    dataset.SeriesDescription = 'Ax bone thin' if ct else 't2 tse tra'
    dataset.StudyInstanceUID = f'1.2.{study.uid}.{ct:d}'
    dataset.SeriesInstanceUID = f'1.2.{study.uid}.{ct:d}.1'
    dataset.FrameOfReferenceUID = f'1.2.{study.uid}.{ct:d}.2'
    dataset.ImagePositionPatient = [float(f'{mm:.6f}') for mm in points[0, 0] + shift]
    dataset.ImageOrientationPatient = [float(f'{mm:.9f}') for mm in (*row, *column)]
    dataset.PixelSpacing = [study.spacing] * 2
    dataset.SliceThickness, dataset.InstanceNumber = thickness, number + 1
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, 'MONOCHROME2'
    dataset.Rows = dataset.Columns = study.size
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    if ct:
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    else:
        dataset.EchoTime, dataset.RepetitionTime, dataset.ScanningSequence = 100, 4000, 'SE'
    dataset.PixelData = np.rint(values + 1024).astype('<u2').tobytes()
    dataset['PixelData'].VR = 'OW'
    for keyword, value in study.attributes.items():
        setattr(dataset, keyword, value)
    for tag, representation, value in study.private:
        dataset.add_new(tag, representation, value)
    return dataset


def _save(dataset, root, study, number):
    path = root / f'{study.patient_id}{study.issuer}' / dataset.Modality / f'IM{number:04d}'
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_landmarks(folder, study, named=None):
    """Writes the points of a patient as 3D Slicer saves them: CT in LPS, MR in RAS."""
    for modality, shift, system in (
        ('CT', study.ct_shift, 'LPS'),
        ('MR', study.mr_shift, 'RAS'),
    ):
        signs = np.array([1, 1, 1]) if system == 'LPS' else np.array([-1, -1, 1])
        points = [
            {'label': f'{disc.level}:{name}', 'position': list(signs * (point + shift))}
            for disc in study.discs
            for name, point in (('sac', disc.sac), ('ventral', disc.ventral))
        ]
        markups = [{'type': 'Fiducial', 'coordinateSystem': system, 'controlPoints': points}]
        path = folder / (named or study.patient_id) / f'{modality}.mrk.json'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({'markups': markups}), encoding='utf-8')


def write_cohort(folder, studies):
    """Writes the studies of some patients and their landmarks; gives both folders back."""
    for study in studies:
        write_study(folder / 'dicom', study)
        write_landmarks(folder / 'points', study)
    return folder / 'dicom', folder / 'points'
