import dataclasses

from dicom_builders import PLANTED, picture, slice_dataset, write
from pydicom import uid

from ct2mr_tf.imaging import dicom_headers
from ct2mr_tf.imaging.duplicates import without_duplicates

LIMIT = 2**30


def files(tmp_path, *datasets, syntaxes=()):
    found = []
    for n, dataset in enumerate(datasets):
        syntax = syntaxes[n] if syntaxes else uid.ExplicitVRLittleEndian
        path = write(dataset, tmp_path / str(n), syntax)
        found.append(tuple(named(one, path) for one in dicom_headers.read_slices(path, LIMIT)))
    return found


def named(header, path):
    """A slice as the reader of a folder names it: messages call its file by that name."""
    return dataclasses.replace(header, place=dataclasses.replace(header.place, pseudonym=str(path)))


def test_copies_are_dropped_and_the_first_is_kept(tmp_path):
    copies = files(tmp_path, *(slice_dataset(number=n) for n in (0, 0, 1, 0)))
    unique = without_duplicates(copies)
    assert unique.files == (copies[0], copies[2])
    assert (unique.dropped, unique.problems) == (2, ())


def test_the_same_picture_stored_in_other_ways_is_a_copy(tmp_path):
    syntaxes = [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.JPEGLSLossless]
    copies = files(tmp_path, *(slice_dataset() for _ in syntaxes), syntaxes=syntaxes)
    unique = without_duplicates(copies)
    assert unique.files == (copies[0],)
    assert unique.dropped == 2


def test_what_is_not_read_may_differ(tmp_path):
    copies = files(tmp_path, slice_dataset(), slice_dataset(PatientName='SOMEBODY^ELSE'))
    assert without_duplicates(copies).dropped == 1


def test_contradictions_are_all_refused(tmp_path):
    for different in (
        {'pixels': picture(seed=1)},
        {'PatientID': 'another'},
        {'ImagePositionPatient': [0, 0, 1]},
        {'RescaleIntercept': -1000},
    ):
        pair = files(tmp_path, slice_dataset(), slice_dataset(**different))
        unique = without_duplicates([*pair, *files(tmp_path / 'other', slice_dataset(number=5))])
        assert [file[0].position[2] for file in unique.files] == [15]
        places = [str(tmp_path / '0'), str(tmp_path / '1')]
        assert [problem.where for problem in unique.problems] == places
        assert {problem.found for problem in unique.problems} == {
            'the SOPInstanceUID of another file, and other contents'
        }
        assert PLANTED not in str(unique.problems)


def test_a_copy_whose_pixels_cannot_be_read_does_not_take_the_good_one_with_it(tmp_path):
    write(slice_dataset(), tmp_path / 'good')
    write(slice_dataset(), tmp_path / 'bad', uid.JPEGLSLossless)
    content = bytearray((tmp_path / 'bad').read_bytes())
    start = content.index(b'\xff\xd8\xff')
    content[start + 40 : start + 400] = bytes(360)
    (tmp_path / 'bad').write_bytes(bytes(content))
    pair = [dicom_headers.read_slices(tmp_path / name, LIMIT) for name in ('bad', 'good')]
    unique = without_duplicates(pair)
    assert unique.files == (pair[1],)
    assert [problem.found for problem in unique.problems] == ['pixels that cannot be decoded']
