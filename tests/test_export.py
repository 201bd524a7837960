"""`export.py` as a person runs it: what it writes, prints and refuses."""

import json
import os
import pathlib
import re
import shutil

import numpy as np
import pandas as pd
import pytest

from ct2mr_tf.config import Config, save_config
from ct2mr_tf.data.examples import read_pair

SIZE = (16, 24)
WINDOW = {'ct_low_hu': -150.0, 'ct_high_hu': 250.0}


def with_window(data_dir, **columns):
    """Adds columns to the table of a data set."""
    table = pd.read_csv(data_dir / 'pairs.csv').assign(**columns)
    table.to_csv(data_dir / 'pairs.csv', index=False)
    return data_dir


@pytest.fixture(scope='module')
def run_folder(tiny_set, tmp_path_factory):
    """A run of one validation, whose newest checkpoint has other weights than its best."""
    from ct2mr_tf.training.run_folder import write_metrics
    from ct2mr_tf.training.state import create_train_state, save_best, save_checkpoint

    folder = tmp_path_factory.mktemp('exported')
    data_dir = with_window(tiny_set(folder / 'set', SIZE), **WINDOW, ct_plane='mr')
    config = Config(
        data_dir=str(data_dir), image_size=SIZE, ngf=4, ndf=4, blocks=1, n_layers=2, num_steps=5
    )
    workdir = folder / 'run'
    state = create_train_state(config)
    state.step.assign(3)
    save_best(state, workdir)
    write_metrics(workdir, 3, {'mae': 30.5, 'pearson': float('nan')}, best=True)
    state.step.assign(5)
    state.generator.weights[-1].assign([0.5])
    save_checkpoint(state, workdir)
    save_config(config, workdir)
    return workdir


@pytest.fixture(scope='module')
def exported(run_folder, command, warm_command):
    """Two exports: the best, and the newest as version 9, with everything there is."""
    pytest.importorskip('onnxruntime', reason='the extra onnx is not installed')
    models = run_folder.parent / 'models'
    best = command('export.py', f'--workdir={run_folder}', f'--export_dir={models}')
    assert best.returncode == 0, best.stderr
    everything = ('--name=spine', f'--serving_kit={models.parent / "kit"}', '--version=9')
    everything += (f'--onnx={models.parent / "model.onnx"}', '--max_side=48')
    everything += ('--precision=bfloat16',)
    newest = warm_command(
        'export.py',
        f'--workdir={run_folder}',
        f'--export_dir={models}',
        '--checkpoint=newest',
        *everything,
    )
    assert newest.returncode == 0, newest.stderr
    return models, best, newest


def refused(warm_command, *arguments):
    done = warm_command('export.py', *arguments)
    assert done.returncode == 2, done.stderr
    assert 'Traceback' not in done.stderr
    return done.stderr


def card_of(version):
    return json.loads((version / 'assets.extra' / 'model_card.json').read_text())


def test_the_card_tells_the_run(exported, run_folder):
    from ct2mr_tf.data.examples import load_examples
    from ct2mr_tf.data.fingerprint import describe_data_set

    card = card_of(exported[0] / '1')
    assert card['name'] == 'ct2mr'
    assert card['ct_window'] == {'low_hu': -150, 'high_hu': 250}
    assert card['crop']['ct_plane'] == 'mr'
    assert card['picture'] == {'height': 16, 'width': 24}
    assert card['checkpoint'] == {'which': 'best', 'step': 3}
    assert card['validation'] == {'mae': 30.5, 'pearson': None}
    data_dir = run_folder.parent / 'set'
    examples = load_examples(data_dir, ('val',))
    assert card['data_set'] == describe_data_set(data_dir, examples)
    assert card['config']['ngf'] == 4
    assert re.fullmatch('[0-9a-f]{64}', card['model_sha256'])


def test_the_newest_is_another_model_without_metrics(exported):
    best, newest = (card_of(exported[0] / name) for name in ('1', '9'))
    assert newest['name'] == 'spine'
    assert newest['checkpoint'] == {'which': 'newest', 'step': 5}
    assert newest['validation'] == {}
    assert newest['limits']['largest_side'] == 48
    assert (best['config']['precision'], newest['config']['precision']) == ('float32', 'bfloat16')
    assert newest['model_sha256'] != best['model_sha256']


def test_the_exported_model_is_the_runs(exported, run_folder):
    from ct2mr_tf.config import load_config
    from ct2mr_tf.serving.saved_model import LocalModel
    from ct2mr_tf.training.state import restore_generator

    ct, _ = read_pair(run_folder.parent / 'set' / 'test' / 'test_00.png')
    for name, which in (('1', 'best'), ('9', 'newest')):
        generator, _ = restore_generator(load_config(run_folder), run_folder, which)
        values = generator(ct[np.newaxis, ..., np.newaxis].astype(np.float32) / 127.5 - 1)
        mr = LocalModel(exported[0] / name).synthesize(ct[np.newaxis])
        # Rounded; the newest was exported in bfloat16, whose mantissa has 8 bits.
        close = {'best': 0.501, 'newest': 3}[which]
        assert np.abs(mr[0] - (values.numpy()[0, ..., 0] + 1) * 127.5).max() < close


def test_what_is_printed_names_the_version(exported):
    models, best, newest = exported
    assert f'best generator, of step 3: {models / "1"}' in best.stdout
    assert card_of(models / '1')['model_sha256'] in best.stdout
    assert '2 validation pairs' in best.stdout
    assert 'serve.sh' in newest.stdout
    assert 'Assets written' not in best.stderr


