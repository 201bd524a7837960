"""Flags of `synthesize`: what is wrong is told at once, and the plane follows the model card."""

import pytest

from ct2mr_tf.cli import synthesize_flags
from ct2mr_tf.imaging.pairing_rules import PairingOptions

SYNTHESIZE = ('-m', 'ct2mr_tf.cli.synthesize')


@pytest.mark.parametrize(
    ('given', 'told'),
    [
        ((), ['--ct', '--landmarks', '--out', '--saved_model, --server', 'neither']),
        (
            ('--ct=/nowhere', '--landmarks=/nowhere', '--out=x', '--saved_model=/nowhere',
             '--server=http://localhost:1', '--levels=L9', '--min_half_side_mm=90',
             '--workers=-1'),
            ['--ct', '--landmarks', '--saved_model', 'both', '--levels', 'max_half_side_mm',
             'workers must not'],
        ),
        (
            ('--saved_model=/nowhere', '--version=3', '--label=stable'),
            ['--version, --label', 'with --saved_model', 'nothing at this path'],
        ),
        (('--server=http://a', '--version=3', '--label=x'), ['--version, --label', 'both']),
        (('--out=x', '--keep_map=x/map'), ['--keep_map', 'inside of --out']),
        (('--volum',), ['--volum', 'no such flag', 'volume', '--ct', '--saved_model, --server']),
    ],
)  # fmt: skip
def test_wrong_flags_are_told_together(given, told, warm_command):
    done = warm_command(*SYNTHESIZE, *given)
    assert done.returncode == 2
    assert 'Traceback' not in done.stderr
    assert not [part for part in told if part not in done.stderr]
    assert '/nowhere' not in done.stderr


def test_help_tells_the_flags(command):
    done = command(*SYNTHESIZE, '--help')
    assert done.returncode == 0
    own = ('--ct:', '--[no]volume', '--plane:', '--[no]anonymize', '--saved_model:')
    for flag in (*own, '--key_file:', '--max_step_mm:', '--max_padding_share:', '--workers:'):
        assert flag in done.stdout


@pytest.mark.parametrize(
    ('plane', 'trained_on', 'ct_plane'),
    [
        (None, 'mr', 'mr'),
        (None, 'slice', 'slice'),
        (None, 'unknown', 'auto'),
        ('disc', 'slice', 'mr'),
        ('slice', 'mr', 'slice'),
        ('auto', 'mr', 'auto'),
    ],
)
def test_the_plane_is_the_one_asked_for_or_that_of_training(plane, trained_on, ct_plane):
    options = PairingOptions(max_step_mm=2.0)
    chosen = synthesize_flags.with_plane(options, plane, trained_on)
    assert (chosen.ct_plane, chosen.max_step_mm) == (ct_plane, 2.0)
