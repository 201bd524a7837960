"""Small DICOM files as scanners write them, for tests: a CT or MR slice, an Enhanced object."""

import numpy as np
import pydicom
from pydicom import uid
from pydicom.dataset import FileMetaDataset

PLANTED = 'DOE^JANE'
"""Stands in every text field: no output may ever show it."""

AXIAL = [1.0, 0, 0, 0, 1, 0]


def picture(seed=0, rows=32, columns=32, low=0, high=1500):
    """Smooth stored values with a little noise, int32."""
    row, column = np.mgrid[:rows, :columns]
    smooth = low + (high - low) * (row * 0.6 + column * 0.3) / max(rows, columns)
    return (smooth + np.random.default_rng(seed).integers(0, 5, smooth.shape)).astype(np.int32)


def slice_dataset(modality='CT', number=0, pixels=None, signed=False, **attributes):
    """A single-frame CT or MR slice; `attributes` overrides by keyword, None removes."""
    sop_class = uid.CTImageStorage if modality == 'CT' else uid.MRImageStorage
    dataset = _object(modality, sop_class, f'1.2.{modality == "CT":d}.{number}', pixels, signed)
    dataset.ImagePositionPatient = [-10.0, -20.0, 3.0 * number]
    dataset.ImageOrientationPatient = AXIAL
    dataset.PixelSpacing = [0.5, 0.75]
    dataset.SliceThickness = 3.0
    dataset.InstanceNumber = 100 - number
    dataset.AcquisitionNumber = 1
    if modality == 'CT':
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    else:
        dataset.EchoTime, dataset.RepetitionTime, dataset.ScanningSequence = 100, 4000, 'SE'
    return with_attributes(dataset, **attributes)


def enhanced_dataset(modality='MR', frames=3, **attributes):
    """An Enhanced multi-frame CT or MR, geometry in functional groups, frames in reverse order."""
    enhanced = uid.EnhancedCTImageStorage if modality == 'CT' else uid.EnhancedMRImageStorage
    pixels = np.stack([picture(frame) for frame in range(frames)])
    dataset = _object(modality, enhanced, '1.2.7.1', pixels, signed=False)
    dataset.NumberOfFrames = frames
    shared = pydicom.Dataset()
    shared.PlaneOrientationSequence = [with_attributes(ImageOrientationPatient=AXIAL)]
    measures = with_attributes(PixelSpacing=[0.5, 0.75], SliceThickness=4.0)
    shared.PixelMeasuresSequence = [measures]
    if modality == 'CT':
        rescale = {'RescaleSlope': 1, 'RescaleIntercept': -1024, 'RescaleType': 'HU'}
        shared.PixelValueTransformationSequence = [with_attributes(**rescale)]
    else:
        shared.MREchoSequence = [with_attributes(EffectiveEchoTime=90.0)]
        timing = with_attributes(RepetitionTime=3500.0)
        shared.MRTimingAndRelatedParametersSequence = [timing]
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = [
        with_attributes(
            PlanePositionSequence=[with_attributes(ImagePositionPatient=[0.0, 0, -4.0 * frame])]
        )
        for frame in range(frames)
    ]
    return with_attributes(dataset, **attributes)


def with_attributes(dataset=None, **attributes):
    """Sets attributes by keyword (None removes) and gives the dataset back."""
    dataset = pydicom.Dataset() if dataset is None else dataset
    for keyword, value in attributes.items():
        if value is None:
            dataset.pop(keyword, None)
        else:
            setattr(dataset, keyword, value)
    return dataset


def write(dataset, path, syntax=uid.ExplicitVRLittleEndian, **options):
    """Writes a dataset as a DICOM file, compressed if the syntax says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    if syntax == uid.ExplicitVRBigEndian and dataset.BitsAllocated == 16:
        dataset.PixelData = np.frombuffer(dataset.PixelData, '<u2').byteswap().tobytes()
    if syntax.is_encapsulated:
        dataset.compress(syntax, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, enforce_file_format=options.pop('enforce_file_format', True), **options)
    return path


def stored_values(dataset):
    """The values that a builder stored, int32 (frames, rows, columns)."""
    signed = 'i' if dataset.PixelRepresentation else 'u'
    dtype = f'<{signed}{dataset.BitsAllocated // 8}'
    shape = -1, dataset.Rows, dataset.Columns
    return np.frombuffer(dataset.PixelData, dtype).reshape(shape).astype(np.int32)


def _object(modality, sop_class, sop_instance_uid, pixels, signed):
    """What all objects have in common; PLANTED stands in every text field."""
    pixels = picture() if pixels is None else np.asarray(pixels)
    wide = 8 if pixels.dtype.itemsize == 1 else 16
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = sop_instance_uid
    dataset.Modality = modality
    dataset.ImageType = ['ORIGINAL', 'PRIMARY', 'AXIAL']
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = '20190402'
    dataset.PatientName = dataset.PatientID = dataset.AccessionNumber = PLANTED
    dataset.InstitutionName = dataset.StudyDescription = dataset.OperatorsName = PLANTED
    dataset.SeriesDescription = f't2 tse tra {PLANTED}' if modality == 'MR' else f'Ax {PLANTED}'
    dataset.StudyInstanceUID = '1.2.3'
    dataset.SeriesInstanceUID = f'1.2.3.{modality == "CT":d}'
    dataset.FrameOfReferenceUID = f'1.2.4.{modality == "CT":d}'
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, 'MONOCHROME2'
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = wide, wide, wide - 1
    dataset.PixelRepresentation = int(signed)
    block = dataset.private_block(0x0029, 'PRIVATE TEST', create=True)
    block.add_new(0x10, 'LO', PLANTED)
    dataset.PixelData = pixels.astype(f'<{"i" if signed else "u"}{wide // 8}').tobytes()
    dataset['PixelData'].VR = 'OW' if wide == 16 else 'OB'
    return dataset
