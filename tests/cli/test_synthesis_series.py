"""What is written is read back by others, and lies where the CT says."""

import gzip
import pathlib
import shutil
import subprocess

import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813 (its name among its users)
from synthesis_builders import (
    HALF_SIDE,
    PERSON,
    POINTS,
    RAMP,
    SACS,
    Synthesis,
    ball,
    ct_geometry,
    disc_points,
    hu_of,
    limits,
    pixel_centres,
    ramp,
    scan,
    write_ct,
)

GEOMETRIES = {
    'HFS': {'position': 'HFS'},
    'FFP': {'position': 'FFP'},
    'HFP': {'position': 'HFP'},
    'tilted gantry': {'position': 'FFS', 'gantry_deg': 12.0},
    'oblique': {'position': 'HFS', 'oblique_deg': -9.0},
}
"""Ways in which a CT can lie."""

ALLOWED = (
    'MRImage',
    '(0x0008,0x001c)  ?  - Warning - Unrecognized tag - assuming explicit value representation OK',
    'Error - Attribute with an even group number is not a recognized standard attribute'
    ' - (0x0008,0x001c)  ? ',
    'Warning - Attribute is not present in standard DICOM IOD - (0x0008,0x001c)  ? ',
    'Warning - Dicom dataset contains attributes not present in standard DICOM IOD'
    ' - this is a Standard Extended SOP Class',
)
"""What dciodvfy says of SyntheticData, which is younger than it; nothing else is to be there."""

EMPTY_BY_PROFILE = 'Warning - Missing attribute or value that would be needed to build DICOMDIR'
"""What it says of dates that an anonymised object must not have."""


