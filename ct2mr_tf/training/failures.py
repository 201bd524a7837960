"""What the user can mend of the errors of TensorFlow: full or failing disks, too little memory."""

import errno
import os
import pathlib
import re

import tensorflow as tf

from ct2mr_tf.problems import Problem

DISK_ERRORS = (errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.ESTALE)
"""OSError numbers of disks that fail; TensorFlow passes their texts on, under errors of its own."""


def problems_of(error: tf.errors.OpError, workdir: pathlib.Path) -> list[Problem]:
    """What an error of TensorFlow comes from, where that is not this program.

    Args:
        error: raised while a run trained, measured or saved.
        workdir: its folder.

    Returns:
        One Problem; none where the error is a bug.
    """
    text = str(error)
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return [_exhausted(text, workdir)]
    reasons = '|'.join(map(os.strerror, DISK_ERRORS))
    named = re.search(rf'(/[^;{{}}]*); ({reasons})', text)
    if not named:
        return []
    cure = 'look at the disk, then give the same command again: it continues'
    return [Problem(named[1], named[2], 'a place to read and write', cure)]


def _exhausted(text: str, workdir: pathlib.Path) -> Problem:
    if 'No space left' in text or 'disk' in text.lower():
        cure = 'free some space and give the same command again: it continues'
        return Problem(f'{workdir}', 'no space left on the device', 'room for a checkpoint', cure)
    cure = 'take a smaller --batch_size, --image_size or --ngf'
    return Problem('memory', 'not enough of it', 'room for one step', cure)
