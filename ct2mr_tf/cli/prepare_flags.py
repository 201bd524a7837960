"""Flags of `prepare`, and the options made from them; everything that is wrong is told at once."""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from absl import flags

from ct2mr_tf.config import LARGEST_SIDE, SIDE_MULTIPLE
from ct2mr_tf.data.build_plan import SplitRule
from ct2mr_tf.data.patient_pairs import BuildOptions
from ct2mr_tf.imaging import grey, mr_contrast
from ct2mr_tf.imaging.dicom_reader import ReadOptions
from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.imaging.pairing_rules import CT_PLANES, PairingOptions
from ct2mr_tf.imaging.pseudonyms import MAP_COLUMNS
from ct2mr_tf.problems import Problem

FLAGS = flags.FLAGS

_Options = TypeVar('_Options', ReadOptions, PairingOptions, BuildOptions, SplitRule, Window)


def define_reading_flags() -> None:
    """Defines how studies are read, and under which names."""
    flags.DEFINE_string(
        'key_file',
        'pseudonyms.key',
        'Key of the pseudonyms; made, for its owner only, where there is none. The same key gives '
        'the same pseudonyms. Keep it apart from the data set: who has it can test whether a '
        'patient is in there.',
    )
    flags.DEFINE_string(
        'keep_map',
        '',
        'Writes what each pseudonym stands for (patient, or place of a file) into this file, for '
        'its owner only. Without it no such table exists.',
    )
    flags.DEFINE_integer(
        'max_decoded_bytes',
        ReadOptions.max_bytes,
        'Most bytes that the pixels of one file may take; larger files are refused unread.',
    )
    flags.DEFINE_integer('workers', 0, 'Processes; 0 for one a core.')
    flags.DEFINE_string(
        'ct_series', '', 'Regular expression sought in the series description of CT stacks.'
    )


def define_cutting_flags() -> None:
    """Defines the limits that a picture of CT keeps, whatever it is cut for."""
    default = PairingOptions
    flags.DEFINE_float(
        'max_off_plane_share',
        default.max_off_plane_share,
        'How far a landmark may lie off its slice, as a share of the thickness.',
    )
    flags.DEFINE_float(
        'max_step_mm', default.max_step_mm, 'Largest step of a CT volume that is reformatted.'
    )
    flags.DEFINE_float(
        'min_half_side_mm', default.min_half_side_mm, 'Smallest half side of the square.'
    )
    flags.DEFINE_float(
        'max_half_side_mm', default.max_half_side_mm, 'Largest half side of the square.'
    )
    flags.DEFINE_float(
        'max_padding_share',
        BuildOptions.max_padding_share,
        'Share of a picture (0 to 1) that the scanner may have padded; it shows as air.',
        lower_bound=0,
        upper_bound=1,
    )


def _define_shared_flags() -> None:
    """Defines what `scan` and `build` have in common."""
    flags.DEFINE_string('dicom_root', '', 'Folder of the studies: any tree of DICOM files.')
    define_reading_flags()
    flags.DEFINE_string(
        'same_patients',
        '',
        'CSV of patient and same_as: two names of one person, such as one in CT and one in MR.',
    )
    flags.DEFINE_string(
        'mr_series',
        '',
        'The same for MR; where given, it decides in place of T2 weighting (echo time '
        f'{mr_contrast.T2_SHORTEST_ECHO_TIME_MS:g}-{mr_contrast.T2_LONGEST_ECHO_TIME_MS:g} ms, '
        f'repetition time of {mr_contrast.T2_SHORTEST_REPETITION_TIME_MS:g} ms or more, no fat '
        'suppression, no other contrast in the name).',
    )


def define_scan_flags() -> None:
    """Defines the flags of `scan`."""
    _define_shared_flags()
    flags.DEFINE_string('out', 'inventory.csv', 'Table to write; the contact sheets lie beside it.')
    flags.DEFINE_bool('sheets', True, 'Writes a contact sheet of each stack.')


