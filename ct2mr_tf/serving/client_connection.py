"""HTTP to TensorFlow Serving's REST API: addresses, time-outs, retries, errors. It knows no model.

A request is tried again only where that can help and cannot harm: after 429 (too many requests),
503 (unavailable), 504 (the server's own time-out), and where the connection was refused or lost.
Asking for a prediction twice changes nothing on the server. Never after 400 or 404, which would be
the same again, nor when no answer came in time: a server that is too slow would get more to do.

The pictures go to the address that was given and nowhere else: redirects are not followed, and
proxies and passwords of the environment (HTTP_PROXY, .netrc) are not used. Certificates of an
https address are checked; REQUESTS_CA_BUNDLE may name those of a hospital.
"""

import dataclasses
import email.utils
import gzip
import json
import logging
import os
import random
import re
import time
import urllib.parse
from typing import Any

import requests
from urllib3.exceptions import ReadTimeoutError

from ct2mr_tf.problems import Problem, UserError

RETRIED = frozenset([429, 503, 504])
"""Status codes after which a request is tried again."""

LONGEST_SHOWN = 500
"""Characters of a server's message that are shown."""

GZIP_LEVEL = 1
"""Of request bodies. They are PNG in base64, which gives up its quarter at any level."""

_NO_REST_API = 'check that the address is the REST port of a TensorFlow Serving'
"""What to do about a server of another kind."""

_BEFORE_MESSAGE = re.compile(r'^(<.*?>|\w+\(.*?\)): ')
"""What urllib3 puts before a message: the connection, whose address is told anyway."""


@dataclasses.dataclass(frozen=True)
class ClientOptions:
    """How patient a client is, and how much it sends at a time.

    Attributes:
        connect_s: longest wait for a connection, in seconds.
        answer_s: longest silence of the server, in seconds. Above the 30 s after which the server
            itself gives up by default, so that its own message arrives.
        attempts: how often a request is sent, the first time included.
        first_pause_s: pause after the first failure, in seconds; doubled after each. A random part
            of up to a half is taken off, so that clients that failed together do not return so.
        longest_pause_s: limit of a pause, also of one that the server asks for.
        request_pictures: most pictures in a request. Eight slices of 256x256 take the paper's
            generator 5 s on two cores.
        request_bytes: most bytes of a request before compression, unless a single picture has
            more. Older servers refuse what gzip inflates beyond 10 MiB.
    """

    connect_s: float = 5.0
    answer_s: float = 60.0
    attempts: int = 5
    first_pause_s: float = 0.5
    longest_pause_s: float = 30.0
    request_pictures: int = 8
    request_bytes: int = 8 * 2**20

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if not getattr(self, field.name) > 0:
                raise ValueError(f'{field.name} must be above 0')


class RefusedError(UserError):
    """The server answered, with an error.

    Attributes:
        status: HTTP status code.
        retry_after_s: seconds that it asks to wait before the next attempt; 0 if it does not.
    """

    def __init__(self, problem: Problem, status: int, retry_after_s: float = 0.0):
        super().__init__([problem])
        self.status = status
        self.retry_after_s = retry_after_s


class LostError(UserError):
    """The server cannot be reached, or the connection broke before an answer was complete."""


