import numpy as np
import pytest
from dicom_builders import picture, slice_dataset, with_attributes, write

from ct2mr_tf.imaging import dicom_reader, pictures
from ct2mr_tf.imaging.crop import SquareCrop
from ct2mr_tf.imaging.dicom_reader import ReadOptions
from ct2mr_tf.imaging.grey import Window, to_grey
from ct2mr_tf.imaging.pairing_rules import NoPairError, Reason
from ct2mr_tf.imaging.pseudonyms import Pseudonyms
from ct2mr_tf.imaging.resampling import Cut

PADDING = 4000

LEFT, ANTERIOR = np.array([1.0, 0, 0]), np.array([0.0, -1, 0])


def stack_of(folder, modality, slices=3, padded=None, **attributes):
    """A stack of slices 3 mm apart, pixels 0.5 x 0.75 mm, whose first pixel lies at (-10, -20)."""
    for number in range(slices):
        stored = picture(number)
        if padded:
            stored[padded] = PADDING
        dataset = slice_dataset(modality, number, stored, **attributes)
        if padded:
            dataset.add_new('PixelPaddingValue', 'US', PADDING)
        write(with_attributes(dataset), folder / f'{number}')
    names = Pseudonyms(b'0123456789abcdef')
    (stack,) = dicom_reader.scan(folder, ReadOptions(workers=1), names).stacks
    return stack


def square(stack, index, half_side_mm=2.0):
    """A square whose pixels at size 4 are two pixels of the slice high, and 4/3 wide."""
    centre = stack.geometry.to_patient(index, np.array([8, 8.0]))
    return SquareCrop(centre, LEFT, ANTERIOR, half_side_mm)


def test_a_picture_is_cut_in_hu(tmp_path):
    stack = stack_of(tmp_path, 'CT')
    cut = Cut(stack.geometry, square(stack, 1), 1)
    values = pictures.cut_picture(stack, cut, 4)
    assert values.dtype == np.float32 and values.shape == (4, 4)
    assert values.mean() == pytest.approx(picture(1)[4:13, 5:12].mean() - 1024, abs=5)


def test_a_picture_from_a_volume_mixes_the_slices_it_lies_between(tmp_path):
    stack = stack_of(tmp_path, 'CT')
    crop = square(stack, 1)
    between = SquareCrop(crop.centre + [0, 0, 0.75], LEFT, ANTERIOR, crop.half_side_mm)
    values = pictures.cut_picture(stack, Cut(stack.geometry, between, None, 0.0), 4)
    one, two = (
        pictures.cut_picture(stack, Cut(stack.geometry, square(stack, index), index), 4)
        for index in (1, 2)
    )
    assert values == pytest.approx(0.75 * one + 0.25 * two, abs=1e-3)


def test_what_the_scanner_padded_is_no_number(tmp_path):
    stack = stack_of(tmp_path, 'CT', padded=np.s_[:, :6])
    values = pictures.cut_picture(stack, Cut(stack.geometry, square(stack, 1), 1), 4)
    # The square begins 2.67 columns left of column 8: its first pixel lies on columns 5 and 6.
    assert np.isnan(values[:, 0]).all() and not np.isnan(values[:, 1:]).any()


def test_the_window_of_an_mr_leaves_padding_out(tmp_path):
    window = pictures.signal_window(stack_of(tmp_path, 'MR', padded=np.s_[:4]), (0, 100))
    measured = np.stack([picture(number)[4:] for number in range(3)])
    assert (window.low, window.high) == (measured.min(), measured.max())


def test_a_stack_without_contrast_has_no_window(tmp_path):
    stack = stack_of(tmp_path, 'MR', padded=np.s_[:])
    with pytest.raises(ValueError, match='no valid pixel'):
        pictures.signal_window(stack, (1, 99))


@pytest.mark.parametrize(('modality', 'level'), [('CT', 51), ('MR', 0)])
def test_grey_pictures_show_padding_as_air_or_are_refused(modality, level, tmp_path):
    stack = stack_of(tmp_path, modality, padded=(slice(8, 9), slice(8, 9)))
    cut = Cut(stack.geometry, square(stack, 1), 1)
    window = Window(-1200.0, -200.0) if modality == 'CT' else Window(0.0, 2000.0)
    made = pictures.grey_picture(stack, cut, 4, window, max_padding_share=1.0)
    values = pictures.cut_picture(stack, cut, 4)
    padded = np.isnan(values)
    assert 0 < padded.mean() < 1
    assert (made[padded] == level).all()
    assert np.array_equal(made[~padded], to_grey(values[~padded], window))
    with pytest.raises(NoPairError) as raised:
        pictures.grey_picture(stack, cut, 4, window, max_padding_share=0.0)
    finding = raised.value.finding
    assert (finding.reason, finding.modality) == (Reason.NOT_MEASURED, modality)
    assert finding.measured == 100 * padded.mean()
