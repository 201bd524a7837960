"""The serving kit: files that a server can read, right paths, requests that the model answers."""

import base64
import dataclasses
import itertools
import json
import shlex
import subprocess

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from ct2mr_tf.problems import UserError
from ct2mr_tf.serving.kit import MARK, write_kit


@pytest.fixture
def export_dir(tmp_path):
    """Versions 1 and 2, in a folder that a shell would take apart."""
    folder = tmp_path / 'my "models"' / 'spine $HOME'
    for number in (1, 2):
        (folder / f'{number}').mkdir(parents=True)
    return folder


def model_config(kit):
    config = ModelServerConfig()
    text_format.Parse((kit / 'models.config').read_text(), config)
    (model,) = config.model_config_list.config
    return model


def labels(kit):
    return dict(model_config(kit).version_labels)


def loaded(kit):
    return list(model_config(kit).model_version_policy.specific.versions)


def test_the_model_config(tmp_path, tiny_card, export_dir):
    write_kit(tmp_path / 'kit', tiny_card, export_dir / '2')
    model = model_config(tmp_path / 'kit')
    assert model.name == 'tiny'
    assert model.base_path == f'{export_dir}'
    assert model.model_platform == 'tensorflow'
    assert list(model.model_version_policy.specific.versions) == [1, 2]
    assert dict(model.version_labels) == {'stable': 1}


def test_the_first_version_is_both(tmp_path, tiny_card, export_dir):
    (export_dir / '2').rmdir()
    write_kit(tmp_path / 'kit', tiny_card, export_dir / '1')
    assert labels(tmp_path / 'kit') == {'stable': 1}
    assert list(model_config(tmp_path / 'kit').model_version_policy.specific.versions) == [1]


def test_a_new_version_is_a_canary_until_somebody_promotes_it(tmp_path, tiny_card, export_dir):
    kit = tmp_path / 'kit'
    write_kit(kit, tiny_card, export_dir / '2')
    for number in (3, 4):
        (export_dir / f'{number}').mkdir()
        write_kit(kit, tiny_card, export_dir / f'{number}')
        assert (labels(kit), loaded(kit)) == ({'stable': 1}, [1, number])
    config = kit / 'models.config'
    config.write_text(config.read_text().replace('"stable" value: 1', '"stable" value: 4'))
    (export_dir / '5').mkdir()
    write_kit(kit, tiny_card, export_dir / '5')
    assert (labels(kit), loaded(kit)) == ({'stable': 4}, [4, 5])
    (export_dir / '4').rmdir()
    write_kit(kit, tiny_card, export_dir / '5')
    assert (labels(kit), loaded(kit)) == ({'stable': 3}, [3, 5])


def test_an_older_number_is_the_canary_too(tmp_path, tiny_card, export_dir):
    """`export.py --version=1`, say, where 2 and 3 are there."""
    (export_dir / '3').mkdir()
    write_kit(tmp_path / 'kit', tiny_card, export_dir / '1')
    assert labels(tmp_path / 'kit') == {'stable': 3}
    assert list(model_config(tmp_path / 'kit').model_version_policy.specific.versions) == [1, 3]


def test_what_a_person_changed_stays(tmp_path, tiny_card, export_dir):
    kit = tmp_path / 'kit'
    write_kit(kit, tiny_card, export_dir / '2')
    script = (kit / 'serve.sh').read_text().replace('2.15.1', '2.15.1-gpu')
    (kit / 'serve.sh').write_text(script)
    (kit / 'batching.config').write_text(f'# {MARK}\nmax_batch_size {{ value: 99 }}\n')
    config = (kit / 'models.config').read_text()
    label, other = (
        ' version_labels { key: "study" value: 2 }\n',
        '  config { name: "brain" base_path: "/brain" }\n}\n',
    )
    config = config.replace('    version_labels', label + '    version_labels')
    (kit / 'models.config').write_text(config.rstrip().removesuffix('}') + other)
    (export_dir / '3').mkdir()
    write_kit(kit, tiny_card, export_dir / '3')
    served = text_format.Parse((kit / 'models.config').read_text(), ModelServerConfig())
    ours, brain = served.model_config_list.config
    assert dict(ours.version_labels) == {'stable': 1, 'study': 2}
    assert list(ours.model_version_policy.specific.versions) == [1, 2, 3]
    assert (brain.name, brain.base_path) == ('brain', '/brain')
    assert (kit / 'serve.sh').read_text() == script
    assert batching(kit) == {'max_batch_size': 99}


def test_a_kit_of_another_model_is_left_alone(tmp_path, tiny_card, export_dir):
    kit = tmp_path / 'kit'
    write_kit(kit, tiny_card, export_dir / '2')
    before = (kit / 'models.config').read_text()
    for card, folder in (
        (dataclasses.replace(tiny_card, name='other'), export_dir),
        (tiny_card, tmp_path / 'elsewhere'),
    ):
        (folder / '2').mkdir(parents=True, exist_ok=True)
        with pytest.raises(UserError, match='name another --serving_kit'):
            write_kit(kit, card, folder / '2')
    assert (kit / 'models.config').read_text() == before


