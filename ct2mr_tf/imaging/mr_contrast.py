"""What kind of MR picture it is: T2-weighted or not, a localizer or not, and words safe to print.

The decision rests on physics where the header tells it (echo and repetition time, sequence), and on
the series' description where it does not, or where it names a contrast that the times cannot show.
"""

import dataclasses
import re

T2_SHORTEST_ECHO_TIME_MS = 60.0
"""T2 weighting needs an echo time near the tissues' T2: spine protocols commonly use 80-130 ms, and
for proton density less than 50 ms. A convention: the limit lies in the gap between the two."""

T2_LONGEST_ECHO_TIME_MS = 250.0
"""Beyond it only fluid is left: MR myelography (echo times of 500-1000 ms), which is another
contrast than the T2-weighted axial slice."""

T2_SHORTEST_REPETITION_TIME_MS = 1000.0
"""Shorter ones weigh by T1; three-dimensional T2 sequences use 1000-1500 ms, two-dimensional ones
2500 ms and more."""

_OTHER_CONTRAST = re.compile(
    r'\b(t1w?|pdw?|proton|stir|tirm|flair|dwi|dw|adc|diff\w*|trace|dti|perf\w*|myelo\w*|swi|'
    r't2 ?star|t2s|medic|merge|gre|ffe|fl[23]d|flash|map|fs|fatsat|fat ?sat\w*|spair|spir|water|'
    r'fat|out ?phase|opp)\b'
)
"""Words for another contrast than T2 with bright fat; looked for in a description made plain."""

_T2 = re.compile(r'\bt2(w|wi|tse|fse)?\b')

_LOCALIZER = re.compile(
    r'\b(locali[sz]er\w*|loc|scouts?|survey|surview|topogram\w*|scano\w*|(tri)?pilot|3 ?pl(ane)?)\b'
)
"""Words by which the manufacturers' protocols call a localizer."""

_PROTOCOL_WORDS = (
    't1 t1w t2 t2w t2star pd pdw stir tirm flair dwi adc tse fse frfse se gre ffe medic merge '
    'haste space cube vista dixon drive fs fatsat spair spir water fat inphase flash vibe 2d 3d '
    'ax axial axials tra trans transversal transverse sag sagittal cor coronal obl oblique angled '
    'lumbar lumbal lspine ls lws lwk spine spinal cspine tspine cervical thoracic abdomen pelvis '
    'disc discs disk disks level levels l1 l2 l3 l4 l5 s1 stack block packet packets ct mr mri '
    'bone soft tissue standard std sharp smooth kernel native nativ plain contrast post pre gd km '
    'thin thick mpr recon reformat volume helical spiral localizer localiser loc scout survey '
    'topogram surview pilot plane myelo '
)
_SAFE_WORDS = frozenset(_PROTOCOL_WORDS.split())
"""Words of scan protocols. A description is free text and may hold a name; what is printed of it
is only what stands in this list."""


DIXON_PARTS = frozenset(
    {'WATER', 'FAT', 'OUT_PHASE', 'OPP_PHASE', 'OUT_OF_PHASE', 'W', 'F', 'OP'}
)  # fmt: skip
"""Values of ImageType of a Dixon sequence (GE and Siemens: DERIVED, PRIMARY, DIXON, WATER; Philips:
DERIVED, PRIMARY, W, W, DERIVED) but for its pictures in phase, which alone have bright water and
bright fat."""


@dataclasses.dataclass(frozen=True)
class Contrast:
    """What the header says about the contrast of an MR picture.

    Attributes:
        description: SeriesDescription (or ProtocolName); never shown by repr.
        echo_time_ms: EchoTime or EffectiveEchoTime, None where unknown.
        repetition_time_ms: RepetitionTime, None where unknown.
        spin_echo: False for a gradient echo or echo planar sequence.
        inversion: an inversion pulse was used (STIR, FLAIR, T1 IR).
        fat_suppressed: fat was saturated, or left out afterwards: see DIXON_PARTS.
    """

    description: str = dataclasses.field(repr=False)
    echo_time_ms: float | None
    repetition_time_ms: float | None
    spin_echo: bool = True
    inversion: bool = False
    fat_suppressed: bool = False


def is_t2_weighted(contrast: Contrast) -> bool:
    """Whether a picture is T2-weighted with bright fat, the contrast of the paper.

    The rule, in this order:
        1. No, for gradient echo, echo planar, inversion recovery and fat-suppressed sequences.
        2. No, where the description names another contrast (t1, pd, stir, flair, dwi, t2*, fs...).
        3. Where echo and repetition time are known: yes, for an echo time of 60 to 250 ms and a
           repetition time of at least 1000 ms; else no, whatever the description says.
        4. Where a time is unknown: yes, if the description says T2.
    """
    words = _plain(contrast.description)
    if not contrast.spin_echo or contrast.inversion or contrast.fat_suppressed:
        return False
    if 't2*' in contrast.description.lower() or _OTHER_CONTRAST.search(words):
        return False
    if contrast.echo_time_ms is None or contrast.repetition_time_ms is None:
        return _T2.search(words) is not None
    return (
        T2_SHORTEST_ECHO_TIME_MS <= contrast.echo_time_ms <= T2_LONGEST_ECHO_TIME_MS
        and contrast.repetition_time_ms >= T2_SHORTEST_REPETITION_TIME_MS
    )


def names_localizer(description: str) -> bool:
    """Whether a series' description calls it a localizer, scout, survey or topogram."""
    return _LOCALIZER.search(_plain(description)) is not None


def safe_words(description: str) -> str:
    """The words of a series' description that belong to scan protocols, in their order.

    Args:
        description: free text, which may hold a name, a number or a date.

    Returns:
        Lower-case words from a fixed list, with a blank between them; '' if none is known.
    """
    return ' '.join(word for word in _plain(description).split() if word in _SAFE_WORDS)


def _plain(description: str) -> str:
    """Lower case, with one blank for every run of other signs than letters and digits."""
    return ' '.join(re.findall(r'[^\W_]+', description.lower()))
