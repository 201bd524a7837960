"""One patient's pairs: pictures written, rows of tables made, refusals with their measures."""

import dataclasses
import pathlib

from ct2mr_tf.config import LARGEST_SIDE, SIDE_MULTIPLE
from ct2mr_tf.data import overviews
from ct2mr_tf.data.examples import write_pair
from ct2mr_tf.data.patients import PatientCase
from ct2mr_tf.evaluation.figures import encode_png
from ct2mr_tf.files import written_whole
from ct2mr_tf.imaging import grey, pairing, pictures
from ct2mr_tf.imaging.crop import BodyExtent, body_extent
from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.imaging.landmarks import LEVELS
from ct2mr_tf.imaging.pairing import Pair, Refusal
from ct2mr_tf.imaging.pairing_rules import Finding, NoPairError, PairingOptions, Reason
from ct2mr_tf.problems import Problem, UserError

PICTURES_FOLDER = 'pictures'
"""Where the pictures of pairs wait until all patients are done and their splits are known."""

OVERVIEWS_FOLDER = 'overviews'
"""Where the overview of each pair lies."""

REFUSED_COLUMNS = (
    'patient_id', 'level', 'reason', 'modality', 'measured', 'limit', 'unit', 'detail'
)  # fmt: skip
"""Columns of the table of refusals."""

_DECIMALS = 6
"""Decimals of lengths (mm) and angles (degrees) in a table."""

_DIGITS = 9
"""Significant digits of what has no unit or several: more than a float32 has."""


@dataclasses.dataclass(frozen=True)
class BuildOptions:
    """How pictures are made.

    Attributes:
        size: N, pixels a side of CT and of MR; a multiple of `config.SIDE_MULTIPLE`, at most
            `config.LARGEST_SIDE`.
        ct_window: the HU shown as grey levels.
        mr_percentiles: of an MR stack's signal, shown as black and as white.
        max_padding_share: how much of a picture the scanner may have padded, 0 to 1; padding shows
            as air.
        pairing: the limits of pairing.

    Raises:
        ValueError: a value is out of range; all of it in one message.
    """

    size: int = 256
    ct_window: Window = grey.DEFAULT_CT_WINDOW
    mr_percentiles: tuple[float, float] = grey.DEFAULT_MR_PERCENTILES
    max_padding_share: float = 0.0
    pairing: PairingOptions = dataclasses.field(default_factory=PairingOptions)

    def __post_init__(self) -> None:
        found = []
        if not SIDE_MULTIPLE <= self.size <= LARGEST_SIDE or self.size % SIDE_MULTIPLE:
            allowed = f'a multiple of {SIDE_MULTIPLE}, {SIDE_MULTIPLE} to {LARGEST_SIDE}'
            found.append(f'size must be {allowed}, got {self.size}')
        low, high = self.mr_percentiles
        if not 0 <= low < high <= 100:
            found.append(f'percentiles must rise within 0 to 100, got {low} and {high}')
        if not 0 <= self.max_padding_share <= 1:
            found.append(f'max_padding_share must be 0 to 1, got {self.max_padding_share}')
        if found:
            raise ValueError('; '.join(found))


@dataclasses.dataclass
class PatientRecord:
    """What became of a patient.

    Attributes:
        pairs: a row of the table for each pair, but for the split.
        refusals: a row for each disc without a pair.
        problems: files whose pixels cannot be read.
    """

    pairs: list[dict[str, str | float]] = dataclasses.field(default_factory=list)
    refusals: list[dict[str, str | float]] = dataclasses.field(default_factory=list)
    problems: list[Problem] = dataclasses.field(default_factory=list)


def build_patient(case: PatientCase, options: BuildOptions, folder: pathlib.Path) -> PatientRecord:
    """Makes all pairs of a patient, and writes their pictures and overviews.

    Args:
        case: the patient.
        options: how.
        folder: pictures go into its PICTURES_FOLDER and OVERVIEWS_FOLDER.

    Returns:
        What became of each disc.

    Raises:
        OSError: the folder cannot be written to, or the disk is full.
    """
    pairs, refusals = _find_pairs(case, options.pairing)
    record = PatientRecord()
    windows: dict[int, Window] = {}
    for pair in pairs:
        try:
            record.pairs.append(_write(case.pseudonym, pair, options, folder, windows))
        except NoPairError as error:
            refusals.append(Refusal(pair.level, error.finding))
        except UserError as error:
            record.problems += [one for one in error.problems if one not in record.problems]
            finding = Finding(Reason.UNREADABLE, detail=f'{len(error.problems)} slices')
            refusals.append(Refusal(pair.level, finding))
    refusals.sort(key=lambda refusal: LEVELS.index(refusal.level))
    record.refusals += [_refused_row(case.pseudonym, refusal) for refusal in refusals]
    return record


