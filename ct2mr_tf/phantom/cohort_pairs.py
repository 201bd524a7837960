"""Pictures of a cohort's discs straight from anatomy and signal, without scanner or landmarks."""

import dataclasses

import numpy as np

from ct2mr_tf.imaging.crop import DiscPoints, SquareCrop
from ct2mr_tf.imaging.grey import Window
from ct2mr_tf.phantom import pairs
from ct2mr_tf.phantom.cohort import Member


@dataclasses.dataclass(frozen=True, eq=False)
class Picture:
    """A disc's pair with its truth, small enough to hand from process to process.

    Attributes:
        member: whose disc.
        level: which disc.
        square: where the pictures lie in the patient.
        points: the disc's landmarks.
        ct: uint8 [N, N], grey levels.
        mr: uint8 [N, N], grey levels.
        mr_window: the range of signal that `mr` shows.
        labels: uint8 [N, N], numbers of `tissues.Tissue`.
        floor_mae: see `pairs.floor_mae`; grey levels.
    """

    member: Member
    level: str
    square: SquareCrop
    points: DiscPoints
    ct: np.ndarray
    mr: np.ndarray
    mr_window: Window
    labels: np.ndarray
    floor_mae: float


def draw_pictures(member: Member, size: int) -> list[Picture]:
    """Takes the pairs of one patient.

    Args:
        member: the patient, and which discs.
        size: N, pixels a side.

    Returns:
        One picture a level, from head to foot; the same arguments give the same bytes.
    """
    patient = member.patient()
    pictures = []
    for level in member.levels:
        pair = pairs.render_pair(patient, level, size)
        pictures.append(
            Picture(
                member=member,
                level=level,
                square=pair.square,
                points=pair.points,
                ct=pair.ct_grey,
                mr=pair.mr_grey,
                mr_window=pair.mr_window,
                labels=pair.slice_.labels,
                floor_mae=pairs.floor_mae(pair),
            )
        )
    return pictures
