"""The model card: what an exported model is, was trained on, and may be used for.

The card travels with the model: as `assets.extra/model_card.json` in its folder and, since a server
shows no assets, as the answer of its signature `model_card`. Its JSON is one object:

    name                the model's name on a server
    software_version    of ct2mr_tf
    model_sha256        of all that decides which MR follows from which HU: see `model_hash`
    config              of the training run, without its folder; `precision` is the exported one's
    data_set            what was trained on: hash and numbers of pairs
    checkpoint          which ('best' or 'newest') and step
    validation          metrics at that step, grey levels and dB; empty if the run measured none
                        there, or measured in another precision
    ct_window           low_hu, high_hu: the HU shown as grey level 0 and 255
    mr_window           rule: what grey levels of the MR stand for, which has no unit
    picture             height, width in pixels, as in training: the size to ask for
    limits              smallest_side, largest_side, side_multiple of pictures that are answered
    crop                rule; ct_plane, the source of most training pictures: 'slice' (a slice of
                        the CT), 'mr' (its volume, cut along the plane of the MR) or 'unknown'
    intended_use, warning

Nothing in it names a patient or a folder. No TensorFlow here: clients read cards.
"""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.problems import Problem, UserError, raise_if_any

CARD_FILE = 'model_card.json'
"""Name of the card among a SavedModel's extra assets."""

CROP_RULE = (
    'A square on an axial plane through a lumbar disc, patient right on the left, anterior up: '
    'centred on the thecal sac, its ventral edge at the most ventral point of the vertebral body, '
    'grown where needed to hold the lateral edges of the body.'
)
"""The crop that the model was trained on (Lee et al., 2020, Fig. 3)."""

INTENDED_USE = (
    'Research on synthetic T2-weighted MR of the lumbar spine made from axial CT slices that were '
    'prepared as the training slices were.'
)
"""What a model is for."""

WARNING = 'Not for diagnosis'
"""What stands on everything that a model makes."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """Sides of pictures, in pixels, that a model answers.

    Attributes:
        smallest_side: the least height and width.
        largest_side: the greatest.
        side_multiple: what both must be a multiple of.
    """

    smallest_side: int
    largest_side: int
    side_multiple: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What an exported model is; the module's docstring explains every field.

    Attributes:
        name: of the model.
        software_version: of ct2mr_tf.
        model_sha256: hexadecimal.
        config: of the run.
        data_set: 'sha256', and 'train', 'val', 'test' with numbers of pairs.
        checkpoint: 'which' and 'step'.
        validation: metric by name; None where it is no number.
        ct_window: in HU.
        mr_window: the rule of the MR's grey scale, in words.
        picture: height and width in pixels.
        limits: of pictures that are answered.
        ct_plane: 'slice', 'mr' or 'unknown'.
        crop_rule: in words.
        intended_use: in words.
        warning: in words.
    """

    name: str
    software_version: str
    model_sha256: str
    config: Mapping[str, Any]
    data_set: Mapping[str, Any]
    checkpoint: Mapping[str, Any]
    validation: Mapping[str, float | None]
    ct_window: Window
    mr_window: str
    picture: tuple[int, int]
    limits: Limits
    ct_plane: str
    crop_rule: str = CROP_RULE
    intended_use: str = INTENDED_USE
    warning: str = WARNING

    def to_json(self) -> str:
        """The card as indented JSON."""
        content = {field: getattr(self, field) for field in _PLAIN}
        content |= {
            'ct_window': {
                'low_hu': float(self.ct_window.low),
                'high_hu': float(self.ct_window.high),
            },
            'mr_window': {'rule': self.mr_window},
            'picture': {'height': self.picture[0], 'width': self.picture[1]},
            'limits': dataclasses.asdict(self.limits),
            'crop': {'rule': self.crop_rule, 'ct_plane': self.ct_plane},
        }
        ordered = {key: content[key] for key in _SCHEMA}
        return json.dumps(ordered, indent=2, allow_nan=False) + '\n'

    @classmethod
    def from_json(cls, text: str | bytes, where: str) -> 'ModelCard':
        """Reads a card. Keys it does not know are passed over: a later version may write more.

        Args:
            text: JSON as `to_json` writes it.
            where: the file or server it came from, for messages.

        Raises:
            UserError: no JSON object, or keys are missing or of another type; all at once.
        """
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError([_problem(where, f'no JSON: {error}')]) from None
        if not isinstance(content, dict):
            raise UserError([_problem(where, 'JSON that is no object')])
        raise_if_any(_schema_problems(content, where))
        window = content['ct_window']
        try:
            ct_window = Window(float(window['low_hu']), float(window['high_hu']))
        except (ValueError, OverflowError) as error:  # JSON's integers have any number of digits
            raise UserError([_problem(f'{where}, ct_window', str(error))]) from None
        return cls(
            **{key: content[key] for key in _PLAIN},
            ct_window=ct_window,
            mr_window=content['mr_window']['rule'],
            picture=(content['picture']['height'], content['picture']['width']),
            limits=Limits(**{key: content['limits'][key] for key in _SCHEMA['limits']}),
            ct_plane=content['crop']['ct_plane'],
            crop_rule=content['crop']['rule'],
        )


_PLAIN = (
    'name',
    'software_version',
    'model_sha256',
    'config',
    'data_set',
    'checkpoint',
    'validation',
    'intended_use',
    'warning',
)
"""Fields that the JSON holds under the same name and as they are."""

_SCHEMA: dict[str, Any] = {
    'name': str,
    'warning': str,
    'intended_use': str,
    'software_version': str,
    'model_sha256': str,
    'ct_window': {'low_hu': (int, float), 'high_hu': (int, float)},
    'mr_window': {'rule': str},
    'picture': {'height': int, 'width': int},
    'limits': {'smallest_side': int, 'largest_side': int, 'side_multiple': int},
    'crop': {'rule': str, 'ct_plane': str},
    'checkpoint': {'which': str, 'step': int},
    'validation': dict,
    'data_set': dict,
    'config': dict,
}
"""Keys of the JSON, in the order in which they are written, and the types of what they hold."""


def _problem(where: str, found: str, expected: str = 'a model card') -> Problem:
    return Problem(where, found, expected, 'export the model again')


def _schema_problems(
    content: Mapping[str, Any], where: str, schema: Mapping[str, Any] = _SCHEMA
) -> list[Problem]:
    """What is missing in a card, or of another type."""
    problems = []
    for key, kind in schema.items():
        place = f'{where}, {key}'
        is_object = isinstance(kind, dict)
        if key not in content:
            problems.append(_problem(place, 'nothing', 'an entry of this name'))
        elif isinstance(content[key], bool) or not isinstance(
            content[key], dict if is_object else kind
        ):
            problems.append(_problem(place, f'{content[key]!r:.60}', 'a value of another type'))
        elif is_object:
            problems += _schema_problems(content[key], place, kind)
    return problems


class SyntheticMrModel(Protocol):
    """A model that can be asked, in this process or on a server."""

    @property
    def card(self) -> ModelCard:
        """What the model is."""
        ...

    def synthesize(self, ct: np.ndarray) -> np.ndarray:
        """Makes synthetic MR.

        Args:
            ct: uint8 [N, H, W], grey levels in the card's CT window; N may be 0.

        Returns:
            uint8 [N, H, W], grey levels.
        """
        ...