def test_nothing_names_the_folder_of_the_data(exported, run_folder):
    for path in exported[0].rglob('*'):
        if path.is_file():
            assert os.fsencode(run_folder.parent) not in path.read_bytes()


def test_the_kit_and_the_onnx_file(exported):
    folder = exported[0].parent
    assert '"stable" value: 1' in (folder / 'kit' / 'models.config').read_text()
    assert 'versions: [1, 9]' in (folder / 'kit' / 'models.config').read_text()
    assert (folder / 'model.onnx').stat().st_size > 10_000


def test_flags_are_checked_together_and_without_tensorflow(command):
    done = command('-X', 'importtime', 'export.py', '--name=a/b', '--onx=x')
    assert done.returncode == 2
    for flag in ('--workdir', '--export_dir', '--name', '--onx'):
        assert f'  {flag}\n' in done.stderr
    assert 'tensorflow' not in {line.rpartition('|')[2].strip() for line in done.stderr.split('\n')}


def test_a_run_without_a_checkpoint_is_never_random_weights(warm_command, run_folder, tmp_path):
    workdir = tmp_path / 'run'
    workdir.mkdir()
    shutil.copy(run_folder / 'config.json', workdir)
    for which in ('best', 'newest'):
        said = refused(
            warm_command,
            f'--workdir={workdir}',
            f'--export_dir={tmp_path}/m',
            f'--checkpoint={which}',
        )
        assert 'no checkpoint' in said
    assert not (tmp_path / 'm').exists()
    assert 'config.json' in refused(
        warm_command, f'--workdir={tmp_path}', f'--export_dir={tmp_path}/m'
    )


def test_the_window_of_the_pictures_must_be_known(warm_command, run_folder, tiny_set, tmp_path):
    """Where the table does not tell, the flags must; where it does, they may not say otherwise."""
    plain = tiny_set(tmp_path / 'plain', SIZE)
    arguments = (f'--workdir={run_folder}', f'--export_dir={tmp_path}/m')
    said = refused(warm_command, *arguments, f'--data_dir={plain}')
    assert 'found:    no CT window' in said
    assert '--ct_window_low' in said
    table = pd.read_csv(plain / 'pairs.csv')
    several = with_window(plain, ct_low_hu=-100 - table.index.to_numpy(), ct_high_hu=300)
    assert '4 CT windows' in refused(warm_command, *arguments, f'--data_dir={several}')
    one = refused(warm_command, *arguments, f'--data_dir={plain}', '--ct_window_low=-100')
    assert '-100.0 and None' in one
    contradiction = (*arguments, '--ct_window_low=-100', '--ct_window_high=300')
    assert '-150 to 250 HU, as' in refused(warm_command, *contradiction)
    done = warm_command('export.py', *contradiction, f'--data_dir={plain}')
    assert done.returncode == 0, done.stderr
    assert card_of(tmp_path / 'm' / '1')['ct_window'] == {'low_hu': -100, 'high_hu': 300}


def test_a_moved_data_set_is_named(warm_command, run_folder, tmp_path):
    workdir = tmp_path / 'run'
    shutil.copytree(run_folder, workdir)
    config = json.loads((workdir / 'config.json').read_text())
    (workdir / 'config.json').write_text(json.dumps({**config, 'data_dir': '/moved/away'}))
    said = refused(warm_command, f'--workdir={workdir}', f'--export_dir={tmp_path}/m')
    assert '/moved/away\n    found:    no such folder' in said
    assert 'in --data_dir' in said


def test_a_data_set_that_is_not_the_runs(warm_command, run_folder, tmp_path):
    from ct2mr_tf.training.run_folder import DATA_FILE

    workdir = tmp_path / 'run'
    shutil.copytree(run_folder, workdir)
    (workdir / DATA_FILE).write_text(json.dumps({'sha256': '0' * 64}))
    said = refused(warm_command, f'--workdir={workdir}', f'--export_dir={tmp_path}/m')
    assert '--data_dir\n    found:    a data set of hash' in said
    assert not (tmp_path / 'm').exists()


def test_limits_that_leave_out_the_training_pictures(warm_command, run_folder, tmp_path):
    said = refused(
        warm_command, f'--workdir={run_folder}', f'--export_dir={tmp_path}/m', '--max_side=20'
    )
    assert 'at least 24' in said


def test_a_limit_that_wraps_round_in_32_bits(warm_command, run_folder, tmp_path):
    said = refused(
        warm_command, f'--workdir={run_folder}', f'--export_dir={tmp_path}/m', f'--max_side={2**31}'
    )
    assert '--max_side=2147483648' in said
    assert not (tmp_path / 'm').exists()


def test_an_existing_version(warm_command, exported, run_folder, tmp_path):
    said = refused(
        warm_command,
        f'--workdir={run_folder}',
        f'--export_dir={exported[0]}',
        '--version=1',
        f'--onnx={tmp_path}/model.onnx',
    )
    assert 'a version that exists' in said
    assert list(tmp_path.iterdir()) == []
    assert sorted(path.name for path in pathlib.Path(exported[0]).iterdir()) == ['.lock', '1', '9']


def test_nothing_is_published_when_another_file_cannot_be_written(
    warm_command, run_folder, tmp_path
):
    models = tmp_path / 'models'
    run_to = (f'--workdir={run_folder}', f'--export_dir={models}')
    said = refused(warm_command, *run_to, '--serving_kit=/proc/kit')
    assert '/proc/kit' in said
    (tmp_path / 'mine.onnx').write_text('mine')
    said = refused(warm_command, *run_to, f'--onnx={tmp_path}/mine.onnx')
    assert 'there already' in said
    assert (tmp_path / 'mine.onnx').read_text() == 'mine'
    assert not models.exists()
