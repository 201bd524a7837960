"""Whose record it is: the bytes of the source, or nothing of it."""

import io

import pydicom
import pytest
from dicom_builders import slice_dataset, write
from pydicom import uid

from ct2mr_tf.imaging import dicom_headers, patient_record
from ct2mr_tf.imaging.pseudonyms import Pseudonyms
from ct2mr_tf.problems import UserError

NAMES = {
    'none': (None, 'Adams^John', b'Adams^John'),
    'latin 1': ('ISO_IR 100', 'Müller^Jörg', 'Müller^Jörg'.encode('latin-1')),
    'utf-8': ('ISO_IR 192', '山田^太郎', '山田^太郎'.encode()),
    'japanese': (
        ['', 'ISO 2022 IR 87'],
        'Yamada^Tarou=山田^太郎',
        b'Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B',
    ),
    'korean': (['', 'ISO 2022 IR 149'], 'Hong^Gildong=洪^吉洞', '洪'.encode('euc_kr')),
}
"""Character set, a name in it, and bytes that must be there."""


def header_of(path):
    return dicom_headers.read_slices(path, 2**30)[0]


def written(record):
    """A record as a file of its own, read back."""
    dataset = pydicom.Dataset()
    dataset.update(record.attributes)
    file = io.BytesIO()
    encoding = pydicom.charset.default_encoding
    if named := dataset.get('SpecificCharacterSet'):
        encoding = pydicom.charset.convert_encodings(named)
    dataset.set_original_encoding(False, True, encoding)
    pydicom.dcmwrite(file, dataset, implicit_vr=False, little_endian=True)
    return file.getvalue()


@pytest.mark.parametrize(
    'syntax',
    [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian,
     uid.DeflatedExplicitVRLittleEndian],
    ids=lambda syntax: uid.UID(syntax).keyword,
)  # fmt: skip
@pytest.mark.parametrize('case', NAMES)
def test_a_name_keeps_its_bytes(case, syntax, tmp_path):
    character_set, name, encoded = NAMES[case]
    dataset = slice_dataset(SpecificCharacterSet=character_set, PatientName=name, StudyID='17')
    header = header_of(write(dataset, tmp_path / 'ct', syntax))
    record = patient_record.patients_own(header)
    content = written(record)
    assert encoded in content
    again = pydicom.dcmread(io.BytesIO(content), force=True)
    assert again.PatientName == name
    assert again.StudyID == '17'
    assert again.StudyInstanceUID == '1.2.3'


def test_a_name_that_is_wrong_in_its_character_set_stays_as_it_is(tmp_path):
    path = write(
        slice_dataset(SpecificCharacterSet='ISO_IR 100', PatientName='Müller'), tmp_path / 'a'
    )
    path.write_bytes(path.read_bytes().replace(b'ISO_IR 100', b'ISO_IR 192'))
    assert b'M\xfcller' in written(patient_record.patients_own(header_of(path)))


def test_nothing_private_and_no_sequence_is_copied(tmp_path):
    dataset = slice_dataset(OtherPatientIDsSequence=[pydicom.Dataset()], PatientComments='known')
    dataset.Manufacturer = 'Maker'
    record = patient_record.patients_own(header_of(write(dataset, tmp_path / 'ct')))
    tags = list(record.attributes.keys())
    assert {tag.is_private for tag in tags} == {False}
    assert {pydicom.datadict.dictionary_VR(tag) for tag in tags} <= {
        'AS', 'CS', 'DA', 'DS', 'LO', 'LT', 'PN', 'SH', 'ST', 'TM', 'UI'
    }  # fmt: skip
    assert record.attributes.PatientComments == 'known'
    assert record.scanner.InstitutionName == 'DOE^JANE'
    assert record.uid_of('1.2.3') == '1.2.3'