def define_build_flags() -> None:
    """Defines the flags of `build`."""
    _define_shared_flags()
    flags.DEFINE_string('out', '', 'Folder of the data set: new, empty, or this very set.')
    flags.DEFINE_string('landmarks', '', 'Folder or CSV of landmarks.')
    flags.DEFINE_string('pairs', '', 'CSV of pairs named slice by slice, in place of landmarks.')
    flags.DEFINE_string('exclude', '', 'CSV of discs to leave out: patient, level, reason.')
    flags.DEFINE_integer(
        'size',
        BuildOptions.size,
        f'Pixels a side of CT and MR; multiple of {SIDE_MULTIPLE}, at most {LARGEST_SIDE}.',
    )
    window = grey.DEFAULT_CT_WINDOW
    flags.DEFINE_float('ct_window_low', window.low, 'HU shown as black.')
    flags.DEFINE_float('ct_window_high', window.high, 'HU shown as white.')
    low, high = grey.DEFAULT_MR_PERCENTILES
    flags.DEFINE_float('mr_low_percentile', low, 'Percentile of an MR stack shown as black.')
    flags.DEFINE_float('mr_high_percentile', high, 'Percentile of an MR stack shown as white.')
    shares = [f'{share}' for share in SplitRule.fractions]
    flags.DEFINE_list('split_fractions', shares, 'Shares of train, val, test.')
    flags.DEFINE_integer('split_seed', SplitRule.seed, 'Seed of the draw of splits.')
    flags.DEFINE_string('split_table', '', 'CSV of patient and split, in place of a draw.')
    define_cutting_flags()
    _define_pairing_flags()


def _define_pairing_flags() -> None:
    """Defines the limits that CT and MR keep together."""
    default = PairingOptions
    flags.DEFINE_integer('max_days', default.max_days, 'Most days between CT and MR.')
    flags.DEFINE_bool(
        'allow_unknown_dates', default.allow_unknown_dates, 'Pairs CT and MR of unknown dates too.'
    )
    flags.DEFINE_float(
        'max_angle_deg', default.max_angle_deg, 'Largest angle between a CT slice and the MR slice.'
    )
    flags.DEFINE_float(
        'warn_angle_deg', default.warn_angle_deg, 'Angle above which a pair carries a warning.'
    )
    flags.DEFINE_enum(
        'ct_plane',
        default.ct_plane,
        CT_PLANES,
        "Where the CT picture comes from: a slice; the volume, reformatted onto the MR's plane; "
        'or what fits.',
    )
    flags.DEFINE_float(
        'slab_mm', default.slab_mm, "Thickness of a reformatted CT; by default the MR slice's."
    )
    flags.DEFINE_float(
        'warn_half_side_share',
        default.warn_half_side_share,
        'Difference of the half sides on CT and MR above which a pair carries a warning.',
    )


def missing(**contents: str) -> list[Problem]:
    """The problems of flags without a value.

    Args:
        **contents: what each flag should name.
    """
    return [
        Problem(f'--{name}', 'nothing', content, f'name the {content}')
        for name, content in contents.items()
        if not FLAGS[name].value
    ]


def not_there(name: str, kind: Callable[[pathlib.Path], bool]) -> list[Problem]:
    """The problem that a flag names a path where nothing is; the path is not repeated.

    Args:
        name: of the flag; it may be empty.
        kind: says of a path whether it is what is expected: `pathlib.Path.is_dir`, for example.
    """
    path = FLAGS[name].value
    if not path or kind(pathlib.Path(path)):
        return []
    return [Problem(f'--{name}', 'nothing at this path', 'a file or folder', 'correct the path')]


