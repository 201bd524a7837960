"""Synthetic MR as DICOM: valid MR instances that a viewer opens in the right place of the CT.

They are MR Image Storage, since a secondary capture has no position in the patient, and say in
every way that DICOM offers that no MR scanner made them: ImageType DERIVED, ScanningSequence RM
(research mode) with empty times, ContentQualification RESEARCH, SyntheticData YES, the software and
the model as synthesizing equipment, the CT slices they were made from, and a description that
begins with a caution. They lie in the CT's frame of reference.

Stored values are grey levels 0 to 255 of the model; where a volume's grid reaches beyond what was
made, they are the padding value -1. Nothing of the moment of writing goes in: the same pictures of
the same CT by the same model are the same bytes, and UIDs follow from what decides the pixels.
"""

import dataclasses
import functools
import io
from collections.abc import Sequence

import numpy as np
import pydicom
from pydicom import charset, uid
from pydicom.dataset import FileMetaDataset

from ct2mr_tf.imaging.crop import SquareCrop
from ct2mr_tf.imaging.dicom_values import WarningCount, warnings_held_back
from ct2mr_tf.imaging.geometry import StackGeometry
from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.imaging.patient_record import Record, coded
from ct2mr_tf.imaging.source_images import CtSeries, SourceImage
from ct2mr_tf.imaging.study_writer import decimals, make_uid
from ct2mr_tf.imaging.volumes import OUTSIDE
from ct2mr_tf.version import VERSION

CAUTION = 'CAUTION: Not for Diagnostic Use'
"""Begins SeriesDescription, which every viewer shows."""

MANUFACTURER = 'ct2mr_tf'
"""Manufacturer of the synthesizing equipment: the software."""

WINDOW_CENTRE, WINDOW_WIDTH = '128', '256'
"""The VOI window that shows grey level 0 as black and 255 as white, exactly (PS3.3, C.11.2.1.2)."""

_ACQUISITION = ('109101', 'Acquisition Equipment')
_SYNTHESIS = ('109100', 'Synthesizing Equipment')
_SOURCE = ('121322', 'Source image for image processing operation')
"""Codes of PS3.16: CID 7005, CID 7202."""

_LONGEST_LO = 64
"""Characters of a long string (LO; PS3.5, table 6.2-1)."""


@dataclasses.dataclass(frozen=True)
class Synthesizer:
    """The model that made the pictures.

    Attributes:
        name: of the model.
        sha256: of its weights and configuration, hexadecimal.
        ct_window: the HU that it was shown as grey levels.
    """

    name: str
    sha256: str
    ct_window: Window


@dataclasses.dataclass(frozen=True, eq=False)
class SyntheticSlice:
    """One slice of a series, but for its pixels: where it lies, and what it is made from.

    Attributes:
        plane: the one slice of pixels.
        square: what was shown to the model; the plane holds all of it, or more.
        thickness_mm: of the part of the patient that it shows.
        sources: the CT slices it was made from.
        comment: about this picture, in ASCII: its level, and how it was cut.
    """

    plane: StackGeometry
    square: SquareCrop
    thickness_mm: float
    sources: tuple[SourceImage, ...]
    comment: str


@dataclasses.dataclass(frozen=True, eq=False)
class SyntheticSeries:
    """A series, but for its pixels.

    Attributes:
        slices: at least one, in the order of their InstanceNumber.
        record: in whose record it is filed.
        ct: the series it was made from.
        synthesizer: the model.
        kind: what the series holds: 'discs' or 'volume'; ends SeriesDescription.
        number: added to a thousand times the CT's SeriesNumber.
        spacing_between_mm: from slice to slice of a volume; None where slices make none.
    """

    slices: tuple[SyntheticSlice, ...]
    record: Record
    ct: CtSeries
    synthesizer: Synthesizer
    kind: str
    number: int
    spacing_between_mm: float | None = None

    @functools.cached_property
    def series_instance_uid(self) -> str:
        """SeriesInstanceUID, from the CT, the model, the software and what decides the pixels.

        Always the same for the same, and another one where anything differs in any slice: no
        series ever holds slices of two calls.
        """
        model = self.synthesizer
        shared = [self.ct.series_instance_uid, model.sha256, f'{model.ct_window}', VERSION]
        parts = ('synthetic series', *shared, self.kind, *map(_recipe, self.slices))
        return self.record.uid_of(make_uid(*parts))


