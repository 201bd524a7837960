"""Flags made from the fields of the configuration, and the configuration made from flags.

A flag keeps its text as it was typed; what cannot be read is reported with everything else that is
wrong with the configuration, at once.
"""

import dataclasses
from typing import Any

from absl import flags

from ct2mr_tf.config import Config
from ct2mr_tf.problems import Problem, UserError


def define_config_flags() -> None:
    """Defines one flag for each field of Config, with its default and help."""
    for field in dataclasses.fields(Config):
        text = field.metadata['help']
        if field.type is bool:
            flags.DEFINE_bool(field.name, field.default, text)
            continue
        if field.metadata['choices']:
            text += f' One of: {", ".join(field.metadata["choices"])}.'
        flags.DEFINE_string(field.name, _as_text(field.default), text)


def config_from_flags() -> Config:
    """Builds the configuration from the parsed flags.

    Raises:
        UserError: values that cannot be read, are out of range or contradict each other.
    """
    values, problems = {}, []
    for field in dataclasses.fields(Config):
        typed = flags.FLAGS[field.name].value
        try:
            values[field.name] = _read(field, typed)
        except ValueError:
            expected = 'a number, or two as height,width' if field.name == 'image_size' else None
            expected = expected or {int: 'a whole number', float: 'a number'}[field.type]
            problems.append(Problem(f'--{field.name}', repr(typed), expected, 'change the flag'))
    if problems:
        try:
            Config(**values)
        except UserError as error:
            problems += error.problems
        raise UserError(problems)
    return Config(**values)


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
