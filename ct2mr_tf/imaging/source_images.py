"""What derived pictures must know of the CT slices they are made from."""

import dataclasses
from collections.abc import Iterable, Sequence

from pydicom import uid
from pydicom.valuerep import is_valid_ds

from ct2mr_tf.imaging import dicom_values, patient_record
from ct2mr_tf.imaging.dicom_values import RefusedError
from ct2mr_tf.imaging.slices import SliceHeader

_LOSSY_SYNTAXES = frozenset({uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit})
"""Transfer syntaxes that always lose something. JPEG-LS and JPEG 2000 may or may not, which
LossyImageCompression tells."""

_IMAGE_KEYWORDS = (
    'SOPClassUID',
    'LossyImageCompression',
    'LossyImageCompressionRatio',
    'LossyImageCompressionMethod',
)

_METHODS = frozenset(
    {
        'ISO_10918_1', 'ISO_14495_1', 'ISO_15444_1', 'ISO_15444_15', 'ISO_18181_1', 'ISO_13818_2',
        'ISO_14496_10', 'ISO_23008_2',
    }
)  # fmt: skip
"""Defined terms of LossyImageCompressionMethod (PS3.3, C.7.6.1.1.5.1)."""

_POSITIONS = frozenset(
    f'{first}{lying}' for first in ('HF', 'FF') for lying in ('P', 'S', 'DR', 'DL')
)
"""Defined terms of PatientPosition of CT and MR (PS3.3, C.7.3.1.1.2), but for the patient sitting.
Any other text is left out: it may be one that names the patient."""

_SERIES_KEYWORDS = ('SeriesNumber', 'PatientPosition')

_MOST_SERIES = 2**31 // 1000 - 10
"""Largest SeriesNumber of a CT that leaves room for a thousandfold in 32 bits (IS)."""


@dataclasses.dataclass(frozen=True)
class SourceImage:
    """A CT slice that something is made from.

    Attributes:
        sop_class_uid: SOPClassUID.
        sop_instance_uid: SOPInstanceUID; never shown by repr.
        frame: number of the frame in a multi-frame object, from 1; None in a single-frame one.
        lossy: whether compression has lost something of it.
        lossy_ratios: LossyImageCompressionRatio; none where a value is no number.
        lossy_methods: LossyImageCompressionMethod; none where a value is no defined term.
    """

    sop_class_uid: str
    sop_instance_uid: str = dataclasses.field(repr=False)
    frame: int | None
    lossy: bool = False
    lossy_ratios: tuple[str, ...] = ()
    lossy_methods: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class CtSeries:
    """The series that something is made from.

    Attributes:
        series_instance_uid: SeriesInstanceUID; never shown by repr.
        frame_of_reference_uid: FrameOfReferenceUID, '' where there is none; likewise.
        number: SeriesNumber; 0 where there is none.
        patient_position: PatientPosition, '' where unknown.
    """

    series_instance_uid: str = dataclasses.field(repr=False)
    frame_of_reference_uid: str = dataclasses.field(repr=False)
    number: int
    patient_position: str


def read_ct_series(header: SliceHeader) -> CtSeries:
    """Reads what a slice's file says of its series.

    Raises:
        UserError: the file cannot be read any more.
    """
    texts = patient_record.read_texts(header, _SERIES_KEYWORDS)
    try:
        number = dicom_values.integer(texts, 'SeriesNumber', 0, _MOST_SERIES) or 0
    except RefusedError:
        number = 0
    position = dicom_values.text(texts, 'PatientPosition')
    position = position if position in _POSITIONS else ''
    identity = header.identity
    frame = identity.frame_of_reference_uid
    return CtSeries(identity.series_instance_uid, frame, number, position)


def read_source_images(slices: Iterable[SliceHeader]) -> list[SourceImage]:
    """Reads what files of slices say of compression, each file once.

    Args:
        slices: of the CT.

    Returns:
        A source image for each slice, in their order.

    Raises:
        UserError: a file cannot be read any more.
    """
    known: dict[str, tuple[str, bool, Sequence[str], Sequence[str]]] = {}
    sources = []
    for header in slices:
        uid_ = header.identity.sop_instance_uid
        if uid_ not in known:
            known[uid_] = _read(header)
        sop_class, lossy, ratios, methods = known[uid_]
        single = sop_class == uid.CTImageStorage
        frame = None if single else header.place.frame + 1
        sources.append(SourceImage(sop_class, uid_, frame, lossy, tuple(ratios), tuple(methods)))
    return sources


def _read(header: SliceHeader) -> tuple[str, bool, list[str], list[str]]:
    """SOP class, whether lossy, ratios and methods of a file."""
    texts = patient_record.read_texts(header, _IMAGE_KEYWORDS)
    sop_class, lossy, *more = (dicom_values.text(texts, keyword) for keyword in _IMAGE_KEYWORDS)
    syntax = header.pixels.element.transfer_syntax_uid
    ratios, methods = (text.split('\\') if text else [] for text in more)
    if not all(map(is_valid_ds, ratios)):
        ratios = []
    if not _METHODS.issuperset(methods):
        methods = []
    return sop_class, lossy == '01' or syntax in _LOSSY_SYNTAXES, ratios, methods