def encode_slice(series: SyntheticSeries, index: int, pixels: np.ndarray) -> bytes:
    """A slice of a series as a DICOM file.

    Args:
        series: the series.
        index: which of its slices.
        pixels: int16 [rows, columns] of its plane: grey levels 0 to 255, or OUTSIDE.

    Returns:
        The file's bytes.

    Raises:
        ValueError: the pixels do not have the size of the plane.
    """
    one = series.slices[index]
    if pixels.shape != (one.plane.rows, one.plane.columns):
        raise ValueError(f'pixels have shape {pixels.shape}, the plane another')
    dataset = _series_dataset(series)
    dataset.SeriesInstanceUID = series.series_instance_uid
    instance = make_uid('synthetic instance', series.series_instance_uid, f'{index}')
    dataset.SOPInstanceUID = series.record.uid_of(instance)
    dataset.InstanceNumber = index + 1
    _add_image(dataset, series, one)
    _add_pixels(dataset, pixels)
    return _file_bytes(dataset)


def _recipe(one: SyntheticSlice) -> str:
    """What decides the pixels of a slice, but for the model and its window."""
    plane = one.plane
    numbers = [*plane.origins[0], *plane.row_direction, *plane.column_direction]
    numbers += [*plane.pixel_spacing, one.thickness_mm]
    numbers += [*one.square.centre, one.square.half_side_mm]
    sources = [f'{source.sop_instance_uid}:{source.frame}' for source in one.sources]
    return ' '.join([*decimals(numbers), f'{plane.rows}x{plane.columns}', one.comment, *sources])


def _series_dataset(series: SyntheticSeries) -> pydicom.Dataset:
    """All attributes that the slices of a series share."""
    dataset = pydicom.Dataset()
    dataset.update(series.record.attributes)
    dataset.SOPClassUID = uid.MRImageStorage
    dataset.Modality = 'MR'
    dataset.SyntheticData = 'YES'
    dataset.ContentQualification = 'RESEARCH'
    dataset.BurnedInAnnotation = 'NO'
    dataset.SeriesNumber = 1000 * series.ct.number + series.number
    dataset.SeriesDescription = f'{CAUTION} - synthetic T2 from CT, {series.kind}'
    dataset.BodyPartExamined = 'LSPINE'
    dataset.PatientPosition = series.ct.patient_position
    # A CT without a frame of reference shares its coordinates with nothing but this series.
    frame = series.ct.frame_of_reference_uid or make_uid('frame', series.ct.series_instance_uid)
    dataset.FrameOfReferenceUID = series.record.uid_of(frame)
    dataset.PositionReferenceIndicator = ''
    _add_equipment(dataset, series)
    dataset.ScanningSequence, dataset.SequenceVariant = 'RM', 'NONE'
    for keyword in (
        'ScanOptions', 'MRAcquisitionType', 'RepetitionTime', 'EchoTime', 'EchoTrainLength'
    ):  # fmt: skip
        setattr(dataset, keyword, None)
    dataset.ImageType = ['DERIVED', 'SECONDARY', 'OTHER']
    dataset.WindowCenter, dataset.WindowWidth = WINDOW_CENTRE, WINDOW_WIDTH
    dataset.WindowCenterWidthExplanation = 'all grey levels'
    if series.spacing_between_mm is not None:
        dataset.SpacingBetweenSlices = decimals([series.spacing_between_mm])[0]
    return dataset


def _add_equipment(dataset: pydicom.Dataset, series: SyntheticSeries) -> None:
    """The General Equipment module (C.7.5.1), and who contributed (C.12.1.1.5)."""
    model = series.synthesizer
    name = _ascii(model.name)[:_LONGEST_LO]
    dataset.Manufacturer, dataset.ManufacturerModelName = MANUFACTURER, name
    dataset.SoftwareVersions = VERSION
    software = pydicom.Dataset()
    software.PurposeOfReferenceCodeSequence = [coded(*_SYNTHESIS)]
    software.Manufacturer, software.ManufacturerModelName = MANUFACTURER, name
    software.SoftwareVersions = [VERSION, model.sha256]
    software.ContributionDescription = f'Made by a network; SHA-256 of the model {model.sha256}'
    contributors = [software]
    if len(series.record.scanner):
        scanner = pydicom.Dataset()
        scanner.update(series.record.scanner)
        scanner.PurposeOfReferenceCodeSequence = [coded(*_ACQUISITION)]
        _keep_raw_texts(scanner)
        contributors.insert(0, scanner)
    dataset.ContributingEquipmentSequence = contributors


