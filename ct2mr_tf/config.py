"""The configuration of a training run: one frozen dataclass, checked when built, to and from JSON.

Every field is also a flag of `train.py`: its name, default and help stand here and nowhere else.
The run folder keeps the configuration as `config.json`; evaluation and export read it back, so that
no model flag is ever given twice.
"""

import dataclasses
import json
import math
import pathlib
from typing import Any, get_type_hints

from ct2mr_tf.files import write_text_whole
from ct2mr_tf.problems import Problem, UserError

CONFIG_FILE = 'config.json'
"""Name of the configuration in a run folder."""

SIDE_MULTIPLE = 4
"""The generator halves the picture twice and doubles it twice: sides are multiples of this."""

SMALLEST_SIDE = 12
"""The smallest multiple of 4 that holds the window of SSIM, 11 pixels: validation measures it."""

LARGEST_SIDE = 2048
"""The largest matrix that CT scanners reconstruct: larger pictures show nothing more. Cutting one
takes 0.7 GB, by the square of the side: a mistyped size would end in a want of memory."""

SMALLEST_MAP = 2
"""Sides, in pixels, below which a map is refused: the instance norm of a single pixel is zero."""

TOO_MANY = 10**9
"""Whole numbers are below it: no run has as many of anything, and they fit into 32 bits."""

CHANGEABLE_ON_RESUME = frozenset(
    [
        *('num_steps', 'log_every', 'eval_every', 'checkpoint_every', 'steps_per_loop', 'panels'),
        *('strategy', 'data_dir'),
    ]
)
"""Fields that change how long a run lasts and what it shows, but no weight at any step.

With another strategy floats are added in another order, no more. The data set may be moved; that it
is the same is seen by its hash, which the run folder keeps.
"""

ADDED_LATER = frozenset(['precision', 'tf32', 'strategy'])
"""Fields that the first runs were written without; their defaults are what was done then."""


