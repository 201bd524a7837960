"""The configuration: ranges, contradictions, JSON and back, and what a resume may change."""

import dataclasses
import json
import math

import pytest

from ct2mr_tf.config import (
    ADDED_LATER,
    CHANGEABLE_ON_RESUME,
    CONFIG_FILE,
    Config,
    load_config,
    resume_problems,
    save_config,
    to_json,
)
from ct2mr_tf.problems import UserError

FIELDS = {field.name: field for field in dataclasses.fields(Config)}

# Every field at a value other than its default, all valid together.
OTHER = {
    'data_dir': 'elsewhere',
    'image_size': (128, 96),
    'batch_size': 2,
    'seed': 7,
    'ngf': 32,
    'ndf': 16,
    'blocks': 6,
    'n_layers': 3,
    'upsampling': 'resize',
    'adversarial': 'lsgan',
    'lambda_l1': 100.0,
    'learning_rate': 1e-3,
    'constant_steps': 10,
    'decay_steps': 20,
    'num_steps': 30,
    'ema_decay': 0.999,
    'augment_zoom': 1.0,
    'augment_flip': False,
    'augment_rotation_deg': 0.0,
    'augment_shift': 0.1,
    'augment_ct_gain': 0.2,
    'augment_ct_offset': 0.3,
    'log_every': 1,
    'eval_every': 2,
    'checkpoint_every': 3,
    'panels': 0,
    'steps_per_loop': 4,
    'jit_compile': 'off',
    'precision': 'bfloat16',
    'tf32': False,
    'strategy': 'mirrored',
}

# For numbers: (field, values refused, values at the edge that are accepted).
RANGES = [
    ('batch_size', [0, -1], [1]),
    ('seed', [-1, 10**9], [0, 10**9 - 1]),
    ('ngf', [0], [1]),
    ('ndf', [0], [1]),
    ('blocks', [0], [1]),
    ('n_layers', [0], [1]),
    ('lambda_l1', [-1e-9, math.inf, math.nan], [0.0, 0]),
    ('learning_rate', [0.0, -1e-4, math.nan, math.inf], [1e-12]),
    ('constant_steps', [-1, 10**9, 10**20], [0, 10**9 - 1]),
    ('decay_steps', [-1], [0]),
    ('num_steps', [0], [1]),
    ('ema_decay', [-0.1, 1.0, 1.5], [0.0, 0.999999]),
    ('augment_zoom', [0.999, math.inf], [1.0]),
    ('augment_rotation_deg', [-1.0], [0.0, 180.0]),
    ('augment_shift', [-0.1, 1.0], [0.0, 0.99]),
    ('augment_ct_gain', [-0.1, 1.0], [0.0, 0.99]),
    ('augment_ct_offset', [-0.1, 1.0], [0.0, 0.99]),
    ('log_every', [0], [1]),
    ('eval_every', [0], [1]),
    ('checkpoint_every', [0], [1]),
    ('panels', [-1], [0]),
    ('steps_per_loop', [0], [1]),
]


def problems_of(**values):
    with pytest.raises(UserError) as caught:
        Config(**values)
    return caught.value.problems


def test_the_defaults_are_the_paper():
    paper = Config()
    assert paper.image_size == (256, 256)
    assert (paper.ngf, paper.ndf, paper.blocks, paper.n_layers) == (64, 64, 9, 5)
    assert (paper.batch_size, paper.lambda_l1, paper.learning_rate) == (1, 10.0, 2e-4)
    assert (paper.constant_steps, paper.decay_steps, paper.num_steps) == (100_000, 200_000, 300_000)
    assert (paper.upsampling, paper.adversarial, paper.ema_decay) == ('transposed', 'vanilla', 0)


@pytest.mark.parametrize(('name', 'refused', 'accepted'), RANGES, ids=[row[0] for row in RANGES])
def test_range_of_each_number(name, refused, accepted):
    for value in refused:
        (problem,) = problems_of(**{name: value})
        assert problem.where == f'--{name}'
        assert problem.found == repr(value)
        assert problem.cure
    for value in accepted:
        assert getattr(Config(**{'num_steps': 1, name: value}), name) == value


def test_every_number_stands_in_the_table_of_ranges():
    numbers = {name for name, field in FIELDS.items() if field.type in (int, float)}
    assert numbers == {name for name, _, _ in RANGES}


