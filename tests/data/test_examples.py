"""The prepared data set on disk: round trips, and every bad input named, all at once."""

import hashlib
import os
import shutil
import struct
import tracemalloc
import zlib

import cv2
import numpy as np
import pandas as pd
import pytest

from ct2mr_tf.data.examples import (
    Examples,
    load_examples,
    read_pair,
    read_png,
    undecodable,
    write_pair,
    write_table,
)
from ct2mr_tf.problems import UserError


@pytest.fixture
def data_dir(tiny_set, tmp_path):
    return tiny_set(tmp_path / 'set', size=(16, 24))


def problems_of(folder, required=('train', 'val')):
    with pytest.raises(UserError) as caught:
        load_examples(folder, required)
    for problem in caught.value.problems:
        assert problem.where
        assert problem.found
        assert problem.expected
        assert problem.cure
    return caught.value.problems


def write_png(path, picture):
    path.write_bytes(cv2.imencode('.png', picture)[1].tobytes())


def grey(height, width):
    return np.zeros((height, width), np.uint8)


def test_a_whole_set(data_dir):
    examples = load_examples(data_dir, ('train', 'val', 'test'))
    assert list(examples) == ['train', 'val', 'test']
    assert examples['train'].pair_ids == ('train_00', 'train_01', 'train_02', 'train_03')
    assert examples['train'].picture_size == (16, 24)
    assert [len(split) for split in examples.values()] == [4, 2, 2]


def test_a_set_without_table_and_test_split(data_dir):
    (data_dir / 'pairs.csv').unlink()
    shutil.rmtree(data_dir / 'test')
    assert list(load_examples(data_dir, ('train', 'val'))) == ['train', 'val']


def test_pair_and_back(tmp_path):
    rng = np.random.default_rng(0)
    ct, mr = rng.integers(0, 256, (2, 12, 20), np.uint8)
    digest = write_pair(tmp_path / 'train' / 'a.png', ct, mr)
    content = (tmp_path / 'train' / 'a.png').read_bytes()
    assert digest == hashlib.sha256(content).hexdigest()
    again = read_pair(tmp_path / 'train' / 'a.png')
    np.testing.assert_array_equal(again[0], ct)
    np.testing.assert_array_equal(again[1], mr)


@pytest.mark.parametrize(
    ('ct', 'mr'),
    [
        (grey(8, 8), grey(8, 12)),
        (grey(8, 8), np.zeros((8, 8), np.float32)),
        (grey(8, 8)[..., None], grey(8, 8)[..., None]),
        (np.zeros((8, 8), np.int16), grey(8, 8)),
    ],
)
def test_only_two_grey_pictures_of_one_size_are_written(tmp_path, ct, mr):
    with pytest.raises(ValueError, match=r'uint8 \[H, W\] twice'):
        write_pair(tmp_path / 'a.png', ct, mr)
    assert list(tmp_path.iterdir()) == []


def test_table_and_back(tmp_path):
    rows = pd.DataFrame({'pair_id': ['001', 'b'], 'patient_id': ['p', 'q'], 'split': ['train'] * 2})
    write_table(tmp_path, rows)
    again = pd.read_csv(tmp_path / 'pairs.csv', dtype=str)
    pd.testing.assert_frame_equal(again, rows)


def test_a_missing_folder(tmp_path):
    (problem,) = problems_of(tmp_path / 'nowhere')
    assert problem.where == str(tmp_path / 'nowhere')
    assert problem.found == 'no such folder'


def test_empty_splits(data_dir):
    (data_dir / 'pairs.csv').unlink()
    for path in (data_dir / 'train').iterdir():
        path.unlink()
    shutil.rmtree(data_dir / 'val')
    problems = problems_of(data_dir)
    assert [problem.where for problem in problems] == [
        str(data_dir / 'train'),
        str(data_dir / 'val'),
    ]
    assert {problem.found for problem in problems} == {'no pictures'}


def test_a_split_asked_for_twice_is_named_once(data_dir):
    (data_dir / 'pairs.csv').unlink()
    shutil.rmtree(data_dir / 'train')
    assert len(problems_of(data_dir, required=('train', 'train'))) == 1


