"""The examinations of a phantom: how it lay in two scanners, what was scanned, and where.

Three coordinates are told apart: those of anatomy (the disc L3-4 at the origin), and those of the
CT's and of the MR's frame of reference. A `Scan` turns the first into one of the others.
"""

import dataclasses
import datetime

import numpy as np
from scipy.spatial.transform import Rotation

from ct2mr_tf.imaging import crop
from ct2mr_tf.imaging.crop import DiscPoints, SquareCrop
from ct2mr_tf.imaging.geometry import StackGeometry
from ct2mr_tf.phantom import anatomy, spine_axis
from ct2mr_tf.phantom.cohort import Member
from ct2mr_tf.phantom.patient import Patient

POSITIONS = {'HFS': 0.75, 'FFS': 0.12, 'HFP': 0.08, 'FFP': 0.05}
"""How patients lie (PS3.3, C.7.3.1.1.2), and the share of scans: nearly all on their backs."""

_IMAGE_AXES = {'HFS': (1, 1), 'FFS': (-1, 1), 'HFP': (-1, -1), 'FFP': (1, -1)}
"""Signs of the patient's left along the rows and of the back along the columns of an axial slice,
which stand fixed in the scanner: along x and y of its table."""

FIRST_DAY = datetime.date(2019, 1, 7)
"""Earliest day of an examination; CT and MR lie up to MOST_DAYS apart."""

MOST_DAYS = 3
"""As in the paper."""

CT_FIELD_MM = 180.0
"""Field of view of the CT: the spine with its muscles."""

CT_BEYOND_MM = 6.0
"""How far the CT goes on above and below the squares of the discs asked for."""

MR_FIELD_MM = 160.0
"""Field of view of the axial MR."""

BEHIND_DISC_MM = 22.0
"""How far behind the disc's middle that of a packet lies: at the sac, as the square's."""

PACKET_THICKNESS_MM = 4.0
"""Thickness of an axial MR slice."""

PACKET_STEP_MM = 4.4
"""Distance from slice to slice of a packet: a gap of a tenth."""

PACKET_SLICES = (3, 4, 5)
"""Numbers of slices that a packet may have."""

SAGITTAL_SLICES = 5
"""Slices of the sagittal MR."""

SAGITTAL_FIELD_MM = 280.0
"""Field of view of the sagittal MR: T12 to the sacrum."""

SAGITTAL_BEHIND_MM = 20.0
"""How far behind the disc L3-4 its middle lies: at the canal."""

LOCALIZER_FIELD_MM = 400.0
"""Field of view of the MR's localizers: all of the trunk."""

_BACK, _DOWN = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, -1.0])
_LEFT = np.array([1.0, 0.0, 0.0])
"""Directions of the patient, LPS."""


@dataclasses.dataclass(frozen=True)
class StudyOptions:
    """What a person may choose about the studies of a cohort.

    Attributes:
        ct_matrix: rows and columns of the CT.
        ct_step_mm: distance between CT slices, which overlap (see `signal.CT_THICKNESS_STEPS`).
        mr_matrix: rows and columns of the axial MR.
        truth_size: pixels a side of the tissue labels and of the pictures the floor is taken of.
        turn_deg: standard deviation of the patient's turn about each axis, in each scanner.
        jitter_mm: standard deviation of a person's hand when placing landmarks, along each of the
            two directions of the slice.
        position: how everybody lay, one of POSITIONS; '' for a draw of each scan.

    Raises:
        ValueError: a value is out of range.
    """

    ct_matrix: int = 192
    ct_step_mm: float = 1.5
    mr_matrix: int = 192
    truth_size: int = 128
    turn_deg: float = 0.7
    jitter_mm: float = 0.0
    position: str = ''

    def __post_init__(self) -> None:
        if min(self.ct_matrix, self.mr_matrix, self.truth_size) < 16:
            raise ValueError('pictures have at least 16 pixels a side')
        if not 0.5 <= self.ct_step_mm <= 5:
            raise ValueError(f'CT slices lie 0.5 to 5 mm apart, not {self.ct_step_mm}')
        if not (0 <= self.turn_deg <= 5 and 0 <= self.jitter_mm <= 10):
            raise ValueError('turn_deg is 0 to 5, jitter_mm 0 to 10')
        if self.position and self.position not in POSITIONS:
            raise ValueError(f'{self.position!r} is none of {", ".join(POSITIONS)}')


