import json

import numpy as np

from ct2mr_tf.imaging.markups_writer import write_markups
from ct2mr_tf.imaging.slicer_markups import read_markups


def test_points_come_back(tmp_path):
    points = {'L4-5:sac': np.array([1 / 3, -20.5, 1e3]), 'L4-5:ventral': np.array([0.0, 1, -2])}
    path = tmp_path / 'patient' / 'MR.mrk.json'
    write_markups(path, points)
    found, problems = read_markups(path, 'MR.mrk.json')
    assert problems == []
    assert [point.label for point in found] == list(points)
    for point, position in zip(found, points.values(), strict=True):
        assert np.abs(point.position - position).max() <= 0.5e-4


def test_the_file_says_what_slicer_needs(tmp_path):
    path = tmp_path / 'CT.mrk.json'
    write_markups(path, {'L1-2:sac': np.array([1.0, 2, 3])})
    (markup,) = json.loads(path.read_text())['markups']
    assert (markup['type'], markup['coordinateSystem']) == ('Fiducial', 'LPS')
    (point,) = markup['controlPoints']
    assert point['position'] == [1, 2, 3]
    assert point['positionStatus'] == 'defined'