def test_the_expected_range_is_said():
    assert problems_of(batch_size=0)[0].expected == 'at least 1'
    assert problems_of(ema_decay=1.0)[0].expected == 'at least 0 and below 1'
    assert problems_of(batch_size=10**20)[0].expected == 'at least 1 and below 1e+09'


@pytest.mark.parametrize('name', [name for name, f in FIELDS.items() if f.metadata['choices']])
def test_choices(name):
    choices = FIELDS[name].metadata['choices']
    for choice in choices:
        assert getattr(Config(**{name: choice}), name) == choice
    (problem,) = problems_of(**{name: 'instane'})
    assert problem.found == "'instane'"
    assert all(choice in problem.expected for choice in choices)


@pytest.mark.parametrize('name', sorted(FIELDS))
def test_a_value_of_another_type_is_refused(name):
    wrong = {int: 1.0, float: '1', str: 5, bool: 1}.get(FIELDS[name].type, (256.0, 256.0))
    (problem,) = problems_of(**{name: wrong})
    assert problem.where == f'--{name}'
    assert problem.found == repr(wrong)


def test_truth_is_no_number():
    assert problems_of(batch_size=True)[0].expected == 'a whole number'
    assert problems_of(lambda_l1=True)[0].expected == 'a finite number'
    assert problems_of(image_size=(True, 64))[0].expected == 'two whole numbers'


@pytest.mark.parametrize(
    ('size', 'found'),
    [
        ((256, 254), ['254']),
        ((0, 256), ['0']),
        ((-4, 6), ['-4', '6']),
        ((8, 256), ['8']),
        ((2048, 2052), ['2052']),
    ],
)
def test_sides_are_multiples_of_four_from_the_window_of_ssim_to_the_largest_ct(size, found):
    problems = problems_of(image_size=size, n_layers=1)
    assert [problem.found for problem in problems] == found
    assert all('multiples of 4' in problem.expected for problem in problems)


@pytest.mark.parametrize('size', [256, (256,), (256, 256, 1), [256, 256]])
def test_image_size_is_two_whole_numbers(size):
    (problem,) = problems_of(image_size=size)
    assert problem.expected == 'two whole numbers'


@pytest.mark.parametrize(
    ('size', 'n_layers', 'good'),
    [
        ((64, 64), 5, True),  # five halvings leave 2 x 2
        ((32, 256), 5, False),  # ... 1 x 8
        ((32, 32), 4, True),
        ((36, 36), 5, True),  # 'same' padding rounds up: 36, 18, 9, 5, 3, 2
        ((12, 12), 2, True),
        ((12, 12), 4, False),  # 12, 6, 3, 2, 1
    ],
)
def test_a_discriminator_that_shrinks_to_one_pixel_is_refused(size, n_layers, good):
    if good:
        assert Config(image_size=size, n_layers=n_layers).n_layers == n_layers
        return
    (problem,) = problems_of(image_size=size, n_layers=n_layers)
    assert problem.where == '--image_size with --n_layers'
    assert f'{size[0]}x{size[1]}' in problem.found
    assert 'smaller --n_layers' in problem.cure


def test_training_ends_where_the_rate_reaches_zero():
    assert Config(constant_steps=10, decay_steps=5, num_steps=15).num_steps == 15
    (problem,) = problems_of(constant_steps=10, decay_steps=5, num_steps=16)
    assert problem.where == '--num_steps'
    assert '15' in problem.expected


def test_all_problems_at_once():
    problems = problems_of(
        batch_size=0, image_size=(255, 256), upsampling='bilinear', lambda_l1='ten'
    )
    assert [problem.where for problem in problems] == [
        '--image_size',
        '--batch_size',
        '--upsampling',
        '--lambda_l1',
    ]


def test_all_contradictions_at_once():
    problems = problems_of(
        image_size=(32, 32), n_layers=5, constant_steps=1, decay_steps=1, num_steps=3
    )
    assert [p.where for p in problems] == ['--image_size with --n_layers', '--num_steps']


def test_the_configuration_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().seed = 1


def test_the_table_of_other_values_is_whole():
    assert set(OTHER) == set(FIELDS)
    assert all(OTHER[name] != field.default for name, field in FIELDS.items())


