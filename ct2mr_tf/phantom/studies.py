"""Hospital-like studies of a phantom: DICOM series and the landmarks a person would have placed.

    <folder>/dicom/<PatientID>/CT/   a scout and thin axial slices
    <folder>/dicom/<PatientID>/MR/   localizers, a sagittal T2, and an axial T2 of angled packets
    <folder>/landmarks/<PatientID>/CT.mrk.json, MR.mrk.json

All names and numbers are invented. CT and MR have their own frames of reference, in which the
patient lies differently; within each, all series share one.
"""

import dataclasses
import datetime
import pathlib

import numpy as np

from ct2mr_tf.imaging import crop, markups_writer
from ct2mr_tf.imaging.geometry import StackGeometry
from ct2mr_tf.imaging.landmarks import POINTS
from ct2mr_tf.imaging.study_writer import CtScan, MrScan, Person, Series, write_slices
from ct2mr_tf.phantom import scanning, signal, spine_axis, study_plan
from ct2mr_tf.phantom.cohort import Member
from ct2mr_tf.phantom.study_plan import PACKET_STEP_MM, PACKET_THICKNESS_MM, StudyOptions, StudyPlan
from ct2mr_tf.phantom.study_truth import DiscTruth, disc_truth

DICOM_FOLDER = 'dicom'
"""Where the series lie."""

LANDMARKS_FOLDER = 'landmarks'
"""Where the landmarks lie."""

ECHO_TRAIN = 15
"""Echoes after one excitation, usual for the sequence."""

MEAN_HEIGHT_M = 1.70
"""Height of a patient of size 1."""

_NOISE_OF_LOCALIZERS, _NOISE_OF_SAGITTAL = 100, 200
"""Numbers of their first noise, beyond those of the packets (see `scanning.take_packet`)."""

_BIRTHDAY = datetime.date(2019, 1, 1)
"""The day on which a patient is as old as drawn."""


@dataclasses.dataclass(frozen=True, eq=False)
class StudyTruth:
    """The truth of a patient's studies.

    Attributes:
        patient_id: PatientID.
        discs: from head to foot.
    """

    patient_id: str
    discs: tuple[DiscTruth, ...]


def write_studies(member: Member, options: StudyOptions, folder: pathlib.Path) -> StudyTruth:
    """Writes the studies and landmarks of one patient.

    Args:
        member: the patient, and which discs were asked for.
        options: what was chosen for the whole cohort.
        folder: where to; each patient has folders of its own in it.

    Returns:
        The truth; the same arguments give the same truth and the same bytes.

    Raises:
        OSError: a file cannot be written.
    """
    plan = study_plan.plan_studies(member, options)
    person = invented_person(plan)
    place = folder / DICOM_FOLDER / person.patient_id
    _write_ct(plan, person, place / 'CT')
    packets = [scanning.take_packet(plan, level) for level in plan.points]
    _write_mr(plan, person, packets, place / 'MR')
    _write_landmarks(plan, folder / LANDMARKS_FOLDER / person.patient_id)
    discs = tuple(disc_truth(plan, packet) for packet in packets)
    return StudyTruth(person.patient_id, discs)


def invented_person(plan: StudyPlan) -> Person:
    """Name and numbers that nobody can take for a patient's."""
    number = f'{plan.member.number:04d}'
    return Person(
        patient_id=f'PHANTOM-{number}',
        patient_name=f'PHANTOM^{number}',
        sex='M' if plan.patient.size > 1 else 'F',
        birth_date=_BIRTHDAY - datetime.timedelta(days=365.2425 * plan.patient.age),
        size_m=MEAN_HEIGHT_M * plan.patient.size,
    )


def _study(plan: StudyPlan, modality: str) -> str:
    """Who was scanned and how, to make identifiers of: other pixels never have the same ones."""
    return f'{plan.options} phantom {plan.member.seed:05d} {modality}'


def _write_ct(plan: StudyPlan, person: Person, folder: pathlib.Path) -> None:
    """Writes the thin slices and the scout."""
    hu, geometry = scanning.ct_hu(plan), plan.ct_volume()
    thin = Series(
        person=person,
        scan=CtScan(),
        study=_study(plan, 'CT'),
        number=2,
        description='Lumbar spine thin ax',
        date=plan.ct.date,
        patient_position=plan.ct.position,
        slice_thickness_mm=signal.CT_THICKNESS_STEPS * plan.options.ct_step_mm,
    )
    write_slices(folder, thin, geometry, hu)
    scout = dataclasses.replace(
        thin, number=1, description='Topogram', slice_thickness_mm=1.0, localizer=True
    )
    write_slices(folder, scout, *_scout(hu, geometry))


def _scout(hu: np.ndarray, geometry: StackGeometry) -> tuple[StackGeometry, np.ndarray]:
    """The view from the front, head up: means of HU along the columns of all slices."""
    rays = hu.mean(axis=1)
    top, down = 0, geometry.normal
    if geometry.normal[2] > 0:
        rays, top, down = rays[::-1], -1, -geometry.normal
    place = StackGeometry(
        origins=geometry.to_patient(top, np.array([(geometry.rows - 1) / 2, 0]))[np.newaxis],
        row_direction=geometry.row_direction,
        column_direction=down,
        pixel_spacing=(float(geometry.steps_mm[0]), geometry.pixel_spacing[1]),
        rows=len(rays),
        columns=geometry.columns,
    )
    return place, rays[np.newaxis]


def _write_mr(
    plan: StudyPlan, person: Person, packets: list[scanning.Packet], folder: pathlib.Path
) -> None:
    """Writes localizers, sagittal and axial T2."""
    hidden = signal.draw_hidden(plan.patient, 0)
    axial = Series(
        person=person,
        scan=MrScan(hidden.repetition_time_ms, hidden.echo_time_ms, ECHO_TRAIN, PACKET_STEP_MM),
        study=_study(plan, 'MR'),
        number=3,
        description='t2 tse tra lumbar',
        date=plan.mr.date,
        patient_position=plan.mr.position,
        slice_thickness_mm=PACKET_THICKNESS_MM,
    )
    localizer = dataclasses.replace(axial, number=1, description='localizer', localizer=True)
    for number, geometry in enumerate(plan.localizers()):
        stored = scanning.take_overview(plan, geometry, _NOISE_OF_LOCALIZERS + number)
        write_slices(folder, localizer, geometry, stored, 1 + number)
    sagittal = dataclasses.replace(axial, number=2, description='t2 tse sag lumbar')
    stored = scanning.take_overview(plan, plan.sagittal(), _NOISE_OF_SAGITTAL)
    write_slices(folder, sagittal, plan.sagittal(), stored)
    written = 0
    for packet in packets:
        write_slices(folder, axial, packet.geometry, packet.stored, 1 + written)
        written += len(packet.geometry)


def _write_landmarks(plan: StudyPlan, folder: pathlib.Path) -> None:
    """Writes the points of both modalities, as far from the truth as a person's hand would be."""
    for number, (modality, scan) in enumerate({'CT': plan.ct, 'MR': plan.mr}.items()):
        rng = np.random.default_rng([plan.member.seed, 11, number])
        placed = {}
        for level, points in plan.points.items():
            _, normal = spine_axis.level_plane(plan.patient, level)
            in_plane = np.stack(crop.plane_axes(normal))
            for name, point in zip(POINTS, points.stacked(), strict=True):
                slip = plan.options.jitter_mm * rng.standard_normal(2) @ in_plane
                placed[f'{level}:{name}'] = scan.to_frame(point + slip)
        markups_writer.write_markups(folder / f'{modality}.mrk.json', placed)
