"""Versions of a model that come and go under a server that runs."""

import pathlib
import shutil
import time
from collections.abc import Callable

import numpy as np
import pytest
from google.protobuf import text_format
from stand_in import launching
from stand_in.asking import Model
from stand_in.examples import CARD, CT
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from ct2mr_tf.files import write_text_whole
from ct2mr_tf.models.generator import create_generator
from ct2mr_tf.problems import UserError
from ct2mr_tf.serving import kit
from ct2mr_tf.serving.client import Client
from ct2mr_tf.serving.export_folder import write_version

ALLOWED = ('--allow_version_labels_for_unavailable_models=true',)
"""A label may be at its version before that is loaded, when the server starts."""


@pytest.fixture(scope='module')
def exported(tmp_path_factory) -> pathlib.Path:
    """The folder of a version."""
    generator = create_generator(ngf=4, residual_blocks=1, seed=1)
    return write_version(generator, CARD, CT[:1], tmp_path_factory.mktemp('exported'))


@pytest.mark.parametrize('named', [launching.NAME])
def test_a_broken_new_version_leaves_the_old_one_serving(tmp_path, exported, named):
    folder = tmp_path / 'models'
    shutil.copytree(exported, folder / '1')
    for name, file, content in (
        ('2', 'saved_model.pb', b'no model'),
        ('3', 'variables/variables.data-00000-of-00001', b'too short'),
        ('4', 'assets.extra/tf_serving_warmup_requests', b'no records' * 99),
    ):
        shutil.copytree(exported, tmp_path / name)
        (tmp_path / name / file).write_bytes(content)
    with launching.running(tmp_path, launching.served(folder)) as server:
        model = Model(server)
        expected = model.pictures(CT)
        for name in ('2', '3', '4'):
            (tmp_path / name).rename(folder / name)
            with pytest.raises(UserError, match=f'version {name}: END .'):
                wait_for_version(server, int(name))
            assert np.array_equal(model.pictures(CT), expected)
            assert model.get('/metadata').json()['model_spec']['version'] == '1'
        # What an export that was killed leaves is no version.
        shutil.copytree(exported, folder / '.exporting-9')
        shutil.copytree(exported, tmp_path / '5')
        (tmp_path / '5').rename(folder / '5')
        wait_for_version(server, 5)
        assert wait_for(lambda: state_of(model, '1') == 'END')
        assert np.array_equal(model.pictures(CT), expected)
        assert state_of(model, '9') == 'unknown'


@pytest.mark.parametrize('named', [launching.NAME])
def test_a_server_that_runs_takes_the_next_version_of_the_kit(tmp_path, exported, named):
    """Then stable is moved to it by hand."""
    folder, config = tmp_path / 'models', tmp_path / 'kit' / kit.MODELS
    shutil.copytree(exported, folder / '1')
    kit.write_kit(config.parent, CARD, folder / '1')
    flags = '--model_config_file_poll_wait_seconds=1', *ALLOWED
    models = text_format.Parse(config.read_text(), ModelServerConfig())
    with launching.running(tmp_path, models, *flags) as server:
        model = Model(server)
        shutil.copytree(exported, tmp_path / '2')
        (tmp_path / '2').rename(folder / '2')
        kit.write_kit(config.parent, CARD, folder / '2')
        write_text_whole(tmp_path / 'models.config', config.read_text())
        assert wait_for(lambda: state_of(model, '2') == 'AVAILABLE', 20), server.log.read_text()
        assert version_of(model, '/labels/stable') == '1'
        promoted = config.read_text().replace('"stable" value: 1', '"stable" value: 2')
        write_text_whole(tmp_path / 'models.config', promoted)
        assert wait_for(lambda: version_of(model, '/labels/stable') == '2', 20)


def version_of(model: Model, place: str) -> str:
    """The version that answers there."""
    return model.get(f'{place}/metadata').json()['model_spec']['version']


def wait_for_version(server: launching.RunningServer, number: int) -> None:
    Client(server.address, version=number).wait_available(60)


def state_of(model: Model, version: str) -> str:
    """The state of a version; 'unknown' if the server has never seen it."""
    statuses = model.get().json()['model_version_status']
    states = {one['version']: one['state'] for one in statuses}
    return states.get(version, 'unknown')


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> bool:
    last = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > last:
            return False
        time.sleep(0.1)
    return True
