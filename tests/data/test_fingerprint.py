"""One hash a data set: the same wherever it lies, another whenever something in it changed."""

import pathlib
import shutil

import pytest

from ct2mr_tf.data.fingerprint import describe_data_set


@pytest.fixture(scope='module')
def original(tiny_set, tmp_path_factory) -> pathlib.Path:
    return tiny_set(tmp_path_factory.mktemp('set'))


@pytest.fixture
def copy(original, tmp_path) -> pathlib.Path:
    return shutil.copytree(original, tmp_path / 'elsewhere')


def test_pairs_are_counted(original):
    described = describe_data_set(original)
    assert {key: described[key] for key in ('train', 'val', 'test')} == {
        'train': 4,
        'val': 2,
        'test': 2,
    }
    assert len(described['sha256']) == 64


def test_a_copy_elsewhere_is_the_same_data_set(original, copy):
    (copy / 'train' / '.writing-half.png').touch()
    (copy / 'contact_sheet.png').touch()
    assert describe_data_set(copy) == describe_data_set(original)


def _grow(folder: pathlib.Path) -> None:
    with (folder / 'train' / 'train_00.png').open('ab') as picture:
        picture.write(b'\0')


def _rename(folder: pathlib.Path) -> None:
    (folder / 'val' / 'val_00.png').rename(folder / 'val' / 'val_07.png')


def _move(folder: pathlib.Path) -> None:
    (folder / 'val' / 'val_00.png').rename(folder / 'train' / 'val_00.png')


def _edit_table(folder: pathlib.Path) -> None:
    text = (folder / 'pairs.csv').read_text()
    (folder / 'pairs.csv').write_text(text.replace('L1-2', 'L2-3', 1))


def _drop_table(folder: pathlib.Path) -> None:
    (folder / 'pairs.csv').unlink()


@pytest.mark.parametrize('change', [_grow, _rename, _move, _edit_table, _drop_table])
def test_whatever_changes_changes_the_hash(change, original, copy):
    change(copy)
    assert describe_data_set(copy)['sha256'] != describe_data_set(original)['sha256']