def _field(
    default: Any,
    text: str,
    *,
    choices: tuple[str, ...] = (),
    least: float = -math.inf,
    below: float = math.inf,
) -> Any:
    """A field with its help text, and the choices or the range [least, below) of its values."""
    metadata = {'help': text, 'choices': choices, 'least': least, 'below': below}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """A training run: data, networks, losses, schedule and what is written on the way.

    The defaults are the configuration of Lee, Jung, Jin et al. (J Korean Neurosurg Soc 2020). The
    field metadata hold the help text of each flag, with units.

    Raises:
        UserError: a value is out of range, or values contradict each other; all problems at once.
    """

    data_dir: str = _field('', 'Prepared data set: a folder with train/, val/ and test/ pictures.')
    image_size: tuple[int, int] = _field(
        (256, 256),
        'Height,width in pixels, or one number for a square; '
        f'multiples of {SIDE_MULTIPLE}, {SMALLEST_SIDE} to {LARGEST_SIDE}.',
    )
    batch_size: int = _field(1, 'Pairs a step, of all replicas together.', least=1)
    seed: int = _field(
        0, 'Seed of initial weights, order of pairs and augmentation.', least=0, below=1e9
    )

    ngf: int = _field(64, 'Channels of the first convolution of the generator.', least=1)
    ndf: int = _field(64, 'Channels of the first convolution of the discriminator.', least=1)
    blocks: int = _field(9, 'Residual blocks of the generator.', least=1)
    n_layers: int = _field(
        5, 'Strided convolutions of the discriminator: 5 is the paper, 3 sees 70x70.', least=1
    )
    upsampling: str = _field(
        'transposed',
        'How the generator enlarges: transposed convolution (the paper), or nearest-neighbour '
        'resize and convolution (no checkerboard).',
        choices=('transposed', 'resize'),
    )

    adversarial: str = _field(
        'vanilla',
        'Adversarial loss: cross-entropy (the paper) or least squares.',
        choices=('vanilla', 'lsgan'),
    )
    lambda_l1: float = _field(10.0, 'Weight of the L1 beside the adversarial loss.', least=0)
    learning_rate: float = _field(
        2e-4, 'Learning rate of both Adam optimizers in the constant phase.', least=1e-12
    )
    constant_steps: int = _field(100_000, 'Steps at the constant learning rate.', least=0)
    decay_steps: int = _field(
        200_000, 'Steps over which the rate then falls linearly to zero.', least=0
    )
    num_steps: int = _field(
        300_000, 'Steps to train; at most constant_steps + decay_steps.', least=1
    )
    ema_decay: float = _field(
        0.0,
        'Decay of the moving average of the generator weights that evaluation and export use; '
        '0 is off (the paper).',
        least=0,
        below=1,
    )

    augment_zoom: float = _field(
        286 / 256,
        'Largest enlargement before the random crop; 1 is off, 286/256 is pix2pix.',
        least=1,
    )
    augment_flip: bool = _field(True, 'Mirror left and right in half of the draws.')
    augment_rotation_deg: float = _field(5.0, 'Largest rotation, degrees; 0 is off.', least=0)
    augment_shift: float = _field(
        0.0,
        'Largest shift beyond the crop, as a share of the side, edges filled with air; 0 is off.',
        least=0,
        below=1,
    )
    augment_ct_gain: float = _field(
        0.0, 'Largest relative change of CT contrast, about mid-grey; 0 is off.', least=0, below=1
    )
    augment_ct_offset: float = _field(
        0.0,
        'Largest change of CT brightness, as a share of the grey range; 0 is off.',
        least=0,
        below=1,
    )

    log_every: int = _field(100, 'Steps between log lines and TensorBoard scalars.', least=1)
    eval_every: int = _field(1000, 'Steps between validations; the best by MAE is kept.', least=1)
    checkpoint_every: int = _field(1000, 'Steps between checkpoints.', least=1)
    panels: int = _field(4, 'Validation pairs shown in TensorBoard.', least=0)
    steps_per_loop: int = _field(
        50, 'Largest number of steps in one call into TensorFlow.', least=1
    )
    jit_compile: str = _field(
        'auto',
        'Compile training steps and evaluation by XLA; auto: where a GPU is.',
        choices=('auto', 'on', 'off'),
    )
    precision: str = _field(
        'float32',
        'Type the networks compute in; weights, statistics of norms, losses and the last '
        'convolutions are float32 in all. float16 needs a GPU.',
        choices=('float32', 'bfloat16', 'float16'),
    )
    tf32: bool = _field(
        True,
        'Let NVIDIA GPUs round factors of float32 products to 10-bit mantissas (TF32): faster.',
    )

    strategy: str = _field(
        'one',
        'Where the replicas are: one device; mirrored on all GPUs of this machine; or '
        'multi_worker, on all machines that TF_CONFIG names.',
        choices=('one', 'mirrored', 'multi_worker'),
    )

    def __post_init__(self) -> None:
        problems = _range_problems(self)
        if not problems:
            problems = _contradictions(self)
        if problems:
            raise UserError(problems)


def _problem(name: str, value: Any, expected: str, cure: str = 'change the flag') -> Problem:
    return Problem(f'--{name}', repr(value), expected, cure)


_KINDS = {int: 'a whole number', float: 'a finite number', str: 'text', bool: 'true or false'}
"""What messages call the types of fields; sizes have another."""


def _range_problems(config: Config) -> list[Problem]:
    """Each field on its own: type, finite, one of the choices, range."""
    problems = []
    types = get_type_hints(Config)
    for field in dataclasses.fields(config):
        name, value, limits = field.name, getattr(config, field.name), field.metadata
        if not _has_type(value, types[name]):
            problems.append(_problem(name, value, _KINDS.get(types[name], 'two whole numbers')))
        elif limits['choices'] and value not in limits['choices']:
            problems.append(_problem(name, value, ' or '.join(limits['choices'])))
        elif name == 'image_size':
            problems += [
                _problem(
                    name,
                    side,
                    f'multiples of {SIDE_MULTIPLE} from {SMALLEST_SIDE} to {LARGEST_SIDE}',
                )
                for side in dict.fromkeys(value)
                if not SMALLEST_SIDE <= side <= LARGEST_SIDE or side % SIDE_MULTIPLE
            ]
        elif field.type in (int, float):
            below = min(limits['below'], TOO_MANY) if field.type is int else limits['below']
            if not limits['least'] <= value < below:
                expected = f'at least {limits["least"]:g}'
                said = limits['below'] < math.inf or value >= below
                expected += f' and below {below:g}' if said else ''
                problems.append(_problem(name, value, expected))
    return problems


