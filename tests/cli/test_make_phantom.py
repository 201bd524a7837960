"""The command as a person runs it, and the way from its studies to a prepared data set."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from folder_trees import tree

from ct2mr_tf.data.examples import load_examples, read_pair
from ct2mr_tf.data.truth import load_truth
from ct2mr_tf.phantom.tissues import Tissue

MAKE = ('-m', 'ct2mr_tf.cli.make_phantom')
PAIRS = ('--kind=pairs', '--patients=3', '--size=32', '--seed=5')
STUDIES = (
    '--patients=2', '--size=32', '--ct_matrix=64', '--ct_step_mm=2.5', '--mr_matrix=64',
)  # fmt: skip


@pytest.fixture(scope='module')
def pairs(command, tmp_path_factory):
    out = tmp_path_factory.mktemp('pairs') / 'set'
    done = command(*MAKE, f'--out={out}', *PAIRS, '--workers=1')
    assert done.returncode == 0, done.stderr
    return out, done


@pytest.fixture(scope='module')
def studies(command, tmp_path_factory):
    out = tmp_path_factory.mktemp('studies') / 'phantoms'
    done = command(*MAKE, f'--out={out}', *STUDIES, '--workers=2')
    assert done.returncode == 0, done.stderr
    return out


def test_pairs_are_a_prepared_data_set_with_truth(pairs):
    out, done = pairs
    assert done.stderr == ''
    examples = load_examples(out, required=('train', 'val', 'test'))
    truth = load_truth(out / 'truth')
    table = pd.read_csv(out / 'pairs.csv', index_col='pair_id')
    ids = [pair_id for split in examples.values() for pair_id in split.pair_ids]
    assert sorted(ids) == sorted(table.index) == sorted(truth.floor_mae)
    assert done.stdout.startswith(f'3 patients, {len(ids)} pairs')
    assert (table.plane_angle_deg == 0).all()
    assert table.pixel_mm.to_numpy() == pytest.approx(2 * table.half_side_mm / 32, abs=1e-5)
    assert table.body_ventral_mm.to_numpy() == pytest.approx(table.half_side_mm, abs=1e-3)
    assert ((table.body_left_mm > 15) & (table.body_left_mm < table.half_side_mm)).all()
    assert ((table.body_right_mm > 15) & (table.body_right_mm < table.half_side_mm)).all()
    for split in examples.values():
        for path in split.paths:
            assert hashlib.sha256(path.read_bytes()).hexdigest() == table.sha256[path.stem]
            assert truth.labels(path.stem, (32, 32)).max() < len(truth.tissues)


def test_any_number_of_workers_writes_the_same_bytes(command, pairs, tmp_path):
    done = command(*MAKE, f'--out={tmp_path}/set', *PAIRS, '--workers=2')
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / 'set') == tree(pairs[0])


def test_the_same_command_again_does_nothing(warm_command, pairs):
    out, _ = pairs
    before = {path: path.stat().st_mtime_ns for path in out.rglob('*')}
    done = warm_command(*MAKE, f'--out={out}', *PAIRS)
    assert (done.returncode, done.stderr) == (0, '')
    assert 'already' in done.stdout
    assert {path: path.stat().st_mtime_ns for path in out.rglob('*')} == before


def test_phantoms_of_another_version_are_not_taken_for_todays(warm_command, tmp_path):
    text = '{"kind": "pairs", "patients": 3, "seed": 5, "size": 32}'
    (tmp_path / 'phantom.json').write_text(text)
    done = warm_command(*MAKE, f'--out={tmp_path}', *PAIRS)
    assert done.returncode == 2
    assert 'version unknown' in done.stderr and 'delete the folder' in done.stderr


def test_everything_wrong_is_told_at_once(warm_command, pairs):
    out, _ = pairs
    done = warm_command(
        *MAKE, '--kind=pairs', '--size=30', '--jitter_mm=1', '--ct_matrix=64', '--ou=x'
    )
    assert done.returncode == 2
    assert done.stderr.startswith('5 problems:')
    for name in ('--out', '--size', '--jitter_mm', '--ct_matrix', '--ou'):
        assert f'  {name}\n' in done.stderr
    before = tree(out)
    done = warm_command(
        *MAKE, f'--out={out}', '--kind=pairs', '--size=32', '--seed=5', '--patients=4'
    )
    assert done.returncode == 2
    assert 'patients 3' in done.stderr
    assert 'Traceback' not in done.stderr
    assert tree(out) == before


def test_studies_become_pairs_with_the_names_of_the_truth(warm_command, studies, tmp_path):
    out = tmp_path / 'set'
    done = warm_command(
        '-m', 'ct2mr_tf.cli.prepare', 'build', f'--dicom_root={studies}/dicom',
        f'--landmarks={studies}/landmarks', f'--key_file={studies}/pseudonyms.key',
        f'--out={out}', '--size=32', '--workers=1',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    examples = load_examples(out, required=('train',))
    truth = load_truth(studies / 'truth')
    ids = [pair_id for split in examples.values() for pair_id in split.pair_ids]
    assert sorted(ids) == sorted(truth.floor_mae)
    for split in examples.values():
        for path in split.paths:
            ct, mr = (half.astype(float) for half in read_pair(path))
            labels = truth.labels(path.stem, (32, 32))
            fat = np.isin(labels, (Tissue.DEEP_FAT, Tissue.EPIDURAL_FAT))
            muscle = np.isin(labels, (Tissue.PARASPINAL_MUSCLE, Tissue.PSOAS))
            # Dark on CT and bright on MR, and muscle the other way round.
            assert ct[fat].mean() < ct[muscle].mean() - 10
            assert mr[fat].mean() > mr[muscle].mean() + 60


def test_the_key_is_for_its_owner_only(studies):
    assert (studies / 'pseudonyms.key').stat().st_mode & 0o777 == 0o600
