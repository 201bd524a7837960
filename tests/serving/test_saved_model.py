"""The exported model in this process, and in one that has neither this package nor its layers."""

import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from ct2mr_tf.problems import UserError
from ct2mr_tf.serving.saved_model import LocalModel, versions

ELSEWHERE = """
import sys
import numpy as np
import tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
ct = np.load(sys.argv[2])
np.save(sys.argv[3], loaded.signatures['serving_default'](ct=tf.constant(ct))['mr'].numpy())
own = [name for name in sys.modules if name.split('.')[0] in ('ct2mr_tf', 'tensorflow_addons')]
assert not own, own
"""


def test_it_is_the_generator(exported, golden, pictures, tiny_card):
    model = LocalModel(exported)
    assert model.card == tiny_card
    mr = model.synthesize(pictures)
    assert mr.dtype == np.uint8
    assert mr.shape == pictures.shape
    assert np.abs(mr - golden(pictures)[..., 0]).max() < 0.501


def test_the_same_numbers_without_this_package(exported, served, golden, pictures, tmp_path):
    """Far from the repository, isolated from its path, with TensorFlow alone."""
    script = tmp_path / 'elsewhere.py'
    script.write_text(ELSEWHERE)
    given, told = tmp_path / 'ct.npy', tmp_path / 'mr.npy'
    np.save(given, pictures[..., np.newaxis].astype(np.float32))
    done = subprocess.run(
        [sys.executable, '-I', script, exported, given, told],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = served['serving_default'](ct=np.load(given))['mr'].numpy()
    assert np.abs(np.load(told) - expected).max() <= 1e-4
    assert np.abs(np.load(told) - golden(pictures)).max() < 1e-3


def test_the_folder_of_the_versions_means_the_highest(exported, tmp_path):
    for name in ('2', '10', '.exporting-11', 'old'):
        shutil.copytree(exported, tmp_path / name)
    card = (tmp_path / '10' / 'assets.extra' / 'model_card.json').read_text()
    for name in ('2', '.exporting-11', 'old'):
        (tmp_path / name / 'assets.extra' / 'model_card.json').write_text('{}')
    assert sorted(versions(tmp_path)) == [2, 10]
    assert LocalModel(tmp_path).card.to_json() == card


def refused(folder):
    with pytest.raises(UserError) as caught:
        LocalModel(folder)
    (problem,) = caught.value.problems
    return problem


def test_folders_without_a_model(tmp_path):
    missing = tmp_path / 'nowhere'
    assert refused(missing).found == 'No such file or directory'
    assert 'model_card.json' in refused(tmp_path).where
    assert '--export_dir' in refused(tmp_path).cure


def test_a_damaged_model(exported, tmp_path):
    for file, expected in (
        ('saved_model.pb', 'cannot be read'),
        ('variables/variables.data-00000-of-00001', 'cannot be read'),
        ('assets.extra/model_card.json', 'JSON'),
    ):
        folder = tmp_path / file.replace('/', '_')
        shutil.copytree(exported, folder)
        content = (folder / file).read_bytes()
        (folder / file).write_bytes(content[: len(content) // 2])
        assert expected in refused(folder).found


def test_pictures_beyond_the_limits_are_the_users_concern(exported):
    model = LocalModel(exported)
    with pytest.raises(UserError, match='multiples of 4 from 12 to 64 pixels, not 68 64'):
        model.synthesize(np.zeros((1, 68, 64), np.uint8))


def test_a_folder_whose_name_is_a_pattern(exported, tmp_path):
    """TensorFlow does not find the weights there: the model is not at fault."""
    for name in ('m[1]', 'm\\1'):
        folder = tmp_path / name
        shutil.copytree(exported, folder / '1')
        problem = refused(folder)
        assert problem.where == f'{folder / "1"}'
        assert 'takes for a pattern' in problem.found
        assert problem.cure == 'rename the folder, or name another'


def test_no_pictures_in_and_none_out(exported):
    """As from a server."""
    mr = LocalModel(exported).synthesize(np.zeros((0, 32, 40), np.uint8))
    assert (mr.shape, mr.dtype) == ((0, 32, 40), np.uint8)


@pytest.mark.parametrize(
    'ct',
    [np.zeros((1, 32, 32)), np.zeros((32, 32), np.uint8), np.zeros((1, 0, 32), np.uint8)],
)
def test_arrays_that_are_no_pictures(exported, ct):
    with pytest.raises(ValueError, match=r'uint8 \[N, H, W\]'):
        LocalModel(exported).synthesize(ct)


def test_tensorflow_is_loaded_when_a_model_is_built(command):
    script = 'import sys; import ct2mr_tf.serving.saved_model, ct2mr_tf.serving.model_card; '
    script += "print('tensorflow' in sys.modules)"
    assert command('-c', script).stdout.strip() == 'False'


def test_nothing_of_this_machine_is_inside(exported, root):
    for path in pathlib.Path(exported).rglob('*'):
        if path.is_file():
            content = path.read_bytes()
            assert str(root).encode() not in content
            assert b'site-packages' not in content
