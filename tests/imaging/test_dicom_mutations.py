"""Damaged and hostile files: each is read or refused, soon and in little memory, beside good ones.

All run in one child process, so that its memory is its own and a crash or hang fails a test.
"""

import json
import random
import subprocess
import sys
import zlib

import pytest
from dicom_builders import enhanced_dataset, slice_dataset, write
from pydicom import uid

SECONDS = 1.0
MEGABYTES = 512
MUTANTS = 200

CHILD = """
import json, pathlib, re, resource, sys, time
from ct2mr_tf.imaging import dicom_pixels, dicom_reader
from ct2mr_tf.imaging.pseudonyms import Pseudonyms
from ct2mr_tf.problems import UserError

def outcome(path):
    began = time.process_time()
    names = Pseudonyms(bytes(32))
    found = dicom_reader.scan(path, dicom_reader.ReadOptions(workers=1), names)
    refused = [problem.found for problem in found.problems] + sorted(found.skipped)
    loaded = 0
    for stack in found.stacks:
        for header in stack.slices:
            try:
                dicom_pixels.load_pixels([header])
                loaded += 1
            except UserError as error:
                refused += [problem.found for problem in error.problems]
    return path.name, loaded, refused, time.process_time() - began

results = [outcome(folder) for folder in sorted(pathlib.Path(sys.argv[1]).iterdir())]
# Not getrusage's ru_maxrss: that of a new process starts with the memory of the one it came from.
status = pathlib.Path('/proc/self/status').read_text()
own = int(re.search(r'VmHWM:\\s*([0-9]+) kB', status).group(1))
peak = max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024
print(json.dumps({'results': results, 'peak': peak}))
"""


