"""Flags of the export on their own: a window that flags and table tell, and what a card is made of.

The command itself is run in tests/test_export.py.
"""

import dataclasses
import json
import pathlib

import numpy as np
import pytest
from absl import flags

from ct2mr_tf.cli import export_flags
from ct2mr_tf.config import Config
from ct2mr_tf.data.examples import read_pair
from ct2mr_tf.data.picture_origin import PictureOrigin
from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.problems import UserError

TABLE = pathlib.Path('set/pairs.csv')
KNOWN = Window(-200, 600)


@pytest.fixture
def given(monkeypatch):
    """The function that sets the flags, as if they had been typed."""

    def parse(*arguments):
        values = flags.FlagValues()
        with monkeypatch.context() as patch:
            patch.setattr(flags, 'FLAGS', values)
            for name in ('string', 'enum', 'integer', 'float'):
                define = getattr(flags, f'DEFINE_{name}')
                patch.setattr(
                    flags,
                    f'DEFINE_{name}',
                    lambda *a, define=define, **k: define(*a, flag_values=values, **k),
                )
            export_flags.define_export_flags()
        values(['export.py', *arguments])
        monkeypatch.setattr(export_flags, 'FLAGS', values)

    return parse


def test_the_window_of_the_table(given):
    given()
    assert export_flags._ct_window((KNOWN,), TABLE) == KNOWN


@pytest.mark.parametrize('known', [(), (KNOWN, Window(0, 1)), (Window(-100, 300.5),)])
def test_the_window_of_the_flags(given, known):
    """Where the table has none or several, or the same."""
    given('--ct_window_low=-100', '--ct_window_high=300.5')
    assert export_flags._ct_window(known, TABLE) == Window(-100, 300.5)


@pytest.mark.parametrize(
    ('arguments', 'known', 'where', 'found'),
    [
        ((), (), 'set/pairs.csv', 'no CT window'),
        ((), (KNOWN, Window(0, 1)), 'set/pairs.csv', '2 CT windows'),
        (('--ct_window_low=0',), (), '--ct_window_low, --ct_window_high', '0.0 and None'),
        (('--ct_window_low=5', '--ct_window_high=5'), (), '--ct_window_low', '5.0 and 5.0'),
        (('--ct_window_low=0', '--ct_window_high=5'), (KNOWN,), '--ct_window_low', '0 to 5 HU'),
    ],
)
def test_windows_that_nobody_knows(given, arguments, known, where, found):
    given(*arguments)
    with pytest.raises(UserError) as caught:
        export_flags._ct_window(known, TABLE)
    (problem,) = caught.value.problems
    assert problem.where.startswith(where)
    assert problem.found == found


def test_what_flags_are_wrong_by_themselves(given, tmp_path):
    given('--name=spine/T2', '--export_dir=models')
    assert [problem.where for problem in export_flags.flag_problems()] == ['--workdir', '--name']


def test_a_folder_that_tensorflow_would_not_find_again(given, tmp_path):
    """Refused before anything is loaded: the export reads what it wrote."""
    given(f'--workdir={tmp_path}', '--export_dir=m[1]')
    (problem,) = export_flags.flag_problems()
    assert problem.where == '--export_dir=m[1]'
    assert 'takes for a pattern' in problem.found
    given(
        f'--workdir={tmp_path}/none', f'--data_dir={tmp_path}/away', '--ct_window_low=5', '--name='
    )
    assert [problem.where for problem in export_flags.flag_problems()] == [
        '--export_dir', '--name', '--workdir', '--data_dir', export_flags.WINDOW_FLAGS
    ]  # fmt: skip
    given('--name=spine-T2_v1.0', '--export_dir=models', f'--workdir={tmp_path}')
    assert export_flags.flag_problems() == []


def test_another_data_set_than_the_runs_is_told(tmp_path):
    noted = tmp_path / 'data.json'
    source = export_flags.Source(
        {'sha256': 'ab' * 32, 'train': 1}, (), PictureOrigin((KNOWN,), 'mr', 'a rule'), KNOWN
    )
    assert export_flags.other_data_set(source, noted) == []
    noted.write_text(json.dumps(source.described))
    assert export_flags.other_data_set(source, noted) == []
    noted.write_text(json.dumps({'sha256': 'cd' * 32, 'train': 1}))
    (problem,) = export_flags.other_data_set(source, noted)
    assert problem.where == '--data_dir'
    assert 'abababababab' in problem.found
    assert problem.expected.startswith('cdcdcdcdcdcd, ')
    for damaged in ('{', '[]', '{}'):
        noted.write_text(damaged)
        (problem,) = export_flags.other_data_set(source, noted)
        assert problem.where == f'{noted}'


def test_pictures_have_the_size_of_the_network(given, tiny_set, tmp_path):
    given('--ct_window_low=0', '--ct_window_high=1')
    data_dir = tiny_set(tmp_path, size=(32, 32), pairs={'val': 5})
    source = export_flags.open_source(data_dir)
    pictures = source.pictures((32, 32))
    assert pictures.dtype == np.uint8
    assert len(pictures) == export_flags.COMPARED_PAIRS
    ct, _ = read_pair(data_dir / 'val' / 'val_01.png')
    assert np.array_equal(pictures[1], ct)
    halved = source.pictures((16, 16))
    assert np.abs(halved[1] - ct.reshape(16, 2, 16, 2).mean((1, 3))).max() <= 0.5


def test_the_card(given, tiny_set, tmp_path):
    given('--name=spine', '--max_side=512', '--checkpoint=newest')
    source = export_flags.Source(
        {'sha256': 'abc', 'train': 1}, (), PictureOrigin((KNOWN,), 'mr', 'a rule'), KNOWN
    )
    config = Config(data_dir='/hospital/Miller', image_size=(64, 32), n_layers=3)
    card = export_flags.create_card(
        config, source, model_sha256='123', step=9, validation={'mae': 1.0}
    )
    assert card.config == {
        **{k: v for k, v in dataclasses.asdict(config).items() if k != 'data_dir'},
        'image_size': [64, 32],
    }
    assert 'Miller' not in card.to_json()
    assert (card.picture, card.limits.largest_side, card.ct_plane) == ((64, 32), 512, 'mr')
    assert card.checkpoint == {'which': 'newest', 'step': 9}
