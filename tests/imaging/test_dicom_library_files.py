"""Each CT and MR among the files that come with pydicom and pydicom-data: read right, or refused.

What is neither is counted in the test of the tables. Only installed files are used.
"""

import collections
import pathlib

import data_store
import numpy as np
import pydicom
import pytest
from pydicom.pixels import pixel_array

from ct2mr_tf.imaging import dicom_headers, dicom_pixels, dicom_reader
from ct2mr_tf.imaging.dicom_headers import Skip, SkippedError
from ct2mr_tf.imaging.dicom_reader import ReadOptions
from ct2mr_tf.imaging.dicom_values import RefusedError, WarningCount, warnings_held_back
from ct2mr_tf.imaging.pseudonyms import Pseudonyms

BUNDLED = pathlib.Path(pydicom.__file__).parent / 'data' / 'test_files'
EXTRA = pathlib.Path(data_store.__file__).parent / 'data'
LIMIT = 2**30
COMPRESSED = 'compressed, without a twin'
NO_GROUPS = '10 frames and 0 functional groups of frames'

# Each CT and MR that is read, by folder: the file, and its uncompressed twin's name, if it is
# compressed, or COMPRESSED if it has none.
READ = {
    BUNDLED: {
        '693_J2KI.dcm': '693_UNCI.dcm',
        'CT_small.dcm': None,
        'J2K_pixelrep_mismatch.dcm': COMPRESSED,
        'MR_small.dcm': None,
        'MR_small_RLE.dcm': 'MR_small.dcm',
        'MR_small_bigendian.dcm': 'MR_small.dcm',
        'MR_small_expb.dcm': 'MR_small.dcm',
        'MR_small_implicit.dcm': 'MR_small.dcm',
        'MR_small_jp2klossless.dcm': 'MR_small.dcm',
        'MR_small_jpeg_ls_lossless.dcm': 'MR_small.dcm',
        'examples_overlay.dcm': None,
    },
    EXTRA: {
        '693_J2KR.dcm': '693_UNCR.dcm',
        '693_UNCI.dcm': None,
        '693_UNCR.dcm': None,
        'MR-SIEMENS-DICOM-WithOverlays.dcm': None,
        'MR2_J2KI.dcm': 'MR2_UNCI.dcm',
        'MR2_J2KR.dcm': 'MR2_UNCR.dcm',
        'MR2_UNCI.dcm': None,
        'MR2_UNCR.dcm': None,
        'bad_sequence.dcm': COMPRESSED,
        'explicit_VR-UN.dcm': COMPRESSED,
    },
    BUNDLED / 'dicomdirtests': dict.fromkeys(
        [f'77654033/CT2/{name}' for name in (17106, 17136, 17166, 17196)]
        + [f'98892001/CT5N/{name}' for name in (2062, 2392, 2693, 3023, 3353)]
        + [f'98892003/MR700/{name}' for name in (4467, 4528, 4558, 4588, 4618, 4648, 4678)]
    ),
}

REFUSED = {
    'MR_small_padded.dcm': '8320 bytes of pixels',
    'MR_truncated.dcm': 'the file ends after 8130 bytes of pixels',
    'eCT_Supplemental.dcm': 'a RescaleType other than HU',
    'emri_small.dcm': NO_GROUPS,
    'emri_small_RLE.dcm': NO_GROUPS,
    'emri_small_big_endian.dcm': NO_GROUPS,
    'emri_small_jpeg_2k_lossless.dcm': NO_GROUPS,
    'emri_small_jpeg_2k_lossless_too_short.dcm': 'the file ends within its pixels',
    'emri_small_jpeg_ls_lossless.dcm': NO_GROUPS,
    # No CT or MR by their names, but nothing in them says so.
    'UN_sequence.dcm': 'no SOPClassUID',
    'empty_charset_LEI.dcm': 'no SOPClassUID',
    'meta_missing_tsyntax.dcm': 'no SOPClassUID',
    'nested_priv_SQ.dcm': 'no SOPClassUID',
    'no_meta_group_length.dcm': 'no SOPClassUID',
    'priv_SQ.dcm': 'no SOPClassUID',
}

HEADERS_ALONE = 'TINY_ALPHA'
"""A folder of fifty CT headers without pixels."""


def load(path):
    with warnings_held_back(WarningCount()):
        return dicom_pixels.load_pixels(dicom_headers.read_slices(path, LIMIT)).values


