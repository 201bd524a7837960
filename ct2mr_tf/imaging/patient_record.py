"""In whose record synthetic MR is filed: the patient's own, or that of a pseudonym.

The patient's own record takes over what a CT says of patient and study, letter by letter: the bytes
of the texts are copied with the name of their character set, never decoded, so that a name that the
CT writes wrongly is still the same name to an archive. Only the attributes listed here are copied:
no sequences, no private elements, nothing of the series.

A pseudonym's record takes over nothing. It follows the Basic Application Level Confidentiality
Profile (PS3.15, annex E): what must be there and may be empty is empty, the patient is the
pseudonym of the key, and each UID is replaced by one that follows from it and the key.
"""

import dataclasses
from collections.abc import Callable, Iterable

import pydicom
from pydicom.datadict import dictionary_keyword, dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag, Tag

from ct2mr_tf.imaging import dicom_files, dicom_values
from ct2mr_tf.imaging.dicom_values import RefusedError, WarningCount, warnings_held_back
from ct2mr_tf.imaging.pseudonyms import Pseudonyms
from ct2mr_tf.imaging.slices import SliceHeader
from ct2mr_tf.problems import Problem, UserError

NEEDED = (
    'PatientName', 'PatientID', 'PatientBirthDate', 'PatientSex',
    'StudyDate', 'StudyTime', 'ReferringPhysicianName', 'StudyID', 'AccessionNumber',
)  # fmt: skip
"""Attributes that must be there and may be empty (type 2 of PS3.3, C.7.1.1 and C.7.2.1)."""

COPIED = (
    'SpecificCharacterSet', 'StudyInstanceUID', *NEEDED,
    # Patient (C.7.1.1)
    'IssuerOfPatientID', 'TypeOfPatientID', 'PatientBirthTime', 'OtherPatientNames', 'EthnicGroup',
    'PatientComments', 'PatientSpeciesDescription', 'PatientIdentityRemoved',
    'DeidentificationMethod', 'QualityControlSubject',
    # Patient Study (C.7.2.2)
    'AdmittingDiagnosesDescription', 'PatientAge', 'PatientSize', 'PatientWeight', 'MedicalAlerts',
    'Allergies', 'SmokingStatus', 'Occupation', 'AdditionalPatientHistory', 'AdmissionID',
    # General Study (C.7.2.1)
    'StudyDescription', 'PhysiciansOfRecord', 'NameOfPhysiciansReadingStudy',
    'ConsultingPhysicianName',
    # What the times above are meant in (SOP Common, C.12.1)
    'TimezoneOffsetFromUTC',
    # Clinical Trial Subject and Study (C.7.1.3, C.7.2.3)
    'ClinicalTrialSponsorName', 'ClinicalTrialProtocolID', 'ClinicalTrialProtocolName',
    'ClinicalTrialSiteID', 'ClinicalTrialSiteName', 'ClinicalTrialSubjectID',
    'ClinicalTrialSubjectReadingID', 'ClinicalTrialTimePointID',
    'ClinicalTrialTimePointDescription',
)  # fmt: skip
"""What the patient's own record takes over from a CT: texts about patient and study."""

_EQUIPMENT = (
    'Manufacturer', 'InstitutionName', 'StationName', 'ManufacturerModelName',
    'DeviceSerialNumber', 'SoftwareVersions',
)  # fmt: skip
"""What is told of the scanner that acquired the CT (PS3.3, C.12.1.1.5)."""

_BASIC_PROFILE = ('113100', 'Basic Application Confidentiality Profile')
"""Code of the profile that a pseudonym's record follows (PS3.16, CID 7050)."""


@dataclasses.dataclass(frozen=True, eq=False)
class Record:
    """What all objects of one record share.

    Attributes:
        attributes: the Patient and Study modules, and the character set of all texts.
        scanner: who acquired the CT; empty where its manufacturer is not told.
        uid_of: what a UID of the source is called in this record.
    """

    attributes: pydicom.Dataset = dataclasses.field(repr=False)
    scanner: pydicom.Dataset = dataclasses.field(repr=False)
    uid_of: Callable[[str], str] = dataclasses.field(repr=False)


