"""The square of the paper around the thecal sac, on any oblique plane.

Lee et al. (J Korean Neurosurg Soc, 2020, Fig. 3) cut every picture to a square centred on the
thecal sac, whose ventral edge touches the most ventral part of the vertebral body and whose lateral
edges hold the body. In patient coordinates (LPS, mm), with n the normal of the plane:

    a = the anterior direction (0, -1, 0) projected onto the plane, of unit length
    l = the direction in the plane across a, towards the patient's left
    h = (V - T) . a, the half side: T the centre of the thecal sac, V the most ventral point

The picture shows the patient's right on its left side and anterior up, whatever way the patient
lay in the scanner and whichever way the rows of the source run.
"""

import dataclasses
import math

import numpy as np

_ANTERIOR = np.array([0.0, -1.0, 0.0])
"""The patient's anterior direction in LPS."""

_LEFT = np.array([1.0, 0.0, 0.0])
"""The patient's left in LPS."""

MIN_AXIS_SHARE = 0.5
"""How long anterior and left must be when projected onto the plane (no unit): within 60 degrees
of it. Beyond, the plane is nearer coronal or sagittal than axial and the picture's axes would be
an accident of noise; a lumbar disc is tilted by less than 45 degrees."""


class PointOrderError(ValueError):
    """The points of a disc contradict each other: one lies on the wrong side of another.

    Attributes:
        contradiction: which lies where, without numbers.
        distance_mm: how far on the wrong side.
    """

    def __init__(self, contradiction: str, distance_mm: float) -> None:
        self.contradiction, self.distance_mm = contradiction, distance_mm
        super().__init__(f'{contradiction}, by {distance_mm:.1f} mm')


@dataclasses.dataclass(frozen=True, eq=False)
class DiscPoints:
    """The points that place the square of one disc in one image, each (3,) in patient mm.

    Attributes:
        sac: T, the centre of the thecal sac.
        ventral: V, the most ventral point of the vertebral body.
        left: the body's lateral edge on the patient's left, if somebody marked it.
        right: the same on the patient's right.
    """

    sac: np.ndarray
    ventral: np.ndarray
    left: np.ndarray | None = None
    right: np.ndarray | None = None

    def stacked(self) -> np.ndarray:
        """All points there are, float64 (2 to 4, 3): sac, ventral, then the lateral edges."""
        points = (self.sac, self.ventral, self.left, self.right)
        return np.array([point for point in points if point is not None], dtype=np.float64)


@dataclasses.dataclass(frozen=True, eq=False)
class SquareCrop:
    """A square in the patient: where it lies, how it is turned, how large it is.

    Attributes:
        centre: float64 (3,) in mm.
        left_axis: float64 (3,), unit, towards the patient's left: the picture's x axis.
        anterior_axis: float64 (3,), unit, at right angles to it: up in the picture.
        half_side_mm: half the side's length in mm.

    Raises:
        ValueError: an axis is not unit, the axes are not orthogonal, the centre is not finite, or
            the half side is not a positive length.
    """

    centre: np.ndarray
    left_axis: np.ndarray
    anterior_axis: np.ndarray
    half_side_mm: float

    def __post_init__(self) -> None:
        for name in ('centre', 'left_axis', 'anterior_axis'):
            value = np.array(getattr(self, name), dtype=np.float64)
            if value.shape != (3,) or not np.isfinite(value).all():
                raise ValueError(f'{name} must be three finite numbers, got {value}')
            object.__setattr__(self, name, value)
        axes = np.stack([self.left_axis, self.anterior_axis])
        if not np.allclose(axes @ axes.T, np.eye(2), rtol=0, atol=1e-6):
            raise ValueError('the axes of a square must be unit and orthogonal')
        if not 0 < self.half_side_mm < math.inf:
            raise ValueError(f'half_side_mm must be a positive length, got {self.half_side_mm}')

    @property
    def normal(self) -> np.ndarray:
        """Unit normal of the square's plane, float64 (3,), towards the head: a x l."""
        return np.cross(self.anterior_axis, self.left_axis)

    def with_half_side(self, half_side_mm: float) -> 'SquareCrop':
        """The same square at another size (mm)."""
        return dataclasses.replace(self, half_side_mm=half_side_mm)

    def grid(self, size: int) -> np.ndarray:
        """Centres of the pixels of a picture of the square.

        Args:
            size: N, pixels a side; a pixel measures 2 * half_side_mm / N.

        Returns:
            float64 (N, N, 3) in mm: [y, x], x along `left_axis`, y along minus `anterior_axis`.
        """
        offsets = ((np.arange(size) + 0.5) * (2 / size) - 1) * self.half_side_mm
        across = offsets[np.newaxis, :, np.newaxis] * self.left_axis
        down = offsets[:, np.newaxis, np.newaxis] * -self.anterior_axis
        return self.centre + across + down

    def corners(self) -> np.ndarray:
        """The four corners of the square itself, not of its pixel centres: float64 (4, 3) in mm."""
        signs = np.array([(-1, 1), (1, 1), (1, -1), (-1, -1)], dtype=np.float64)
        axes = np.stack([self.left_axis, self.anterior_axis])
        return self.centre + self.half_side_mm * signs @ axes

    def to_picture(self, points: np.ndarray, size: int) -> np.ndarray:
        """Where points, projected onto the square's plane, fall in its picture.

        Args:
            points: (..., 3) in mm.
            size: N, pixels a side.

        Returns:
            float64 (..., 2): x and y in pixels, 0 at the centre of the first pixel, so the
            square's centre is at ((N - 1) / 2, (N - 1) / 2).
        """
        offsets = np.asarray(points, dtype=np.float64) - self.centre
        axes = np.stack([self.left_axis, -self.anterior_axis], axis=-1)
        return (offsets @ axes / self.half_side_mm + 1) * (size / 2) - 0.5