def outcomes(root):
    """Runs the child over the folders under a root: outcome by folder; checks time and memory."""
    done = subprocess.run(
        [sys.executable, '-c', CHILD, str(root)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ''
    found = json.loads(done.stdout)
    assert found['peak'] < MEGABYTES
    slow = [(name, seconds) for name, *_, seconds in found['results'] if seconds > SECONDS]
    assert slow == []
    return {name: (loaded, refused) for name, loaded, refused, _ in found['results']}


def mutated(rng, content):
    """A copy of a file, damaged in one of the ways that disks, networks and people know."""
    content = bytearray(content)
    kind = rng.randrange(6)
    at = rng.randrange(132, len(content) - 8)
    if kind == 0:  # cut
        del content[at:]
    elif kind == 1:  # flipped bits
        for _ in range(rng.choice([1, 1, 5, 50])):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    elif kind == 2:  # a wrong length, wherever it falls
        content[at : at + 4] = rng.choice([b'\xff' * 4, b'\0' * 4, b'\xff\xff\xff\x7f'])
    elif kind == 3:  # an absurd size: Rows, Columns or BitsAllocated
        tag = rng.choice([b'\x28\0\x10\0US\2\0', b'\x28\0\x11\0US\2\0', b'\x28\0\0\1US\2\0'])
        start = content.index(tag) + len(tag)
        content[start : start + 2] = rng.choice([b'\0\0', b'\xff\xff', b'\1\0', b'\0\x40'])
    elif kind == 4:  # a stretch is missing: tags, or pixels
        del content[at : at + rng.randrange(1, 400)]
    else:  # a stretch of rubbish
        content[at:at] = rng.randbytes(rng.randrange(1, 400))
    return bytes(content)


@pytest.fixture(scope='module')
def mutants(tmp_path_factory):
    """Two good slices in each folder, and one damaged file beside them."""
    root = tmp_path_factory.mktemp('mutants')
    source = root.with_name('sources')
    sources = []
    for n, syntax in enumerate(
        [uid.ExplicitVRLittleEndian, uid.RLELossless, uid.JPEG2000Lossless, uid.JPEGLSLossless]
    ):
        sources.append(write(slice_dataset('CT', number=50 + n), source / str(n), syntax))
    sources.append(write(enhanced_dataset('MR', frames=3), source / 'enhanced'))
    good = [
        write(slice_dataset('CT', number=n), source / f'good{n}').read_bytes() for n in range(2)
    ]
    rng = random.Random(0)
    for n in range(MUTANTS):
        (root / f'{n:03d}').mkdir()
        for name, content in zip('ab', good, strict=True):
            (root / f'{n:03d}' / name).write_bytes(content)
        content = mutated(rng, sources[n % len(sources)].read_bytes())
        (root / f'{n:03d}' / 'mutant').write_bytes(content)
    return outcomes(root)


def test_every_mutant_is_read_or_refused_and_the_good_ones_beside_it_are_read(mutants):
    assert len(mutants) == MUTANTS
    assert [name for name, (loaded, refused) in mutants.items() if loaded < 2] == []
    assert [
        name for name, (loaded, refused) in mutants.items() if loaded == 2 and not refused
    ] == []


def test_the_mutants_are_of_every_fate(mutants):
    refused = sum(loaded == 2 for loaded, _ in mutants.values())
    assert MUTANTS * 0.3 < refused < MUTANTS * 0.95


@pytest.fixture(scope='module')
def hostile(tmp_path_factory):
    root = tmp_path_factory.mktemp('hostile')

    # 500 kB that inflate to 512 MB, before the pixels and instead of them.
    for name, position in (('deflated header', 0), ('deflated pixels', 1)):
        path = write(slice_dataset('CT'), root / name / 'x', uid.DeflatedExplicitVRLittleEndian)
        content = path.read_bytes()
        end = 144 + int.from_bytes(content[140:144], 'little')
        plain = zlib.decompress(content[end:], -zlib.MAX_WBITS)
        start = plain.index(b'\xe0\x7f\x10\0') if position else 0
        element = b'\xe0\x7f\x10\0OW\0\0' if position else b'\x08\0\x01\0OB\0\0'
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = packer.compress(plain[:start] + element + (2**29).to_bytes(4, 'little'))
        packed += packer.flush(zlib.Z_FULL_FLUSH)
        # After a full flush nothing refers back, so a megabyte can be repeated as it is packed.
        megabyte = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
        path.write_bytes(content[:end] + packed + 512 * megabyte + packer.flush())

    # Two sequences that never end, 20,000 deep.
    path = write(slice_dataset('CT'), root / 'deep sequence' / 'x')
    nested = b'\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff' * 20_000
    content = path.read_bytes()
    at = content.index(b'\x08\0\x60\0CS')
    path.write_bytes(content[:at] + nested + content[at:])

    # RLE whose segment repeats one byte for ever: 128 bytes out of two.
    dataset = slice_dataset('CT')
    path = write(dataset, root / 'rle' / 'x', uid.RLELossless)
    content = path.read_bytes()
    item = content.index(b'\xfe\xff\0\xe0', content.index(b'\xe0\x7f\x10\0') + 20)
    header = b''.join(n.to_bytes(4, 'little') for n in (2, 64, 30_064)) + bytes(52)
    frame = header + b'\x81\0' * 30_000
    end = b'\xfe\xff\xdd\xe0\0\0\0\0'
    path.write_bytes(
        content[:item] + b'\xfe\xff\0\xe0' + len(frame).to_bytes(4, 'little') + frame + end
    )

    # 300 MB of nothing behind eight bytes that could begin a DICOM file.
    (root / 'sparse').mkdir()
    with (root / 'sparse' / 'x').open('wb') as file:
        file.write(b'\x08\0\x05\0CS\n\0ISO_IR 100')
        file.truncate(300 * 2**20)
    return outcomes(root)


def test_hostile_files_are_refused(hostile):
    # Of RLE that goes on for ever pydicom takes as much as the picture needs.
    assert hostile.pop('rle') == (1, [])
    assert hostile == {
        'deep sequence': (0, ['an unreadable header']),
        'deflated header': (0, ['no SOPClassUID']),
        'deflated pixels': (0, ['536870912 bytes of pixels']),
        'sparse': (0, ['an unreadable header']),
    }
