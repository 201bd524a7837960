"""What is known of a slice before its pixels are read: whose it is, where it lies, how it looks."""

import dataclasses
import datetime
import pathlib

from ct2mr_tf.imaging.pixel_format import PixelFormat


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """Whose slice it is: kept in memory to group slices, no field is ever shown by repr.

    Attributes:
        patient_id: PatientID, '' where there is none.
        issuer_of_patient_id: IssuerOfPatientID, '' where there is none.
        study_instance_uid: StudyInstanceUID, '' where there is none.
        series_instance_uid: SeriesInstanceUID.
        sop_instance_uid: SOPInstanceUID.
        frame_of_reference_uid: FrameOfReferenceUID, '' where there is none.
        series_description: SeriesDescription, or ProtocolName where that is empty.
        date: of the acquisition, else of the series, else of the study; None where unknown.
    """

    patient_id: str = dataclasses.field(repr=False)
    issuer_of_patient_id: str = dataclasses.field(repr=False)
    study_instance_uid: str = dataclasses.field(repr=False)
    series_instance_uid: str = dataclasses.field(repr=False)
    sop_instance_uid: str = dataclasses.field(repr=False)
    frame_of_reference_uid: str = dataclasses.field(repr=False)
    series_description: str = dataclasses.field(repr=False)
    date: datetime.date | None = dataclasses.field(repr=False)

    @property
    def patient(self) -> tuple[str, str]:
        """What two files of one patient share, to be given to `Pseudonyms.patient`.

        PatientID and its issuer; without PatientID the StudyInstanceUID, since a study is one
        patient's.
        """
        if self.patient_id:
            return self.patient_id, self.issuer_of_patient_id
        return self.study_instance_uid, 'StudyInstanceUID'


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Which picture of which file.

    Attributes:
        path: the file; never shown by repr.
        frame: which of its pictures, from 0.
        size: of the file in bytes, when its header was read.
        modified_ns: when it was last written to, likewise; never shown by repr.
        pseudonym: of the file's place under the data folder, for messages.
    """

    path: pathlib.Path = dataclasses.field(repr=False)
    frame: int
    size: int
    modified_ns: int = dataclasses.field(repr=False)
    pseudonym: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class SliceHeader:
    """One picture: a single-frame file, or one frame of a multi-frame one.

    Attributes:
        place: which picture of which file.
        identity: whose it is.
        modality: 'CT' or 'MR'.
        pixels: how its numbers are stored.
        position: ImagePositionPatient in mm, (3,).
        orientation: ImageOrientationPatient, (6,).
        pixel_spacing: (between rows, between columns) in mm.
        slice_thickness_mm: None where unknown.
        echo_time_ms: None where unknown.
        repetition_time_ms: None where unknown.
        t2_weighted: an MR of the paper's contrast; see mr_contrast.is_t2_weighted.
        image_type: ImageType (of an Enhanced frame: FrameType), values joined by a backslash;
            never shown by repr.
        acquisition_number: AcquisitionNumber, None where unknown.
        temporal_position: which of several pictures in time, None where unknown.
        instance_number: InstanceNumber: tells apart pictures that nothing else does, orders none.
    """

    place: Place
    identity: Identity
    modality: str
    pixels: PixelFormat
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    pixel_spacing: tuple[float, float]
    slice_thickness_mm: float | None
    echo_time_ms: float | None
    repetition_time_ms: float | None
    t2_weighted: bool
    image_type: str = dataclasses.field(repr=False)
    acquisition_number: int | None
    temporal_position: int | None
    instance_number: int | None