@dataclasses.dataclass(frozen=True)
class BodyExtent:
    """How far the vertebral body reaches from the middle of a square, the sac's centre.

    Attributes:
        ventral_mm: to its most ventral point, in mm along `anterior_axis`.
        left_mm: to its edge on the patient's left, in mm along `left_axis`; None if not marked.
        right_mm: to its edge on the patient's right, in mm the other way; None if not marked.
    """

    ventral_mm: float
    left_mm: float | None
    right_mm: float | None


def body_extent(points: DiscPoints, square: SquareCrop) -> BodyExtent:
    """How far the body reaches from the sac's centre, in the axes of the disc's square."""

    def reach(point: np.ndarray, axis: np.ndarray) -> float:
        return float((np.asarray(point) - points.sac) @ axis)

    left, right = points.left, points.right
    return BodyExtent(
        ventral_mm=reach(points.ventral, square.anterior_axis),
        left_mm=None if left is None else reach(left, square.left_axis),
        right_mm=None if right is None else reach(right, -square.left_axis),
    )


def plane_axes(normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The directions of a picture on an oblique plane.

    Args:
        normal: (3,), the plane's normal, of any length and sign.

    Returns:
        (left, anterior): float64 (3,) each, unit, orthogonal, in the plane.

    Raises:
        ValueError: the plane is nearer coronal or sagittal than axial (see MIN_AXIS_SHARE).
    """
    normal = np.asarray(normal, dtype=np.float64)
    normal = normal / np.linalg.norm(normal)
    projected = _ANTERIOR - (_ANTERIOR @ normal) * normal
    share = np.linalg.norm(projected)
    if not share >= MIN_AXIS_SHARE:
        raise ValueError('the plane is nearly coronal: it has no anterior direction')
    anterior = projected / share
    left = np.cross(normal, anterior)
    if not abs(left @ _LEFT) >= MIN_AXIS_SHARE:
        raise ValueError('the plane is nearly sagittal: it has no left and right')
    return left * np.sign(left @ _LEFT), anterior


def is_axial(normal: np.ndarray) -> bool:
    """Whether a plane has the directions of an axial picture: see `plane_axes`."""
    try:
        plane_axes(normal)
    except ValueError:
        return False
    return True


def square_crop(
    points: DiscPoints, normal: np.ndarray, on_plane: np.ndarray | None = None
) -> SquareCrop:
    """The square of the paper for one image: centred on the sac, touching V, holding the body.

    The half side is (V - T) . a. Where a marked lateral edge falls outside, it grows to hold it;
    `ventral_half_side` tells what it was before.

    Args:
        points: T, V and the marked lateral edges, in mm.
        normal: (3,), the plane's normal, of any length and sign.
        on_plane: (3,), any point of the slice plane in mm: the centre is moved onto the plane
            along the normal. None where the plane passes through the sac point itself.

    Returns:
        The square.

    Raises:
        PointOrderError: V does not lie before T, or a lateral edge on the wrong side of T.
        ValueError: the plane is not axial enough (see `plane_axes`).
    """
    left_axis, anterior_axis = plane_axes(normal)
    half_side = ventral_half_side(points, normal)
    for side, sign, edge in (('left', 1, points.left), ('right', -1, points.right)):
        if edge is not None and not (reach := sign * float((edge - points.sac) @ left_axis)) > 0:
            raise PointOrderError(f'the {side} edge lies on the other side of the sac', -reach)
    edges = points.stacked()[2:] - points.sac
    half_side = max([half_side, *np.abs(edges @ left_axis), *np.abs(edges @ anterior_axis)])
    centre = np.asarray(points.sac, dtype=np.float64)
    if on_plane is not None:
        plane_normal = np.cross(anterior_axis, left_axis)
        centre = centre + (np.asarray(on_plane) - centre) @ plane_normal * plane_normal
    return SquareCrop(centre, left_axis, anterior_axis, float(half_side))


def ventral_half_side(points: DiscPoints, normal: np.ndarray) -> float:
    """The half side before it grows for the lateral edges: h = (V - T) . a, in mm.

    Raises:
        PointOrderError: h is not positive: V does not lie before T.
        ValueError: the plane is not axial enough (see `plane_axes`).
    """
    _, anterior_axis = plane_axes(normal)
    half_side = float((np.asarray(points.ventral) - points.sac) @ anterior_axis)
    if not half_side > 0:
        raise PointOrderError('the ventral point lies behind the sac', -half_side)
    return half_side