def _find_pairs(case: PatientCase, options: PairingOptions) -> tuple[list[Pair], list[Refusal]]:
    """The pairs of a patient by landmarks, or by the list; and the discs without."""
    if not case.stacks:
        known = {*case.points['CT'], *case.points['MR'], *case.listed}
        finding = Finding(Reason.NO_STUDY)
        return [], [Refusal(level, finding) for level in LEVELS if level in known]
    if not case.listed:
        return pairing.pair_patient(
            case.stacks, case.points['CT'], case.points['MR'], options, case.excluded
        )
    found = [
        pairing.pair_listed(case.stacks, listed, options, case.excluded)
        for _, listed in sorted(case.listed.items())
    ]
    refusals = [one for one in found if isinstance(one, Refusal)]
    refusals += [
        Refusal(level, Finding(Reason.EXCLUDED, detail=reason))
        for level, reason in case.excluded.items()
        if level not in case.listed
    ]
    return [one for one in found if isinstance(one, Pair)], refusals


def _write(
    pseudonym: str,
    pair: Pair,
    options: BuildOptions,
    folder: pathlib.Path,
    windows: dict[int, Window],
) -> dict[str, str | float]:
    """Writes the picture and the overview of a pair.

    Args:
        pseudonym: of the patient.
        pair: the pair.
        options: how.
        folder: see `build_patient`.
        windows: those of the MR stacks met so far, by the stack's `id`; grows.

    Returns:
        The pair's row.

    Raises:
        NoPairError: too much padding in a picture, or an MR stack without contrast.
        UserError: pixels cannot be read.
    """
    stack = pair.mr.stack
    if id(stack) not in windows:
        try:
            windows[id(stack)] = pictures.signal_window(stack, options.mr_percentiles)
        except ValueError:
            raise NoPairError(Finding(Reason.NO_CONTRAST, 'MR')) from None
    mr_window = windows[id(stack)]
    ct, mr = (
        pictures.grey_picture(
            source.stack, source.cut, options.size, window, options.max_padding_share
        )
        for source, window in ((pair.ct, options.ct_window), (pair.mr, mr_window))
    )
    pair_id = f'{pseudonym}_{pair.level}'
    digest = write_pair(folder / PICTURES_FOLDER / f'{pair_id}.png', ct, mr)
    overview = overviews.pair_overview(ct, mr, pair_id, _notes(pair))
    with written_whole(folder / OVERVIEWS_FOLDER / f'{pair_id}.png') as temporary:
        temporary.write_bytes(encode_png(overview))
    return {
        'pair_id': pair_id,
        'patient_id': pseudonym,
        'level': pair.level,
        'pixel_mm': round(2 * pair.half_side_mm / options.size, _DECIMALS),
        'half_side_mm': round(pair.half_side_mm, _DECIMALS),
        'plane_angle_deg': round(pair.plane_angle_deg, _DECIMALS),
        'ct_plane': pair.ct_plane,
        'days_between': 'unknown' if pair.days_between is None else pair.days_between,
        'ct_low_hu': _short(options.ct_window.low),
        'ct_high_hu': _short(options.ct_window.high),
        'mr_low': _short(mr_window.low),
        'mr_high': _short(mr_window.high),
        'sha256': digest,
        'grown_mm': round(pair.grown_mm, _DECIMALS),
        **extent_columns(body_extent(pair.mr.points, pair.mr.cut.crop)),
        'ct_off_plane_mm': round(pair.ct.off_plane_mm, _DECIMALS),
        'mr_off_plane_mm': round(pair.mr.off_plane_mm, _DECIMALS),
        'warnings': '; '.join(map(str, pair.warnings)),
    }


def extent_columns(extent: BodyExtent) -> dict[str, str | float]:
    """The columns of a pair that say where the body lies around the sac, the picture's middle.

    Those of the MR's landmarks: it is on the MR that errors are told apart by region.

    Returns:
        body_ventral_mm, body_left_mm, body_right_mm: empty where an edge is not marked.
    """
    reaches = dataclasses.asdict(extent).items()
    return {f'body_{name}': '' if mm is None else round(mm, _DECIMALS) for name, mm in reaches}


def _notes(pair: Pair) -> list[str]:
    """What stands below the overview of a pair."""
    days = 'unknown' if pair.days_between is None else pair.days_between
    plane = "CT reformatted onto the MR's plane" if pair.ct_plane == 'mr' else 'CT slice as it is'
    facts = f'{2 * pair.half_side_mm:.1f} mm a side   planes {pair.plane_angle_deg:.1f} deg apart'
    facts += f'   {plane}   days between: {days}'
    return [facts, *(f'Look at: {note}' for note in pair.warnings)]


def _refused_row(pseudonym: str, refusal: Refusal) -> dict[str, str | float]:
    """The row of a disc without a pair."""
    finding = refusal.finding
    return {
        'patient_id': pseudonym,
        'level': refusal.level,
        'reason': finding.reason.value,
        'modality': finding.modality,
        'measured': '' if finding.measured is None else _short(finding.measured),
        'limit': '' if finding.limit is None else _short(finding.limit),
        'unit': finding.unit,
        'detail': finding.detail,
    }


def _short(number: float) -> float:
    """A number as tables show it."""
    return float(f'{number:.{_DIGITS}g}')
