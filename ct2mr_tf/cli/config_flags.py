"""Flags made from the fields of the configuration, and the configuration made from flags.

A flag keeps its text as it was typed; what cannot be read is reported with everything else that is
wrong with the configuration, at once.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from absl import flags

from ct2mr_tf.config import Config
from ct2mr_tf.problems import Problem, UserError, raise_if_any


def define_config_flags() -> None:
    """Defines one flag for each field of Config, with its default and help."""
    for field in dataclasses.fields(Config):
        text, default = field.metadata['help'], getattr(Config, field.name)
        if field.type is bool:
            flags.DEFINE_bool(field.name, default, text)
            continue
        if field.metadata['choices']:
            text += f' One of: {", ".join(field.metadata["choices"])}.'
        flags.DEFINE_string(field.name, _as_text(default), text)


def config_from_flags(others: Sequence[Problem] = ()) -> Config:
    """Builds the configuration from the parsed flags.

    Args:
        others: what else is wrong with the flags; raised with the rest.

    Raises:
        UserError: values that cannot be read, are out of range or contradict each other; others.
    """
    values, problems = {}, list(others)
    for field in dataclasses.fields(Config):
        typed = flags.FLAGS[field.name].value
        try:
            values[field.name] = _read(field, typed)
        except ValueError:
            expected = 'a whole number' if field.type is int else 'a number'
            if field.name == 'image_size':
                expected = 'a number, or two as height,width'
            problems.append(Problem(f'--{field.name}', repr(typed), expected, 'change the flag'))
    try:
        config = Config(**values)
    except UserError as error:
        problems += error.problems
    raise_if_any(problems)
    return config


def _as_text(value: Any) -> str:
    if isinstance(value, tuple):
        return ','.join(map(str, value))
    return str(value)


def _read(field: dataclasses.Field, typed: Any) -> Any:
    """The typed text as a value of the field's type."""
    if field.type in (str, bool):
        return typed
    if field.type in (int, float):
        return field.type(typed)
    sides = [int(side) for side in typed.split(',')]
    if len(sides) == 1:
        sides *= 2
    if len(sides) != 2:
        raise ValueError(typed)
    return tuple(sides)