def _has_type(value: Any, expected: Any) -> bool:
    if expected is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and math.isfinite(value)
    if expected in (int, str, bool):
        return type(value) is expected
    return isinstance(value, tuple) and len(value) == 2 and all(type(v) is int for v in value)


def _contradictions(config: Config) -> list[Problem]:
    """Fields that are fine alone and wrong together."""
    problems = []
    height, width = config.image_size
    smallest = -(-min(height, width) // 2**config.n_layers)
    if smallest < SMALLEST_MAP:
        problems.append(
            Problem(
                '--image_size with --n_layers',
                f'{height}x{width} pixels shrink to {smallest} in the discriminator',
                f'at least {SMALLEST_MAP} pixels, since the norm of a single one is zero',
                'take larger pictures or a smaller --n_layers',
            )
        )
    end = config.constant_steps + config.decay_steps
    if config.num_steps > end:
        problems.append(
            _problem(
                'num_steps',
                config.num_steps,
                f'at most constant_steps + decay_steps = {end}, where the rate reaches zero',
                'lengthen the schedule or train fewer steps',
            )
        )
    return problems


def to_json(config: Config) -> str:
    """The configuration as indented JSON, keys in the order of the fields."""
    return json.dumps(dataclasses.asdict(config), indent=2) + '\n'


def save_config(config: Config, workdir: pathlib.Path) -> None:
    """Writes `config.json` into the run folder, whole or not at all."""
    write_text_whole(workdir / CONFIG_FILE, to_json(config))


def load_config(workdir: pathlib.Path) -> Config:
    """Reads `config.json` of a run folder.

    Raises:
        UserError: no such file, no JSON, unknown or missing fields, or values out of range.
    """
    path = workdir / CONFIG_FILE
    try:
        values = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        cure = 'name the --workdir of a training run'
        raise UserError(
            [Problem(str(path), 'no such file', 'the run configuration', cure)]
        ) from None
    except (ValueError, OSError) as error:
        cure = 'restore the file from a backup'
        raise UserError([Problem(str(path), str(error), 'readable JSON', cure)]) from None
    names = {field.name for field in dataclasses.fields(Config)}
    found = set(values) if isinstance(values, dict) else set()
    differing = (found ^ names) - (ADDED_LATER - found)
    if differing:
        cure = 'use the version of ct2mr_tf that wrote the run'
        problem = Problem(
            str(path),
            f'unknown or missing: {", ".join(sorted(differing))}',
            'the fields of Config',
            cure,
        )
        raise UserError([problem])
    if isinstance(values['image_size'], list):  # JSON has no tuples
        values['image_size'] = tuple(values['image_size'])
    try:
        return Config(**values)
    except UserError as error:
        cure = 'restore the values that the run was started with, or the file from a backup'
        raise UserError(
            Problem(f'{path}, {one.where.replace("--", "")}', one.found, one.expected, cure)
            for one in error.problems
        ) from None


def resume_problems(started: Config, wanted: Config) -> list[Problem]:
    """What differs between the run in the folder and the run asked for, but may not.

    Args:
        started: the configuration the run folder was started with.
        wanted: the configuration asked for now.

    Returns:
        One Problem for each field that differs and is not in CHANGEABLE_ON_RESUME.
    """
    return [
        Problem(
            f'--{field.name}',
            f'{getattr(wanted, field.name)!r}',
            f'{getattr(started, field.name)!r}, with which this run was started',
            'give the old value to continue the run, or a new --workdir to start another',
        )
        for field in dataclasses.fields(Config)
        if field.name not in CHANGEABLE_ON_RESUME
        and getattr(started, field.name) != getattr(wanted, field.name)
    ]
