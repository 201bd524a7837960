"""The studies as they are read back: what stands where, and what it measures."""

import dataclasses
import hashlib

import numpy as np
import pytest
from scipy import ndimage

from ct2mr_tf.imaging import dicom_pixels, dicom_reader, landmarks, pairing
from ct2mr_tf.imaging.pairing_rules import PairingOptions
from ct2mr_tf.imaging.pseudonyms import Pseudonyms
from ct2mr_tf.phantom import anatomy, signal
from ct2mr_tf.phantom.cohort import Member
from ct2mr_tf.phantom.studies import write_studies
from ct2mr_tf.phantom.study_plan import StudyOptions, plan_studies
from ct2mr_tf.phantom.tissue_properties import HU
from ct2mr_tf.phantom.tissues import DISC, SAC, Tissue

LEVELS = ('L3-4', 'L5-S1')
MEMBER = Member(7, 3, LEVELS)
LARGE = (Tissue.DEEP_FAT, Tissue.PARASPINAL_MUSCLE, Tissue.PSOAS)


def options_of(position='HFS', **options):
    small = {'ct_matrix': 96, 'ct_step_mm': 2.0, 'mr_matrix': 96, 'truth_size': 32}
    return StudyOptions(position=position, turn_deg=2.0, **{**small, **options})


class Written:
    """Studies in a folder, what they were planned as, and what is read of them."""

    def __init__(self, folder, options, member=MEMBER):
        self.folder = folder
        self.truth = write_studies(member, options, folder)
        self.plan = plan_studies(member, options)
        read_options = dicom_reader.ReadOptions(workers=1)
        self.scan = dicom_reader.scan(folder / 'dicom', read_options, Pseudonyms(b'0' * 16))
        self.landmarks = landmarks.read_landmarks(folder / 'landmarks', str)
        self._read = {}

    def stacks(self, modality, orientation='axial'):
        return [
            stack
            for stack in self.scan.stacks
            if (stack.modality, stack.orientation) == (modality, orientation)
        ]

    def read(self, stack):
        """Pixels of a stack, the labels at their centres, and where those are in anatomy."""
        if stack not in self._read:
            self._read[stack] = self._read_anew(stack)
        return self._read[stack]

    def _read_anew(self, stack):
        scan = self.plan.ct if stack.modality == 'CT' else self.plan.mr
        geometry = stack.geometry
        places = np.stack(np.mgrid[: geometry.rows, : geometry.columns], axis=-1)
        points = np.stack([geometry.to_patient(i, places) for i in range(len(geometry))])
        points = scan.to_anatomy(points)
        values = dicom_pixels.load_pixels(stack.slices).values
        return values, anatomy.tissue_labels(self.plan.patient, points), points


@pytest.fixture(scope='module', params=['HFS', 'FFP'])
def written(request, tmp_path_factory):
    return Written(tmp_path_factory.mktemp(request.param), options_of(request.param))


def inside(labels, tissue, margin=2):
    """Voxels whose neighbours in their slice are of one tissue."""
    structure = np.ones((1, 3, 3), bool)
    return ndimage.binary_erosion(labels == tissue, structure, iterations=margin)


def test_every_series_is_read_as_what_it_is(written):
    scan = written.scan
    assert scan.problems == ()
    assert scan.warnings == 0
    assert scan.skipped == {'localizer': 4}
    assert len(written.stacks('CT')) == 1
    assert len(written.stacks('MR')) == len(LEVELS)
    assert len(written.stacks('MR', 'sagittal')) == 1
    assert len(scan.stacks) == 2 + len(LEVELS)
    assert all(stack.is_t2 for stack in scan.stacks if stack.modality == 'MR')
    assert {stack.notes for stack in scan.stacks} == {()}


def test_each_modality_has_one_frame_of_its_own(written):
    frames = {stack.modality: set() for stack in written.scan.stacks}
    for stack in written.scan.stacks:
        frames[stack.modality].add(stack.frame_of_reference_uid)
    assert len(frames['CT']) == len(frames['MR']) == 1
    assert frames['CT'] != frames['MR']


