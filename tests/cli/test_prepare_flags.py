"""Flags of `prepare`, as a person meets them: what is wrong is told at once, --help is true."""

import os
import re

import pytest
from study_builders import Study, write_study

PREPARE = ('-m', 'ct2mr_tf.cli.prepare')


@pytest.mark.parametrize(
    ('given', 'told'),
    [
        ((), ['first argument', 'scan or build']),
        (('bild',), ['first argument', 'bild']),
        (('scan',), ['--dicom_root']),
        (
            ('build', '--dicom_root=/nowhere', '--ot=x'),
            ['--dicom_root', '--out', '--landmarks, --pairs', '--ot\n'],
        ),
        (('scan', '--landmarks=x'), ['--landmarks', 'no such flag', '--dicom_root', '2 problems']),
        (
            ('build', '--dicom_root=/', '--out=x', '--landmarks=/', '--size=400000'),
            ['size must be a multiple of 4, 4 to 2048, got 400000'],
        ),
        (
            ('build', '--dicom_root=/', '--out=x', '--landmarks=/', '--size=30', '--max_days=-1',
             '--ct_window_low=9', '--ct_window_high=1', '--split_fractions=1,2', '--workers=-2',
             '--exclude=/nowhere', '--ct_series=(', '--keep_map=x/map'),
            ['size must be', 'max_days must be', 'a window must rise', 'fractions must be',
             'workers must not', '--exclude', 'ct_series is no regular', '--keep_map'],
        ),
    ],
)  # fmt: skip
def test_wrong_flags_are_told_together(warm_command, given, told):
    run = warm_command(*PREPARE, *given)
    assert run.returncode == 2
    assert 'Traceback' not in run.stderr
    for part in told:
        assert part in run.stderr
    assert '/nowhere' not in run.stderr


def test_help_tells_the_flags_of_a_subcommand(command):
    assert 'prepare scan' in command(*PREPARE, '--help').stdout
    of_scan, of_build = (command(*PREPARE, name, '--help').stdout for name in ('scan', 'build'))
    assert '--[no]sheets' in of_scan and '--landmarks:' not in of_scan
    assert '--landmarks:' in of_build and '--max_angle_deg' in of_build


def test_every_flag_that_the_guide_names_exists(command, root):
    guide = (root / 'datasets' / 'lumbar' / 'README.md').read_text()
    told = ''.join(command(*PREPARE, name, '--help').stdout for name in ('scan', 'build'))
    named = set(re.findall(r'--([a-z_]+)', guide)) - {'flagfile', 'data_dir', 'workdir'}
    assert len(named) > 15
    assert not {name for name in named if f'--{name}:' not in told and f']{name}:' not in told}


def test_a_place_that_cannot_be_written_to_is_no_bug(warm_command, tmp_path):
    (tmp_path / 'file').write_text('')
    given = {
        'dicom_root': tmp_path,
        'key_file': tmp_path / 'key',
        'out': tmp_path / 'file' / 'below',
    }
    write_study(tmp_path, Study('one', size=8, spacing=10.0, ct_step=40.0))
    run = warm_command(*PREPARE, 'scan', *(f'--{name}={path}' for name, path in given.items()))
    assert run.returncode == 2
    assert 'Not a directory' in run.stderr or 'File exists' in run.stderr
    assert 'Traceback' not in run.stderr


@pytest.mark.parametrize('place', ['nowhere/map.csv', '.'])
def test_a_map_that_cannot_be_kept_is_told_before_anything_is_read(warm_command, tmp_path, place):
    run = warm_command(
        *PREPARE, 'scan', f'--dicom_root={tmp_path}', f'--key_file={tmp_path}/key',
        f'--out={tmp_path}/out.csv', f'--keep_map={tmp_path}/{place}', '--workers=-1',
    )  # fmt: skip
    assert run.returncode == 2
    assert '--keep_map' in run.stderr and 'workers must not' in run.stderr
    assert not (tmp_path / 'key').exists()


@pytest.mark.parametrize(
    ('out', 'kept', 'told'),
    [
        ('inventory.csv', 'key', 'the file of --key_file'),
        ('inventory.csv', 'points.csv', 'a file of something else'),
        ('key', 'map.csv', 'the file of --key_file'),
        ('points.csv', 'map.csv', 'a file of something else'),
        ('pipe', 'map.csv', 'a device, pipe or socket'),
        ('inventory.csv', 'pipe', 'a device, pipe or socket'),
    ],
)
def test_no_other_file_is_written_over(warm_command, tmp_path, out, kept, told):
    (tmp_path / 'points.csv').write_text('patient,modality,level,point,x,y,z\n')
    os.mkfifo(tmp_path / 'pipe')
    run = warm_command(
        *PREPARE, 'scan', f'--dicom_root={tmp_path}', f'--key_file={tmp_path}/key',
        f'--out={tmp_path}/{out}', f'--keep_map={tmp_path}/{kept}',
    )  # fmt: skip
    assert run.returncode == 2
    assert told in run.stderr
    assert {path.name for path in tmp_path.iterdir()} == {'pipe', 'points.csv'}
