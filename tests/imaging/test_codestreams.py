import struct

import cv2
import numpy as np
import pytest
from dicom_builders import picture, slice_dataset, write
from pydicom import encaps, uid

from ct2mr_tf.imaging.codestreams import CodedSize, coded_size, is_whole


def coded(tmp_path, syntax):
    dataset = slice_dataset(pixels=picture(rows=40, columns=50))
    write(dataset, tmp_path / 'x', syntax)
    return encaps.get_frame(dataset.PixelData, 0, number_of_frames=1)


@pytest.mark.parametrize('syntax', [uid.JPEG2000Lossless, uid.JPEGLSLossless])
def test_the_size_that_other_libraries_wrote(tmp_path, syntax):
    codestream = coded(tmp_path, syntax)
    assert coded_size(codestream) == CodedSize(40, 50, 1)
    assert is_whole(codestream)
    assert not is_whole(codestream[:-8])


@pytest.mark.parametrize('progressive', [0, 1])
def test_the_size_of_a_jpeg(progressive):
    colour = np.zeros((20, 30, 3), np.uint8)
    _, codestream = cv2.imencode('.jpg', colour, [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])
    assert coded_size(codestream.tobytes()) == CodedSize(20, 30, 3)
    assert is_whole(codestream.tobytes() + b'\0')
    assert is_whole(codestream.tobytes() + b'\xff')
    assert not is_whole(codestream.tobytes() + b'\1\1')


def test_a_jpeg_with_fill_bytes_before_its_markers():
    _, codestream = cv2.imencode('.jpg', np.zeros((20, 30), np.uint8))
    filled = codestream.tobytes().replace(b'\xff\xdb', b'\xff\xff\xff\xdb', 1)
    filled = filled.replace(b'\xff\xc0', b'\xff\xff\xc0', 1)
    assert cv2.imdecode(np.frombuffer(filled, np.uint8), cv2.IMREAD_UNCHANGED).shape == (20, 30)
    assert coded_size(filled) == CodedSize(20, 30, 1)
    assert coded_size(b'\xff\xd8' + b'\xff' * 1000) is None


def test_a_tiled_picture_has_its_own_size_not_its_tiles(tmp_path):
    codestream = bytearray(coded(tmp_path, uid.JPEG2000Lossless))
    # SIZ: right, bottom, left, top, then width and height of a tile.
    struct.pack_into('>6I', codestream, 8, 1034, 520, 10, 8, 64, 64)
    assert coded_size(bytes(codestream)) == CodedSize(512, 1024, 1)
    struct.pack_into('>6I', codestream, 8, 1034, 520, 10, 8, 1, 1)
    assert coded_size(bytes(codestream)) is None
    struct.pack_into('>6I', codestream, 8, 1034, 520, 10, 8, 0, 0)
    assert coded_size(bytes(codestream)) is None


@pytest.mark.parametrize('head', [b'', b'\xff\xd8', b'\xff\xd8\xff\xe0\xff', b'\xff\x4f\xff\x51\0'])
def test_a_damaged_head_has_no_size(head):
    assert coded_size(head) is None
    assert coded_size(head + b'\0' * 100) is None
