"""The evaluate command, as a person runs it on a run folder: what it writes, prints and refuses."""

import shutil

import cv2
import numpy as np
import pandas as pd
import pytest

from ct2mr_tf.config import Config, save_config
from ct2mr_tf.data.examples import read_pair
from ct2mr_tf.data.truth import write_labels, write_truth_tables
from ct2mr_tf.evaluation.metrics import METRICS, slice_metrics

SIZE = (16, 24)
TISSUES = {0: 'air', 3: 'body'}
FLOORS = {'test_00': 2.0, 'test_01': 4.0}


@pytest.fixture(scope='module')
def run_folder(tiny_set, tmp_path_factory):
    """A phantom's data set, and the folder of a run that has only begun."""
    from ct2mr_tf.training.state import create_train_state, save_best, save_checkpoint

    folder = tmp_path_factory.mktemp('evaluated')
    data_dir = tiny_set(folder / 'set', SIZE)
    for pair_id in FLOORS:
        ct, _ = read_pair(data_dir / 'test' / f'{pair_id}.png')
        write_labels(data_dir / 'truth', pair_id, np.where(ct > 0, 3, 0).astype(np.uint8))
    write_truth_tables(data_dir / 'truth', TISSUES, FLOORS)
    config = Config(
        data_dir=str(data_dir), image_size=SIZE, ngf=4, ndf=4, blocks=1, n_layers=2, num_steps=1
    )
    workdir = folder / 'run'
    state = create_train_state(config)
    save_checkpoint(state, workdir)
    save_best(state, workdir)
    save_config(config, workdir)
    return workdir


