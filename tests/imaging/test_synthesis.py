"""What a model is shown, and what becomes of its answers."""

import numpy as np
import pytest
from synthesis_builders import POINTS, SACS, WINDOW, ct_geometry, limits, ramp, scan, write_ct

from ct2mr_tf.imaging import crop_path, synthesis, synthesis_plan, volumes
from ct2mr_tf.imaging.dicom_pixels import AIR_HU
from ct2mr_tf.imaging.grey import to_grey
from ct2mr_tf.imaging.pairing_rules import Reason
from ct2mr_tf.imaging.synthesis import PictureOptions
from ct2mr_tf.problems import UserError


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return write_ct(tmp_path_factory.mktemp('ct'), ramp(2))


@pytest.fixture(scope='module')
def planned(folder):
    discs, refusals = synthesis_plan.plan_levels(scan(folder), POINTS, limits())
    assert refusals == []
    return discs


def test_pictures_are_those_of_training_and_progress_is_told(planned):
    told = []
    options = PictureOptions(32, WINDOW)
    ct, refused = synthesis.cut_pictures(planned, options, lambda *done: told.append(done))
    assert (ct.shape, ct.dtype, refused) == ((2, 32, 32), np.uint8, [])
    assert told == [(1, 2), (2, 2)]
    for picture, one in zip(ct, planned, strict=True):
        expected = to_grey(ramp(2)(one.cut.crop.grid(32)), WINDOW)
        assert np.abs(picture.astype(int) - expected).max() <= 1


def test_padding_is_refused_or_allowed(tmp_path):
    def padded(points):
        return np.where(points[..., 0] > 20, -1024.0, 500.0)

    # Not all scanners declare it: their least value is far below air.
    folder = write_ct(tmp_path, padded, RescaleIntercept=-2024)
    discs, _ = synthesis_plan.plan_levels(scan(folder), POINTS, limits())
    _, refused = synthesis.cut_pictures(discs, PictureOptions(32, WINDOW), lambda *_: None)
    assert [one.level for one, _ in refused] == list(SACS)
    assert {finding.reason for _, finding in refused} == {Reason.NOT_MEASURED}
    options = PictureOptions(32, WINDOW, max_padding_share=0.5)
    ct, refused = synthesis.cut_pictures(discs, options, lambda *_: None)
    assert refused == []
    air = to_grey(np.array([AIR_HU]), WINDOW)
    assert (ct[0][:, -2:] == air).all()


def test_files_that_are_gone_are_told_all_at_once(tmp_path):
    folder = write_ct(tmp_path, ramp(2), ct_geometry(count=30))
    discs, _ = synthesis_plan.plan_levels(scan(folder), POINTS, limits())
    needed = {
        one.sop_instance_uid for part in synthesis.disc_slices(discs, 32) for one in part.sources
    }
    for path in folder.iterdir():
        path.write_bytes(b'')
    with pytest.raises(UserError) as raised:
        synthesis.cut_pictures(discs, PictureOptions(32, WINDOW), lambda *_: None)
    assert len(raised.value.problems) == len(needed)
    assert '02-' not in str(raised.value)


def test_slices_name_their_sources_and_how_they_were_cut(folder):
    stacks = scan(folder)
    planned = crop_path.plan_volume(stacks, POINTS, limits())
    grid, slices = synthesis.volume_slices(planned, 32)
    assert len(slices) == len(grid) == len(planned)
    assert slices[0].comment.startswith(
        'L4-5: CT reformatted and averaged over 4 mm, square of 71.'
    )
    assert slices[1].comment.startswith('between the discs')
    uids = stacks[0].sop_instance_uids
    for one, place in zip(slices, grid.origins, strict=True):
        own = np.abs(stacks[0].geometry.origins[:, 2] - place[2]).argmin()
        assert uids[own] in {source.sop_instance_uid for source in one.sources}
        # A slab of 4 mm needs two slices of 2 mm beyond its own, one on each side.
        assert len(one.sources) == 3
    (alone,) = {len(one.sources) for one in _slices(stacks, limits('slice', max_off_plane_share=9))}
    assert alone == 1


def _slices(stacks, options):
    return synthesis.volume_slices(crop_path.plan_volume(stacks, POINTS, options), 32)[1]


def test_a_volume_holds_each_picture_in_its_place(folder):
    planned = crop_path.plan_volume(scan(folder), POINTS, limits())
    grid, _ = synthesis.volume_slices(planned, 32)
    numbers = np.arange(len(planned), dtype=np.uint8)
    made = np.broadcast_to(numbers[:, np.newaxis, np.newaxis], (len(planned), 32, 32))
    volume = synthesis.on_grid(planned, made, grid)
    for number, pixels in enumerate(volume):
        assert set(np.unique(pixels)) == {volumes.OUTSIDE, number}
