"""What a data set is, in a few lines: how many pairs, and one hash that tells it from another.

A run folder keeps it, so that no run is continued on other pictures by accident; a model card and
a report name it. The hash takes names and sizes of the pictures and the bytes of pairs.csv, which
holds each picture's own SHA-256: 200,000 pairs take seconds, and no picture is read. Without a
table, a picture that changed and kept its size is not noticed.
"""

import hashlib
import os
import pathlib

from ct2mr_tf.data import examples, splits


def describe_data_set(data_dir: pathlib.Path) -> dict[str, object]:
    """Counts the pairs of a prepared data set and hashes what tells it from another.

    Args:
        data_dir: folder of the data set.

    Returns:
        'sha256': hexadecimal, over split, name and size of every picture and the bytes of pairs.csv
        (nothing of the place where the folder lies); 'train', 'val', 'test': number of pairs.

    Raises:
        OSError: a picture went away, or the table cannot be read.
    """
    data_dir = pathlib.Path(data_dir)
    digest = hashlib.sha256()
    counts = {}
    for split in splits.SPLITS:
        pictures = _names_and_sizes(data_dir / split)
        counts[split] = len(pictures)
        for name, size in pictures:
            # No name holds a slash, so that no two lists read alike.
            digest.update(os.fsencode(f'{split}/{name}/{size}/'))
    table = data_dir / examples.TABLE_FILE
    if table.exists():
        digest.update(hashlib.sha256(table.read_bytes()).digest())
    return {'sha256': digest.hexdigest(), **counts}


def _names_and_sizes(folder: pathlib.Path) -> list[tuple[str, int]]:
    """Name and bytes of each picture of a split; scandir, for paths cost twice the time."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        pictures = (entry for entry in entries if examples.is_picture(entry.name))
        return sorted((entry.name, entry.stat().st_size) for entry in pictures)
