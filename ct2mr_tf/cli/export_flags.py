"""Flags of the export, and the model card made from a run, its data set and the flags."""

import dataclasses
import json
import pathlib
import re
from collections.abc import Mapping

import numpy as np
from absl import flags

from ct2mr_tf.config import SIDE_MULTIPLE, SMALLEST_SIDE, Config
from ct2mr_tf.data.examples import TABLE_FILE, Examples, load_examples, undecodable
from ct2mr_tf.data.fingerprint import describe_data_set
from ct2mr_tf.data.picture_origin import PictureOrigin, read_picture_origin
from ct2mr_tf.evaluation.metrics import to_grey_levels
from ct2mr_tf.files import taken_for_pattern
from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.problems import Problem, UserError, raise_if_any
from ct2mr_tf.serving.model_card import Limits, ModelCard
from ct2mr_tf.serving.saved_model import LARGEST_VERSION
from ct2mr_tf.version import VERSION

DEFAULT_MAX_SIDE = 1024
"""Default of --max_side, in pixels: sixteen times the area of the paper's pictures."""

LARGEST_MAX_SIDE = 2**31 - 1
"""TensorFlow tells sides in 32 bits: a greater limit would wrap round to another."""

WINDOW_FLAGS = '--ct_window_low, --ct_window_high'
"""Where problems with the CT window of the flags are."""

COMPARED_PAIRS = 3
"""Most validation pairs that an exported model is compared on."""

FLAGS = flags.FLAGS


def define_export_flags() -> None:
    """Defines every flag of `export.py`."""
    flags.DEFINE_string('workdir', '', 'Run folder whose generator is exported.')
    flags.DEFINE_string('export_dir', '', 'Folder of the model versions, which a server is given.')
    flags.DEFINE_enum(
        'checkpoint', 'best', ['best', 'newest'], 'The best generator by validation MAE, or newest.'
    )
    flags.DEFINE_integer(
        'version',
        None,
        'Number of the version; by default the next.',
        lower_bound=1,
        upper_bound=LARGEST_VERSION,
    )
    flags.DEFINE_enum(
        'precision',
        None,
        ['float32', 'bfloat16', 'float16'],
        'Type that the exported network computes in; by default that of the run.',
    )
    flags.DEFINE_string('name', 'ct2mr', "The model's name on a server.")
    flags.DEFINE_string('data_dir', '', 'The data set of the run, if it was moved.')
    flags.DEFINE_float('ct_window_low', None, 'HU of grey level 0, if pairs.csv does not tell.')
    flags.DEFINE_float('ct_window_high', None, 'HU of grey level 255, if pairs.csv does not tell.')
    flags.DEFINE_integer(
        'max_side',
        DEFAULT_MAX_SIDE,
        'Largest height and width, pixels, that the model answers; memory grows with the square.',
        upper_bound=LARGEST_MAX_SIDE,
    )
    flags.DEFINE_string('serving_kit', '', 'Folder for ready files to run TensorFlow Serving with.')
    flags.DEFINE_string('onnx', '', 'File to write the model to as ONNX too (extra onnx).')


def flag_problems() -> list[Problem]:
    """What is wrong with flags by themselves."""
    problems = [
        Problem(f'--{name}', 'nothing', 'a folder', f'name the folder of the {content}')
        for name, content in (('workdir', 'run'), ('export_dir', 'model versions'))
        if not FLAGS[name].value
    ]
    if not re.fullmatch(r'[A-Za-z0-9][A-Za-z0-9._-]*', FLAGS.name):
        expected = 'letters, digits, dot, dash and underscore: it stands in URLs'
        problems.append(Problem('--name', repr(FLAGS.name), expected, 'change the flag'))
    for name in ('workdir', 'data_dir'):
        path = FLAGS[name].value
        if path and not pathlib.Path(path).is_dir():
            found, cure = f'{path}: no such folder', 'correct the path'
            problems.append(Problem(f'--{name}', found, 'a folder that is there', cure))
    named = f'--export_dir={FLAGS.export_dir}'
    problems += taken_for_pattern(pathlib.Path(FLAGS.export_dir), named)
    try:
        given_window()
    except UserError as error:
        problems += error.problems
    return problems


def side_problems(config: Config) -> list[Problem]:
    """Whether --max_side leaves out the pictures of the run itself."""
    largest = max(config.image_size)
    if FLAGS.max_side >= largest:
        return []
    expected = f'at least {largest}, the side of the training pictures'
    return [Problem('--max_side', f'{FLAGS.max_side}', expected, 'change the flag')]


