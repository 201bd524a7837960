"""How every command begins and ends: flags to a call, problems to exit codes.

Exit codes: 0 done; 1 a bug, with its traceback; 2 the user's flags or data, every problem listed;
75 interrupted, what can be saved is saved (EX_TEMPFAIL of sysexits.h: try again).
"""

import atexit
import dataclasses
import errno
import gc
import io
import logging
import math
import os
import re
import select
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import NoReturn

from absl import app, flags
from absl import logging as absl_logging

from ct2mr_tf.problems import Problem, UserError

Main = Callable[[list[Problem]], None]
"""A command: is given what is wrong with the flags as they were typed, and raises it, before it
does anything, together with what it finds wrong with their values."""

EXIT_USER = 2
"""Exit code where flags or data are wrong."""

EXIT_INTERRUPTED = 75
"""Exit code where a signal ended the command."""

LOG_FORMAT = '%(asctime)s  %(message)s'
"""A log line: when and what; the place in the code is no concern of who trains."""

OUTPUTS = (1, 2)
"""File descriptors of the standard output and the standard error."""

AGAIN_S = 0.05
"""Seconds after which a lost Ctrl-C is sent again: most destructors have long ended then."""

MOST_SHOWN = 50
"""Problems printed in full; of more, the number is said."""

GARBAGE_EVERY = (50_000, 20, 10)
"""Thresholds of `gc`: with Python's own, (700, 10, 10), it took 0.35 s of TensorFlow's 2.2 s."""

HOME = re.compile(r'(?<=[=,])~(?=/|,|$)')
"""The home folder in what is typed: of a flag's value, or of one in a list of them."""

FULL_DISK = frozenset([errno.ENOSPC, errno.EDQUOT])
"""OSError numbers of a disk without room."""

UNUSABLE_PLACE = frozenset(
    [
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.EEXIST,
        errno.ENOTEMPTY,  # a folder that was filled while its content was made
        errno.EIO,
        errno.ENAMETOOLONG,
        errno.ELOOP,
        errno.ESTALE,
        errno.ENODEV,
    ]
)
"""OSError numbers of a file or folder that the user named and that cannot be read or written."""


@dataclasses.dataclass(frozen=True)
class Subcommand:
    """One of several things that a command does, with flags of its own.

    Attributes:
        define_flags: defines its flags; those of the others are then unknown.
        main: does it.
    """

    define_flags: Callable[[], None]
    main: Main


def run_subcommand(subcommands: Mapping[str, Subcommand]) -> None:
    """Runs the subcommand that the first argument names; see `run`."""
    name = sys.argv[1] if len(sys.argv) > 1 else 'nothing'
    if name.lstrip('-') in ('help', 'helpfull', 'h'):
        print((sys.modules['__main__'].__doc__ or '').strip())
        print(f'\nFlags: {" | ".join(subcommands)}, then --help')
        return
    if name not in subcommands:
        expected = ' or '.join(subcommands)
        _fail([Problem('first argument', name, expected, 'say first what to do, then the flags')])
    subcommands[name].define_flags()
    run(subcommands[name].main, [sys.argv[0], *sys.argv[2:]])


def run(main: Main, argv: list[str] | None = None) -> None:
    """Parses the flags, calls `main`, and ends the process with the exit code of what happened.

    Args:
        main: the command; reads its flags itself, and imports TensorFlow only when called.
        argv: the command line to parse, if not the process's own.
    """
    problems: list[Problem] = []
    # TensorFlow's C++ prints start-up notes that no Python can filter.
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

    _open_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files may be no text
        sys.stdout.reconfigure(errors='backslashreplace')

    def guarded(argv: list[str]) -> None:
        # SIGTERM ends a command as Ctrl-C does: what it was writing is cleared away.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        absl_logging.set_verbosity(absl_logging.INFO)
        absl_logging.get_absl_handler().setFormatter(logging.Formatter(LOG_FORMAT, '%H:%M:%S'))
        try:
            main(problems)
        except UserError as error:
            _fail(error.problems)
        except KeyboardInterrupt:
            tell('interrupted; the same command goes on or starts anew.')
            sys.exit(EXIT_INTERRUPTED)
        except OSError as error:
            _fail([_place_problem(error)])
        finally:
            # The outcome is known: a second Ctrl-C must not change the exit code that tells it.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)

    app.run(guarded, argv=argv, flags_parser=lambda words: _parse(words, problems))


def _open_closed_streams() -> None:
    """Opens standard streams that the caller closed, to nowhere.

    Otherwise they are None, and their numbers go to the next files that are opened: what C++ then
    prints lands in those.
    """
    for name, mode in (('stdin', 'r'), ('stdout', 'w'), ('stderr', 'w')):
        if getattr(sys, name) is None:  # in this order each gets its own number
            setattr(sys, name, open(os.devnull, mode, encoding='utf-8'))  # noqa: SIM115, PTH123


