"""Writes CT and MR series as a scanner would: one valid DICOM file a slice, from arrays.

For phantoms: files that any viewer opens and that the reading side of this project is tested with.
The attributes are those that PS3.3 asks of CT Image Storage (A.3) and MR Image Storage (A.4).
"""

import dataclasses
import datetime
import io
import pathlib
import uuid
from collections.abc import Iterable

import numpy as np
import pydicom
from pydicom import uid
from pydicom.dataset import FileMetaDataset
from pydicom.valuerep import format_number_as_ds

from ct2mr_tf.imaging.geometry import StackGeometry
from ct2mr_tf.version import VERSION

MANUFACTURER = 'ct2mr_tf phantom'
"""What stands for the scanner's manufacturer, so that nobody takes a phantom for a patient."""

CT_INTERCEPT_HU = -1024
"""HU of the stored value 0: the least that 12 bits hold, in use with all manufacturers."""

HIGHEST_STORED = 4095
"""Largest stored value: 12 bits, as scanners use."""

_UID_NAMESPACE = uuid.UUID('6b0f6a52-53f6-5d39-9c1b-2f0a6f6d7a10')
"""Namespace (RFC 4122, 4.3) of the identifiers made here."""


@dataclasses.dataclass(frozen=True)
class Person:
    """Who was scanned; an invented person.

    Attributes:
        patient_id: PatientID.
        patient_name: PatientName, parts divided by '^'.
        sex: 'M', 'F' or 'O'.
        birth_date: the day of birth.
        size_m: height in metres.
    """

    patient_id: str
    patient_name: str
    sex: str
    birth_date: datetime.date
    size_m: float


@dataclasses.dataclass(frozen=True)
class CtScan:
    """What only a CT says about itself.

    Attributes:
        kvp: tube voltage in kV.
        kernel: ConvolutionKernel.
    """

    kvp: float = 120.0
    kernel: str = 'B30s'


@dataclasses.dataclass(frozen=True)
class MrScan:
    """What only a two-dimensional spin echo MR says about itself.

    Attributes:
        repetition_time_ms: TR.
        echo_time_ms: TE.
        echo_train_length: echoes after one excitation.
        spacing_between_mm: distance from slice to slice.
        field_strength_t: of the magnet.
    """

    repetition_time_ms: float
    echo_time_ms: float
    echo_train_length: int
    spacing_between_mm: float
    field_strength_t: float = 1.5


@dataclasses.dataclass(frozen=True)
class Series:
    """What all slices of a series share.

    Attributes:
        person: who was scanned.
        scan: how; its type is the modality.
        study: what the StudyInstanceUID is made from; its last 16 characters are the StudyID.
        number: SeriesNumber; with `study` it makes the SeriesInstanceUID.
        description: SeriesDescription.
        date: the day of the study.
        patient_position: how the patient lay: HFS, FFS, HFP or FFP.
        slice_thickness_mm: of each slice.
        localizer: whether it only serves to plan the others: a CT says so in its ImageType, an MR
            in its description alone.
    """

    person: Person
    scan: CtScan | MrScan
    study: str
    number: int
    description: str
    date: datetime.date
    patient_position: str
    slice_thickness_mm: float
    localizer: bool = False

    @property
    def modality(self) -> str:
        """'CT' or 'MR'."""
        return 'CT' if isinstance(self.scan, CtScan) else 'MR'

    @property
    def series_instance_uid(self) -> str:
        """SeriesInstanceUID."""
        return make_uid('series', self.study, str(self.number))


def make_uid(*parts: str) -> uid.UID:
    """A UID that is always the same for the same parts (PS3.5, B.2: 2.25 and a UUID)."""
    return uid.UID(f'2.25.{uuid.uuid5(_UID_NAMESPACE, "/".join(parts)).int}')


def decimals(values: Iterable[float]) -> list[str]:
    """Numbers as decimal strings (DS): as many digits as 16 characters hold, no minus zero."""
    return [format_number_as_ds(float(value) + 0.0) for value in values]


def write_slices(
    folder: pathlib.Path,
    series: Series,
    geometry: StackGeometry,
    pixels: np.ndarray,
    first_number: int = 1,
) -> None:
    """Writes parallel slices into a folder as `<series number>-<instance number>.dcm`.

    Args:
        folder: made if it is missing.
        series: what all slices share.
        geometry: where they lie.
        pixels: real [n, rows, columns]: HU for CT, else signal in stored values; rounded, and
            clipped to what 12 bits hold.
        first_number: InstanceNumber of the slice nearest the head; the others follow downwards.

    Raises:
        ValueError: `pixels` has another shape than the geometry.
        OSError: a file cannot be written.
    """
    shape = (len(geometry), geometry.rows, geometry.columns)
    if pixels.shape != shape:
        raise ValueError(f'pixels have shape {pixels.shape}, the slices {shape}')
    folder.mkdir(parents=True, exist_ok=True)
    dataset = _series_dataset(series, geometry)
    lowest = CT_INTERCEPT_HU if series.modality == 'CT' else 0
    downwards = np.argsort(-geometry.origins[:, 2], kind='stable')
    for number, index in enumerate(downwards, first_number):
        stored = np.clip(np.rint(pixels[index] - lowest), 0, HIGHEST_STORED).astype('<u2')
        _set_slice(dataset, series, geometry.origins[index], number)
        dataset.PixelData = stored.tobytes()
        # To a file itself, pydicom would raise errors of the disk anew, without their number.
        file = io.BytesIO()
        dataset.save_as(file, enforce_file_format=True)
        (folder / f'{series.number:02d}-{number:04d}.dcm').write_bytes(file.getvalue())


