"""Enhanced multi-frame objects: one frame's attributes, gathered where a single slice has them.

An Enhanced CT or MR keeps what may differ between frames in sequences (functional groups): those in
SharedFunctionalGroupsSequence hold for all frames, those in PerFrameFunctionalGroupsSequence for
one (DICOM PS3.3, C.7.6.16). `frames` lays them out flat, so one reader serves both kinds of object.
"""

from collections.abc import Iterator

import pydicom
from pydicom.dataelem import RawDataElement

from ct2mr_tf.imaging.dicom_values import RefusedError

SEQUENCES = ('SharedFunctionalGroupsSequence', 'PerFrameFunctionalGroupsSequence')
"""The two sequences that hold the groups."""

_GROUPS = (
    'PixelMeasuresSequence',
    'PlanePositionSequence',
    'PlaneOrientationSequence',
    'PixelValueTransformationSequence',
    'FrameContentSequence',
    'CTImageFrameTypeSequence',
    'MRImageFrameTypeSequence',
    'MREchoSequence',
    'MRModifierSequence',
    'MRTimingAndRelatedParametersSequence',
    # Legacy Converted Enhanced objects keep here what their source slices had.
    'UnassignedSharedConvertedAttributesSequence',
    'UnassignedPerFrameConvertedAttributesSequence',
)
"""The functional groups that hold geometry, rescaling, contrast and time of a frame."""

_MOST_BYTES_PER_FRAME = 2**18
"""The longest functional groups of a frame, private elements included; rubbish of that length that
looks like empty items is parsed in a second."""


def frames(dataset: pydicom.Dataset, number_of_frames: int) -> Iterator[pydicom.Dataset]:
    """Gives each frame's attributes as one flat dataset.

    Args:
        dataset: an Enhanced CT or MR object.
        number_of_frames: its NumberOfFrames.

    Yields:
        The object's own attributes, overlaid by the shared and then by the frame's own groups.

    Raises:
        RefusedError: the groups are missing or absurdly long, or not as many as frames.
    """
    for keyword in SEQUENCES:
        _check_length(dataset, keyword, number_of_frames)
    shared, per_frame = (_items(dataset, keyword) for keyword in SEQUENCES)
    if len(per_frame) != number_of_frames:
        raise RefusedError(
            f'{number_of_frames} frames and {len(per_frame)} functional groups of frames',
            'a functional group for each frame',
        )
    common = {element.tag: element for element in dataset.elements()}
    for groups in shared[:1]:
        common |= _elements(groups)
    for groups in per_frame:
        yield pydicom.Dataset(common | _elements(groups))


def _check_length(dataset: pydicom.Dataset, keyword: str, number_of_frames: int) -> None:
    """Raises a RefusedError where a sequence that is not parsed yet is absurdly long."""
    if keyword not in dataset:
        return
    element: object = dataset.get_item(keyword)  # see dicom_values
    longest = _MOST_BYTES_PER_FRAME * number_of_frames
    if isinstance(element, RawDataElement) and element.length > longest:
        raise RefusedError(
            f'{keyword} of {element.length} bytes',
            f'at most {longest} for {number_of_frames} frames',
        )


def _items(dataset: pydicom.Dataset, keyword: str) -> list[pydicom.Dataset]:
    """The items of a sequence, none where it is absent."""
    try:
        return list(dataset.get(keyword) or [])
    except Exception:  # pydicom's messages may quote values
        raise RefusedError(f'{keyword} cannot be read', 'a sequence of items') from None


def _elements(groups: pydicom.Dataset) -> dict:
    """The elements by tag, parsed or raw, that lie in one item of either sequence."""
    return {
        element.tag: element
        for keyword in _GROUPS
        for item in _items(groups, keyword)[:1]
        for element in item.elements()
    }
