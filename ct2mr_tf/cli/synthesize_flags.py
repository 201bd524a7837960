"""Flags of `synthesize`, and the options made of them; all that is wrong is told at once."""

import dataclasses
import pathlib

from absl import flags

from ct2mr_tf.cli import prepare_flags
from ct2mr_tf.imaging.landmarks import LEVELS, level_name
from ct2mr_tf.imaging.pairing_rules import PairingOptions
from ct2mr_tf.imaging.synthesis_plan import DEFAULT_SLAB_MM, PLANES
from ct2mr_tf.problems import Problem

FLAGS = flags.FLAGS

LIMITS = (
    'max_angle_deg',
    'max_off_plane_share',
    'max_step_mm',
    'slab_mm',
    'min_half_side_mm',
    'max_half_side_mm',
    'ct_series',
)
"""Flags that are fields of `PairingOptions`."""

_WAIT_S = 60.0
"""Seconds to wait for a server: loading and warming up take a model some seconds."""


def define_flags() -> None:
    """Defines all flags of the command."""
    flags.DEFINE_string('ct', '', 'Folder of the CT: any tree of DICOM files.')
    flags.DEFINE_string('landmarks', '', 'Folder or CSV of landmarks; those placed on CT are used.')
    flags.DEFINE_string('patient', '', 'PatientID or pseudonym, where --ct holds several.')
    flags.DEFINE_list('levels', [], 'Levels to synthesize; by default all with landmarks.')
    flags.DEFINE_string('out', '', 'Folder to write to: new, empty, or of this very synthesis.')
    _define_model_flags()
    flags.DEFINE_bool(
        'volume',
        False,
        'Also every CT slice from the highest level to the lowest, as a series, as NIfTI, and as '
        'sagittal and coronal pictures.',
    )
    flags.DEFINE_bool(
        'anonymize', False, 'Files the synthetic MR under a pseudonym, in a study of its own.'
    )
    prepare_flags.define_reading_flags()
    _define_picture_flags()
    flags.adopt_module_key_flags(prepare_flags)  # for --help


def _define_model_flags() -> None:
    """Defines who is asked."""
    flags.DEFINE_string('saved_model', '', 'Exported model to load: a version, or its parent.')
    flags.DEFINE_string('server', '', 'TensorFlow Serving to ask instead, such as http://host:8501')
    flags.DEFINE_string('model', 'ct2mr', 'Name of the model on the server.')
    flags.DEFINE_integer('version', None, 'Version on the server; by default the newest.')
    flags.DEFINE_string('label', None, 'Label of the version on the server, such as stable.')
    flags.DEFINE_float('wait_s', _WAIT_S, 'Seconds to wait for the server.', lower_bound=0)


def _define_picture_flags() -> None:
    """Defines how the CT is cut."""
    flags.DEFINE_enum(
        'plane',
        None,
        list(PLANES),
        'How the CT is cut: reformatted along the disc, a slice as it is, or what fits; by default '
        'as most of the training pictures were, by the model card.',
    )
    flags.DEFINE_float('slab_mm', DEFAULT_SLAB_MM, 'Thickness of a reformatted CT.')
    flags.DEFINE_float(
        'max_angle_deg',
        PairingOptions.max_angle_deg,
        'Largest angle between a CT slice and the disc.',
    )
    prepare_flags.define_cutting_flags()


def path_problems() -> list[Problem]:
    """What is wrong with what the flags name."""
    problems = prepare_flags.missing(
        ct='folder of the CT', landmarks='landmarks', out='folder to write to', key_file='key file'
    )
    problems += prepare_flags.not_there('ct', pathlib.Path.is_dir)
    problems += prepare_flags.not_there('landmarks', pathlib.Path.exists)
    problems += prepare_flags.not_there('saved_model', pathlib.Path.is_dir)
    problems += prepare_flags.map_problems()
    if bool(FLAGS.saved_model) == bool(FLAGS.server):
        found, cure = 'both' if FLAGS.server else 'neither', 'give one of them'
        where, expected = '--saved_model, --server', 'one of them'
        problems.append(Problem(where, found, expected, cure))
    chosen = [f'--{name}' for name in ('version', 'label') if FLAGS[name].value is not None]
    if chosen and FLAGS.saved_model:
        cure = 'leave them out, or name the version in --saved_model=EXPORT/VERSION'
        problems.append(Problem(', '.join(chosen), 'with --saved_model', 'with --server', cure))
    if len(chosen) > 1 and FLAGS.server:
        problems.append(Problem(', '.join(chosen), 'both', 'at most one', 'leave one out'))
    return problems


def chosen_levels(problems: list[Problem]) -> tuple[str, ...]:
    """The levels that --levels names, from head to foot; all where it names none."""
    names = {text: level_name(text) for text in FLAGS.levels}
    unknown = [text for text, name in names.items() if name is None]
    if unknown:
        found, cure = ', '.join(unknown), 'correct the level'
        problems.append(Problem('--levels', found, f'some of {", ".join(LEVELS)}', cure))
    return tuple(level for level in LEVELS if not names or level in names.values())


def limits(problems: list[Problem]) -> PairingOptions:
    """The limits, for a plane that is not yet chosen.

    The defaults where the flags contradict each other, with a problem more.
    """
    values = {name: getattr(FLAGS, name) for name in LIMITS}
    # Warnings about angles begin where pictures are refused, if that is earlier.
    values['warn_angle_deg'] = min(PairingOptions.warn_angle_deg, max(0.0, FLAGS.max_angle_deg))
    return prepare_flags.options_made('limits', PairingOptions(), values, problems)


def with_plane(options: PairingOptions, plane: str | None, trained_on: str) -> PairingOptions:
    """The limits with a plane to cut along.

    Args:
        options: the limits.
        plane: one of PLANES; None for that of the model's training pictures.
        trained_on: `ct_plane` of the model card: 'slice', 'mr' or 'unknown'.

    Returns:
        The limits; where nothing is known, the plane is what fits.
    """
    ct_plane = trained_on if trained_on in PLANES.values() else PLANES['auto']
    return dataclasses.replace(options, ct_plane=PLANES[plane] if plane else ct_plane)