def ct_of(folder, field, pose='HFS', **changes):
    geometry = ct_geometry(**GEOMETRIES[pose])
    position = GEOMETRIES[pose]['position']
    return scan(write_ct(folder, field, geometry, position, **changes))


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A volume of a ball at L4-5."""
    stacks = ct_of(tmp_path_factory.mktemp('ct'), ball(SACS['L4-5'] + [6, -9, 4]))
    return Synthesis(stacks, volume=True)


@pytest.mark.parametrize('axis', [0, 1, 2])
@pytest.mark.parametrize('pose', GEOMETRIES)
def test_every_pixel_lies_where_its_file_says(pose, axis, tmp_path):
    """A ramp in HU tells of every pixel where it was in the CT; to a hundredth of a millimetre."""
    made = Synthesis(ct_of(tmp_path, ramp(axis), pose), volume=True)
    # On the common grid of a volume grey levels are rounded once more, for a slice all alike.
    for folder, count, tolerance_mm in (('discs', 2, 0.01), ('volume', 16, 0.05)):
        datasets = made.datasets(folder)
        assert len(datasets) >= count
        off = [hu_of(one) - ramp(axis)(pixel_centres(one)) for one in datasets]
        assert abs(np.nanmean(off)) < tolerance_mm * RAMP
        assert max(np.nanmax(np.abs(one)) for one in off) < 1.5 * 800 / 255


def centroid(datasets, centre):
    """Where the ball at `centre` is in some files, mm."""
    places = np.concatenate([pixel_centres(one).reshape(-1, 3) for one in datasets])
    weights = np.concatenate([np.nan_to_num(hu_of(one)).ravel() for one in datasets])
    near = np.linalg.norm(places - centre, axis=1) < 13
    return np.average(places[near], axis=0, weights=np.clip(weights[near] - 5, 0, None))


@pytest.mark.parametrize('pose', GEOMETRIES)
@pytest.mark.parametrize('plane', ['slice', 'mr'])
def test_a_landmark_of_the_ct_is_at_the_same_place_of_the_synthetic_mr(plane, pose, tmp_path):
    disc, between = SACS['L4-5'] + [6.0, -9.0, -0.5], np.array([-16.0, -9.0, 607.2])
    options = limits(plane, max_angle_deg=45.0, max_off_plane_share=9.0)
    both = ct_of(tmp_path, lambda points: ball(disc)(points) + ball(between)(points), pose)
    made = Synthesis(both, options=options, volume=True)
    dataset = made.dataset('discs/L4-5.dcm')
    normal = np.cross(*np.array(dataset.ImageOrientationPatient, float).reshape(2, 3))
    apart = centroid([dataset], disc) - disc
    assert np.linalg.norm(apart - apart @ normal * normal) < 0.05
    assert np.linalg.norm(centroid(made.datasets('volume'), between) - between) < 0.05


def test_a_disc_is_cut_along_its_points_and_a_slice_is_a_slice(tmp_path):
    stacks = ct_of(tmp_path, ramp(0))
    for plane, tilt in (('mr', 8.0), ('slice', 0.0)):
        made = Synthesis(stacks, options=limits(plane, max_off_plane_share=9.0))
        dataset = made.dataset('discs/L4-5.dcm')
        row, column = np.array(dataset.ImageOrientationPatient, float).reshape(2, 3)
        assert row == pytest.approx([1, 0, 0], abs=1e-9)
        radians = np.radians(tilt)
        assert column == pytest.approx([0, np.cos(radians), np.sin(radians)], abs=1e-9)
        side = 64 * dataset.PixelSpacing[0]
        assert side == pytest.approx(2 * HALF_SIDE * np.cos(np.radians(8.0 - tilt)), abs=1e-6)
        centre = pixel_centres(dataset).mean(axis=(0, 1))
        if plane == 'mr':
            assert centre == pytest.approx(SACS['L4-5'], abs=1e-6)
            assert dataset.SliceThickness == 4.0
            assert len(dataset.SourceImageSequence) > 5
        else:
            assert centre[:2] == pytest.approx(SACS['L4-5'][:2], abs=1e-6)
            (source,) = dataset.SourceImageSequence
            slices = [pydicom.dcmread(path) for path in tmp_path.iterdir()]
            (ct,) = [one for one in slices if one.SOPInstanceUID == source.ReferencedSOPInstanceUID]
            assert centre[2] == pytest.approx(float(ct.ImagePositionPatient[2]), abs=1e-6)
            assert dataset.SliceThickness == 2.0


def test_a_volume_stacks_in_other_software(whole, tmp_path):
    for name, content in whole.contents.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    reader = sitk.ImageSeriesReader()
    (uid,) = reader.GetGDCMSeriesIDs(f'{tmp_path}/volume')
    assert uid == whole.dataset('volume/0001.dcm').SeriesInstanceUID
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(f'{tmp_path}/volume', uid))
    image = reader.Execute()
    grid = whole.products.volume[1]
    assert image.GetSpacing() == pytest.approx((*grid.pixel_spacing, 2.0), abs=1e-6)
    assert image.GetOrigin() == pytest.approx(grid.origins[0], abs=1e-6)
    assert image.GetDirection() == pytest.approx(np.eye(3).ravel(), abs=1e-9)
    volume = sitk.GetArrayFromImage(image)
    assert volume.shape == (len(grid), grid.rows, grid.columns)
    of_files = [whole.dataset(f'volume/{number + 1:04d}.dcm') for number in range(len(grid))]
    assert np.array_equal(volume[::-1], [one.pixel_array for one in of_files])
    assert [one.InstanceNumber for one in of_files] == list(range(1, len(grid) + 1))
    heights = [one.ImagePositionPatient[2] for one in of_files]
    assert heights == sorted(heights, reverse=True)

    nifti = nib.load(tmp_path / 'volume.nii.gz')
    assert np.array_equal(np.asarray(nifti.dataobj).transpose(2, 1, 0), volume)
    again = sitk.ReadImage(f'{tmp_path}/volume.nii.gz')
    assert np.array_equal(sitk.GetArrayFromImage(again), volume)
    assert again.GetOrigin() == pytest.approx(image.GetOrigin(), abs=1e-3)
    assert again.GetSpacing() == pytest.approx(image.GetSpacing(), abs=1e-5)
    assert again.GetDirection() == pytest.approx(image.GetDirection(), abs=1e-6)


def test_a_volume_reaches_from_disc_to_disc_with_every_slice_of_the_ct(whole):
    heights = sorted(float(one.ImagePositionPatient[2]) for one in whole.datasets('volume'))
    ct = np.sort(whole.stacks[0].geometry.origins[:, 2])
    inside = ct[(ct > SACS['L4-5'][2] - 1) & (ct < SACS['L3-4'][2] + 1)]
    assert heights == pytest.approx(list(inside), abs=1e-6)
    assert {one.SpacingBetweenSlices for one in whole.datasets('volume')} == {2.0}


def test_where_a_volume_was_not_made_it_says_so(whole):
    for dataset in whole.datasets('volume'):
        pixels = dataset.pixel_array
        assert pixels.min() == dataset.PixelPaddingValue == -1
        side = np.sqrt((pixels >= 0).sum()) * dataset.PixelSpacing[0]
        assert side == pytest.approx(2 * HALF_SIDE, abs=1.5)
    assert 'PixelPaddingValue' not in whole.dataset('discs/L4-5.dcm')


def dciodvfy(path):
    done = subprocess.run(['dciodvfy', path], capture_output=True, text=True, check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if line not in ALLOWED]


@pytest.mark.skipif(not shutil.which('dciodvfy'), reason='dicom3tools is not installed')
@pytest.mark.parametrize('anonymous', [False, True])
def test_dciodvfy_finds_nothing_but_the_mark_of_synthetic_data(anonymous, whole, tmp_path):
    made = Synthesis(whole.stacks, volume=True, anonymous=anonymous)
    names = ['discs/L3-4.dcm', 'discs/L4-5.dcm', 'volume/0001.dcm', 'volume/0009.dcm']
    for number, name in enumerate(names):
        path = tmp_path / f'{number}.dcm'
        path.write_bytes(made.contents[name])
        found = dciodvfy(path)
        if anonymous:
            found = [line for line in found if not line.startswith(EMPTY_BY_PROFILE)]
        assert found == []


def test_the_same_again_is_the_same_to_the_byte(whole, tmp_path):
    again = Synthesis(ct_of(tmp_path, ball(SACS['L4-5'] + [6, -9, 4])), volume=True)
    assert again.contents == whole.contents
    assert gzip.decompress(again.contents['volume.nii.gz'])[:4] == b'\x5c\x01\0\0'


def uids_of(made):
    return {
        (one.SeriesInstanceUID, one.SOPInstanceUID)
        for folder in ('discs', 'volume')
        for one in made.datasets(folder)
    }


@pytest.mark.parametrize(
    'changed',
    [
        {'options': limits('slice', max_off_plane_share=9.0)},
        {'options': limits(slab_mm=3.0)},
        {'size': 60},
        {'points': {**POINTS, 'L4-5': disc_points('L4-5', left=SACS['L4-5'] + [37, -9, 0])}},
        {'anonymous': True},
    ],
    ids=['plane', 'slab', 'size', 'landmarks', 'anonymous'],
)  # fmt: skip
def test_what_differs_has_other_uids(changed, whole):
    series = {one for one, _ in uids_of(whole)}
    other = Synthesis(whole.stacks, volume=True, **changed)
    assert not series & {one for one, _ in uids_of(other)}
    assert not {one for _, one in uids_of(whole)} & {one for _, one in uids_of(other)}
    assert all(pydicom.uid.UID(uid).is_valid for pair in uids_of(other) for uid in pair)


def test_the_patient_and_the_study_stay_and_the_coordinates(whole):
    path = next(iter(whole.stacks[0].slices)).place.path
    ct, mr = pydicom.dcmread(path), whole.dataset('discs/L4-5.dcm')
    for keyword in (
        'PatientName', 'PatientID', 'PatientBirthDate', 'PatientSex', 'PatientAge', 'PatientSize',
        'StudyInstanceUID', 'StudyID', 'StudyDate', 'StudyTime', 'AccessionNumber',
        'FrameOfReferenceUID', 'PatientPosition', 'StudyDescription',
    ):  # fmt: skip
        assert mr[keyword].value == ct[keyword].value, keyword
    assert mr.SeriesInstanceUID != ct.SeriesInstanceUID
    assert mr.SeriesDescription.startswith('CAUTION: Not for Diagnostic Use')
    assert mr.SeriesNumber == 2001
    assert whole.dataset('volume/0001.dcm').SeriesNumber == 2002
    scanner, software = mr.ContributingEquipmentSequence
    assert scanner.PurposeOfReferenceCodeSequence[0].CodeValue == '109101'
    assert scanner.Manufacturer == ct.Manufacturer
    assert software.PurposeOfReferenceCodeSequence[0].CodeValue == '109100'
    assert software.SoftwareVersions[1] == '0123456789abcdef' * 4


def test_a_compressed_ct_of_a_japanese_patient(whole, tmp_path):
    folder = write_ct(tmp_path, ball(SACS['L4-5'] + [6, -9, 4]), ct_geometry())
    name = 'Yamada^Tarou=山田^太郎'
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.SpecificCharacterSet = ['', 'ISO 2022 IR 87']
        dataset.PatientName = name
        dataset.LossyImageCompression = '01'
        dataset.LossyImageCompressionRatio = '1.5'
        dataset.compress(pydicom.uid.JPEG2000Lossless, generate_instance_uid=False)
        dataset.save_as(path)
    made = Synthesis(scan(folder))
    dataset, plain = (one.dataset('discs/L4-5.dcm') for one in (made, whole))
    assert np.array_equal(dataset.pixel_array, plain.pixel_array)
    assert dataset.PatientName == name
    assert b'\x1b$B;3ED\x1b(B' in made.contents['discs/L4-5.dcm']
    assert dataset.LossyImageCompression == '01'
    assert 'LossyImageCompression' not in plain


def test_an_anonymous_synthesis_holds_nothing_of_the_source(whole):
    made = Synthesis(whole.stacks, volume=True, anonymous=True)
    sources = [pydicom.dcmread(one.place.path) for one in whole.stacks[0].slices]
    secrets = {
        PERSON.patient_id,
        'WIELAND',
        'HANS',
        '19500102',
        '20200717',
    }
    for source in sources:
        secrets |= {element.value for element in source if element.VR == 'UI'}
    secrets -= {sources[0].SOPClassUID}
    own = {uid for pair in uids_of(whole) for uid in pair}
    for name, content in made.contents.items():
        plain = gzip.decompress(content) if name.endswith('.gz') else content
        for secret in secrets | own:
            assert secret.encode() not in plain, name
    dataset = made.dataset('discs/L4-5.dcm')
    assert dataset.PatientIdentityRemoved == 'YES'
    assert dataset.PatientID == made.dataset('volume/0001.dcm').PatientID
    assert dataset.StudyInstanceUID == made.dataset('volume/0001.dcm').StudyInstanceUID
    # The key alone decides: the CT's slices can be told apart and found again with it.
    assert len({one.SOPInstanceUID for one in made.datasets('volume')}) == len(made.plan.volume)
    for source in dataset.SourceImageSequence:
        assert source.ReferencedSOPInstanceUID.startswith('2.25.')


def test_discs_of_two_series_of_the_ct_make_two_series(tmp_path):
    """A CT with a series for each disc, as planned along the discs by the technician."""
    slices = []
    for number, level in enumerate(SACS):
        geometry = ct_geometry(oblique_deg=[-3.0, 8.0][number], count=9)
        shift = SACS[level] - [0.5, 2.0, 606.0]
        shifted = type(geometry)(
            geometry.origins + shift * [0, 0, 1], geometry.row_direction,
            geometry.column_direction, geometry.pixel_spacing, geometry.rows, geometry.columns,
        )  # fmt: skip
        folder = tmp_path / f'{number}'
        write_ct(folder, ramp(0), shifted, SeriesInstanceUID=f'2.25.{number + 5}')
        for path in folder.iterdir():
            dataset = pydicom.dcmread(path)
            dataset.SOPInstanceUID += f'.{number}'
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.save_as(path)
        slices.append(pathlib.Path(folder))
    made = Synthesis(scan(tmp_path), options=limits('slice', max_off_plane_share=9.0))
    assert len({one.SeriesInstanceUID for one in made.datasets('discs')}) == 2
    assert list(made.contents) == ['discs/L3-4.dcm', 'discs/L4-5.dcm', 'discs.png']


def test_discs_of_two_studies_are_each_filed_in_their_own(tmp_path):
    whole = ct_geometry()
    for number, part in enumerate((whole.part(range(25, 44)), whole.part(range(24)))):
        uids = dict.fromkeys(('StudyInstanceUID', 'SeriesInstanceUID', 'FrameOfReferenceUID'), '')
        uids = {keyword: f'1.2.{place}.{number}' for place, keyword in enumerate(uids)}
        write_ct(tmp_path / f'{number}', ball(SACS['L4-5']), part, StudyID=f'{number}', **uids)
        for path in (tmp_path / f'{number}').iterdir():
            dataset = pydicom.dcmread(path)
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = (
                f'1.2.9.{number}.{dataset.InstanceNumber}'
            )
            dataset.save_as(path)
    options = limits('slice', max_off_plane_share=2.0)
    made = Synthesis(scan(tmp_path), options=options)
    for number, level in enumerate(('L3-4', 'L4-5')):
        dataset = made.dataset(f'discs/{level}.dcm')
        assert dataset.StudyInstanceUID == f'1.2.0.{number}'
        assert dataset.FrameOfReferenceUID == f'1.2.2.{number}'
        assert dataset.StudyID == f'{number}'