def test_what_a_killed_writer_leaves_is_no_picture(data_dir):
    (data_dir / 'train' / '.writing-abc.png').write_bytes(b'half')
    assert len(load_examples(data_dir, ('train',))['train']) == 4


BAD_PICTURES = {
    'odd width': (grey(16, 49), '49 pixels wide', 'an even width'),
    'RGB': (np.zeros((16, 48, 3), np.uint8), '8-bit RGB', '8-bit grey'),
    'alpha': (np.zeros((16, 48, 4), np.uint8), '8-bit RGB with alpha', '8-bit grey'),
    '16 bits': (np.zeros((16, 48), np.uint16), '16-bit grey', '8-bit grey'),
    'height': (grey(18, 48), 'halves of 18x24 pixels', 'multiples of 4'),
    'width': (grey(16, 52), 'halves of 16x26 pixels', 'multiples of 4'),
    'another size': (grey(32, 48), 'halves of 32x24 pixels', '16x24, as in 7 other pictures'),
}


@pytest.mark.parametrize(
    ('picture', 'found', 'expected'), BAD_PICTURES.values(), ids=list(BAD_PICTURES)
)
def test_a_bad_picture(data_dir, picture, found, expected):
    write_png(data_dir / 'train' / 'train_01.png', picture)
    (problem,) = problems_of(data_dir)
    assert problem.where == 'train/train_01.png'
    assert problem.found == found
    assert expected in problem.expected


BAD_BYTES = {
    'truncated': (lambda whole: whole[:-40], 'cut off', 'a whole PNG'),
    'truncated by a byte': (lambda whole: whole[:-1], 'cut off', 'a whole PNG'),
    'cut in the header': (lambda whole: whole[:20], 'no PNG header', 'an 8-bit grey PNG'),
    'empty': (lambda whole: b'', 'no PNG header', 'an 8-bit grey PNG'),
    'no rows': (
        lambda whole: whole[:20] + bytes(4) + whole[24:],
        'halves of 0x24',
        'multiples of 4',
    ),
    'no columns': (lambda whole: whole[:16] + bytes(4) + whole[20:], 'halves of 16x0', 'of 4'),
    'another format': (lambda whole: b'\xff\xd8\xff\xe0' * 99, 'no PNG header', '8-bit grey PNG'),
}


@pytest.mark.parametrize(('damage', 'found', 'expected'), BAD_BYTES.values(), ids=list(BAD_BYTES))
def test_a_damaged_picture(data_dir, damage, found, expected):
    path = data_dir / 'val' / 'val_00.png'
    path.write_bytes(damage(path.read_bytes()))
    (problem,) = problems_of(data_dir)
    assert problem.where == 'val/val_00.png'
    assert found in problem.found
    assert expected in problem.expected


def test_a_palette_picture(data_dir):
    path = data_dir / 'train' / 'train_00.png'
    whole = bytearray(path.read_bytes())
    whole[25] = 3  # the colour type in the header
    path.write_bytes(whole)
    assert problems_of(data_dir)[0].found == '8-bit palette'


def test_a_folder_in_the_place_of_a_picture(data_dir):
    (data_dir / 'train' / 'train_00.png').unlink()
    (data_dir / 'train' / 'train_00.png').mkdir()
    assert problems_of(data_dir)[0].found == 'Is a directory'


@pytest.mark.parametrize('place', [50, 120, -20], ids=['start', 'middle', 'end'])
def test_damage_within_a_picture_is_found_by_decoding(data_dir, place):
    path = data_dir / 'train' / 'train_02.png'
    damaged = bytearray(path.read_bytes())
    damaged[place] ^= 0xFF
    path.write_bytes(damaged)
    examples = load_examples(data_dir, ('train',))['train']
    (problem,) = undecodable(examples)
    assert problem.where.endswith('train_02.png')
    assert problem.found == 'cannot be decoded'
    with pytest.raises(UserError):
        read_pair(path)