def stored(path):
    """What the header and the plain bytes of an uncompressed little-endian file say, in numpy."""
    with warnings_held_back(WarningCount()):
        dataset = pydicom.dcmread(path)
        kind = 'i' if dataset.PixelRepresentation else 'u'
        values = np.frombuffer(dataset.PixelData, f'<{kind}{dataset.BitsAllocated // 8}')
        values = values.reshape(dataset.Rows, dataset.Columns).astype(np.int64)
        if not dataset.PixelRepresentation:
            values &= 2**dataset.BitsStored - 1
        slope, intercept = dataset.get('RescaleSlope', 1), dataset.get('RescaleIntercept', 0)
        scaled = values * float(slope) + float(intercept)
    if dataset.Modality == 'CT':
        padding = dataset.get('PixelPaddingValue')
        scaled[(values == padding) | (scaled < -1500)] = -1000
    return scaled


@pytest.mark.parametrize(
    ('folder', 'name'),
    [
        (folder, name)
        for folder, twins in READ.items()
        for name, twin in twins.items()
        if twin is None
    ],
)
def test_uncompressed_files_are_what_their_bytes_say(folder, name):
    assert np.allclose(load(folder / name)[0], stored(folder / name), rtol=1e-6)


@pytest.mark.parametrize(
    ('folder', 'name', 'twin'),
    [
        (folder, *pair)
        for folder, twins in READ.items()
        for pair in twins.items()
        if pair[1] not in (None, COMPRESSED)
    ],
)
def test_compressed_files_are_their_uncompressed_twins(folder, name, twin):
    other = folder / twin if (folder / twin).exists() else EXTRA / twin
    # The lossy ones too: their twins hold what their codestreams decode to.
    assert np.array_equal(load(folder / name), load(other))


def test_a_codestream_that_says_unsigned_in_a_signed_file():
    values = load(BUNDLED / 'J2K_pixelrep_mismatch.dcm')[0]
    # The values that pydicom's own tests give for this file.
    assert values[47:57, 279].tolist() == [621, 412, 138, -193, -520, -767, -907, -966, -988, -995]


def test_two_decoders_agree_on_a_file_without_a_twin():
    path = EXTRA / 'explicit_VR-UN.dcm'
    for plugin in ('gdcm', 'pylibjpeg'):
        with warnings_held_back(WarningCount()):
            values = pixel_array(path, decoding_plugin=plugin)
        assert np.array_equal(load(path)[0], values)  # its slope is 1, its intercept 0


def test_jpeg_lossless_without_a_twin_shows_a_patient():
    values = load(EXTRA / 'bad_sequence.dcm')[0]
    assert values.min() >= -1024
    assert 0.1 < np.mean(values < -900) < 0.9 and np.mean((values > -50) & (values < 100)) > 0.1


def everything():
    return [path for root in (BUNDLED, EXTRA) for path in root.rglob('*') if path.is_file()]


def test_the_tables_above_hold_every_file_that_is_not_skipped():
    skipped = collections.Counter()
    refused = {}
    read = set()
    for path in everything():
        with warnings_held_back(WarningCount()):
            try:
                dicom_headers.read_slices(path, LIMIT)
            except SkippedError as error:
                skipped[error.reason] += 1
            except RefusedError as error:
                refused[path] = error.found
            else:
                read.add(path)
    assert read == {folder / name for folder, twins in READ.items() for name in twins}
    bare = {path: found for path, found in refused.items() if HEADERS_ALONE in path.parts}
    assert len(bare) == 50 and set(bare.values()) == {'the file ends in its header'}
    assert {path.name: refused[path] for path in refused.keys() - bare.keys()} == REFUSED
    # Other modalities, captures and the localizers of `dicomdirtests`.
    assert skipped[Skip.LOCALIZER] == 12
    assert skipped[Skip.DICOMDIR] == 8
    assert skipped[Skip.OTHER_MODALITY] > 40 and skipped[Skip.SECONDARY_CAPTURE] > 40


@pytest.mark.parametrize('root', [BUNDLED, EXTRA])
def test_all_stacks_can_be_loaded(root):
    found = dicom_reader.scan(root, ReadOptions(workers=1), Pseudonyms(bytes(32)))
    for stack in found.stacks:
        pixels = dicom_pixels.load_pixels(stack.slices)
        assert np.isfinite(pixels.values).all()
