import pytest

from ct2mr_tf.imaging.crop import PointOrderError
from ct2mr_tf.imaging.pairing_rules import (
    Finding,
    NoPairError,
    PairingOptions,
    Reason,
    check_half_side,
    contradictions_on,
)


def test_the_defaults_are_the_papers():
    options = PairingOptions()
    assert (options.max_days, options.max_angle_deg, options.warn_angle_deg) == (3, 10, 5)
    assert options.allow_unknown_dates is False


def test_findings_as_a_person_reads_them():
    off_plane = Finding(Reason.OFF_PLANE, 'MR', 2.125, 2, 'mm')
    assert str(off_plane) == 'MR: the landmarks lie off every slice: 2.125 mm, limit 2'
    frames = str(Finding(Reason.SEVERAL_FRAMES, 'CT', 2, 1))
    assert frames == 'CT: the landmarks fit several frames of reference: 2, limit 1'
    assert str(Finding(Reason.EXCLUDED, detail='fracture')) == 'excluded by hand (fracture)'


@pytest.mark.parametrize(
    'options',
    [
        {'max_days': -1},
        {'max_angle_deg': float('nan')},
        {'ct_plane': 'both'},
        {'ct_series': '('},
        {'slab_mm': -0.1},
        {'min_half_side_mm': 90.0},
        {'max_angle_deg': 4.0},
    ],
)
def test_options_that_contradict_themselves(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        PairingOptions(**options)


def test_all_contradictions_are_told_at_once():
    with pytest.raises(ValueError, match=r'max_days.*slab_mm.*ct_plane.*mr_series'):
        PairingOptions(max_days=-1, slab_mm=float('inf'), ct_plane='both', mr_series='[')


@pytest.mark.parametrize(('half_side', 'limit'), [(19.9, 20.0), (80.1, 80.0)])
def test_a_half_side_that_no_disc_has(half_side, limit):
    with pytest.raises(NoPairError) as raised:
        check_half_side(half_side, PairingOptions())
    assert raised.value.finding == Finding(Reason.HALF_SIDE, '', half_side, limit, 'mm')
    check_half_side(45.0, PairingOptions())


def test_contradictions_name_their_modality():
    with pytest.raises(NoPairError) as raised, contradictions_on('CT'):
        raise PointOrderError('the ventral point lies behind the sac', 3.0)
    found = 'CT: the landmarks contradict each other (the ventral point lies behind the sac): 3 mm'
    assert str(raised.value).startswith(found)
