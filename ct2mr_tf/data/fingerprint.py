"""What a data set is, in a few lines: how many pairs, and one hash that tells it from another.

A run folder keeps it, so that no run is continued on other pictures by accident; a model card and
a report name it. The hash takes name, size and last checksum of each picture, and the bytes of
pairs.csv, which holds each picture's own SHA-256: no picture is read but for its first and last
bytes.
"""

import hashlib
import os
import pathlib
from collections.abc import Mapping
from typing import TypedDict

from ct2mr_tf.data import splits
from ct2mr_tf.data.examples import TABLE_FILE, Examples


class DataSetDescription(TypedDict):
    """What tells a data set from another.

    Attributes:
        sha256: hexadecimal, over split, name, size and last checksum of every picture and the
            bytes of pairs.csv (nothing of the place where the folder lies).
        train: number of training pairs.
        val: of validation pairs.
        test: of test pairs.
    """

    sha256: str
    train: int
    val: int
    test: int


def describe_data_set(
    data_dir: pathlib.Path, examples: Mapping[str, Examples]
) -> DataSetDescription:
    """Counts the pairs of a prepared data set and hashes what tells it from another.

    Args:
        data_dir: folder of the data set.
        examples: all that `load_examples` found there.

    Returns:
        The description.

    Raises:
        OSError: the table cannot be read.
    """
    digest = hashlib.sha256()
    for split in splits.SPLITS:
        if split in examples:
            pictures = zip(examples[split].paths, examples[split].file_marks, strict=True)
            # No name holds a slash, so that no two lists read alike.
            listed = ''.join(
                f'{split}/{path.name}/{size}/{checksum}/' for path, (size, checksum) in pictures
            )
            digest.update(os.fsencode(listed))
    table = pathlib.Path(data_dir) / TABLE_FILE
    if table.exists():
        digest.update(hashlib.sha256(table.read_bytes()).digest())
    train, val, test = (len(examples.get(split, ())) for split in splits.SPLITS)
    return DataSetDescription(sha256=digest.hexdigest(), train=train, val=val, test=test)
