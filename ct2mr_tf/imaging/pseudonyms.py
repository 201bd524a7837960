"""Pseudonyms: the only names under which patients and their files leave the computer's memory.

A pseudonym is a keyed hash (HMAC-SHA-256, RFC 2104) of what it stands for. The same key gives the
same pseudonyms on every run and computer; without the key nobody can make or test one, not even by
trying every patient number of a hospital.
"""

import csv
import dataclasses
import hashlib
import hmac
import os
import pathlib
import secrets
import uuid
from collections.abc import Iterable

from ct2mr_tf.files import written_whole
from ct2mr_tf.problems import Problem, UserError

KEY_BYTES = 32
"""Length of a key that is made here: that of a SHA-256 hash (RFC 2104, section 3, asks no more)."""

_SHORTEST_KEY_BYTES = 16
"""128 bits: the least strength acceptable beyond 2030 (NIST SP 800-57 part 1, table 4)."""

_HEX_DIGITS = 12
"""Digits of a pseudonym (48 bits): among 20,000 files two share one with probability 7e-7."""

MAP_COLUMNS = ('pseudonym', 'stands_for')
"""Columns of the table of what pseudonyms stand for."""


@dataclasses.dataclass(frozen=True)
class Pseudonyms:
    """Makes the pseudonyms of one key.

    Attributes:
        key: the secret, at least 16 bytes; never shown by repr.

    Raises:
        ValueError: the key is shorter than 16 bytes.
    """

    key: bytes = dataclasses.field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) < _SHORTEST_KEY_BYTES:
            raise ValueError(f'a key needs at least {_SHORTEST_KEY_BYTES} bytes')

    def patient(self, patient_id: str, issuer: str = '') -> str:
        """The pseudonym of a patient.

        Args:
            patient_id: PatientID, or what stands in its place.
            issuer: IssuerOfPatientID: two hospitals may give the same number to two people.

        Returns:
            'P' and twelve hexadecimal digits.
        """
        return 'P' + self._digits('patient', patient_id, issuer)

    def path(self, relative: pathlib.PurePath) -> str:
        """The pseudonym of a file, whose folders often carry the patient's name.

        Args:
            relative: the file's place under the data folder.

        Returns:
            'file-' and twelve hexadecimal digits.
        """
        return 'file-' + self._digits('path', *relative.parts)

    def uid(self, original: str) -> str:
        """The UID that stands for another in what is anonymised.

        Args:
            original: a UID.

        Returns:
            A UID made from a UUID (PS3.5, B.2), of whose 128 bits the hash gives all but six.
        """
        bits = uuid.UUID(bytes=self._hash('uid', original)[:16], version=4)
        return f'2.25.{bits.int}'

    def fingerprint(self, *fields: str) -> str:
        """What tells whether something is still the same, and nothing else about it.

        Args:
            *fields: texts that describe it, and may identify a patient.

        Returns:
            Twelve hexadecimal digits.
        """
        return self._digits('fingerprint', *fields)

    def _digits(self, *fields: str) -> str:
        """The first digits of the keyed hash."""
        return self._hash(*fields).hex()[:_HEX_DIGITS]

    def _hash(self, *fields: str) -> bytes:
        """The keyed hash; lengths go in too, so that ('ab', 'c') is not ('a', 'bc')."""
        code = hmac.new(self.key, digestmod=hashlib.sha256)
        for field in fields:
            encoded = field.encode('utf-8', 'surrogateescape')
            code.update(len(encoded).to_bytes(8, 'big') + encoded)
        return code.digest()


def load_or_create_key(path: pathlib.Path) -> bytes:
    """Reads the key file, or makes one that only its owner can read (mode 0600).

    Args:
        path: a file that holds the key as hexadecimal text.

    Returns:
        The key, at least 16 bytes.

    Raises:
        UserError: the file holds no key, other users can read it, or it cannot be read or made.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _load_key(path)
    except OSError as error:
        found = error.strerror or 'an error of the disk'
        raise UserError([_problem(found, 'a folder to write to')]) from None
    key = secrets.token_bytes(KEY_BYTES)
    with os.fdopen(handle, 'w', encoding='ascii') as file:
        file.write(key.hex() + '\n')
        file.flush()
        os.fsync(file.fileno())
    return key


def write_map(path: pathlib.Path, meanings: Iterable[tuple[str, str]]) -> None:
    """Writes what pseudonyms stand for, whole or not at all, for its owner only (mode 0600).

    Args:
        path: the file; one that is there is replaced.
        meanings: pseudonym and what it stands for.

    Raises:
        OSError: the file cannot be written.
    """
    with (
        written_whole(path, mode=0o600) as temporary,
        temporary.open('w', encoding='utf-8', errors='surrogateescape', newline='') as file,
    ):
        csv.writer(file).writerows([MAP_COLUMNS, *sorted(meanings)])


def _load_key(path: pathlib.Path) -> bytes:
    """The key in an existing file; see load_or_create_key."""
    try:
        if path.stat().st_mode & 0o077:
            expected = 'a file of mode 0600'
            raise UserError([_problem('other users may open it', expected, 'chmod 600 the file')])
        key = bytes.fromhex(path.read_text(encoding='ascii'))
    except OSError as error:
        found = error.strerror or 'an error of the disk'
        raise UserError([_problem(found, 'a readable file')]) from None
    except ValueError:
        raise UserError([_problem('text that is no key', 'hexadecimal digits')]) from None
    if len(key) < _SHORTEST_KEY_BYTES:
        raise UserError([_problem(f'{len(key)} bytes', f'at least {_SHORTEST_KEY_BYTES} bytes')])
    return key


def _problem(found: str, expected: str, cure: str = '') -> Problem:
    """A problem of the key file."""
    cure = cure or 'name a file that holds a key, or one that does not exist yet to get a new key'
    return Problem('the key file of the pseudonyms', found, expected, cure)