def test_a_picture_that_is_a_png_by_its_name_alone_is_not_decoded(tmp_path):
    """OpenCV would read all of these."""
    grey = np.full((64, 128), 7, np.uint8)
    colour = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    for kind, written in (('.png', colour), ('.jpg', grey), ('.jp2', grey)):
        content = cv2.imencode(kind, written)[1]
        assert cv2.imdecode(content, cv2.IMREAD_UNCHANGED).shape == written.shape
        (tmp_path / 'a.png').write_bytes(content.tobytes())
        with pytest.raises(UserError, match='another kind of file'):
            read_png(tmp_path / 'a.png')
    # Not even with the two bytes of an 8-bit grey PNG in their place.
    content[24:26] = [8, 0]
    (tmp_path / 'a.png').write_bytes(content.tobytes())
    with pytest.raises(UserError, match='another kind of file'):
        read_png(tmp_path / 'a.png')
    write_png(tmp_path / 'a.png', grey)
    assert np.array_equal(read_png(tmp_path / 'a.png'), grey)


def test_a_header_of_more_pixels_than_can_be_held_is_a_damaged_picture(tmp_path):
    header = b'IHDR' + struct.pack('>IIBBBBB', 65536, 65536, 8, 0, 0, 0, 0)
    chunk = struct.pack('>I', 13) + header + struct.pack('>I', zlib.crc32(header))
    (tmp_path / 'a.png').write_bytes(b'\x89PNG\r\n\x1a\n' + chunk)
    with pytest.raises(UserError, match='cannot be decoded'):
        read_png(tmp_path / 'a.png')


def test_whole_pictures_decode(data_dir):
    assert undecodable(load_examples(data_dir, ('train',))['train']) == []


def test_all_problems_of_a_set_at_once(data_dir):
    """A picture of each kind of fault, an empty split and a wrong table: all are listed."""
    (data_dir / 'train' / 'train_00.png').write_bytes(b'')
    write_png(data_dir / 'train' / 'train_01.png', grey(16, 49))
    write_png(data_dir / 'train' / 'train_02.png', np.zeros((16, 48, 3), np.uint8))
    write_png(data_dir / 'test' / 'test_01.png', grey(32, 48))
    shutil.rmtree(data_dir / 'val')
    table = pd.read_csv(data_dir / 'pairs.csv')
    table.loc[0, 'split'] = 'training'
    table.to_csv(data_dir / 'pairs.csv', index=False)
    where = [problem.where for problem in problems_of(data_dir)]
    assert where == [
        str(data_dir / 'val'),
        'train/train_00.png',
        'train/train_01.png',
        'train/train_02.png',
        'test/test_01.png',
        'pairs.csv, line 2',
        'pairs.csv, line 6',
        'pairs.csv, line 7',
    ]


def test_the_order_is_that_of_the_names(tmp_path):
    for name in ('b', 'a10', 'a2', 'C'):
        write_pair(tmp_path / 'train' / f'{name}.png', grey(8, 8), grey(8, 8))
    assert load_examples(tmp_path, ('train',))['train'].pair_ids == ('C', 'a10', 'a2', 'b')


def test_examples_count_their_pictures(tmp_path):
    examples = Examples((tmp_path / 'x.png', tmp_path / 'y.png'), (8, 8), (101, 102))
    assert len(examples) == 2
    assert examples.pair_ids == ('x', 'y')
    assert examples.chosen([1]) == Examples((tmp_path / 'y.png',), (8, 8), (102,))


def test_memory_of_an_opened_set_is_that_of_its_names(tiny_set, tmp_path):
    """Nothing of the pictures is kept: 5,000 links to one large picture."""
    few = tiny_set(tmp_path / 'few', (256, 256), {'train': 1})
    picture = few / 'train' / 'train_00.png'
    (tmp_path / 'many' / 'train').mkdir(parents=True)
    for number in range(5000):
        os.link(picture, tmp_path / 'many' / 'train' / f'{number:05d}.png')
    tracemalloc.start()
    try:
        examples = load_examples(tmp_path / 'many', ('train',))
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(examples['train']) == 5000
    # A picture has 58 kB. Names are interned, and the interpreter's table of them may grow by MB.
    assert kept < 5000 * 5000
    assert peak < 5000 * 6000
