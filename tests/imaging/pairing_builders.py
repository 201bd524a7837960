"""Stacks and points of one disc on CT and MR, and what pairing makes of them."""

import datetime

import numpy as np
import pytest
from stack_builders import SUPINE, FakeStack, disc_points, stack_around

from ct2mr_tf.imaging import pairing
from ct2mr_tf.imaging.pairing_rules import Finding, PairingOptions

CT_SAC = np.array([4.0, -150.0, 720.0])
MR_SAC = np.array([-9.0, 35.0, -42.0])
"""The same point of the patient in the frames of reference of CT and MR."""

DAY = datetime.date(2020, 5, 17)


def ct_volume(directions=SUPINE, slices=61, step=1.0, **fields):
    geometry = stack_around(CT_SAC, slices, step, (1, 1), (150, 150), directions)
    return FakeStack(geometry, 'CT', **{'slice_thickness': step, **fields})


def ct_slice(tilt_deg=0.0, at=CT_SAC, **fields):
    geometry = stack_around(at, 1, 1, (1, 1), (150, 150), tilt_deg=tilt_deg)
    return FakeStack(geometry, 'CT', **{'slice_thickness': 3.0, **fields})


def mr_packet(tilt_deg=0.0, directions=SUPINE, slices=3, **fields):
    geometry = stack_around(MR_SAC, slices, 4.4, (1.2, 1.2), (130, 130), directions, tilt_deg)
    given = {'slice_thickness': 4.0, 'frame_of_reference_uid': '9.8', 'series_instance_uid': '9.7'}
    return FakeStack(geometry, 'MR', **{**given, 'uid_prefix': '9.6', **fields})


def pair_one(ct, mr, ct_points=None, mr_points=None, excluded=None, **options):
    """Pairs L4-5 of the stacks given; the Pair, or the Finding."""
    ct_points = disc_points(CT_SAC) if ct_points is None else ct_points
    mr_points = disc_points(MR_SAC) if mr_points is None else mr_points
    pairs, refusals = pairing.pair_patient(
        [*ct, *mr],
        {'L4-5': ct_points},
        {'L4-5': mr_points},
        PairingOptions(**options),
        excluded or {},
    )
    assert len(pairs) + len(refusals) == 1
    return pairs[0] if pairs else refusals[0].finding


def assert_finding(found, reason, modality='', measured=None, limit=None):
    assert isinstance(found, Finding), found
    assert (found.reason, found.modality) == (reason, modality)
    assert found.measured == (None if measured is None else pytest.approx(measured, abs=1e-6))
    assert found.limit == (None if limit is None else pytest.approx(limit, abs=1e-6))