@dataclasses.dataclass(frozen=True)
class Source:
    """The data set of a run, as far as an export needs it.

    Attributes:
        described: see `data.fingerprint.describe_data_set`.
        examples: the validation split.
        origin: how the pictures were made.
        ct_window: of the CT pictures, HU.
    """

    described: Mapping[str, object]
    examples: Examples
    origin: PictureOrigin
    ct_window: Window

    def pictures(self, size: tuple[int, int]) -> np.ndarray:
        """The CT of the first few validation pairs, uint8 [N, H, W], at the network's size."""
        from ct2mr_tf.data.pipeline import create_eval_dataset

        batch = next(create_eval_dataset(self.examples, size, COMPARED_PAIRS).as_numpy_iterator())
        return to_grey_levels(batch['ct'][..., 0])


def open_source(data_dir: pathlib.Path) -> Source:
    """Opens the data set of a run, and finds its CT window in the table or the flags.

    Args:
        data_dir: folder of the data set.

    Raises:
        UserError: the set is missing or wrong, or nothing tells the window.
    """
    if not data_dir.is_dir():
        cure = 'name the place that it was moved to in --data_dir'
        raise UserError([Problem(f'{data_dir}', 'no such folder', 'the data set of the run', cure)])
    examples = load_examples(data_dir, required=('val',))
    compared = range(min(COMPARED_PAIRS, len(examples['val'])))
    raise_if_any(undecodable(examples['val'].chosen(compared)))
    origin = read_picture_origin(data_dir)
    window = _ct_window(origin.ct_windows, data_dir / TABLE_FILE)
    return Source(describe_data_set(data_dir, examples), examples['val'], origin, window)


def given_window() -> Window | None:
    """The CT window of the flags; None where they name none.

    Raises:
        UserError: one end is missing, or they are in the wrong order.
    """
    given = (FLAGS.ct_window_low, FLAGS.ct_window_high)
    if given == (None, None):
        return None
    try:
        return Window(*given)
    except (ValueError, TypeError):
        found, expected = f'{given[0]} and {given[1]}', 'two numbers in HU, the second higher'
        raise UserError([Problem(WINDOW_FLAGS, found, expected, 'give both')]) from None


def _ct_window(known: tuple[Window, ...], table: pathlib.Path) -> Window:
    """The CT window of the training pictures: the table's, or the flags' where it has not one."""
    window = given_window()
    if window is None:
        if len(known) == 1:
            return known[0]
        found = f'{len(known)} CT windows' if known else 'no CT window'
        cure = f'give {WINDOW_FLAGS}: the HU that grey levels 0 and 255 of the CT stand for'
        raise UserError([Problem(f'{table}', found, 'one, of all training pairs', cure)])
    if len(known) == 1 and window != known[0]:
        found = f'{window.low:g} to {window.high:g} HU'
        expected = f'{known[0].low:g} to {known[0].high:g} HU, as {table} says'
        raise UserError([Problem(WINDOW_FLAGS, found, expected, 'leave these flags out')])
    return window


def other_data_set(source: Source, noted: pathlib.Path) -> list[Problem]:
    """Whether a data set is another than the run's: its card would lie.

    Args:
        source: the data set.
        noted: the run's note of the data set it was trained on; runs of old have none.
    """
    try:
        known = json.loads(noted.read_text(encoding='utf-8'))['sha256']
    except FileNotFoundError:
        return []
    except (ValueError, LookupError, TypeError):
        cure = 'restore the file from a backup'
        return [Problem(f'{noted}', 'something else', 'the hash of a data set', cure)]
    found = source.described['sha256']
    if found == known:
        return []
    expected = f'{known:.12}, that of the run ({noted})'
    cure = 'name the data set that the run was trained on, or restore it'
    return [Problem('--data_dir', f'a data set of hash {found:.12}', expected, cure)]


def create_card(
    config: Config,
    source: Source,
    *,
    model_sha256: str,
    step: int,
    validation: Mapping[str, float | None],
) -> ModelCard:
    """The card of a model, from its run, data set and the flags.

    Args:
        config: of the run.
        source: its data set.
        model_sha256: see `serving.model_hash`.
        step: of the checkpoint.
        validation: metrics measured at that step.
    """
    # Where the data lay is no concern of who gets the model.
    settings = {k: v for k, v in dataclasses.asdict(config).items() if k != 'data_dir'}
    return ModelCard(
        name=FLAGS.name,
        software_version=VERSION,
        model_sha256=model_sha256,
        config={**settings, 'image_size': list(config.image_size)},
        data_set=source.described,
        checkpoint={'which': FLAGS.checkpoint, 'step': step},
        validation=validation,
        ct_window=source.ct_window,
        mr_window=source.origin.mr_window,
        picture=config.image_size,
        limits=Limits(SMALLEST_SIDE, FLAGS.max_side, SIDE_MULTIPLE),
        ct_plane=source.origin.ct_plane,
    )
