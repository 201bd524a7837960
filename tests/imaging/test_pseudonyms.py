import pathlib
import re
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ct2mr_tf.imaging.pseudonyms import Pseudonyms, load_or_create_key, write_map
from ct2mr_tf.problems import UserError

KEY = bytes(range(32))


def test_a_pseudonym_is_the_hmac_of_its_length_prefixed_fields():
    # HMAC-SHA-256 by OpenSSL: printf of 8-byte big-endian length and text for each of
    # 'patient', '4711', ''; openssl dgst -sha256 -mac HMAC -macopt hexkey:000102...1f
    assert Pseudonyms(KEY).patient('4711') == 'P98897c7b54f3'


@given(st.text(), st.text(), st.text(), st.text())
def test_only_equal_patients_share_a_pseudonym(one, issuer, other, other_issuer):
    made = Pseudonyms(KEY)
    same = made.patient(one, issuer) == made.patient(other, other_issuer)
    assert same == ((one, issuer) == (other, other_issuer))


def test_patients_and_paths_and_keys_do_not_mix():
    made, other = Pseudonyms(KEY), Pseudonyms(KEY[::-1])
    assert made.patient('a')[1:] != made.path(pathlib.PurePath('a'))[5:]
    assert made.patient('a') != other.patient('a')
    assert made.path(pathlib.PurePath('a/b')) != made.path(pathlib.PurePath('ab'))
    assert made.path(pathlib.PurePath('a/b')).startswith('file-')


def test_names_that_are_no_text_have_pseudonyms_too():
    assert len(Pseudonyms(KEY).path(pathlib.PurePath('caf\udce9'))) == len('file-') + 12


def test_the_key_is_never_shown_and_never_short():
    assert KEY.hex() not in repr(Pseudonyms(KEY)) and str(KEY) not in repr(Pseudonyms(KEY))
    with pytest.raises(ValueError, match='16 bytes'):
        Pseudonyms(b'short')


def test_a_key_file_is_made_once_and_only_its_owner_reads_it(tmp_path):
    path = tmp_path / 'key'
    key = load_or_create_key(path)
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_key(path) == key
    assert load_or_create_key(tmp_path / 'other') != key


@pytest.mark.parametrize(
    ('text', 'mode', 'found'),
    [
        ('00' * 32, 0o644, 'other users may open it'),
        ('no key', 0o600, 'text that is no key'),
        ('é', 0o600, 'text that is no key'),
        ('', 0o600, '0 bytes'),
        ('00' * 15, 0o600, '15 bytes'),
    ],
)
def test_a_bad_key_file_is_refused(tmp_path, text, mode, found):
    path = tmp_path / 'key'
    path.write_text(text, encoding='utf-8')
    path.chmod(mode)
    with pytest.raises(UserError) as caught:
        load_or_create_key(path)
    assert [problem.found for problem in caught.value.problems] == [found]
    assert str(tmp_path) not in str(caught.value)


def test_a_key_file_in_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match='No such file or directory'):
        load_or_create_key(tmp_path / 'missing' / 'key')


def test_fingerprints_tell_fields_apart_and_are_no_pseudonyms():
    made = Pseudonyms(KEY)
    assert made.fingerprint('a', 'b') == made.fingerprint('a', 'b') != made.fingerprint('ab')
    assert made.fingerprint('4711', '') != made.patient('4711')[1:]


def test_a_map_is_for_its_owner_only_and_replaces_the_one_before(tmp_path):
    path = tmp_path / 'map.csv'
    path.write_text('old')
    path.chmod(0o644)
    write_map(path, [('P2', 'Ünal, A'), ('P1', 'caf\udce9')])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = path.read_bytes().decode('utf-8', 'surrogateescape')
    assert content == 'pseudonym,stands_for\r\nP1,caf\udce9\r\nP2,"Ünal, A"\r\n'
    assert [one.name for one in tmp_path.iterdir()] == ['map.csv']


def test_a_map_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / 'map.csv').mkdir()
    with pytest.raises(OSError, match='directory'):
        write_map(tmp_path / 'map.csv', [])
    assert [one.name for one in tmp_path.iterdir()] == ['map.csv']


def test_a_uid_follows_from_another_and_the_key():
    made, other = Pseudonyms(KEY), Pseudonyms(KEY[::-1])
    uid = made.uid('1.2.840.1')
    assert re.fullmatch(r'2\.25\.[1-9]\d{0,38}', uid)
    assert uid == made.uid('1.2.840.1')
    assert len({uid, other.uid('1.2.840.1'), made.uid('1.2.840.2'), made.uid(uid)}) == 4
