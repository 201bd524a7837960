"""The anatomy of a patient: which tissue is at a point of space, and where the landmarks are.

Everything is painted on points, not on pictures: a thin CT slice, an angled MR packet and a
sagittal view of one patient are the same anatomy, read at other points.
"""

import dataclasses

import numpy as np
from scipy import ndimage

from ct2mr_tf.imaging import crop
from ct2mr_tf.phantom import (
    bowel,
    discs_and_canal,
    soft_tissue,
    spine_axis,
    vertebrae,
)
from ct2mr_tf.phantom.canvas import Canvas
from ct2mr_tf.phantom.patient import Patient
from ct2mr_tf.phantom.tissues import DISC, SAC

LANDMARK_STEP_MM = 0.4
"""Spacing of the points at which landmarks are looked for in the plane of a disc."""

LANDMARK_REACH_MM = 48.0
"""How far from the disc's centre they are looked for."""

BLOCK_POINTS = 2**16
"""Points labelled at a time: few enough that their coordinates stay in a core's cache."""

WARPS = ((0.75, (15.0, 15.0, 22.0)), (0.3, (6.0, 6.0, 9.0)))
"""(amplitude, size of a blob) in mm of the irregularities that keep outlines from being ideal."""


def tissue_labels(patient: Patient, points: np.ndarray) -> np.ndarray:
    """Labels points of space.

    Args:
        patient: whose anatomy.
        points: float [..., 3], patient coordinates (LPS, mm; the disc L3-4 at the origin).

    Returns:
        uint8 [...], numbers of `tissues.Tissue`; a point's label does not depend on the others.
    """
    points = np.asarray(points)
    flat = points.reshape(-1, 3)
    labels = np.empty(len(flat), np.uint8)
    for start in range(0, len(flat), BLOCK_POINTS):
        block = slice(start, start + BLOCK_POINTS)
        labels[block] = _paint(patient, flat[block])
    return labels.reshape(points.shape[:-1])


def _paint(patient: Patient, points: np.ndarray) -> np.ndarray:
    """Labels uint8 [n] of points [n, 3]: each tissue is painted over those before it."""
    canvas = _canvas(patient, points)
    soft_tissue.paint_trunk(canvas, patient)
    discs_and_canal.paint_epidural_fat(canvas, patient)
    soft_tissue.paint_psoas(canvas, patient)
    soft_tissue.paint_kidneys(canvas, patient)
    bowel.paint_bowel(canvas, patient.loops)
    soft_tissue.paint_vessels(canvas, patient)
    soft_tissue.paint_back_muscles(canvas, patient)
    soft_tissue.paint_hips(canvas, patient)
    soft_tissue.paint_small_vessels(canvas)
    for number in range(7):
        discs_and_canal.paint_ligaments(canvas, patient, number)
    for number in range(1, 7):
        vertebrae.paint_body(canvas, patient, number)
    for number in range(1, 7):
        vertebrae.paint_arch(canvas, patient, number)
    for number in range(7):
        discs_and_canal.paint_disc(canvas, patient, number)
    discs_and_canal.paint_sac(canvas, patient)
    for number in range(1, 6):
        discs_and_canal.paint_exiting_roots(canvas, patient, number)
    return canvas.labels


def _canvas(patient: Patient, points: np.ndarray) -> Canvas:
    """Points [n, 3] in slightly warped coordinates of the spine, all labelled air."""
    u, v, s, t = spine_axis.to_spine(patient, points)
    count = len(points)
    canvas = Canvas(u, v, s, t, np.zeros(count, np.uint8), np.arange(count), patient.seed)
    for number, (amplitude, feature) in enumerate(WARPS):
        u = u + amplitude * canvas.noise(feature, 2 * number)
        v = v + amplitude * canvas.noise(feature, 2 * number + 1)
    return dataclasses.replace(canvas, u=u, v=v)


def level_landmarks(patient: Patient, level: str) -> crop.DiscPoints:
    """The points a person would mark on the slice through the middle of a disc.

    Args:
        patient: whose disc.
        level: one of `landmarks.LEVELS`.

    Returns:
        The centre of the thecal sac, the most ventral point of the disc's outline and its left and
        right edges, in LPS mm, found on the labels themselves to within LANDMARK_STEP_MM.

    Raises:
        ValueError: there is no such level.
    """
    centre, normal = spine_axis.level_plane(patient, level)
    left, anterior = crop.plane_axes(normal)
    steps = np.arange(-LANDMARK_REACH_MM, LANDMARK_REACH_MM, LANDMARK_STEP_MM)
    points = centre + steps[:, None, None] * anterior + steps[None, :, None] * left
    labels = tissue_labels(patient, points)
    sac = points[ndimage.binary_fill_holes(np.isin(labels, SAC))]
    disc = points[np.isin(labels, DISC)]
    across, forward = (disc - centre) @ left, (disc - centre) @ anterior
    return crop.DiscPoints(
        sac=sac.mean(axis=0),
        ventral=disc[forward.argmax()],
        left=disc[across.argmax()],
        right=disc[across.argmin()],
    )
