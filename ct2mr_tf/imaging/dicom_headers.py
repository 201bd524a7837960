"""From a DICOM file's header to slices: what each picture shows and where it lies.

A file is taken (one slice, or one a frame), skipped for a reason that is no fault of it, or refused
because it cannot be read as it should be. Nothing is guessed: a value that decides over position,
size or HU must be there and be valid.
"""

import datetime
import enum
import pathlib
from collections.abc import Iterable

import numpy as np
import pydicom
from pydicom import uid
from pydicom.tag import Tag

from ct2mr_tf.imaging import dicom_files, dicom_values, functional_groups, mr_contrast
from ct2mr_tf.imaging import pixel_format as formats
from ct2mr_tf.imaging.dicom_values import RefusedError
from ct2mr_tf.imaging.geometry import StackGeometry
from ct2mr_tf.imaging.slices import Identity, Place, SliceHeader

_MODALITIES: dict[str, str] = {
    uid.CTImageStorage: 'CT',
    uid.EnhancedCTImageStorage: 'CT',
    uid.LegacyConvertedEnhancedCTImageStorage: 'CT',
    uid.MRImageStorage: 'MR',
    uid.EnhancedMRImageStorage: 'MR',
    uid.LegacyConvertedEnhancedMRImageStorage: 'MR',
}
"""SOP classes that are read, and their modality."""

_SINGLE_FRAME = (uid.CTImageStorage, uid.MRImageStorage)
"""SOP classes with one picture a file."""

_SECONDARY_CAPTURES = str(uid.SecondaryCaptureImageStorage)
"""SOP classes of secondary captures begin so (PS3.4, table B.5-1)."""

_CAPTURE_WORDS = frozenset({'SCREEN SAVE', 'SCREENSAVE', 'DOSE_INFO', 'DOSE INFO', 'PASTED'})
"""Values of ImageType by which scanners mark captures that they store as CT or MR images."""

_SPACING_LIMITS_MM = (0.01, 10.0)
"""Pixel spacings outside belong to no clinical CT or MR (a whole body on 200 pixels: 10 mm)."""

_POSITION_LIMIT_MM = 1e5
"""No scanner's coordinates reach 100 m."""

_KEYWORDS = (
    'SpecificCharacterSet', 'SOPClassUID', 'SOPInstanceUID', 'ImageType', 'Modality',
    'StudyDate', 'SeriesDate', 'AcquisitionDate', 'AcquisitionDateTime',
    'SeriesDescription', 'ProtocolName', 'PatientID', 'IssuerOfPatientID',
    'StudyInstanceUID', 'SeriesInstanceUID', 'FrameOfReferenceUID',
    'ScanningSequence', 'ScanOptions', 'EchoPulseSequence', 'InversionRecovery',
    'SpectrallySelectedSuppression', 'EchoTime', 'RepetitionTime', 'SliceThickness',
    'AcquisitionNumber', 'InstanceNumber', 'TemporalPositionIdentifier',
    'ImagePositionPatient', 'ImageOrientationPatient', 'PixelSpacing',
    'SamplesPerPixel', 'PhotometricInterpretation', 'NumberOfFrames', 'Rows', 'Columns',
    'BitsAllocated', 'BitsStored', 'HighBit', 'PixelRepresentation', 'PixelPaddingValue',
    'PixelPaddingRangeLimit', 'RescaleSlope', 'RescaleIntercept', 'RescaleType',
    'ModalityLUTSequence', 'BurnedInAnnotation', 'SyntheticData', *functional_groups.SEQUENCES,
)  # fmt: skip

_TAGS = [Tag(keyword) for keyword in _KEYWORDS]
"""The attributes that are read from a file; all others are passed over."""


class Skip(enum.Enum):
    """Why a file is left out though nothing is wrong with it."""

    NOT_DICOM = 'not a DICOM file'
    DICOMDIR = 'DICOMDIR index (its files are found without it)'
    SECONDARY_CAPTURE = 'secondary capture'
    OTHER_MODALITY = 'neither CT nor MR images'
    COLOUR = 'colour picture'
    BURNED_IN = 'annotation burned into the pixels'
    LOCALIZER = 'localizer'
    SYNTHETIC = 'synthetic, made by software'
    DUPLICATE = 'exact duplicate of another file'


class SkippedError(Exception):
    """A file is left out.

    Attributes:
        reason: why.
    """

    def __init__(self, reason: Skip):
        super().__init__(reason)
        self.reason = reason


