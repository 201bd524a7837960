"""Flags and fields are the same thing: names, defaults, help, values there and back."""

import dataclasses
import pathlib

import pytest
from absl import flags
from absl.testing import flagsaver

from ct2mr_tf.cli.config_flags import config_from_flags, define_config_flags
from ct2mr_tf.config import Config
from ct2mr_tf.problems import UserError

FIELDS = dataclasses.fields(Config)
FLAGFILES = sorted(pathlib.Path(__file__).parents[2].glob('datasets/*/*.flags'))


@pytest.fixture(scope='module', autouse=True)
def _defined():
    if FIELDS[0].name not in flags.FLAGS:
        define_config_flags()


def config(*arguments):
    with flagsaver.flagsaver():
        flags.FLAGS(['train.py', *arguments])
        return config_from_flags()


def problems_of(*arguments):
    with pytest.raises(UserError) as caught:
        config(*arguments)
    return {problem.where: problem for problem in caught.value.problems}


def test_without_flags_it_is_the_default():
    assert config() == Config()


@pytest.mark.parametrize('field', FIELDS, ids=lambda field: field.name)
def test_every_field_is_a_flag_with_its_help_and_choices(field):
    flag = flags.FLAGS[field.name]
    assert flag.help.startswith(field.metadata['help'])
    for choice in field.metadata['choices']:
        assert choice in flag.help.removeprefix(field.metadata['help'])


@pytest.mark.parametrize('field', FIELDS, ids=lambda field: field.name)
def test_every_flag_reaches_its_field(field):
    value = {
        'data_dir': 'somewhere',
        'image_size': (128, 96),
        'num_steps': 7,
        'n_layers': 4,
    }.get(field.name)
    if value is None and field.metadata['choices']:
        value = field.metadata['choices'][-1]
    elif value is None and field.type is bool:
        value = not field.default
    elif value is None:
        value = field.type(2 if field.metadata['below'] > 2 else 0.5)
    typed = ','.join(map(str, value)) if isinstance(value, tuple) else value
    # A short run, so that the schedule may be as short as two steps.
    first = [] if field.name == 'num_steps' else ['--num_steps=1']
    made = config(*first, f'--{field.name}={typed}')
    assert getattr(made, field.name) == value
    assert type(getattr(made, field.name)) is type(value)
    assert value != field.default


@pytest.mark.parametrize(
    ('typed', 'size'), [('64', (64, 64)), ('64,48', (64, 48)), ('64, 48', (64, 48))]
)
def test_image_size(typed, size):
    assert config(f'--image_size={typed}').image_size == size


@pytest.mark.parametrize('typed', ['64,48,1', 'x', '', '64x48', '64.0', ',', '64,'])
def test_an_image_size_that_cannot_be_read(typed):
    problem = problems_of(f'--image_size={typed}')['--image_size']
    assert problem.found == repr(typed)
    assert problem.expected == 'a number, or two as height,width'


def test_booleans():
    assert config('--noaugment_flip').augment_flip is False
    assert config('--augment_flip=false').augment_flip is False
    assert config('--augment_flip').augment_flip is True


def test_numbers_are_read_as_python_reads_them():
    assert config('--learning_rate=1e-3').learning_rate == 1e-3
    assert config('--lambda_l1=100').lambda_l1 == 100.0
    assert config('--num_steps=200_000').num_steps == 200_000


@pytest.mark.parametrize(
    ('argument', 'expected'),
    [
        ('--batch_size=1.5', 'a whole number'),
        ('--seed=1e3', 'a whole number'),
        ('--lambda_l1=ten', 'a number'),
        ('--learning_rate=', 'a number'),
    ],
)
def test_a_number_that_cannot_be_read(argument, expected):
    name, _, typed = argument.partition('=')
    problem = problems_of(argument)[name]
    assert problem.found == repr(typed)
    assert problem.expected == expected


def test_what_cannot_be_read_and_what_is_out_of_range_come_at_once():
    found = problems_of(
        '--batch_size=x',
        '--image_size=1,2,3',
        '--ngf=0',
        '--upsampling=bilinear',
        '--lambda_l1=nan',
    )
    assert set(found) == {'--batch_size', '--image_size', '--ngf', '--upsampling', '--lambda_l1'}


def test_contradictory_flags():
    found = problems_of(
        '--image_size=32', '--num_steps=10', '--constant_steps=1', '--decay_steps=1'
    )
    assert set(found) == {'--image_size with --n_layers', '--num_steps'}


def read_flagfile(path):
    """The configuration of a flag file, and its other flags (those of `train.py` itself)."""
    with flagsaver.flagsaver():
        rest = flags.FLAGS(['train.py', f'--flagfile={path}'], known_only=True)
        return config_from_flags(), rest[1:]


@pytest.mark.parametrize('path', FLAGFILES, ids=lambda path: f'{path.parent.name}/{path.name}')
def test_every_flagfile_is_a_valid_configuration(path):
    _, others = read_flagfile(path)
    assert all(flag.startswith('--workdir=') for flag in others)


@pytest.mark.parametrize('path', FLAGFILES, ids=lambda path: f'{path.parent.name}/{path.name}')
def test_every_flagfile_opens_with_command_output_and_time(path):
    lines = path.read_text(encoding='utf-8').splitlines()
    comment = [line for line in lines if line.startswith('#')]
    assert lines[: len(comment)] == comment, 'the comment stands at the top'
    text = '\n'.join(comment)
    assert f'--flagfile={path.relative_to(path.parents[2])}' in text
    assert 'writes' in text.lower()
    assert 'time to expect' in text.lower()


def test_paper_flags_are_the_paper(root):
    """The defaults are the paper's; the flag file says them all, so that a reader sees them."""
    path = root / 'datasets' / 'lumbar' / 'paper.flags'
    paper, _ = read_flagfile(path)
    assert paper == Config()
    said = {
        line[2:].partition('=')[0] for line in path.read_text().splitlines() if line[:2] == '--'
    }
    not_of_the_paper = {'data_dir', 'seed', 'jit_compile', 'steps_per_loop', 'panels'}
    not_of_the_paper |= {'precision', 'tf32', 'strategy'}
    not_of_the_paper |= {field.name for field in FIELDS if field.name.endswith('_every')}
    assert said == {field.name for field in FIELDS} - not_of_the_paper


def test_recommended_flags_tell_all_in_which_they_differ_from_the_paper(root):
    path = root / 'datasets' / 'lumbar' / 'recommended.flags'
    paper, recommended = (
        dataclasses.asdict(read_flagfile(one)[0]) for one in (path.with_name('paper.flags'), path)
    )
    header = path.read_text(encoding='utf-8').partition('It differs from paper.flags')[2]
    header = header.partition('\n--')[0]
    for name, value in recommended.items():
        assert (value != paper[name]) == (name in header), name
