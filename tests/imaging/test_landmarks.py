import pytest
from test_slicer_markups import FCSV, markups, point

from ct2mr_tf.imaging import landmarks
from ct2mr_tf.problems import UserError

HEADING = 'patient,modality,level,point,x,y,z\n'


@pytest.mark.parametrize(
    ('written', 'level'),
    [
        ('L4-5', 'L4-5'),
        ('l4/5', 'L4-5'),
        ('L4_L5', 'L4-5'),
        ('L4-L5', 'L4-5'),
        ('L45', 'L4-5'),
        ('L4L5', 'L4-5'),
        (' l4 – l5 ', 'L4-5'),
        ('L5/S1', 'L5-S1'),
        ('l5s1', 'L5-S1'),
        ('L1-2', 'L1-2'),
        ('L4-6', None),
        ('L3-5', None),
        ('L5-1', None),
        ('L5-L1', None),
        ('L4-S1', None),
        ('S1-2', None),
        ('T12-L1', None),
        ('4-5', None),
        ('', None),
        ('L4-5 left', None),
    ],
)
def test_levels_are_forgiven_their_spelling_but_not_their_meaning(written, level):
    assert landmarks.level_name(written) == level


def name_of(path):
    return f'file {len(path.parts)}'


def write(root, **files):
    """Writes files under a folder by their places in it."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding='utf-8')
    return root


def problems_of(root):
    with pytest.raises(UserError) as caught:
        landmarks.read_landmarks(root, name_of)
    return [(problem.where, problem.found) for problem in caught.value.problems]


def test_a_folder_of_every_kind_of_file(tmp_path):
    ct = markups([point('l4/5: Sac', (1, 2, 3)), point('L4_L5 VENTRAL', (1, -38, 3))])
    mr = markups([point('L4-5:sac', (0, 0, 9))]), markups([point('L4-5-ventral', (0, -40, 9))])
    fcsv = FCSV.format(version='4.10', system='RAS', x=-1, y=-2, rest='')
    write(
        tmp_path,
        **{
            'anna/slicer/CT.mrk.json': ct,
            'anna/mr_1.mrk.json': mr[0],
            'anna/mr_2.mrk.json': mr[1],
            'anna/notes.txt': 'not landmarks',
            'anna/.CT.mrk.json': 'left by an editor',
            'berta-2_CT.fcsv': fcsv,
            'more.csv': HEADING
            + 'berta-2,ct,l4-l5,Ventral,1,-38,3.25\n'
            + 'berta-2,CT,L4-5,left,31,-10,3.25\nberta-2,CT,L4-5,right,-29,-10,3.25\n',
        },
    )
    read = landmarks.read_landmarks(tmp_path, name_of)
    assert sorted(read) == [('anna', 'CT'), ('anna', 'MR'), ('berta-2', 'CT')]
    anna = read['anna', 'CT']['L4-5']
    assert (anna.sac.tolist(), anna.ventral.tolist()) == ([1, 2, 3], [1, -38, 3])
    assert (anna.left, anna.right) == (None, None)
    assert read['anna', 'MR']['L4-5'].ventral.tolist() == [0, -40, 9]
    berta = read['berta-2', 'CT']['L4-5']
    assert berta.stacked().tolist() == [
        [1, 2, 3.25],
        [1, -38, 3.25],
        [31, -10, 3.25],
        [-29, -10, 3.25],
    ]


def test_one_csv_instead_of_a_folder(tmp_path):
    rows = 'p,MR,L5-S1,sac,0,0,0\np,MR,L5-S1,ventral,0,-40,0\n'
    write(tmp_path, **{'points.csv': HEADING + rows})
    assert list(landmarks.read_landmarks(tmp_path / 'points.csv', name_of)) == [('p', 'MR')]


def test_all_problems_at_once_with_their_places(tmp_path):
    entries = [
        point('L4-5:sac'),
        point('L4-5:sac', (9, 9, 9)),
        point('T12-L1:sac'),
        point('F-1'),
        point('L3-4:ventral', (1, 2)),
        point('L1-2:ventral'),
    ]
    rows = 'q,XR,L9-10,middle,1,2,x\n,CT,L4-5,sac,1,2,3\n'
    write(tmp_path, **{'p/CT.mrk.json': markups(entries), 'z.csv': HEADING + rows})
    where = 'file 2, control point'
    assert problems_of(tmp_path) == [
        (f'{where} 5', 'no three finite numbers'),
        (f'{where} 3', 'the level T12-L1'),
        (f'{where} 4', 'another label'),
        ('file 1, row 2', 'the level L9-10'),
        ('file 1, row 2', 'another modality'),
        ('file 1, row 2', 'another point'),
        ('file 1, row 2', 'no three finite numbers'),
        ('file 1, row 3', 'no patient'),
        (f'{where} 2', f'L4-5:sac again; it also stands at {where} 1'),
        (f'{where} 1', 'L4-5 on CT without ventral'),
        (f'{where} 6', 'L1-2 on CT without sac'),
    ]


@pytest.mark.parametrize(
    'name', ['p/points.mrk.json', 'p/CT_MR.mrk.json', 'CT.mrk.json', 'p/ACT.fcsv']
)
def test_files_that_do_not_tell_patient_and_modality(tmp_path, name):
    write(tmp_path, **{name: markups([point()])})
    [(_, found)] = problems_of(tmp_path)
    assert 'file name' in found


def test_no_landmarks_at_all(tmp_path):
    assert problems_of(tmp_path) == [('the landmarks', 'no points')]
    missing = problems_of(tmp_path / 'missing')
    assert missing == [('the landmarks', 'No such file or directory')]


def test_landmarks_behind_links_are_read_and_a_broken_link_is_told(tmp_path):
    text = markups([point('L4-5:sac', (1, 2, 3)), point('L4-5:ventral', (1, -38, 3))])
    write(tmp_path / 'elsewhere', **{'CT.mrk.json': text})
    root = write(tmp_path / 'points', **{'p1/CT.mrk.json': text})
    (root / 'p2').symlink_to(tmp_path / 'elsewhere')
    assert list(landmarks.read_landmarks(root, name_of)) == [('p1', 'CT'), ('p2', 'CT')]
    (root / 'p3_CT.mrk.json').symlink_to(tmp_path / 'nowhere')
    assert problems_of(root) == [('file 1', 'No such file or directory')]


def test_messages_name_nobody(tmp_path):
    label = 'MEYER^ANNA:sac'
    rows = 'MEYER,MEYER,MEYER,MEYER,MEYER,MEYER,MEYER\n'
    write(
        tmp_path,
        **{
            'MEYER/CT.mrk.json': markups([point(label), point('MEYER')]),
            'MEYER/MR.fcsv': 'MEYER',
            'MEYER_.mrk.json': 'MEYER',
            'MEYER.csv': HEADING + rows,
        },
    )
    with pytest.raises(UserError) as caught:
        landmarks.read_landmarks(tmp_path, lambda path: f'file-{len(str(path))}')
    assert len(caught.value.problems) >= 7
    assert 'MEYER' not in str(caught.value)
