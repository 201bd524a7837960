import datetime
import errno
import resource
import shutil
import subprocess

import numpy as np
import pydicom
import pytest

from ct2mr_tf.imaging import dicom_pixels, dicom_reader
from ct2mr_tf.imaging.geometry import StackGeometry
from ct2mr_tf.imaging.pseudonyms import Pseudonyms
from ct2mr_tf.imaging.study_writer import CtScan, MrScan, Person, Series, make_uid, write_slices

PERSON = Person('TEST-1', 'TEST^ONE', 'F', datetime.date(1960, 2, 28), 1.62)
SCANS = {'CT': CtScan(), 'MR': MrScan(3500.0, 101.5, 15, 4.4)}
TILT = np.radians(12.0)


def series_of(modality, **changes):
    values = {
        'person': PERSON,
        'scan': SCANS[modality],
        'study': f'a study {modality}',
        'number': 3,
        'description': 'lumbar ax' if modality == 'CT' else 't2 tse tra',
        'date': datetime.date(2020, 2, 29),
        'patient_position': 'HFP',
        'slice_thickness_mm': 1.25,
    }
    return Series(**{**values, **changes})


def tilted(count=4):
    """Slices of 6 x 5 pixels, of which neither spacing nor position is a round number."""
    row, column = np.array([-1.0, 0, 0]), np.array([0, -np.cos(TILT), np.sin(TILT)])
    depths = np.arange(count)[:, np.newaxis] * 4.4 * np.cross(row, column)
    return StackGeometry(np.array([1 / 3, -2 / 7, 812.1]) + depths, row, column, (0.7, 1 / 3), 6, 5)


def scan(folder):
    options = dicom_reader.ReadOptions(workers=1)
    return dicom_reader.scan(folder, options, Pseudonyms(b'0' * 16))


@pytest.mark.parametrize(
    ('day', 'age'), [((2020, 2, 27), '059Y'), ((2020, 2, 28), '060Y'), ((2021, 2, 27), '060Y')]
)
def test_a_person_grows_older_on_a_birthday(tmp_path, day, age):
    pixels = np.zeros((1, 6, 5), np.float32)
    write_slices(tmp_path, series_of('CT', date=datetime.date(*day)), tilted(1), pixels)
    assert pydicom.dcmread(tmp_path / '03-0001.dcm').PatientAge == age


@pytest.mark.parametrize('modality', ['CT', 'MR'])
def test_what_is_written_is_read(modality, tmp_path):
    geometry = tilted()
    low = -1000 if modality == 'CT' else 0
    pixels = np.random.default_rng(0).integers(low, 3000, (4, 6, 5)).astype(np.float32)
    write_slices(tmp_path, series_of(modality), geometry, pixels)
    found = scan(tmp_path)
    assert (len(found.stacks), found.problems, found.warnings) == (1, (), 0)
    (stack,) = found.stacks
    assert np.abs(stack.geometry.origins - geometry.origins).max() < 1e-9
    assert np.abs(stack.geometry.normal - geometry.normal).max() < 1e-9
    assert stack.geometry.pixel_spacing == pytest.approx(geometry.pixel_spacing, abs=1e-9)
    assert np.array_equal(dicom_pixels.load_pixels(stack.slices).values, pixels)
    assert stack.modality == modality
    assert stack.slice_thickness == 1.25
    assert stack.date == datetime.date(2020, 2, 29)
    assert stack.identity.patient == ('TEST-1', '')
    assert stack.is_t2 == (modality == 'MR')
    assert stack.notes == ()
    if modality == 'MR':
        assert (stack.repetition_time_ms, stack.echo_time_ms) == (3500.0, 101.5)


