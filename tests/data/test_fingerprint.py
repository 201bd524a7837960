"""One hash a data set: the same wherever it lies, another whenever something in it changed."""

import hashlib
import pathlib
import shutil
import struct
import zlib

import cv2
import pytest

from ct2mr_tf.data.examples import load_examples, read_pair, write_pair
from ct2mr_tf.data.fingerprint import describe_data_set


def described(folder: pathlib.Path) -> dict[str, object]:
    return describe_data_set(folder, load_examples(folder, ('train',)))


@pytest.fixture(scope='module')
def original(tiny_set, tmp_path_factory) -> pathlib.Path:
    return tiny_set(tmp_path_factory.mktemp('set'))


@pytest.fixture
def copy(original, tmp_path) -> pathlib.Path:
    return shutil.copytree(original, tmp_path / 'elsewhere')


def test_pairs_are_counted(original):
    found = described(original)
    assert (found['train'], found['val'], found['test']) == (4, 2, 2)
    assert len(found['sha256']) == 64


def test_the_hash_by_hand(original):
    """Split, name, size and checksum of every picture by name, and the hash of the table."""
    listed = ''.join(
        f'{split}/{path.name}/{path.stat().st_size}/{_checksum(path)}/'
        for split in ('train', 'val', 'test')
        for path in sorted((original / split).iterdir())
    )
    table = hashlib.sha256((original / 'pairs.csv').read_bytes()).digest()
    assert described(original)['sha256'] == hashlib.sha256(listed.encode() + table).hexdigest()


def test_a_split_without_pictures_counts_none(copy):
    (copy / 'pairs.csv').unlink()
    shutil.rmtree(copy / 'test')
    assert described(copy)['test'] == 0


def test_a_copy_elsewhere_is_the_same_data_set(original, copy):
    (copy / 'train' / '.writing-half.png').touch()
    (copy / 'contact_sheet.png').touch()
    assert described(copy) == described(original)


def _checksum(path: pathlib.Path) -> int:
    """The CRC-32 of the only IDAT chunk: its type and its data."""
    content = path.read_bytes()
    start = content.index(b'IDAT')
    (length,) = struct.unpack('>I', content[start - 4 : start])
    return zlib.crc32(content[start : start + 4 + length])


def _change_a_pixel(folder: pathlib.Path) -> None:
    path = folder / 'val' / 'val_00.png'
    ct, mr = read_pair(path)
    size = path.stat().st_size
    mr[3, 5] ^= 1
    write_pair(path, ct, mr)
    assert path.stat().st_size == size


def _compress(folder: pathlib.Path) -> None:
    path = folder / 'train' / 'train_00.png'
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    path.write_bytes(cv2.imencode('.png', picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes())


def _rename(folder: pathlib.Path) -> None:
    (folder / 'val' / 'val_00.png').rename(folder / 'val' / 'val_07.png')


def _move(folder: pathlib.Path) -> None:
    (folder / 'val' / 'val_00.png').rename(folder / 'train' / 'val_00.png')


def _edit_table(folder: pathlib.Path) -> None:
    text = (folder / 'pairs.csv').read_text()
    (folder / 'pairs.csv').write_text(text.replace('L1-2', 'L2-3', 1))


def _drop_table(folder: pathlib.Path) -> None:
    (folder / 'pairs.csv').unlink()


@pytest.mark.parametrize('change', [_compress, _change_a_pixel, _edit_table, _drop_table])
def test_whatever_changes_changes_the_hash(change, original, copy):
    change(copy)
    assert described(copy)['sha256'] != described(original)['sha256']


@pytest.mark.parametrize('change', [_compress, _change_a_pixel, _rename, _move])
def test_without_a_table_too(change, copy):
    (copy / 'pairs.csv').unlink()
    before = described(copy)['sha256']
    change(copy)
    assert described(copy)['sha256'] != before
