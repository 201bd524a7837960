import pydicom
import pytest
from dicom_builders import enhanced_dataset, with_attributes

from ct2mr_tf.imaging import functional_groups
from ct2mr_tf.imaging.dicom_values import RefusedError


def test_a_frames_own_groups_lie_over_the_shared_and_the_shared_over_the_object():
    dataset = enhanced_dataset(frames=2, EchoTime=1, SliceThickness=9, SliceLocation=7)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.MREchoSequence = [with_attributes(EffectiveEchoTime=90.0, EchoTime=2)]
    own = dataset.PerFrameFunctionalGroupsSequence[1]
    own.MREchoSequence = [with_attributes(EchoTime=3)]
    first, second = functional_groups.frames(dataset, 2)
    assert [first.SliceLocation, first.SliceThickness, first.EchoTime] == [7, 4, 2]
    assert [second.SliceLocation, second.EchoTime, second.EffectiveEchoTime] == [7, 3, 90]
    assert [float(view.ImagePositionPatient[2]) for view in (first, second)] == [0, -4]
    assert dataset.EchoTime == 1


def test_groups_that_nobody_reads_stay_where_they_are():
    dataset = enhanced_dataset(frames=1)
    private = with_attributes(PatientComments='x')
    dataset.SharedFunctionalGroupsSequence[0].DerivationImageSequence = [private]
    (view,) = functional_groups.frames(dataset, 1)
    assert 'PatientComments' not in view


@pytest.mark.parametrize('frames', [1, 3])
def test_as_many_groups_as_frames_are_needed(frames):
    with pytest.raises(RefusedError) as caught:
        list(functional_groups.frames(enhanced_dataset(frames=2), frames))
    assert caught.value.found == f'{frames} frames and 2 functional groups of frames'


def test_an_object_without_shared_groups_is_laid_out_too():
    dataset = with_attributes(enhanced_dataset(frames=2), SharedFunctionalGroupsSequence=None)
    views = list(functional_groups.frames(dataset, 2))
    assert [view.Rows for view in views] == [dataset.Rows] * 2
    assert all(isinstance(view, pydicom.Dataset) for view in views)