def test_the_script_is_one_docker_line_with_these_paths(tmp_path, tiny_card, export_dir):
    kit = tmp_path / "my kit's"
    write_kit(kit, tiny_card, export_dir / '2')
    fake = tmp_path / 'bin' / 'docker'
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\nfor argument; do printf "%s\\n" "$argument"; done\n')
    fake.chmod(0o755)
    done = subprocess.run(
        [kit / 'serve.sh', '--enable_batching'],
        env={'PATH': f'{fake.parent}:/usr/bin:/bin'},
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    arguments = done.stdout.splitlines()
    assert arguments[:2] == ['run', '--rm']
    assert '--init' in arguments
    assert arguments[arguments.index('--entrypoint') + 1] == 'tensorflow_model_server'
    # The image's own entry point would have named the ports.
    image = arguments.index('tensorflow/serving:2.15.1')
    assert {'--port=8500', '--rest_api_port=8501'} < set(arguments[image:])
    assert f'{export_dir}:{export_dir}:ro' in arguments
    assert f'{kit}:{kit}:ro' in arguments
    assert f'--model_config_file={kit}/models.config' in arguments
    assert f'--monitoring_config_file={kit}/monitoring.config' in arguments
    assert '127.0.0.1:8501:8501' in arguments
    assert arguments[-1] == '--enable_batching'


def batching(kit):
    """The fields of batching.config as text protos are written: `name { value: x }`."""
    lines = (kit / 'batching.config').read_text().splitlines()
    fields = [line for line in lines if line and not line.startswith('#')]
    return {line.split()[0]: json.loads(line.split()[3]) for line in fields}


def test_batching_takes_large_requests_and_says_why(tmp_path, tiny_card, export_dir):
    """The server's proto of it is in no package, so its syntax is read by hand."""
    write_kit(tmp_path / 'kit', tiny_card, export_dir / '2')
    values = batching(tmp_path / 'kit')
    assert values['max_batch_size'] >= 64
    assert values['enable_large_batch_splitting'] is True
    assert values['max_execution_batch_size'] == 1
    assert values['max_enqueued_batches'] >= values['max_batch_size']
    # As serve.sh has it: 64 slices take 35 s on two cores, and the server gives up after 300 s.
    assert values['max_enqueued_batches'] * 35 / 64 <= 300
    lines = (tmp_path / 'kit' / 'batching.config').read_text().splitlines()
    for before, line in itertools.pairwise(lines):
        assert line.startswith('#') or not line or before.startswith('#'), f'no reason: {line}'


def test_the_example_requests_are_answered(tmp_path, tiny_card, exported, served):
    write_kit(tmp_path / 'kit', tiny_card, exported)
    answered = set()
    for path in (tmp_path / 'kit' / 'requests').iterdir():
        request = json.loads(path.read_text())
        ((name, value),) = request['inputs'].items()
        if isinstance(value[0], dict):
            value = [base64.b64decode(one['b64']) for one in value]
        dtype = tf.string if isinstance(value[0], str | bytes) else tf.float32
        signature = served[request['signature_name']]
        (answer,) = signature(**{name: tf.constant(value, dtype)}).values()
        assert len(answer) == 1
        answered.add(request['signature_name'])
    assert answered == set(served)


def test_curl_lines_name_files_that_exist(tmp_path, tiny_card, export_dir):
    kit = tmp_path / 'my kit'
    write_kit(kit, tiny_card, export_dir / '2')
    guide = (kit / 'SERVING.md').read_text()
    lines = [line for line in guide.splitlines() if line.startswith('    curl -d @')]
    assert len(lines) >= 5
    for line in lines:
        words = shlex.split(line)
        assert (tmp_path / words[2].removeprefix('@')).exists()
        assert words[3].startswith('http://localhost:8501/v1/models/tiny')
        assert words[3].endswith(':predict')
    assert 'Not for diagnosis' in guide
    assert '$' not in guide.replace('spine $HOME', '')


def test_files_of_somebody_else_are_left_alone(tmp_path, tiny_card, export_dir):
    kit = tmp_path / 'kit'
    kit.mkdir()
    for name in ('serve.sh', 'SERVING.md'):
        (kit / name).write_text('mine')
    with pytest.raises(UserError) as caught:
        write_kit(kit, tiny_card, export_dir / '2')
    assert len(caught.value.problems) == 2
    assert sorted(path.name for path in kit.iterdir()) == ['SERVING.md', 'serve.sh']
    assert (kit / 'serve.sh').read_text() == 'mine'


def test_a_model_config_that_was_broken_by_hand(tmp_path, tiny_card, export_dir):
    kit = tmp_path / 'kit'
    write_kit(kit, tiny_card, export_dir / '2')
    (kit / 'models.config').write_text(f'# {MARK}\nmodel_config_list {{')
    with pytest.raises(UserError, match='a model config'):
        write_kit(kit, tiny_card, export_dir / '2')


def test_hu_of_the_example_are_whole(tmp_path, tiny_card, export_dir):
    write_kit(tmp_path / 'kit', tiny_card, export_dir / '2')
    request = json.loads((tmp_path / 'kit' / 'requests' / 'hu.json').read_text())
    hu = np.array(request['inputs']['hu'])
    assert hu.shape == (1, 12, 12, 1)
    assert (hu.min(), hu.max()) == (-200, 600)