def _add_image(dataset: pydicom.Dataset, series: SyntheticSeries, one: SyntheticSlice) -> None:
    """The Image Plane and General Image modules (C.7.6.1, C.7.6.2)."""
    plane = one.plane
    dataset.ImagePositionPatient = decimals(plane.origins[0])
    dataset.ImageOrientationPatient = decimals([*plane.row_direction, *plane.column_direction])
    dataset.PixelSpacing = decimals(plane.pixel_spacing)
    dataset.SliceThickness = decimals([one.thickness_mm])[0]
    dataset.SliceLocation = decimals([plane.origins[0] @ plane.normal])[0]
    window, model = series.synthesizer.ct_window, series.synthesizer
    dataset.DerivationDescription = _ascii(
        f'Synthetic T2-weighted MR made from CT by {MANUFACTURER} {VERSION}, model {model.name}, '
        f'SHA-256 {model.sha256}. CT shown from {window.low:g} to {window.high:g} HU. '
        f'Stored values are grey levels 0 to 255 without a unit.'
    )
    dataset.ImageComments = f'{one.comment}. Synthetic, not for diagnosis.'
    dataset.SourceImageSequence = [_reference(source, series.record) for source in one.sources]
    _add_lossy(dataset, one.sources)


def _add_pixels(dataset: pydicom.Dataset, pixels: np.ndarray) -> None:
    """The Image Pixel module (C.7.6.3), with padding where the slice holds any."""
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, 'MONOCHROME2'
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 1
    if (pixels == OUTSIDE).any():
        dataset.add_new('PixelPaddingValue', 'SS', OUTSIDE)
    dataset.PixelData = pixels.astype('<i2').tobytes()
    dataset['PixelData'].VR = 'OW'


def _reference(source: SourceImage, record: Record) -> pydicom.Dataset:
    """An item of SourceImageSequence."""
    item = pydicom.Dataset()
    item.ReferencedSOPClassUID = source.sop_class_uid
    item.ReferencedSOPInstanceUID = record.uid_of(source.sop_instance_uid)
    if source.frame is not None:
        item.ReferencedFrameNumber = source.frame
    item.PurposeOfReferenceCodeSequence = [coded(*_SOURCE)]
    return item


def _add_lossy(dataset: pydicom.Dataset, sources: Sequence[SourceImage]) -> None:
    """What was once lost by compression stays lost (C.7.6.1.1.5)."""
    lossy = [source for source in sources if source.lossy]
    if not lossy:
        return
    dataset.LossyImageCompression = '01'
    for keyword, values in (
        ('LossyImageCompressionRatio', lossy[0].lossy_ratios),
        ('LossyImageCompressionMethod', lossy[0].lossy_methods),
    ):
        if values:
            setattr(dataset, keyword, list(values))


def _file_bytes(dataset: pydicom.Dataset) -> bytes:
    """A dataset as a DICOM file; raw texts of the source are written as they are."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    written = io.BytesIO()
    with warnings_held_back(WarningCount()):  # of an unknown character set, for example
        _keep_raw_texts(dataset)
        pydicom.dcmwrite(written, dataset, enforce_file_format=True)
    return written.getvalue()


def _keep_raw_texts(dataset: pydicom.Dataset) -> None:
    """Marks a dataset as read in the encoding it will be written in: raw elements stay raw.

    Everything that is set here is ASCII, whose bytes are the same in every character set.
    """
    named = dataset.get('SpecificCharacterSet')
    encoding = charset.convert_encodings(named) if named else charset.default_encoding
    dataset.set_original_encoding(False, True, encoding)


def _ascii(text: str) -> str:
    """A text that every character set holds, and that is one value."""
    return text.encode('ascii', 'replace').decode('ascii').replace('\\', '/')