def patients_own(header: SliceHeader) -> Record:
    """The record that a CT slice is filed in.

    Args:
        header: any slice of the CT.

    Returns:
        The record; UIDs of the source stay what they are.

    Raises:
        UserError: the file cannot be read any more, or names no study.
    """
    copied = read_texts(header, (*COPIED, *_EQUIPMENT))
    if not header.identity.study_instance_uid:
        cure = 'export the CT again, or give --anonymize to file the synthetic MR elsewhere'
        found, expected = 'no StudyInstanceUID', 'a CT that belongs to a study'
        raise UserError([Problem(header.place.pseudonym, found, expected, cure)])
    attributes, scanner = pydicom.Dataset(), pydicom.Dataset()
    for names, part in ((COPIED, attributes), (_EQUIPMENT, scanner)):
        for keyword in names:
            tag = Tag(keyword)
            if tag in copied:
                part[tag] = copied.get_item(tag)
    for keyword in NEEDED:
        if keyword not in attributes:
            setattr(attributes, keyword, '')
    # Where the CT tells the method by codes alone: one of the two must be there.
    removed = dicom_values.text(attributes, 'PatientIdentityRemoved') == 'YES'
    if removed and not dicom_values.text(attributes, 'DeidentificationMethod'):
        attributes.DeidentificationMethod = 'As the source images say'
    if not dicom_values.text(scanner, 'Manufacturer'):  # without it, equipment must not be named
        scanner = pydicom.Dataset()
    return Record(attributes, scanner, str)


def anonymized(header: SliceHeader, pseudonyms: Pseudonyms) -> Record:
    """The record of a pseudonym.

    Args:
        header: any slice of the CT.
        pseudonyms: name the patient, and make the UIDs.

    Returns:
        The record; nothing of the CT's texts is in it.
    """
    attributes = pydicom.Dataset()
    for keyword in NEEDED:
        setattr(attributes, keyword, '')
    pseudonym = pseudonyms.patient(*header.identity.patient)
    attributes.PatientID = pseudonym
    attributes.PatientName = f'{pseudonym}^'  # the caret: a family name alone (PS3.5, 6.2.1)
    # A series without a study is a study of its own: patients must not share one.
    study = header.identity.study_instance_uid or header.identity.series_instance_uid
    attributes.StudyInstanceUID = pseudonyms.uid(study)
    attributes.PatientIdentityRemoved = 'YES'
    attributes.DeidentificationMethod = 'Made anew from pixels and geometry; UIDs replaced'
    attributes.DeidentificationMethodCodeSequence = [coded(*_BASIC_PROFILE)]
    attributes.LongitudinalTemporalInformationModified = 'REMOVED'
    return Record(attributes, pydicom.Dataset(), pseudonyms.uid)


def coded(value: str, meaning: str) -> pydicom.Dataset:
    """A code of DICOM's own (PS3.16) as an item of a sequence (PS3.3, 8.8)."""
    item = pydicom.Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, 'DCM', meaning
    return item


def read_texts(header: SliceHeader, keywords: Iterable[str]) -> pydicom.Dataset:
    """Reads texts of a file as they stand, undecoded.

    Args:
        header: of a slice of the file.
        keywords: attributes whose values are texts.

    Returns:
        Those that are there, as raw elements in Explicit VR Little Endian.

    Raises:
        UserError: the file cannot be read any more.
    """
    tags = [Tag(keyword) for keyword in keywords]
    try:
        with warnings_held_back(WarningCount()):
            found = dicom_files.read_header(header.place.path, tags, lambda _: None)
        if found is None:
            raise RefusedError('no DICOM file any more', 'the file that was found')
    except RefusedError as error:
        raise UserError([error.problem(header.place.pseudonym)]) from None
    except OSError as error:
        refusal = dicom_values.unreadable(error)
        raise UserError([refusal.problem(header.place.pseudonym)]) from None
    texts = pydicom.Dataset()
    for tag in tags:
        if tag in found.dataset:
            texts[tag] = _as_it_stands(found.dataset, tag)
    return texts


def _as_it_stands(dataset: pydicom.Dataset, tag: BaseTag) -> RawDataElement:
    """A text's bytes, under the VR that the standard gives the attribute."""
    element: object = dataset.get_item(tag)  # see dicom_values
    if isinstance(element, RawDataElement):
        value = element.value or b''
    else:  # pydicom has read it for its own use: the character set, which is ASCII
        value = dicom_values.text(dataset, dictionary_keyword(tag)).encode('ascii', 'replace')
    representation = dictionary_VR(tag)
    value += (b'\0' if representation == 'UI' else b' ') * (len(value) % 2)
    return RawDataElement(tag, representation, len(value), value, 0, False, True)