@pytest.fixture(scope='module')
def evaluated(run_folder, command):
    done = command(
        '-m', 'ct2mr_tf.cli.evaluate', f'--workdir={run_folder}', '--split=test',
        f'--report={run_folder.parent / "report"}',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done, run_folder / 'evaluation' / 'test'


def refused(warm_command, *arguments):
    done = warm_command('-m', 'ct2mr_tf.cli.evaluate', *arguments)
    assert done.returncode == 2, done.stderr
    assert 'Traceback' not in done.stderr
    return done.stderr


def test_the_cases_are_the_generators(evaluated, run_folder):
    """Each case measured here anew, from the weights and the pictures on disk."""
    from ct2mr_tf.config import load_config
    from ct2mr_tf.training.state import restore_generator

    _, out = evaluated
    cases = pd.read_csv(out / 'cases.csv', index_col='pair_id')
    assert cases.index.tolist() == ['test_00', 'test_01']
    assert tuple(cases.columns) == METRICS
    config = load_config(run_folder)
    generator, _ = restore_generator(config, run_folder, 'best')
    for pair_id, row in cases.iterrows():
        ct, mr = read_pair(run_folder.parent / 'set' / 'test' / f'{pair_id}.png')
        values = generator(ct[np.newaxis, ..., np.newaxis].astype(np.float32) / 127.5 - 1)
        synthetic = np.rint((values.numpy()[0, ..., 0] + 1) * 127.5).astype(np.uint8)
        # A value half way between two grey levels may round either way in a graph.
        expected = slice_metrics(mr, synthetic)
        assert row['mae'] == pytest.approx(expected['mae'], abs=0.02)
        assert row['psnr_db'] == pytest.approx(expected['psnr_db'], abs=0.02)


def test_the_summary_holds_model_baselines_and_floor(evaluated):
    done, out = evaluated
    summary = pd.read_csv(out / 'summary.csv', index_col='predictor')
    cases = pd.read_csv(out / 'cases.csv')
    assert summary.index.tolist() == [
        'model',
        'mean MR',
        'CT itself',
        'lookup mean',
        'lookup median',
        'floor',
    ]
    assert summary.loc['model', 'mae_mean'] == pytest.approx(cases.mae.mean())
    assert summary.loc['model', 'mae_sd'] == pytest.approx(cases.mae.std())
    assert summary.loc['floor', 'mae_mean'] == 3
    # In the tiny set the MR follows from the CT, inverted: a lookup table is nearly perfect there.
    assert summary.loc['lookup median', 'mae_mean'] < summary.loc['mean MR', 'mae_mean']
    assert summary.loc['lookup median', 'mae_mean'] < summary.loc['CT itself', 'mae_mean']
    for predictor in summary.index:
        assert predictor in done.stdout


def test_baselines_are_fitted_on_the_training_split(evaluated, run_folder):
    _, out = evaluated
    data_dir = run_folder.parent / 'set'
    mean_mr = np.mean([read_pair(path)[1] for path in sorted((data_dir / 'train').iterdir())], 0)
    mae = [
        slice_metrics(read_pair(path)[1], np.rint(mean_mr).astype(np.uint8))['mae']
        for path in sorted((data_dir / 'test').iterdir())
    ]
    summary = pd.read_csv(out / 'summary.csv', index_col='predictor')
    assert summary.loc['mean MR', 'mae_mean'] == pytest.approx(np.mean(mae), abs=0.02)


def test_the_tissues_of_a_phantom(evaluated, run_folder):
    done, out = evaluated
    tissues = pd.read_csv(out / 'tissues.csv', index_col='tissue')
    assert tissues.index.tolist() == ['air', 'body']
    pairs = [read_pair(path) for path in sorted((run_folder.parent / 'set' / 'test').iterdir())]
    body = np.concatenate([mr[ct > 0] for ct, mr in pairs])
    share = 100 * body.size / sum(mr.size for _, mr in pairs)
    assert tissues.loc['body', 'share_percent'] == pytest.approx(share)
    assert tissues.loc['body', 'real_mean'] == pytest.approx(body.mean())
    assert 'of the way from the best baseline to the floor' in done.stdout


def test_the_sheet(evaluated):
    done, out = evaluated
    sheet = cv2.imread(str(out / 'sheet.png'))
    # A line of headings, and two cases of a line and a picture 16 pixels high, enlarged by 8.
    assert sheet.shape[0] == 18 + 2 * (18 + 16 * 8)
    assert str(out) in done.stdout


def test_a_folder_that_holds_no_run(warm_command, tmp_path):
    said = refused(warm_command, f'--workdir={tmp_path}')
    assert f'{tmp_path / "config.json"}\n    found:    no such file' in said
    assert '--workdir' in refused(warm_command)


def test_a_split_of_another_name(warm_command):
    assert 'train|val|test' in refused(warm_command, '--workdir=x', '--split=testing')


def test_another_data_set_with_bad_pictures(warm_command, run_folder, tiny_set, tmp_path):
    data_dir = tiny_set(tmp_path, SIZE, {'test': 2})
    (data_dir / 'test' / 'test_01.png').write_bytes(
        cv2.imencode('.png', np.zeros((16, 49), np.uint8))[1].tobytes()
    )
    said = refused(warm_command, f'--workdir={run_folder}', f'--data_dir={data_dir}')
    assert 'test/test_01.png\n    found:    49 pixels wide' in said


def test_a_picture_damaged_within(warm_command, run_folder, tiny_set, tmp_path):
    data_dir = tiny_set(tmp_path, SIZE, {'test': 2})
    path = data_dir / 'test' / 'test_00.png'
    damaged = bytearray(path.read_bytes())
    damaged[100] ^= 0xFF
    path.write_bytes(damaged)
    said = refused(warm_command, f'--workdir={run_folder}', f'--data_dir={data_dir}')
    assert 'test_00.png\n    found:    cannot be decoded' in said


def test_a_truth_that_is_not_there(warm_command, run_folder, tmp_path):
    said = refused(warm_command, f'--workdir={run_folder}', f'--truth={tmp_path / "nowhere"}')
    assert f'{tmp_path / "nowhere"}\n' in said


def test_patients_the_run_was_trained_on_are_not_measured(
    run_folder, tiny_set, warm_command, tmp_path
):
    other = tiny_set(tmp_path / 'other', SIZE)
    table = pd.read_csv(other / 'pairs.csv')
    trained = pd.read_csv(run_folder.parent / 'set' / 'pairs.csv').query("split == 'train'")
    table.loc[table.split == 'train', 'patient_id'] = 'somebody else'
    table.loc[table.split == 'test', 'patient_id'] = trained.patient_id.iloc[0]
    table.to_csv(other / 'pairs.csv', index=False)
    done = warm_command(
        '-m', 'ct2mr_tf.cli.evaluate', f'--workdir={run_folder}', f'--data_dir={other}'
    )
    assert done.returncode == 2
    assert 'in the test split, and trained on' in done.stderr


def test_the_report_holds_the_same_numbers(evaluated, run_folder):
    done, out = evaluated
    report = run_folder.parent / 'report'
    assert f'Report: {report}' in done.stdout
    for name in ('cases', 'summary', 'tissues'):
        written = (out / f'{name}.csv').read_text()
        assert (report / 'tables' / f'{name}.csv').read_text() == written
    page = (report / 'report.html').read_text(encoding='utf-8')
    mae = pd.read_csv(out / 'cases.csv').mae
    assert f'{mae.mean():.2f} ± {mae.std():.2f}' in page
    assert 'best generator, of step 0' in page
    assert 'phantoms, not patients' in page
    assert 'test: 2 pairs of 1 patient<' in page
    assert not [path for path in run_folder.parent.iterdir() if 'writing' in path.name]


def test_a_report_is_never_written_over(warm_command, run_folder, evaluated):
    report = run_folder.parent / 'report'
    before = (report / 'report.html').stat().st_mtime_ns
    said = refused(warm_command, f'--workdir={run_folder}', f'--report={report}')
    assert f'{report}\n    found:    something already' in said
    assert (report / 'report.html').stat().st_mtime_ns == before


def test_a_run_compared_with_itself(warm_command, run_folder, tmp_path):
    done = warm_command(
        '-m', 'ct2mr_tf.cli.evaluate', f'--compare={run_folder},{run_folder}',
        f'--report={tmp_path / "comparison"}',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = pd.read_csv(tmp_path / 'comparison' / 'tables' / 'comparison.csv', index_col='metric')
    assert (result.difference == 0).all() and (result.p == 1).all()
    assert 'neither' in done.stdout
    page = (tmp_path / 'comparison' / 'comparison.html').read_text(encoding='utf-8')
    assert 'Both have the same mean absolute error.' in page


def test_flags_that_do_not_belong_to_a_comparison(warm_command, run_folder):
    said = refused(warm_command, '--compare=a,b,c', f'--workdir={run_folder}', '--out=x', '--ot=y')
    for problem in ('3 run folders', '--workdir', '--out', '--ot\n'):
        assert problem in said


@pytest.mark.parametrize('report', ['run/evaluation/val', 'run/evaluation', 'apart'])
def test_a_report_in_the_way_of_the_tables(warm_command, run_folder, tmp_path, report):
    out = tmp_path / 'apart' / 'out' if report == 'apart' else ''
    run = tmp_path / 'run'
    shutil.copytree(run_folder, run, ignore=shutil.ignore_patterns('evaluation'))
    message = refused(
        warm_command,
        f'--workdir={run}',
        '--split=val',
        f'--report={tmp_path / report}',
        f'--out={out}',
    )
    assert 'a folder apart from --out' in message


def test_no_table_of_tissues_is_left_from_before(warm_command, run_folder, tiny_set, tmp_path):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/tissues.csv').write_text('of another evaluation')
    data_dir = tiny_set(tmp_path / 'set', SIZE)
    done = warm_command(
        '-m', 'ct2mr_tf.cli.evaluate', f'--workdir={run_folder}', f'--data_dir={data_dir}',
        '--split=val', f'--out={tmp_path / "out"}',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / 'out').iterdir()}
    assert names == {'cases.csv', 'summary.csv', 'sheet.png'}