@dataclasses.dataclass(frozen=True, eq=False)
class Scan:
    """How the patient lay in one scanner.

    Attributes:
        rotation: float64 [3, 3], from anatomy to the scan's frame of reference.
        shift: float64 [3], mm, where the disc L3-4 lies in that frame.
        position: how the patient lay, one of POSITIONS.
        date: the day.
    """

    rotation: np.ndarray
    shift: np.ndarray
    position: str
    date: datetime.date

    def to_frame(self, points: np.ndarray) -> np.ndarray:
        """Points [..., 3] of anatomy in the scan's frame of reference, LPS mm."""
        return np.asarray(points) @ self.rotation.T + self.shift

    def to_anatomy(self, points: np.ndarray) -> np.ndarray:
        """Points [..., 3] of the scan's frame of reference in anatomy, LPS mm."""
        return (np.asarray(points) - self.shift) @ self.rotation

    def landmarks(self, points: DiscPoints) -> DiscPoints:
        """The landmarks of a disc, from anatomy to the scan's frame of reference."""
        return DiscPoints(*self.to_frame(points.stacked()))

    def square_in_anatomy(self, square: SquareCrop) -> SquareCrop:
        """A square of the scan's frame of reference, in anatomy."""
        return SquareCrop(
            self.to_anatomy(square.centre),
            square.left_axis @ self.rotation,
            square.anterior_axis @ self.rotation,
            square.half_side_mm,
        )


