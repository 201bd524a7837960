"""Points given in coordinates of the spine, for the painters of anatomy."""

import numpy as np

from ct2mr_tf.phantom import spine_axis
from ct2mr_tf.phantom.canvas import Canvas
from ct2mr_tf.phantom.tissues import Tissue


def canvas_at(patient, u, v, s, tissue=Tissue.AIR):
    """A canvas of points (arrays or numbers, broadcast), all of one tissue so far."""
    u, v, s = (np.asarray(a, np.float32).ravel() for a in np.broadcast_arrays(u, v, s))
    disc_s = spine_axis.axis(patient).disc_s
    t = np.interp(-s, -disc_s, np.arange(len(disc_s))).astype(np.float32)
    labels = np.full(len(u), tissue, np.uint8)
    return Canvas(u, v, s, t, labels, np.arange(len(u)), patient.seed)


def plane(patient, s, half_mm=60.0, step_mm=1.0, tissue=Tissue.AIR):
    """A canvas of the plane across the spine at a place along it, and the shape of its picture.

    The picture's rows go from the front to the back, its columns from the right to the left.
    """
    steps = np.arange(-half_mm, half_mm + step_mm / 2, step_mm)
    v, u = np.meshgrid(steps[::-1], steps, indexing='ij')
    return canvas_at(patient, u, v, s, tissue), v.shape