def _leave_quietly(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Ends the process without a traceback where Ctrl-C came before `main` was called.

    So too where who reads the output went away, as `| head` does.
    """
    if issubclass(kind, BrokenPipeError) and _mute_unread_output():
        tell('interrupted: the output is no longer read; the same command goes on or starts anew.')
        sys.exit(EXIT_INTERRUPTED)
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    tell('interrupted; nothing had begun.')
    sys.exit(EXIT_INTERRUPTED)


def tell(text: str) -> None:
    """Says something on the standard error; if nobody reads it, the exit code alone has to do."""
    try:
        print(text, file=sys.stderr)
    except OSError:  # a broken pipe, or a terminal that was closed
        _mute_unread_output()


def _mute_unread_output() -> bool:
    """Leads output and error output to nowhere where their reader went away; whether one has."""
    outputs = select.poll()
    for output in OUTPUTS:
        outputs.register(output, 0)  # errors are told whatever is asked for
    unread = outputs.poll(0)
    for output, _ in unread:
        os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    return bool(unread)


def _interrupt_again(caught: 'sys.UnraisableHookArgs') -> None:
    """Sends Ctrl-C again where it came during a destructor, out of which no exception can get."""
    if not issubclass(caught.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(caught)
        return
    threading.Timer(AGAIN_S, os.kill, (os.getpid(), signal.SIGINT)).start()


# From here on: a command imports this module first, before what takes long to load.
sys.excepthook = _leave_quietly
sys.unraisablehook = _interrupt_again
gc.set_threshold(*GARBAGE_EVERY)
atexit.register(_mute_unread_output)  # Python itself would end with 120, and say why


def _place_problem(error: OSError) -> Problem:
    """What the user can do about a disk or a place; another error is a bug: raised again."""
    # Of a rename, where to: the other is a temporary name.
    place = str(error.filename2 or error.filename or 'the output folder')
    if error.errno in FULL_DISK:
        cure = 'free some space and give the same command again'
        return Problem(place, 'no space left on the device', 'room to write', cure)
    if error.errno in UNUSABLE_PLACE:
        cure = 'name another place, or change its permissions'
        return Problem(place, os.strerror(error.errno), 'a place to read and write', cure)
    raise error


def _parse(argv: list[str], problems: list[Problem]) -> list[str]:
    """Parses all flags, and adds what is wrong with them to the problems."""
    try:
        words = [argv[0], *map(_with_home, flags.FLAGS.read_flags_from_files(argv[1:]))]
    except flags.Error as error:
        _fail([_flag_problem(error)])
    except UnicodeDecodeError:
        _fail([_encoding_problem('text of another encoding')])
    if any(word.startswith('\ufeff') for word in words):  # its first flag would be an argument
        _fail([_encoding_problem('a byte order mark')])
    while True:
        try:
            rest = flags.FLAGS(words, known_only=True)
            break
        except (flags.Error, ValueError) as error:  # ValueError: a value for --noflag
            problems.append(_flag_problem(error))
            words = _without_wrong(words, str(error))
        except SystemExit:  # absl ends --help with 1, which here means a bug
            sys.exit(0)
    # With known_only, absl leaves unknown flags among the arguments.
    problems += _argument_problems(rest[1:]) + _nan_problems()
    return rest


def _with_home(word: str) -> str:
    """A word with the home folder for `~` in --flag=~/path: after = shells leave it as it is.

    A folder called ~ would be made, and whoever then removes it as `rm -r ~` loses another.
    """
    if not word.startswith('-'):
        return word
    return HOME.sub(lambda _: os.path.expanduser('~'), word)  # noqa: PTH111 - where none is known, ~


def _argument_problems(words: Sequence[str]) -> list[Problem]:
    """What is wrong with words that absl took for no value and no flag that it knows."""
    problems, others = [], []
    for word in words:
        name = word.lstrip('-').split('=')[0]
        try:
            if word.startswith('-') and name not in flags.FLAGS:  # known ones stand after '--'
                flags.FLAGS(['', f'--{name}'])
            others.append(word)
        except flags.UnrecognizedFlagError as error:
            cure = str(error).partition('. ')[2] or 'see --help for the flags there are'
            problems.append(Problem(f'--{name}', 'no such flag', 'a flag of this command', cure))
    if others:
        cure = 'write --flag=value for each value'
        problems.append(Problem('arguments', ' '.join(others), 'flags only', cure))
    return problems


def _nan_problems() -> list[Problem]:
    """Flags that are NaN: absl's bounds let it through, as it is neither below nor above any."""
    return [
        Problem(f'--{name}', 'nan', 'a number', 'correct the flag')
        for name in flags.FLAGS
        if isinstance(value := flags.FLAGS[name].value, float) and math.isnan(value)
    ]


def _encoding_problem(found: str) -> Problem:
    return Problem('--flagfile', found, 'UTF-8 without a byte order mark', 'save the file as that')


def _flag_problem(error: Exception) -> Problem:
    return Problem('flags', str(error), 'flags as --help lists them', 'correct the flag')


def _without_wrong(words: list[str], message: str) -> list[str]:
    """The command line without the flag that absl's message names; nothing where it names none."""
    named = re.search(r'--?(?:no)?(\w+)', message)
    if not named:
        return words[:1]
    wrong, value_follows = (re.compile(rf'--?(no)?{named[1]}{end}') for end in ('(=|$)', '$'))
    kept = [
        word
        for before, word in zip(['', *words], words, strict=False)
        if not wrong.match(word) and not value_follows.match(before)
    ]
    return kept if len(kept) < len(words) else words[:1]


def _fail(problems: Sequence[Problem]) -> NoReturn:
    count = len(problems)
    tell(f'{count} problem{"s" if count > 1 else ""}:')
    for problem in problems[:MOST_SHOWN]:
        tell(f'  {problem}')
    if count > MOST_SHOWN:
        tell(f'  ... and {count - MOST_SHOWN} more')
    sys.exit(EXIT_USER)