@pytest.mark.parametrize('values', [{}, OTHER], ids=['defaults', 'others'])
def test_json_and_back(tmp_path, values):
    config = Config(**values)
    save_config(config, tmp_path)
    assert load_config(tmp_path) == config
    assert list(json.loads((tmp_path / CONFIG_FILE).read_text())) == list(FIELDS)
    assert to_json(config).endswith('}\n')


def write_values(folder, **changes):
    values = {**json.loads(to_json(Config())), **changes}
    (folder / CONFIG_FILE).write_text(json.dumps(values))


@pytest.mark.parametrize(
    ('changes', 'field'),
    [
        ({'batch_size': 0}, 'batch_size'),
        ({'image_size': [255, 256]}, 'image_size'),
        ({'image_size': 256}, 'image_size'),
        ({'image_size': None}, 'image_size'),
        ({'image_size': '256'}, 'image_size'),
        ({'image_size': [32, 32]}, 'image_size with n_layers'),
    ],
)
def test_values_out_of_range_in_json(tmp_path, changes, field):
    """The file is at fault, and no flag can mend it."""
    write_values(tmp_path, **changes)
    with pytest.raises(UserError) as caught:
        load_config(tmp_path)
    (problem,) = caught.value.problems
    assert problem.where == f'{tmp_path / CONFIG_FILE}, {field}'
    assert 'restore' in problem.cure
    assert '--' not in problem.cure


def test_unknown_and_missing_fields_are_named(tmp_path):
    values = {**json.loads(to_json(Config())), 'dropout': 0.5}
    del values['ngf']
    (tmp_path / CONFIG_FILE).write_text(json.dumps(values))
    with pytest.raises(UserError) as caught:
        load_config(tmp_path)
    (problem,) = caught.value.problems
    assert problem.found == 'unknown or missing: dropout, ngf'
    assert str(tmp_path / CONFIG_FILE) == problem.where


def test_runs_from_before_a_field_was_added_load_with_its_default(tmp_path):
    config = Config(ngf=3)
    values = json.loads(to_json(config))
    for name in ADDED_LATER:
        del values[name]
    (tmp_path / CONFIG_FILE).write_text(json.dumps(values))
    assert load_config(tmp_path) == config


@pytest.mark.parametrize(
    ('content', 'found'),
    [
        (None, 'no such file'),
        (b'{"batch_size": 1', 'Expecting'),
        (b'\xff\xfe\x00', 'decode'),
        (b'[1, 2]', 'unknown or missing'),
        (b'', 'Expecting value'),
    ],
)
def test_a_file_that_holds_no_configuration(tmp_path, content, found):
    if content is not None:
        (tmp_path / CONFIG_FILE).write_bytes(content)
    with pytest.raises(UserError) as caught:
        load_config(tmp_path)
    (problem,) = caught.value.problems
    assert found in problem.found
    assert problem.cure


@pytest.mark.parametrize('name', sorted(FIELDS))
def test_what_a_resume_may_change(name):
    # The schedule of OTHER is short: num_steps 30 fits the default one, and 30 is changed to 29.
    started = Config(**OTHER)
    new = {'num_steps': 29, 'constant_steps': 100, 'decay_steps': 200}.get(
        name, FIELDS[name].default
    )
    wanted = dataclasses.replace(started, **{name: new})
    problems = resume_problems(started, wanted)
    if name in CHANGEABLE_ON_RESUME:
        assert problems == []
        return
    (problem,) = problems
    assert problem.where == f'--{name}'
    assert problem.found == repr(new)
    assert repr(OTHER[name]) in problem.expected
    assert '--workdir' in problem.cure


def test_the_same_configuration_resumes():
    assert resume_problems(Config(**OTHER), Config(**OTHER)) == []


def test_all_differences_are_listed():
    names = [problem.where for problem in resume_problems(Config(**OTHER), Config())]
    assert names == [f'--{name}' for name in FIELDS if name not in CHANGEABLE_ON_RESUME]


def test_only_what_changes_no_weight_may_change_on_resume():
    assert sorted(CHANGEABLE_ON_RESUME) == [
        'checkpoint_every',
        'data_dir',
        'eval_every',
        'log_every',
        'num_steps',
        'panels',
        'steps_per_loop',
        'strategy',
    ]


def test_every_field_has_a_help_text():
    for field in FIELDS.values():
        assert field.metadata['help'].endswith('.'), field.name