def test_times_stay_in_their_time_zone(tmp_path):
    dataset = slice_dataset(StudyTime='2330', TimezoneOffsetFromUTC='+0900')
    header = header_of(write(dataset, tmp_path / 'ct'))
    own = patient_record.patients_own(header).attributes
    assert (own.StudyTime, own.TimezoneOffsetFromUTC) == ('2330', '+0900')
    made = patient_record.anonymized(header, Pseudonyms(b'0' * 16)).attributes
    assert 'TimezoneOffsetFromUTC' not in made


@pytest.mark.parametrize('manufacturer', [None, '', 'Maker'])
def test_a_scanner_is_named_with_its_manufacturer_or_not_at_all(manufacturer, tmp_path):
    dataset = slice_dataset(Manufacturer=manufacturer, StationName='CT1')
    scanner = patient_record.patients_own(header_of(write(dataset, tmp_path / 'ct'))).scanner
    assert ('StationName' in scanner) == bool(manufacturer)


def test_what_must_be_there_is_there_though_empty(tmp_path):
    dataset = slice_dataset(PatientName=None, AccessionNumber=None, StudyDate=None)
    record = patient_record.patients_own(header_of(write(dataset, tmp_path / 'ct')))
    for keyword in patient_record.NEEDED:
        assert keyword in record.attributes


def test_a_ct_without_a_study_is_refused_but_can_be_anonymised(tmp_path):
    header = header_of(write(slice_dataset(StudyInstanceUID=None), tmp_path / 'ct'))
    with pytest.raises(UserError, match='no StudyInstanceUID'):
        patient_record.patients_own(header)
    record = patient_record.anonymized(header, Pseudonyms(b'0' * 16))
    assert uid.UID(record.attributes.StudyInstanceUID).is_valid


def test_a_file_that_is_gone_or_changed_is_a_problem_without_its_name(tmp_path):
    header = header_of(write(slice_dataset(), tmp_path / 'WIELAND'))
    (tmp_path / 'WIELAND').write_bytes(b'no dicom')
    with pytest.raises(UserError, match='no DICOM file any more'):
        patient_record.patients_own(header)
    (tmp_path / 'WIELAND').unlink()
    with pytest.raises(UserError) as raised:
        patient_record.patients_own(header)
    assert 'WIELAND' not in str(raised.value)


def test_a_pseudonym_has_nothing_of_the_source_but_by_its_key(tmp_path):
    header = header_of(write(slice_dataset(PatientComments='known'), tmp_path / 'ct'))
    keys = (b'0' * 16, b'0' * 16, b'1' * 16)
    records = [patient_record.anonymized(header, Pseudonyms(key)) for key in keys]
    first, same, other = (record.attributes for record in records)
    assert first == same
    assert first.PatientID != other.PatientID
    assert first.StudyInstanceUID != other.StudyInstanceUID
    assert first.PatientID == Pseudonyms(b'0' * 16).patient('DOE^JANE')
    assert b'DOE' not in written(records[0])
    assert b'known' not in written(records[0])
    assert not len(records[0].scanner)
    assert first.PatientIdentityRemoved == 'YES'
    assert first.DeidentificationMethodCodeSequence[0].CodeValue == '113100'


@pytest.mark.parametrize('said', [None, 'by hand'])
def test_an_anonymous_ct_says_how_it_became_so(said, tmp_path):
    dataset = slice_dataset(PatientIdentityRemoved='YES', DeidentificationMethod=said)
    record = patient_record.patients_own(header_of(write(dataset, tmp_path / 'ct')))
    assert record.attributes.DeidentificationMethod == (said or 'As the source images say')


def test_series_without_a_study_do_not_share_one(tmp_path):
    series = [slice_dataset(StudyInstanceUID=None, SeriesInstanceUID=f'1.2.9.{n}') for n in (1, 2)]
    records = [
        patient_record.anonymized(
            header_of(write(dataset, tmp_path / f'{n}')), Pseudonyms(b'0' * 16)
        )
        for n, dataset in enumerate(series)
    ]
    assert len({record.attributes.StudyInstanceUID for record in records}) == 2