def read_slices(path: pathlib.Path, max_bytes: int) -> tuple[SliceHeader, ...]:
    """Reads the header of a file.

    Args:
        path: any regular file.
        max_bytes: the most that its decoded pixels may take.

    Returns:
        One slice, or one for each frame.

    Raises:
        SkippedError: nothing is wrong with the file, but it is none of ours.
        RefusedError: the file should be ours and cannot be read as it should be.
        OSError: the file cannot be opened or read.
    """
    header = dicom_files.read_header(path, _TAGS, _skip_other_classes)
    if header is None:
        raise SkippedError(Skip.NOT_DICOM)
    dataset = header.dataset
    sop_class = _required_text(dataset, 'SOPClassUID')
    if sop_class not in _MODALITIES:
        raise RefusedError('a SOPClassUID that no class has', 'that of a CT or MR image')
    modality = _MODALITIES[sop_class]
    _skip_pictures(dataset, modality)
    if header.pixels is None:
        raise RefusedError('the file ends in its header', 'pixels after the header')
    counts = formats.read_counts(dataset, header.pixels, header.size, max_bytes)
    identity = _identity(dataset)
    views: Iterable[pydicom.Dataset] = [dataset]
    if sop_class not in _SINGLE_FRAME:
        views = functional_groups.frames(dataset, counts.frames)
    elif counts.frames != 1:
        raise RefusedError(f'{counts.frames} frames', 'one frame in a file of this SOP class')
    slices = []
    for frame, view in enumerate(views):
        pixels = formats.read_pixel_format(view, header.pixels, counts, modality)
        place = Place(path, frame, header.size, header.modified_ns)
        slices.append(_slice(view, place, identity, modality, pixels))
    return tuple(slices)


def _skip_other_classes(dataset: pydicom.Dataset) -> None:
    """Raises a SkippedError where the SOP class is a registered one that is not read."""
    if (
        dicom_values.text(dataset.file_meta, 'MediaStorageSOPClassUID')
        == uid.MediaStorageDirectoryStorage
    ):
        raise SkippedError(Skip.DICOMDIR)
    sop_class = dicom_values.text(dataset, 'SOPClassUID')
    if sop_class in _MODALITIES or sop_class not in uid.UID_dictionary:
        return
    captures = sop_class == _SECONDARY_CAPTURES or sop_class.startswith(_SECONDARY_CAPTURES + '.')
    raise SkippedError(Skip.SECONDARY_CAPTURE if captures else Skip.OTHER_MODALITY)


def _skip_pictures(dataset: pydicom.Dataset, modality: str) -> None:
    """Raises a SkippedError for a CT or MR object that is no grey picture of the patient's inside.

    Raises:
        RefusedError: one of the attributes that tell cannot be read.
    """
    if dicom_values.text(dataset, 'Modality') not in ('', modality):
        raise SkippedError(Skip.OTHER_MODALITY)
    image_type = dicom_values.text(dataset, 'ImageType').upper().split('\\')
    if not _CAPTURE_WORDS.isdisjoint(image_type):
        raise SkippedError(Skip.SECONDARY_CAPTURE)
    samples = dicom_values.integer(dataset, 'SamplesPerPixel', 1, 4)
    photometric = dicom_values.text(dataset, 'PhotometricInterpretation')
    if samples not in (None, 1) or photometric not in ('', 'MONOCHROME1', 'MONOCHROME2'):
        raise SkippedError(Skip.COLOUR)
    if dicom_values.text(dataset, 'BurnedInAnnotation').upper() == 'YES':
        raise SkippedError(Skip.BURNED_IN)
    # A study may hold synthetic MR made from its CT: no ground truth to train on.
    if dicom_values.text(dataset, 'SyntheticData').upper() == 'YES':
        raise SkippedError(Skip.SYNTHETIC)
    if 'LOCALIZER' in image_type or mr_contrast.names_localizer(_description(dataset)):
        raise SkippedError(Skip.LOCALIZER)


def _identity(dataset: pydicom.Dataset) -> Identity:
    """Whose picture it is."""
    study = dicom_values.text(dataset, 'StudyInstanceUID')
    patient_id = dicom_values.text(dataset, 'PatientID')
    if not (patient_id or study):
        raise RefusedError('no PatientID and no StudyInstanceUID', 'at least one of them')
    return Identity(
        patient_id=patient_id,
        issuer_of_patient_id=dicom_values.text(dataset, 'IssuerOfPatientID'),
        study_instance_uid=study,
        series_instance_uid=_required_text(dataset, 'SeriesInstanceUID'),
        sop_instance_uid=_required_text(dataset, 'SOPInstanceUID'),
        frame_of_reference_uid=dicom_values.text(dataset, 'FrameOfReferenceUID'),
        series_description=_description(dataset),
        date=_date(dataset),
    )


def _description(dataset: pydicom.Dataset) -> str:
    """SeriesDescription, or ProtocolName where that is empty."""
    return dicom_values.text(dataset, 'SeriesDescription') or dicom_values.text(
        dataset, 'ProtocolName'
    )


def _date(dataset: pydicom.Dataset) -> datetime.date | None:
    """The day of the acquisition, else of the series, else of the study."""
    for keyword in ('AcquisitionDate', 'AcquisitionDateTime', 'SeriesDate', 'StudyDate'):
        day = dicom_values.date(dataset, keyword)
        if day is not None:
            return day
    return None


