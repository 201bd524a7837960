import json

import numpy as np
import pytest

from ct2mr_tf.imaging.slicer_markups import read_markups

FCSV = """# Markups fiducial file version = {version}
# CoordinateSystem = {system}
# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID
vtkMRMLMarkupsFiducialNode_0,{x},{y},3.25,0,0,0,1,1,1,0,L4-5:sac,,vtkMRMLScalarVolumeNode1{rest}
"""


def markups(points, **fields):
    """The text of a .mrk.json as 3D Slicer 5 writes it, of one list."""
    schema = 'https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/'
    entry = {
        'type': 'Fiducial',
        'coordinateSystem': 'LPS',
        'coordinateUnits': 'mm',
        'locked': False,
        'labelFormat': '%N-%d',
        'controlPoints': points,
        'measurements': [],
        **fields,
    }
    return json.dumps(
        {'@schema': schema + 'Resources/Schema/markups-schema-v1.0.3.json#', 'markups': [entry]}
    )


def point(label='L4-5:sac', position=(1.5, -2.5, 3.25), **fields):
    return {
        'id': '1',
        'label': label,
        'position': list(position),
        'positionStatus': 'defined',
        **fields,
    }


def read(tmp_path, text, name='points.mrk.json'):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_markups(path, 'the file')


def positions(points):
    return [control.position.tolist() for control in points]


def test_lps_is_dicoms_and_ras_flips_x_and_y(tmp_path):
    lps, problems = read(tmp_path, markups([point()]))
    assert not problems
    assert positions(lps) == [[1.5, -2.5, 3.25]]
    ras, problems = read(
        tmp_path, markups([point(position=(-1.5, 2.5, 3.25))], coordinateSystem='RAS')
    )
    assert not problems
    assert positions(ras) == positions(lps)


@pytest.mark.parametrize(
    ('system', 'x', 'y'),
    [('LPS', 1.5, -2.5), ('1', 1.5, -2.5), ('RAS', -1.5, 2.5), ('0', -1.5, 2.5)],
)
@pytest.mark.parametrize(('version', 'rest'), [('4.10', ''), ('5.6', ',2,0')])
def test_older_fiducial_lists(tmp_path, system, x, y, version, rest):
    text = FCSV.format(version=version, system=system, x=x, y=y, rest=rest)
    points, problems = read(tmp_path, text, 'points.fcsv')
    assert not problems
    assert positions(points) == [[1.5, -2.5, 3.25]]
    assert [control.label for control in points] == ['L4-5:sac']


def test_only_points_that_were_placed_count(tmp_path):
    entries = [
        point('a'),
        point('b', positionStatus='undefined', position=(0, 0, 0)),
        point('c', positionStatus='preview'),
        {'label': 'd', 'position': [1, 2, 3]},
    ]
    points, problems = read(tmp_path, markups(entries))
    assert not problems
    assert [control.label for control in points] == ['a', 'd']
    assert [control.where for control in points][1] == 'the file, control point 4'
    text = FCSV.format(version='5.6', system='LPS', x=1, y=2, rest=',1,0')
    assert read(tmp_path, text, 'points.fcsv') == ([], [])


def test_defaults_are_slicers_and_several_lists_are_read(tmp_path):
    bare = {'markups': [{'controlPoints': [point('a')]}, {'controlPoints': [point('b')]}, {}]}
    points, problems = read(tmp_path, json.dumps(bare))
    assert not problems
    assert [control.label for control in points] == ['a', 'b']
    assert np.array_equal(points[0].position, [1.5, -2.5, 3.25])


def test_a_coded_unit_of_millimetres(tmp_path):
    points, problems = read(
        tmp_path, markups([point()], coordinateUnits=['mm', 'UCUM', 'millimeter'])
    )
    assert len(points) == 1
    assert not problems


@pytest.mark.parametrize(
    'text',
    [
        '',
        '{',
        '[]',
        'null',
        '{"markups": 3}',
        '{"markups": [4]}',
        '{"markups": [{"controlPoints": 5}]}',
        '[' * 100_000,
        b'\xff\xfe\x00\x01',
        markups([point()], coordinateSystem='IJK'),
        markups([point()], coordinateUnits='cm'),
        markups([point()], coordinateUnits=[]),
        markups(['L4-5:sac']),
        markups([point(position=(1, 2))]),
        markups([point(position=(1, 2, float('nan')))]),
        markups([point(position=(1, 2, float('inf')))]),
        markups([point(position=(1, 2, 10**400))]),
        markups([point(position=(1, 2, None))]),
        markups([{'label': 'L4-5:sac', 'position': '123'}]),
        markups([{'label': 'L4-5:sac'}]),
    ],
)
def test_lists_that_cannot_be_read_are_problems_not_crashes(tmp_path, text):
    _, problems = read(tmp_path, text)
    assert len(problems) == 1
    assert problems[0].where.startswith('the file')


@pytest.mark.parametrize(
    'text',
    [
        '',
        '# Markups fiducial file version = 4.10\nid,1,2,3,0,0,0,1,1,1,0,L4-5:sac,,\n',
        FCSV.format(version='4.10', system='IJK', x=1, y=2, rest=''),
        FCSV.format(version='4.10', system='LPS', x='one', y=2, rest=''),
        FCSV.format(version='4.10', system='LPS', x='nan', y=2, rest=''),
        '# CoordinateSystem = LPS\nid,1,2,3\n',
        '# CoordinateSystem = LPS\nid,1,2,3,' + 'x' * 200_000,
    ],
)
def test_fiducial_lists_that_cannot_be_read_are_problems_not_crashes(tmp_path, text):
    points, problems = read(tmp_path, text, 'points.fcsv')
    assert len(problems) == 1
    assert not points


def test_no_message_repeats_what_a_person_typed(tmp_path):
    entries = [point('Meyer, Anna', position=(1, 2)), {'label': 'Meyer', 'position': ['Meyer'] * 3}]
    points, problems = read(tmp_path, markups(entries))
    assert not points
    assert len(problems) == 2
    assert 'Meyer' not in ''.join(map(str, problems))
    assert 'Meyer' not in repr(read(tmp_path, markups([point('Meyer')]))[0])