class Connection:
    """A kept connection to one server; for one thread at a time.

    Attributes:
        address: of the server, without a slash at the end.
    """

    def __init__(self, address: str, options: ClientOptions):
        """Checks the address; nothing is sent yet.

        Raises:
            UserError: it is no http or https address, or holds more than host, port and path.
        """
        self.address = _checked_address(address)
        self._options = options
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = os.environ.get('REQUESTS_CA_BUNDLE', True)

    def get(self, path: str) -> dict[str, Any]:
        """Asks for an object.

        Args:
            path: below the address, beginning with a slash, quoted.

        Raises:
            RefusedError: the server answered with an error.
            LostError: no connection, or it broke.
            UserError: no answer in time, or one that is no JSON object.
        """
        return self._request('GET', path, None)

    def get_once(self, path: str, longest_s: float) -> dict[str, Any]:
        """As `get`, but never tried again, and with a silence of at most so many seconds."""
        return self._attempt('GET', path, None, min(longest_s, self._options.answer_s))

    def post(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        """Sends an object, compressed, and gives the one in the answer; raises what `get` does."""
        body = gzip.compress(json.dumps(content).encode(), compresslevel=GZIP_LEVEL, mtime=0)
        return self._request('POST', path, body)

    def malformed(self, found: str) -> UserError:
        """The error for an answer that TensorFlow Serving would not give."""
        return UserError([self._problem(found, 'an answer of the REST API', _NO_REST_API)])

    def _request(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        answer_s = self._options.answer_s
        for attempt in range(1, self._options.attempts):
            try:
                return self._attempt(method, path, body, answer_s)
            except LostError:
                self._pause(attempt, 0.0, 'no connection')
            except RefusedError as error:
                if error.status not in RETRIED:
                    raise
                self._pause(attempt, error.retry_after_s, f'status {error.status}')
        return self._attempt(method, path, body, answer_s)

    def _pause(self, attempt: int, asked_s: float, why: str) -> None:
        """Waits before the next attempt: longer each time, or as long as the server asks."""
        options = self._options
        jitter = random.uniform(0.5, 1)  # noqa: S311 - keeps clients apart, hides nothing
        pause = options.first_pause_s * 2 ** (attempt - 1) * jitter
        pause = min(max(pause, asked_s), options.longest_pause_s)
        logging.info('%s: %s, asked again in %.1f s', self.address, why, pause)
        time.sleep(pause)

    def _attempt(
        self, method: str, path: str, body: bytes | None, answer_s: float
    ) -> dict[str, Any]:
        """Sends a request once; its errors are the user's to mend."""
        try:
            answer = self._send(method, path, body, answer_s)
        except requests.exceptions.ReadTimeout:
            raise self._too_slow(answer_s) from None
        except requests.exceptions.SSLError as error:
            cure = 'give http:// if that is what it speaks, or name its authority: '
            cure += 'REQUESTS_CA_BUNDLE=certificates.pem'
            expected = 'https with a certificate of a known authority'
            raise UserError([self._problem(_innermost(error), expected, cure)]) from None
        except (
            requests.exceptions.ConnectionError,
            requests.exceptions.ChunkedEncodingError,
        ) as error:
            if any(isinstance(argument, ReadTimeoutError) for argument in error.args):
                raise self._too_slow(answer_s) from None  # in the middle of an answer
            cure = 'start the server, or name its address (its REST port, by default 8501)'
            found = f'no connection, or a broken one: {_innermost(error)}'
            raise LostError([self._problem(found, 'a server that answers', cure)]) from None
        except requests.exceptions.RequestException as error:
            raise self.malformed(f'an answer that cannot be read: {_innermost(error)}') from None
        if answer.status_code != requests.codes.ok:
            raise self._refused(answer)
        return self._object_in(answer)

    def _send(
        self, method: str, path: str, body: bytes | None, answer_s: float
    ) -> requests.Response:
        headers = {'Accept': 'application/json'}
        if body is not None:
            headers |= {'Content-Type': 'application/json', 'Content-Encoding': 'gzip'}
        return self._session.request(
            method,
            self.address + path,
            data=body,
            headers=headers,
            timeout=(self._options.connect_s, answer_s),
            allow_redirects=False,
        )

    def _object_in(self, answer: requests.Response) -> dict[str, Any]:
        try:
            content = answer.json()
        except (ValueError, RecursionError):
            raise self.malformed('an answer that is no JSON') from None
        if not isinstance(content, dict):
            raise self.malformed('an answer that is no JSON object')
        return content

    def _refused(self, answer: requests.Response) -> RefusedError:
        """The server's error with its own text."""
        found = f'status {answer.status_code}: {_text_of(answer)}'
        if answer.is_redirect:
            found = f'status {answer.status_code}, a redirection'
        expected, cure = 'an answer', 'mend what the server names'
        if answer.status_code in RETRIED:
            cure = 'try again when the server has less to do, or raise its limits'
        elif answer.is_redirect:
            cure = 'name the address of the server itself'
        elif 'html' in answer.headers.get('Content-Type', ''):
            cure = _NO_REST_API  # whose errors are JSON
        problem = self._problem(found, expected, cure)
        return RefusedError(problem, answer.status_code, _retry_after(answer))

    def _too_slow(self, answer_s: float) -> UserError:
        found = f'no answer within {answer_s:g} s'
        return UserError([self._problem(found, 'an answer in time', 'wait longer, or send less')])

    def _problem(self, found: str, expected: str, cure: str) -> Problem:
        return Problem(self.address, found, expected, cure)


def _checked_address(address: str) -> str:
    """The address without a slash at its end.

    Raises:
        UserError: it cannot be an address of a server.
    """
    try:
        parts = urllib.parse.urlsplit(address)
        fits = parts.scheme in ('http', 'https') and parts.hostname and parts.port != 0
        fits = fits and not (parts.username or parts.password or parts.query or parts.fragment)
    except ValueError:  # a port that is no number
        fits = False
    if not fits:
        # An address with a password is not repeated.
        found = 'a user name in it' if '@' in address else repr(address)
        expected = 'http://HOST:PORT or https://HOST:PORT, perhaps with a path'
        raise UserError([Problem('address of the server', found, expected, 'mend the address')])
    return address.rstrip('/')


def _retry_after(answer: requests.Response) -> float:
    """Seconds that the server asks to wait; 0 if it does not (RFC 9110, 10.2.3)."""
    wished = answer.headers.get('Retry-After', '').strip()
    if wished.isdecimal():
        return float(wished)
    try:
        return email.utils.parsedate_to_datetime(wished).timestamp() - time.time()
    except (ValueError, OverflowError):
        return 0.0


def _text_of(answer: requests.Response) -> str:
    """What the server says went wrong.

    `{"error": "..."}` is the rule. Older servers escape quotes in it so that it is no JSON, and a
    proxy before the server may answer anything.
    """
    try:
        text = answer.json()['error']
    except (ValueError, RecursionError, KeyError, TypeError):
        text = answer.content[: 4 * LONGEST_SHOWN].decode('utf-8', 'replace')
    shown = ' '.join(str(text).split())[:LONGEST_SHOWN]
    return shown or answer.reason or 'no text'


def _innermost(error: BaseException) -> str:
    """The message of the error that began it all: those around it repeat the whole request."""
    inner: BaseException | None = error
    while inner is not None:
        error = inner
        causes = [getattr(error, 'reason', None), *error.args]
        inner = next((cause for cause in causes if isinstance(cause, BaseException)), None)
    text = ' '.join(_BEFORE_MESSAGE.sub('', str(error)).split())
    return text[:LONGEST_SHOWN] or type(error).__name__