def _slice(
    view: pydicom.Dataset,
    place: Place,
    identity: Identity,
    modality: str,
    pixels: formats.PixelFormat,
) -> SliceHeader:
    """One picture, from the attributes of its file or of its frame laid out flat."""
    position = _required_numbers(view, 'ImagePositionPatient', 3)
    orientation = _required_numbers(view, 'ImageOrientationPatient', 6)
    between_rows, between_columns = _required_numbers(view, 'PixelSpacing', 2)
    spacing = between_rows, between_columns
    _check_geometry(position, orientation, spacing)
    contrast = _contrast(view, identity.series_description)
    thickness = dicom_values.number(view, 'SliceThickness')
    return SliceHeader(
        place=place,
        identity=identity,
        modality=modality,
        pixels=pixels,
        position=position,
        orientation=orientation,
        pixel_spacing=spacing,
        slice_thickness_mm=thickness if thickness is not None and thickness > 0 else None,
        echo_time_ms=contrast.echo_time_ms,
        repetition_time_ms=contrast.repetition_time_ms,
        t2_weighted=modality == 'MR' and mr_contrast.is_t2_weighted(contrast),
        image_type=_first_text(view, 'FrameType', 'ImageType'),
        acquisition_number=_first_integer(view, 'FrameAcquisitionNumber', 'AcquisitionNumber'),
        temporal_position=_first_integer(
            view, 'TemporalPositionIndex', 'TemporalPositionIdentifier'
        ),
        instance_number=_first_integer(view, 'InstanceNumber'),
    )


def _check_geometry(
    position: tuple[float, ...], orientation: tuple[float, ...], spacing: tuple[float, float]
) -> None:
    """Raises a RefusedError unless the values place a picture in a patient."""
    low, high = _SPACING_LIMITS_MM
    if not all(low <= mm <= high for mm in spacing):
        raise RefusedError(
            f'PixelSpacing {spacing[0]:g} x {spacing[1]:g} mm', f'{low:g} to {high:g} mm'
        )
    if not all(abs(mm) <= _POSITION_LIMIT_MM for mm in position):
        raise RefusedError('ImagePositionPatient beyond 100 m', 'a place inside a scanner')
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    try:
        StackGeometry(np.array([position]), row, column, spacing, rows=1, columns=1)
    except ValueError:
        raise RefusedError(
            'ImageOrientationPatient is not unit and orthogonal', 'two direction cosines'
        ) from None


def _contrast(view: pydicom.Dataset, description: str) -> mr_contrast.Contrast:
    """What the header says about the contrast of an MR (PS3.3, C.8.3.1 and C.8.13.4, C.8.13.5)."""
    sequence = set(dicom_values.text(view, 'ScanningSequence').upper().split('\\'))
    options = set(dicom_values.text(view, 'ScanOptions').upper().split('\\'))
    suppression = dicom_values.text(view, 'SpectrallySelectedSuppression').upper()
    image_type = _first_text(view, 'FrameType', 'ImageType').upper().split('\\')
    return mr_contrast.Contrast(
        description=description,
        echo_time_ms=_first_number(view, 'EffectiveEchoTime', 'EchoTime'),
        repetition_time_ms=dicom_values.number(view, 'RepetitionTime'),
        spin_echo=sequence.isdisjoint({'GR', 'EP'})
        and dicom_values.text(view, 'EchoPulseSequence').upper() != 'GRADIENT',
        inversion='IR' in sequence or dicom_values.text(view, 'InversionRecovery').upper() == 'YES',
        fat_suppressed='FS' in options
        or 'FAT' in suppression
        or not mr_contrast.DIXON_PARTS.isdisjoint(image_type),
    )


def _first_text(view: pydicom.Dataset, *keywords: str) -> str:
    """The text of the first of these attributes that has one, ''."""
    return next((text for key in keywords if (text := dicom_values.text(view, key))), '')


def _first_number(view: pydicom.Dataset, *keywords: str) -> float | None:
    """The number of the first of these attributes that has one."""
    values = (dicom_values.number(view, keyword) for keyword in keywords)
    return next((value for value in values if value is not None), None)


def _first_integer(view: pydicom.Dataset, *keywords: str) -> int | None:
    """The integer of the first of these attributes that has one; a malformed one is none.

    They only tell apart what is pictured twice, so a slice is not refused for them.
    """
    try:
        value = _first_number(view, *keywords)
    except RefusedError:
        return None
    return None if value is None else int(value)


def _required_text(dataset: pydicom.Dataset, keyword: str) -> str:
    """A text that must be there."""
    value = dicom_values.text(dataset, keyword)
    if not value:
        raise RefusedError(f'no {keyword}', 'a value')
    return value


def _required_numbers(dataset: pydicom.Dataset, keyword: str, count: int) -> tuple[float, ...]:
    """Numbers that must be there."""
    values = dicom_values.numbers(dataset, keyword, count)
    if values is None:
        raise RefusedError(f'no {keyword}', f'{count} numbers')
    return values
