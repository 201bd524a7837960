import datetime
import logging
import warnings

import pydicom
import pytest
from dicom_builders import PLANTED, with_attributes
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from ct2mr_tf.imaging import dicom_values
from ct2mr_tf.imaging.dicom_values import RefusedError, WarningCount, warnings_held_back


def raw(keyword, vr, value):
    """A dataset with an element as it comes from a file, not converted yet."""
    tag = Tag(keyword)
    return pydicom.Dataset({tag: RawDataElement(tag, vr, len(value), value, 0, False, True)})


@pytest.mark.parametrize(
    ('value', 'expected'),
    [
        (b'1.5 ', (1.5,)),
        (b' -1024', (-1024.0,)),
        (b'1e-2', (0.01,)),
        (b'', None),
        (b'  ', None),
        (b'\0\0', None),
    ],
)
def test_a_decimal_string_is_its_number(value, expected):
    assert dicom_values.numbers(raw('RescaleSlope', 'DS', value), 'RescaleSlope', 1) == expected


@pytest.mark.parametrize(
    'value', [b'1,5', b'abc', b'nan', b'inf', b'1e999', b'1_0', b'1\\', b'1\\2', b'1\xff', b'--1']
)
def test_what_is_no_single_number_is_refused_without_quoting_it(value):
    with pytest.raises(RefusedError) as caught, warnings_held_back(WarningCount()):
        dicom_values.numbers(raw('RescaleSlope', 'DS', value), 'RescaleSlope', 1)
    assert value.decode('latin-1') not in caught.value.found


@pytest.mark.parametrize(('vr', 'value'), [('US', b'\x01'), ('SQ', b'\x01\x02'), ('OB', b'\x01\0')])
def test_a_number_in_another_representation_or_of_another_length_is_refused(vr, value):
    with pytest.raises(RefusedError), warnings_held_back(WarningCount()):
        dicom_values.integer(raw('Rows', vr, value), 'Rows', 1, 65535)


def test_an_integer_must_be_one_and_lie_in_its_range():
    assert dicom_values.integer(raw('Rows', 'US', b'\x00\x02'), 'Rows', 1, 65535) == 512
    for value in (b'0', b'2147483648', b'1.5'):
        with pytest.raises(RefusedError):
            dicom_values.integer(raw('NumberOfFrames', 'IS', value), 'NumberOfFrames', 1, 2**31 - 1)


def test_text_is_stripped_and_joined():
    assert dicom_values.text(raw('ImageType', 'CS', b'ORIGINAL \\PRIMARY\0'), 'ImageType') == (
        'ORIGINAL\\PRIMARY'
    )
    assert dicom_values.text(pydicom.Dataset(), 'ImageType') == ''
    with pytest.raises(RefusedError, match='no text'):
        dicom_values.text(raw('PatientID', 'OB', b'ab'), 'PatientID')


@pytest.mark.parametrize(
    ('value', 'day'),
    [
        ('20190402', datetime.date(2019, 4, 2)),
        ('2019.04.02', datetime.date(2019, 4, 2)),
        ('20190402093000.000000+0100', datetime.date(2019, 4, 2)),
        ('00010101', None),
        ('19000101', None),
        ('19711231', None),
        ('19720101', datetime.date(1972, 1, 1)),
        ('99991231', None),
        ('20190431', None),
        ('201904', None),
        ('201904-0500', None),
        ('unknown', None),
        ('', None),
    ],
)
def test_dates_and_dummies(value, day):
    dataset = raw('AcquisitionDateTime', 'DT', value.encode())
    assert dicom_values.date(dataset, 'AcquisitionDateTime') == day


def test_warnings_and_logs_of_pydicom_are_counted_and_held_back(caplog, recwarn):
    count = WarningCount()
    logger = logging.getLogger('pydicom')
    before = list(logger.handlers), logger.propagate
    with warnings_held_back(count):
        warnings.warn(PLANTED, UserWarning, stacklevel=1)
        logger.warning(PLANTED)
        logging.getLogger('pydicom.pixels.decoders.base').warning(PLANTED)
        logging.getLogger('another').warning('heard')
    assert count.held_back == 3
    assert [record.message for record in caplog.records] == ['heard']
    assert not recwarn.list
    assert (logger.handlers, logger.propagate) == before


def test_values_set_in_memory_are_read_too():
    dataset = with_attributes(PixelSpacing=[0.5, 0.75], Rows=7)
    assert dicom_values.numbers(dataset, 'PixelSpacing', 2) == (0.5, 0.75)
    assert dicom_values.number(dataset, 'Rows') == 7