def _set_slice(dataset: pydicom.Dataset, series: Series, origin: np.ndarray, number: int) -> None:
    """Sets what tells one slice of a series from the next, but for its pixels."""
    instance = make_uid('instance', series.study, str(series.number), str(number))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = instance
    dataset.InstanceNumber = number
    dataset.ImagePositionPatient = decimals(origin)
    dataset.SliceLocation = decimals(origin[2:])[0]


def _series_dataset(series: Series, geometry: StackGeometry) -> pydicom.Dataset:
    """All attributes that the slices of a series share."""
    dataset = pydicom.Dataset()
    _add_person_and_study(dataset, series)
    _add_series(dataset, series)
    _add_plane(dataset, series, geometry)
    if isinstance(series.scan, CtScan):
        _add_ct(dataset, series.scan)
    else:
        _add_mr(dataset, series.scan)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    return dataset


def _add_person_and_study(dataset: pydicom.Dataset, series: Series) -> None:
    """The Patient, Patient Study and General Study modules (PS3.3, C.7.1.1, C.7.2)."""
    person, day = series.person, f'{series.date:%Y%m%d}'
    dataset.PatientName, dataset.PatientID = person.patient_name, person.patient_id
    dataset.PatientBirthDate = f'{person.birth_date:%Y%m%d}'
    dataset.PatientSex = person.sex
    # Whole years: the difference of dates as numbers, 20201009 - 19881013.
    years = (int(day) - int(f'{person.birth_date:%Y%m%d}')) // 10_000
    dataset.PatientAge = f'{years:03d}Y'
    dataset.PatientSize = f'{person.size_m:.2f}'
    dataset.StudyInstanceUID = make_uid('study', series.study)
    dataset.StudyID = series.study[-16:]
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = day
    dataset.ContentDate = day
    dataset.StudyTime = dataset.SeriesTime = dataset.AcquisitionTime = '120000'
    dataset.ContentTime = '120000'
    dataset.AccessionNumber = dataset.ReferringPhysicianName = ''
    dataset.StudyDescription = f'{series.modality} lumbar spine'


def _add_series(dataset: pydicom.Dataset, series: Series) -> None:
    """The General Series, Frame of Reference and General Equipment modules (C.7.3 to C.7.5)."""
    dataset.Modality = series.modality
    dataset.SeriesInstanceUID = series.series_instance_uid
    dataset.SeriesNumber = series.number
    dataset.SeriesDescription = series.description
    dataset.BodyPartExamined = 'LSPINE'
    dataset.PatientPosition = series.patient_position
    # One frame a study: the patient stays on the table from the first series to the last.
    dataset.FrameOfReferenceUID = make_uid('frame of reference', series.study)
    dataset.PositionReferenceIndicator = ''
    dataset.Manufacturer, dataset.ManufacturerModelName = MANUFACTURER, 'simulation'
    dataset.DeviceSerialNumber, dataset.SoftwareVersions = '0', VERSION


def _add_plane(dataset: pydicom.Dataset, series: Series, geometry: StackGeometry) -> None:
    """The Image Plane and Image Pixel modules (C.7.6.2, C.7.6.3), and how an image came about."""
    dataset.ImageType = ['ORIGINAL', 'PRIMARY', 'OTHER']
    if series.modality == 'CT':
        dataset.ImageType[2] = 'LOCALIZER' if series.localizer else 'AXIAL'
    dataset.AcquisitionNumber = 1
    directions = [*geometry.row_direction, *geometry.column_direction]
    dataset.ImageOrientationPatient = decimals(directions)
    dataset.PixelSpacing = decimals(geometry.pixel_spacing)
    dataset.SliceThickness = decimals([series.slice_thickness_mm])[0]
    dataset.Rows, dataset.Columns = geometry.rows, geometry.columns
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, 'MONOCHROME2'
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.BurnedInAnnotation = 'NO'


def _add_ct(dataset: pydicom.Dataset, scan: CtScan) -> None:
    """The CT Image module (C.8.2.1)."""
    dataset.SOPClassUID = uid.CTImageStorage
    dataset.RescaleSlope, dataset.RescaleIntercept = '1', f'{CT_INTERCEPT_HU}'
    dataset.KVP, dataset.ConvolutionKernel = f'{scan.kvp:g}', scan.kernel
    dataset.WindowCenter, dataset.WindowWidth = '60', '400'


def _add_mr(dataset: pydicom.Dataset, scan: MrScan) -> None:
    """The MR Image module (C.8.3.1) of a fast spin echo."""
    dataset.SOPClassUID = uid.MRImageStorage
    dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions = 'SE', 'SK', ''
    dataset.MRAcquisitionType = '2D'
    dataset.RepetitionTime = f'{scan.repetition_time_ms:.0f}'
    dataset.EchoTime = f'{scan.echo_time_ms:.1f}'
    dataset.EchoTrainLength = scan.echo_train_length
    dataset.MagneticFieldStrength = f'{scan.field_strength_t:g}'
    dataset.SpacingBetweenSlices = decimals([scan.spacing_between_mm])[0]