def test_stacks_lie_where_they_were_planned(written):
    (ct,) = written.stacks('CT')
    expected = written.plan.ct_volume()
    assert np.abs(ct.geometry.origins - expected.origins).max() < 1e-6
    assert np.abs(ct.geometry.normal - expected.normal).max() < 1e-9
    packets = [written.plan.packet(level)[0] for level in LEVELS]
    for packet in packets:
        found = [
            stack.geometry
            for stack in written.stacks('MR')
            if stack.geometry.origins.shape == packet.origins.shape
            and np.abs(stack.geometry.origins - packet.origins).max() < 1e-6
        ]
        assert len(found) == 1
        assert np.abs(found[0].normal - packet.normal).max() < 1e-9


@pytest.mark.parametrize('tissue', LARGE)
def test_ct_measures_the_hu_of_the_tissue_that_lies_there(written, tissue):
    (ct,) = written.stacks('CT')
    hu, labels, _ = written.read(ct)
    # The first and last slices have no neighbours to blend with.
    chosen = inside(labels, tissue)[1:-1]
    assert chosen.sum() > 200
    assert hu[1:-1][chosen].mean() == pytest.approx(HU[tissue], abs=6)


def test_ct_noise_is_that_of_its_slice_thickness(written):
    (ct,) = written.stacks('CT')
    hu, labels, _ = written.read(ct)
    chosen = inside(labels, Tissue.PSOAS, margin=3)
    assert ct.slice_thickness == pytest.approx(8 / 3)
    # By hand: 11 HU at 2.5 mm, so 11 sqrt(2.5 / 2.667) = 10.7 at slices 2 mm apart.
    assert hu[chosen].std() == pytest.approx(10.7, rel=0.15)


def test_mr_measures_the_signal_of_the_tissue_that_lies_there(written):
    hidden = signal.draw_hidden(written.plan.patient, 0)
    gains = []
    for level, stack in zip(LEVELS, packets_of(written), strict=True):
        values, labels, points = written.read(stack)
        table = signal.signal_table(hidden, {'L3-4': 3, 'L5-S1': 5}[level])
        even = values / signal.coil_sensitivity(points, hidden)
        for tissue in (Tissue.DEEP_FAT, Tissue.PSOAS):
            chosen = inside(labels, tissue)
            assert chosen.sum() > 50
            gains.append(np.median(even[chosen]) / table[tissue])
    # One scanner, one gain, whatever the tissue and the packet.
    assert max(gains) / min(gains) < 1.06


def packets_of(written):
    """The axial MR stacks in the order of the levels."""
    heights = [written.plan.packet(level)[0].origins[0, 2] for level in LEVELS]
    return [
        min(written.stacks('MR'), key=lambda stack: abs(stack.geometry.origins[0, 2] - height))
        for height in heights
    ]


@pytest.mark.parametrize('modality', ['CT', 'MR'])
def test_landmarks_lie_on_the_right_tissue_in_both_frames(written, modality):
    scan = {'CT': written.plan.ct, 'MR': written.plan.mr}[modality]
    placed = written.landmarks['PHANTOM-0007', modality]
    assert tuple(placed) == LEVELS
    for points in placed.values():
        sac, *edges = scan.to_anatomy(points.stacked())
        label = anatomy.tissue_labels(written.plan.patient, sac)
        assert label in (*SAC, Tissue.NERVE_ROOT)
        assert len(edges) == 3
        for edge in edges:
            inwards = sac + 0.98 * (edge - sac)
            assert anatomy.tissue_labels(written.plan.patient, inwards) in DISC