def map_problems() -> list[Problem]:
    """What is wrong with the place of --keep_map, which is written last of all."""
    if not FLAGS.keep_map:
        return []
    out, kept = (pathlib.Path(path).absolute() for path in (FLAGS.out, FLAGS.keep_map))
    if FLAGS.out and (out == kept or out in kept.parents):
        cure, expected = 'keep the map apart from --out', 'a file outside of --out'
        return [Problem('--keep_map', 'a file inside of --out', expected, cure)]
    if kept.is_dir() or not kept.parent.is_dir():
        found = 'a folder' if kept.is_dir() else 'a file in a folder that is not there'
        cure = 'name a file in a folder that is there'
        return [Problem('--keep_map', found, 'a file to write', cure)]
    return written_over('keep_map', MAP_COLUMNS)


def written_over(name: str, columns: Sequence[str]) -> list[Problem]:
    """The problem that a flag names a file of something else, which would be written over.

    Args:
        name: of the flag, which names a place for a table.
        columns: with which a table that was written there before begins.
    """
    path, key_file = (pathlib.Path(getattr(FLAGS, flag)).resolve() for flag in (name, 'key_file'))
    found = 'the file of --key_file' if path == key_file else ''
    if path.exists() and not path.is_file() and not path.is_dir():
        found = 'a device, pipe or socket'
    if not found and path.is_file():
        heading = ','.join(columns).encode()
        with path.open('rb') as file:
            ours = heading.startswith(file.read(len(heading)))
        found = '' if ours else 'a file of something else'
    expected, cure = 'a new file, or what was written there before', 'name another file'
    return [Problem(f'--{name}', found, expected, cure)] if found else []


def read_options(problems: list[Problem]) -> ReadOptions:
    """How studies are read; the defaults where values are out of range, with a problem more."""
    values = {'max_bytes': FLAGS.max_decoded_bytes, 'workers': FLAGS.workers}
    return options_made('--max_decoded_bytes, --workers', ReadOptions(), values, problems)


def series_options(problems: list[Problem]) -> PairingOptions:
    """Which series may be paired; of the other limits, the defaults. Problems as above."""
    values = {'ct_series': FLAGS.ct_series, 'mr_series': FLAGS.mr_series}
    return options_made('--ct_series, --mr_series', PairingOptions(), values, problems)


def build_options(problems: list[Problem]) -> BuildOptions:
    """How pictures are made; problems as above."""
    names = [field.name for field in dataclasses.fields(PairingOptions)]
    limits = {name: FLAGS[name].value for name in names}
    ends = {'low': FLAGS.ct_window_low, 'high': FLAGS.ct_window_high}
    values = {
        'size': FLAGS.size,
        'mr_percentiles': (FLAGS.mr_low_percentile, FLAGS.mr_high_percentile),
        'max_padding_share': FLAGS.max_padding_share,
        'ct_window': options_made(
            '--ct_window_low, --ct_window_high', grey.DEFAULT_CT_WINDOW, ends, problems
        ),
        'pairing': options_made('limits of pairing', PairingOptions(), limits, problems),
    }
    return options_made('--size, --mr_..., --max_padding_share', BuildOptions(), values, problems)


def split_rule(problems: list[Problem]) -> SplitRule:
    """How splits are drawn; problems as above."""
    try:
        fractions = tuple(float(share) for share in FLAGS.split_fractions)
    except ValueError:
        typed = ','.join(FLAGS.split_fractions)
        cure = 'write three numbers that add up to 1'
        problems.append(Problem('--split_fractions', typed, 'such as 0.8,0.1,0.1', cure))
        return SplitRule()
    values = {'fractions': fractions, 'seed': FLAGS.split_seed}
    return options_made('--split_fractions, --split_seed', SplitRule(), values, problems)


def options_made(
    where: str, default: _Options, values: dict[str, Any], problems: list[Problem]
) -> _Options:
    """Options with other values; the default, with a problem more, where their rules forbid these.

    Args:
        where: the flags that the values come from.
        default: the options to change.
        values: of some of its fields.
        problems: grows where the values are refused.
    """
    try:
        return dataclasses.replace(default, **values)
    except ValueError as error:
        problems.append(Problem(where, str(error), 'values as --help says', 'correct the flags'))
        return default
