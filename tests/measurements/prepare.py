"""How fast `prepare` is: headers a second, pairs a second, and memory.

    python tests/measurements/prepare.py [FOLDER]

Writes 20,000 CT instances of 512x512 (sparse files: their pixels take no room) and the studies of
24 patients with five discs each (512x512 CT, 1 mm slices; 2.5 GB) into FOLDER, by default a
temporary one, and runs the commands on them. Takes two minutes. It measures and never judges.
"""

import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import study_builders

from ct2mr_tf.imaging.landmarks import LEVELS

HEADERS = 20_000
PATIENTS = 24
SERIES = 500
SIZE = 512
TAG_OF_PIXELS = b'\xe0\x7f\x10\x00OW\x00\x00'


def write_headers(root):
    """Instances of CT series, with all the header and none of the bytes of the pixels."""
    study = study_builders.Study('template', size=SIZE, spacing=0.39, ct_step=1.0)
    folder = root / 'template'
    template = study_builders.pydicom.dcmread(study_builders.write_study(folder, study)[0])
    pixel_bytes = len(template.PixelData)
    del template.PixelData
    for number in range(HEADERS):
        series, place = divmod(number, SERIES)
        template.PatientID = f'patient {series}'
        for keyword in ('StudyInstanceUID', 'SeriesInstanceUID', 'FrameOfReferenceUID'):
            setattr(template, keyword, f'1.2.{series + 1}')
        template.SOPInstanceUID = f'1.2.{series + 1}.{place + 1}'
        template.file_meta.MediaStorageSOPInstanceUID = template.SOPInstanceUID
        template.ImagePositionPatient = [-100.0, -100.0, float(place)]
        path = root / 'headers' / f'{series:03d}' / f'{place:04d}'
        path.parent.mkdir(parents=True, exist_ok=True)
        template.save_as(path, enforce_file_format=True)
        with path.open('ab') as file:
            file.write(TAG_OF_PIXELS + pixel_bytes.to_bytes(4, 'little'))
            file.truncate(file.tell() + pixel_bytes)


def write_studies(root):
    """Patients with all five discs at angles a lordosis has."""
    angles = np.random.default_rng(0)
    for number in range(PATIENTS):
        tilts = zip(LEVELS, angles.uniform(0, 15, 5).tolist(), strict=True)
        study = study_builders.Study(
            f'B{number:03d}', tilts=tuple(tilts), spacing=0.39, size=SIZE, ct_step=1.0
        )
        study_builders.write_study(root / 'dicom', study)
        study_builders.write_landmarks(root / 'points', study)


def timed(*flags):
    """Wall and processor seconds of a prepare command, and its peak memory in MB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    command = [sys.executable, '-m', 'ct2mr_tf.cli.prepare', *flags]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, after.ru_maxrss / 1024


def main(root):
    """Writes the data, runs the commands, prints the figures."""
    print('writing headers and studies ...', flush=True)
    write_headers(root)
    write_studies(root)
    flags = [f'--key_file={root / "key"}', '--nosheets', f'--out={root / "inventory.csv"}']
    wall, cpu, memory = timed('scan', f'--dicom_root={root / "headers"}', *flags)
    print(f'headers: {HEADERS / wall:.0f}/s ({wall:.1f} s, {cpu:.1f} CPU s, {memory:.0f} MB)')
    studies = f'--dicom_root={root / "dicom"}'
    reading, _, _ = timed('scan', studies, *flags)
    points = f'--landmarks={root / "points"}'
    wall, cpu, memory = timed('build', studies, points, flags[0], f'--out={root / "set"}')
    with (root / 'set' / 'pairs.csv').open(encoding='utf-8') as table:
        pairs = len(table.readlines()) - 1
    print(
        f'pairs: {pairs / (wall - reading):.0f}/s after the headers, {pairs / wall:.0f}/s in all '
        f'({pairs} in {wall:.1f} s, {cpu:.1f} CPU s, {memory:.0f} MB)'
    )


if __name__ == '__main__':
    if len(sys.argv) > 1:
        main(pathlib.Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(pathlib.Path(folder))
