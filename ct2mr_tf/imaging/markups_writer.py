"""Writes points as a 3D Slicer markups file (.mrk.json), as a person would save them there."""

import json
import pathlib
from collections.abc import Mapping

import numpy as np

SCHEMA = (
    'https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/'
    'Schema/markups-schema-v1.0.3.json#'
)
"""The schema that 3D Slicer 5 names in the files it saves."""

_DIGITS = 4
"""Decimals of a coordinate in mm."""


def write_markups(path: pathlib.Path, points: Mapping[str, np.ndarray]) -> None:
    """Writes a list of control points.

    Args:
        path: the file, whose name ends in .mrk.json; its folder is made if it is missing.
        points: position (3,) in LPS mm, by label.

    Raises:
        OSError: the file cannot be written.
    """
    control_points = [
        {
            'id': f'{number}',
            'label': label,
            'position': [round(float(value), _DIGITS) for value in position],
            'positionStatus': 'defined',
        }
        for number, (label, position) in enumerate(points.items(), 1)
    ]
    markup = {
        'type': 'Fiducial',
        'coordinateSystem': 'LPS',
        'coordinateUnits': 'mm',
        'controlPoints': control_points,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({'@schema': SCHEMA, 'markups': [markup]}, indent=1)
    path.write_text(text + '\n', encoding='utf-8')