@dataclasses.dataclass(frozen=True, eq=False)
class StudyPlan:
    """Both examinations of a patient.

    Attributes:
        member: the patient's place in the cohort, and which discs were asked for.
        patient: the patient.
        options: what was chosen for the whole cohort.
        ct: how the patient lay in the CT.
        mr: how the patient lay in the MR.
        points: in anatomy, the true landmarks of each disc.
    """

    member: Member
    patient: Patient
    options: StudyOptions
    ct: Scan
    mr: Scan
    points: dict[str, DiscPoints]

    def packet(self, level: str) -> tuple[StackGeometry, int]:
        """The MR packet of a disc, and which of its slices goes through the disc's middle."""
        centre, normal = spine_axis.level_plane(self.patient, level)
        left, anterior = crop.plane_axes(self.mr.rotation @ normal)
        number = spine_axis.segment_number(level)
        count = int(np.random.default_rng([self.member.seed, 9, number]).choice(PACKET_SLICES))
        middle = self.mr.to_frame(centre) - BEHIND_DISC_MM * anterior
        axes = image_axes(self.mr.position, left, -anterior)
        depths = (np.arange(count) - count // 2) * PACKET_STEP_MM
        return field_of_view(middle, axes, MR_FIELD_MM, self.options.mr_matrix, depths), count // 2

    def mr_square(self, level: str) -> SquareCrop:
        """The square of a disc in the MR's frame, as large as landmarks on both scans ask for."""
        geometry, middle = self.packet(level)
        points = self.mr.landmarks(self.points[level])
        square = crop.square_crop(points, geometry.normal, geometry.origins[middle])
        in_ct = crop.square_crop(self.ct.landmarks(self.points[level]), geometry.normal)
        return square.with_half_side(max(square.half_side_mm, in_ct.half_side_mm))

    def ct_square(self, level: str) -> SquareCrop:
        """The square of a disc in the CT's frame, on the plane with the MR slice's normal."""
        mr_square = self.mr_square(level)
        in_ct = crop.square_crop(self.ct.landmarks(self.points[level]), mr_square.normal)
        return in_ct.with_half_side(mr_square.half_side_mm)

    def ct_volume(self) -> StackGeometry:
        """The axial slices of the CT: all squares, and somewhat more above and below."""
        squares = [self.ct_square(level) for level in self.points]
        corners = np.concatenate([square.corners() for square in squares])
        centre = np.mean([square.centre for square in squares], axis=0)
        reach = CT_BEYOND_MM + PACKET_THICKNESS_MM / 2
        low, high = corners[:, 2].min() - reach, corners[:, 2].max() + reach
        step = self.options.ct_step_mm
        depths = np.arange(np.ceil((high - low) / step) + 1) * step
        axes = image_axes(self.ct.position, _LEFT, _BACK)
        # Slices are ordered along rows x columns, which feet first goes to the feet.
        first = low if np.cross(*axes)[2] > 0 else high
        start = np.array([*centre[:2], first])
        return field_of_view(start, axes, CT_FIELD_MM, self.options.ct_matrix, depths)

    def sagittal(self) -> StackGeometry:
        """The sagittal MR, of half the pixels a side of the axial."""
        depths = (np.arange(SAGITTAL_SLICES) - SAGITTAL_SLICES // 2) * PACKET_STEP_MM
        centre = self.mr.shift + SAGITTAL_BEHIND_MM * _BACK
        matrix = self.options.mr_matrix // 2
        return field_of_view(centre, (_BACK, _DOWN), SAGITTAL_FIELD_MM, matrix, depths)

    def localizers(self) -> list[StackGeometry]:
        """The MR's localizers: an axial, a sagittal and a coronal slice of half its pixels."""
        planes = [image_axes(self.mr.position, _LEFT, _BACK), (_BACK, _DOWN), (_LEFT, _DOWN)]
        matrix = self.options.mr_matrix // 2
        return [
            field_of_view(self.mr.shift, axes, LOCALIZER_FIELD_MM, matrix, np.zeros(1))
            for axes in planes
        ]


def image_axes(position: str, left: np.ndarray, back: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Directions of rows and columns of an axial slice.

    Args:
        position: how the patient lies.
        left: unit (3,), in the slice, towards the patient's left.
        back: unit (3,), in the slice, towards the patient's back.
    """
    row_sign, column_sign = _IMAGE_AXES[position]
    return row_sign * left, column_sign * back


def field_of_view(
    centre: np.ndarray,
    axes: tuple[np.ndarray, np.ndarray],
    field_mm: float,
    matrix: int,
    depths: np.ndarray,
) -> StackGeometry:
    """Square slices about a centre.

    Args:
        centre: (3,) mm, the middle of a slice at depth 0.
        axes: unit directions of rows and columns.
        field_mm: side of the slices.
        matrix: pixels a side.
        depths: rising distances in mm of the slices from `centre`, along rows x columns.

    Returns:
        The slices.
    """
    row, column = axes
    pixel_mm = field_mm / matrix
    corner = centre - (matrix - 1) / 2 * pixel_mm * (row + column)
    origins = corner + depths[:, np.newaxis] * np.cross(row, column)
    return StackGeometry(origins, row, column, (pixel_mm, pixel_mm), matrix, matrix)


def plan_studies(member: Member, options: StudyOptions) -> StudyPlan:
    """Plans the examinations of a member of a cohort.

    Args:
        member: the patient, and which discs were asked for.
        options: what was chosen for the whole cohort.

    Returns:
        The plan; the same arguments give the same plan.
    """
    rng = np.random.default_rng([member.seed, 7])
    patient = member.patient()
    day = FIRST_DAY + datetime.timedelta(days=int(rng.integers(0, 700)))
    later = datetime.timedelta(days=int(rng.integers(0, MOST_DAYS + 1)))
    return StudyPlan(
        member=member,
        patient=patient,
        options=options,
        # A CT table stands low and far in; an MR's origin is its magnet's middle.
        ct=_draw_scan(rng, options, np.array([0.0, -150.0, -600.0]), day),
        mr=_draw_scan(rng, options, np.array([0.0, 40.0, 20.0]), day + later),
        points={level: anatomy.level_landmarks(patient, level) for level in member.levels},
    )


def _draw_scan(
    rng: np.random.Generator, options: StudyOptions, origin: np.ndarray, day: datetime.date
) -> Scan:
    """Draws how a patient lay; `origin` is where the disc L3-4 usually lies."""
    turn = options.turn_deg * rng.standard_normal(3)
    drawn = str(rng.choice(list(POSITIONS), p=list(POSITIONS.values())))
    return Scan(
        rotation=Rotation.from_rotvec(turn, degrees=True).as_matrix(),
        shift=origin + rng.normal(0, (10, 15, 60)),
        position=options.position or drawn,
        date=day,
    )
