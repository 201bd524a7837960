"""The benchmark as a person runs it, with networks of a few channels."""

import json

import pytest

TINY = (
    *('--image_size=16', '--ngf=2', '--ndf=2', '--blocks=1', '--n_layers=2', '--batch_size=2'),
    *('--repeats=2', '--precision=float32'),
    # A call of the loop lasts three seconds, or as many steps as this allows.
    '--steps_per_loop=4',
)


@pytest.fixture(scope='module')
def result(command, tmp_path_factory):
    """The JSON and the printed text of all that is timed in turn, but for PyTorch."""
    out = tmp_path_factory.mktemp('benchmark') / 'benchmark.json'
    parts = [f'--parts={part}' for part in ('step', 'loop', 'pipeline', 'inference')]
    done = command('-m', 'ct2mr_tf.cli.benchmark', *TINY, *parts, f'--out={out}', timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text()), done.stdout


def test_every_part_is_measured_in_both_precisions(result):
    found, _ = result
    both = [
        f'{kind} {precision}{rest}'
        for precision in ('float32', 'bfloat16')
        for kind, rest in (
            *(('product', ''), ('step', ''), ('loop', '')),
            *(('keras', ' 1'), ('keras', ' 8'), ('served', ' 1'), ('served', ' 8')),
        )
    ]
    assert set(found['times_s']) == {*both, 'pipeline'}
    for seconds in found['times_s'].values():
        assert len(seconds) == found['repeats'] == 2
        assert min(seconds) > 0
    rows = {row['what']: row['value'] for row in found['table']}
    assert rows['pipeline alone'] > 10


def test_machine_load_and_configuration_are_written_down(result):
    found, _ = result
    assert found['machine']['tensorflow'].startswith('2.15')
    assert set(found['load_average']) == {'before', 'after'}
    assert found['config']['ngf'] == 2
    assert found['config']['data_dir'] == ''


def test_the_table_is_printed(result):
    found, text = result
    for row in found['table']:
        assert any(line.startswith(row['what']) for line in text.splitlines())


def test_one_part_alone(warm_command, tmp_path, tiny_set):
    data = tiny_set(tmp_path / 'set', size=(16, 16))
    done = warm_command(
        *('-m', 'ct2mr_tf.cli.benchmark', *TINY, '--parts=pipeline', '--also=none'),
        f'--data_dir={data}',
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()[3:]
    assert [line.split('  ')[0] for line in lines] == [
        'one slice needs',
        'one step needs',
        'float32: matrix product',
        'pipeline alone',
    ]


def test_wrong_flags_and_data_are_the_users(warm_command, tmp_path):
    for flags, said in (
        (('--ngf=0', '--repeat=1'), '2 problems'),
        (('--precision=float16',), 'no GPU'),
        (('--strategy=mirrored',), 'one device'),
        ((f'--data_dir={tmp_path}',), str(tmp_path)),
    ):
        done = warm_command('-m', 'ct2mr_tf.cli.benchmark', *TINY, '--parts=pipeline', *flags)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
        assert 'Traceback' not in done.stderr


def test_a_data_set_that_a_fresh_process_cannot_train_on(warm_command, tmp_path, tiny_set):
    """Trained on for the time to the first step, with a validation."""
    without_val = tiny_set(tmp_path / 'set', size=(16, 16), pairs={'train': 2})
    for data_dir, said in ((tmp_path / 'nowhere', 'no such folder'), (without_val, 'no pictures')):
        done = warm_command(
            *('-m', 'ct2mr_tf.cli.benchmark', *TINY, '--parts=start'), f'--data_dir={data_dir}'
        )
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
        assert 'Traceback' not in done.stderr
