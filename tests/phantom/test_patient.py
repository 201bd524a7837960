import dataclasses

import numpy as np

from ct2mr_tf.phantom import patient as patients


def test_one_seed_is_one_patient_whatever_was_drawn_before():
    first = patients.create_patient(5)
    patients.create_patient(6)
    assert patients.create_patient(5) == first
    assert hash(first) == hash(patients.create_patient(5))


def test_patients_differ_in_every_drawn_number():
    first, second = patients.create_patient(1), patients.create_patient(2)
    same = [
        field.name
        for field in dataclasses.fields(patients.Patient)
        if getattr(first, field.name) == getattr(second, field.name)
    ]
    assert same == []


def test_drawn_numbers_are_those_of_adults():
    drawn = [patients.create_patient(seed) for seed in range(200)]
    assert all(23 <= patient.age <= 85 for patient in drawn)
    for number in range(7):
        segments = [patient.segments[number] for patient in drawn]
        assert all(0 <= segment.degeneration <= 1 for segment in segments)
        assert all(segment.disc_height_mm > 0.5 for segment in segments)
        assert all(min(segment.joint_gap_mm) >= 0.8 for segment in segments)
    heights = [np.mean([p.segments[n].disc_height_mm for p in drawn]) for n in range(1, 4)]
    assert heights == sorted(heights)


def test_age_brings_degeneration_fat_and_thin_bone():
    drawn = [patients.create_patient(seed) for seed in range(300)]
    ages = [patient.age for patient in drawn]

    def correlation(values):
        return np.corrcoef(ages, values)[0, 1]

    assert correlation([p.segments[4].degeneration for p in drawn]) > 0.4
    assert correlation([p.muscle_fat for p in drawn]) > 0.4
    assert correlation([p.cancellous_hu for p in drawn]) < -0.6