def test_values_are_rounded_and_kept_within_twelve_bits(tmp_path):
    hu = np.array([[[-2000.0, -1024.0, 0.4], [0.6, 3071.0, 9999.0]]])
    plane = StackGeometry([[0.0, 0, 0]], [1, 0, 0], [0, 1, 0], (1, 1), 2, 3)
    write_slices(tmp_path, series_of('CT'), plane, hu)
    (stack,) = scan(tmp_path).stacks
    values = dicom_pixels.load_pixels(stack.slices).values[0]
    assert values.tolist() == [[-1024, -1024, 0], [1, 3071, 3071]]


@pytest.mark.parametrize('modality', ['CT', 'MR'])
def test_localizers_are_known_as_such(modality, tmp_path):
    description = 'topo' if modality == 'CT' else 'localizer'
    series = series_of(modality, description=description, localizer=True)
    write_slices(tmp_path, series, tilted(2), np.zeros((2, 6, 5)))
    found = scan(tmp_path)
    assert found.stacks == ()
    assert found.skipped == {'localizer': 2}


def test_instances_are_numbered_from_the_head(tmp_path):
    geometry = tilted()
    write_slices(tmp_path, series_of('MR'), geometry, np.zeros((4, 6, 5)), first_number=7)
    files = [pydicom.dcmread(path) for path in sorted(tmp_path.iterdir())]
    assert [file.InstanceNumber for file in files] == [7, 8, 9, 10]
    heights = [file.ImagePositionPatient[2] for file in files]
    assert heights == sorted(heights, reverse=True)


def test_identifiers_follow_from_study_series_and_number(tmp_path):
    for folder, modality, number in (('a', 'CT', 1), ('b', 'CT', 2), ('c', 'MR', 1)):
        series = series_of(modality, number=number)
        write_slices(tmp_path / folder, series, tilted(2), np.zeros((2, 6, 5)))
        write_slices(tmp_path / 'again' / folder, series, tilted(2), np.zeros((2, 6, 5)))
    files = {path: pydicom.dcmread(path) for path in tmp_path.glob('[abc]/*')}
    for path in files:
        again = tmp_path / 'again' / path.relative_to(tmp_path)
        assert path.read_bytes() == again.read_bytes()
    for keyword, kinds in (
        ('SOPInstanceUID', 6),
        ('SeriesInstanceUID', 3),
        ('StudyInstanceUID', 2),
        ('FrameOfReferenceUID', 2),
    ):
        uids = {file[keyword].value for file in files.values()}
        assert len(uids) == kinds
        assert all(pydicom.uid.UID(uid).is_valid for uid in uids)


def test_a_uid_is_that_of_its_parts():
    assert make_uid('a', 'b') == make_uid('a', 'b')
    assert len({make_uid('a', 'b'), make_uid('b', 'a'), make_uid('a')}) == 3


def test_an_error_of_the_disk_keeps_its_number(tmp_path):
    geometry = StackGeometry(np.zeros((1, 3)), *np.eye(3)[:2], (1.0, 1.0), 128, 128)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        with pytest.raises(OSError) as caught:
            write_slices(tmp_path, series_of('MR'), geometry, np.zeros((1, 128, 128)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno == errno.EFBIG


def test_pixels_must_fit_the_geometry(tmp_path):
    with pytest.raises(ValueError, match='shape'):
        write_slices(tmp_path, series_of('CT'), tilted(), np.zeros((4, 5, 6)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not shutil.which('dciodvfy'), reason='dicom3tools is not installed')
@pytest.mark.parametrize('localizer', [False, True])
@pytest.mark.parametrize('modality', ['CT', 'MR'])
def test_dciodvfy_has_nothing_to_say(modality, localizer, tmp_path):
    series = series_of(modality, localizer=localizer)
    write_slices(tmp_path, series, tilted(1), np.zeros((1, 6, 5)))
    (path,) = tmp_path.iterdir()
    done = subprocess.run(['dciodvfy', path], capture_output=True, text=True, check=False)
    # It exits 0 on some errors: only the name of the kind of object is to stand there.
    assert (done.stdout + done.stderr).split() == [f'{modality}Image']
