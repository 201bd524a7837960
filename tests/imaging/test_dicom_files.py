import struct
import zlib

import pytest
from dicom_builders import slice_dataset, write
from pydicom import uid
from pydicom.datadict import tag_for_keyword

from ct2mr_tf.imaging import dicom_files
from ct2mr_tf.imaging.dicom_values import RefusedError

TAGS = [tag_for_keyword('Rows'), tag_for_keyword('SOPClassUID')]


def header_of(path):
    return dicom_files.read_header(path, TAGS, lambda dataset: None)


@pytest.mark.parametrize(
    ('start', 'expected'),
    [
        (bytes(128) + b'DICM', True),
        (bytes(128) + b'DICN', False),
        (b'\x08\0\x05\0CS\n\0ISO_IR 100', True),
        (b'\x02\0\0\0UL\x04\0', True),
        (b'\0\x08\0\x05CS\0\n', True),
        (b'\x08\0', False),
        (b'PK\x03\x04' + bytes(200), False),
        (b'', False),
    ],
)
def test_what_may_be_dicom(start, expected):
    assert dicom_files.looks_like_dicom(start) == expected


@pytest.mark.parametrize(
    ('syntax', 'vr', 'length'),
    [
        (uid.ImplicitVRLittleEndian, 'OW', 2048),
        (uid.ExplicitVRLittleEndian, 'OW', 2048),
        (uid.ExplicitVRBigEndian, 'OW', 2048),
        (uid.RLELossless, 'OB', None),
    ],
)
def test_where_the_pixels_are(tmp_path, syntax, vr, length):
    path = write(slice_dataset(), tmp_path / 'file', syntax)
    header = header_of(path)
    assert (header.pixels.vr, header.pixels.length) == (vr, length)
    assert header.pixels.transfer_syntax_uid == syntax
    assert header.size == path.stat().st_size
    if length is not None:
        assert header.pixels.offset + length == header.size
    with dicom_files.opened(path, header.pixels, 2048) as file:
        assert file.tell() == header.pixels.offset


def test_a_deflated_file_is_read_as_the_one_it_was(tmp_path):
    plain = write(slice_dataset(), tmp_path / 'plain').read_bytes()
    path = write(slice_dataset(), tmp_path / 'file', uid.DeflatedExplicitVRLittleEndian)
    header = header_of(path)
    assert header.pixels.deflated
    assert header.pixels.transfer_syntax_uid == uid.ExplicitVRLittleEndian
    with dicom_files.opened(path, header.pixels, 2048) as file:
        assert file.read(2048) == plain[-2048:]
    assert dicom_files.inflated(plain, 100) is plain


def test_a_deflated_file_inflates_no_further_than_asked(tmp_path):
    path = write(slice_dataset(), tmp_path / 'file', uid.DeflatedExplicitVRLittleEndian)
    content = path.read_bytes()
    end = 144 + struct.unpack_from('<I', content, 140)[0]
    assert len(dicom_files.inflated(content, 100)) == end + 100
    assert len(dicom_files.inflated(content[: end + 50], 10**6)) < end + 10**4
    with pytest.raises(zlib.error):
        dicom_files.inflated(content[:end] + b'\xff' * 50, 100)


def test_what_is_no_dicom_has_no_header(tmp_path):
    (tmp_path / 'file').write_bytes(b'nothing')
    assert header_of(tmp_path / 'file') is None


def test_reading_ends_where_the_caller_has_seen_enough(tmp_path):
    path = write(slice_dataset(), tmp_path / 'file')
    seen = []

    def enough(dataset):
        seen.append(dataset.Rows)
        raise LookupError

    with pytest.raises(LookupError):
        dicom_files.read_header(path, TAGS, enough)
    assert seen == [32]


def test_a_header_of_endless_elements_is_given_up(tmp_path, monkeypatch):
    path = tmp_path / 'file'
    path.write_bytes(bytes(128) + b'DICM' + bytes(2_000_000))
    assert header_of(path).pixels is None
    monkeypatch.setattr(dicom_files, '_MOST_READS', 10_000)
    with pytest.raises(RefusedError, match='unreadable header'):
        header_of(path)
