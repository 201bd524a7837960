import multiprocessing
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from dicom_builders import picture, slice_dataset, write
from pydicom import uid
from pydicom.pixels import get_decoder

from ct2mr_tf.imaging import dicom_headers, dicom_pixels
from ct2mr_tf.imaging.decoder_process import (
    DECODER_PROCESS,
    DecoderProcess,
    DecodingError,
    can_decode,
    serve,
)
from ct2mr_tf.problems import UserError

OPTIONS = {
    'raw': True,
    'rows': 32,
    'columns': 32,
    'samples_per_pixel': 1,
    'photometric_interpretation': 'MONOCHROME2',
    'pixel_representation': 0,
    'bits_allocated': 16,
    'bits_stored': 16,
    'pixel_keyword': 'PixelData',
    'number_of_frames': 1,
    'index': 0,
}


@pytest.fixture
def decoder():
    process = DecoderProcess()
    yield process
    process.close()


def encapsulated(tmp_path):
    dataset = slice_dataset('MR')
    write(dataset, tmp_path / 'source', uid.JPEGLSLossless)
    return dataset.PixelData


def test_a_child_serves_many_pictures(decoder, tmp_path):
    value = encapsulated(tmp_path)
    for _ in range(3):
        decoded = decoder.decode(uid.JPEGLSLossless, value, OPTIONS)
        assert np.array_equal(decoded, picture())
    child = decoder._child.process.pid
    with pytest.raises(DecodingError):
        decoder.decode(uid.JPEGLSLossless, value[:-200], OPTIONS)
    decoder.decode(uid.JPEGLSLossless, value, OPTIONS)
    assert decoder._child.process.pid == child


@pytest.mark.parametrize('syntax', [uid.JPEG2000, uid.JPEG2000Lossless])
def test_jpeg_2000_is_never_decoded_by_gdcm(monkeypatch, syntax):
    decoder = get_decoder(syntax)
    assert can_decode(syntax)
    monkeypatch.delitem(decoder._available, 'pylibjpeg')
    assert decoder.is_available and not can_decode(syntax)


@pytest.mark.parametrize('available', [True, False])
def test_a_picture_goes_to_the_decoder_that_is_asked_for(monkeypatch, tmp_path, available):
    """In this process, where it can be seen which of the decoders runs."""
    path = tmp_path / 'source'
    dataset = slice_dataset('MR')
    write(dataset, path, uid.JPEG2000Lossless)
    decoder, asked = get_decoder(uid.JPEG2000Lossless), []
    plugins = {name: lambda *_, name=name: asked.append(name) or b'' for name in ('gdcm', 'pillow')}
    if available:
        plugins['pylibjpeg'] = decoder._available['pylibjpeg']
    monkeypatch.setattr(decoder, '_available', plugins)
    ours, theirs = multiprocessing.Pipe()
    ours.send((uid.JPEG2000Lossless, dataset.PixelData, OPTIONS))
    monkeypatch.setattr(signal, 'signal', lambda *_: None)
    server = threading.Thread(target=serve, args=(theirs,))
    server.start()
    answered, decoded = ours.recv()
    ours.close()
    server.join()
    assert answered == available and asked == []
    assert decoded is None or np.array_equal(decoded, picture())


def test_a_picture_that_takes_too_long_is_given_up_and_the_child_ended(tmp_path):
    impatient = DecoderProcess(time_limit_s=0.0)
    with pytest.raises(DecodingError):
        impatient.decode(uid.JPEGLSLossless, encapsulated(tmp_path), OPTIONS)
    assert impatient._child is None


def test_a_child_that_died_costs_one_picture(tmp_path):
    path = write(slice_dataset('MR'), tmp_path / 'file', uid.JPEGLSLossless)
    slices = dicom_headers.read_slices(path, 2**30)
    dicom_pixels.load_pixels(slices)
    DECODER_PROCESS._child.process.kill()
    with pytest.raises(UserError, match='pixels that cannot be decoded'):
        dicom_pixels.load_pixels(slices)
    assert np.array_equal(dicom_pixels.load_pixels(slices).values[0], picture())


def test_a_script_without_a_guard_around_its_main_part_runs_once(tmp_path):
    path = write(slice_dataset('MR'), tmp_path / 'file', uid.JPEGLSLossless)
    script = tmp_path / 'script.py'
    script.write_text(
        'import pathlib, sys\n'
        'from ct2mr_tf.imaging import dicom_headers, dicom_pixels\n'
        'slices = dicom_headers.read_slices(pathlib.Path(sys.argv[1]), 2**30)\n'
        'print(dicom_pixels.load_pixels(slices).values.shape)\n',
        encoding='utf-8',
    )
    environment = {'PYTHONPATH': ':'.join(sys.path)}
    done = subprocess.run(
        [sys.executable, script, path], capture_output=True, text=True, env=environment, timeout=60
    )
    assert (done.stdout, done.stderr, done.returncode) == ('(1, 32, 32)\n', '', 0)