def test_pairs_are_cut_where_the_truth_says(written):
    points = [written.landmarks['PHANTOM-0007', modality] for modality in ('CT', 'MR')]
    pairs, refusals = pairing.pair_patient(written.scan.stacks, *points, PairingOptions(), {})
    assert refusals == []
    assert [pair.level for pair in pairs] == list(LEVELS)
    for pair in pairs:
        for cut, square in (
            (pair.ct.cut, written.plan.ct_square(pair.level)),
            (pair.mr.cut, written.plan.mr_square(pair.level)),
        ):
            assert np.abs(cut.crop.corners() - square.corners()).max() < 1e-3
        _, middle = written.plan.packet(pair.level)
        assert pair.mr.cut.index == middle


def test_truth_is_that_of_the_square(written):
    assert written.truth.patient_id == 'PHANTOM-0007'
    assert [disc.level for disc in written.truth.discs] == list(LEVELS)
    for disc in written.truth.discs:
        assert disc.labels.shape == (32, 32)
        assert np.isin(disc.labels[15:17, 15:17], (*SAC, Tissue.NERVE_ROOT)).all()
        assert np.isin(disc.labels[:2], DISC).any()
        assert 2 < disc.floor_mae < 30


def tree(folder):
    return {
        f'{path.relative_to(folder)}': hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob('*')
        if path.is_file()
    }


def instance_uids(written):
    return {
        header.identity.sop_instance_uid for stack in written.scan.stacks for header in stack.slices
    }


def test_the_same_patient_scanned_otherwise_shares_no_instance(tmp_path):
    tiny = options_of(ct_matrix=24, ct_step_mm=5.0, mr_matrix=24, truth_size=16)
    member = Member(8, 4, ('L4-5',))
    one = Written(tmp_path / 'one', tiny, member)
    other = Written(tmp_path / 'other', dataclasses.replace(tiny, turn_deg=0.0), member)
    assert not instance_uids(one) & instance_uids(other)


def test_the_same_patient_gives_the_same_bytes_and_another_shares_no_identifier(tmp_path):
    tiny = options_of(ct_matrix=24, ct_step_mm=5.0, mr_matrix=24, truth_size=16)
    first = Written(tmp_path / 'first', tiny)
    again = Written(tmp_path / 'again', tiny)
    other = Written(tmp_path / 'other', tiny, Member(8, 4, ('L4-5',)))
    assert tree(first.folder) == tree(again.folder)
    assert [d.floor_mae for d in first.truth.discs] == [d.floor_mae for d in again.truth.discs]

    def identifiers(written):
        identities = [header.identity for stack in written.scan.stacks for header in stack.slices]
        return {
            value
            for identity in identities
            for value in (
                identity.patient_id,
                identity.study_instance_uid,
                identity.series_instance_uid,
                identity.sop_instance_uid,
                identity.frame_of_reference_uid,
            )
        }

    assert not identifiers(first) & identifiers(other)


def test_a_hand_that_shakes_stays_in_the_slice(tmp_path):
    tiny = {'ct_matrix': 24, 'ct_step_mm': 5.0, 'mr_matrix': 24, 'truth_size': 16}
    shaken = Written(tmp_path, options_of(jitter_mm=2.0, **tiny))
    slips = []
    for modality, scan in (('CT', shaken.plan.ct), ('MR', shaken.plan.mr)):
        for level, points in shaken.landmarks['PHANTOM-0007', modality].items():
            slip = scan.to_anatomy(points.stacked()) - shaken.plan.points[level].stacked()
            normal = shaken.plan.packet(level)[0].normal @ shaken.plan.mr.rotation
            assert np.abs(slip @ normal).max() < 1e-3
            slips.append(slip)
    slips = np.concatenate(slips)
    assert len(slips) == 2 * 2 * 4
    # Two directions of 2 mm each: 8 mm2 together; 32 draws scatter by a quarter.
    assert (slips**2).sum(axis=1).mean() == pytest.approx(8, rel=0.5)
    # The truth knows nothing of the hand.
    steady = Written(tmp_path / 'steady', options_of(jitter_mm=0.0, **tiny))
    for one, other in zip(shaken.truth.discs, steady.truth.discs, strict=True):
        assert np.array_equal(one.labels, other.labels)
