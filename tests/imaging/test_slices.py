import dataclasses

from ct2mr_tf.imaging.slices import Identity, Place

NOBODY = dict.fromkeys((field.name for field in dataclasses.fields(Identity)), '')


def identity(**fields):
    return Identity(**(NOBODY | fields))


def test_a_patient_is_the_number_and_who_gave_it():
    one = identity(patient_id='4711', issuer_of_patient_id='A', study_instance_uid='1.2')
    assert one.patient == ('4711', 'A')
    assert one.patient != identity(patient_id='4711', issuer_of_patient_id='B').patient
    assert one.patient == identity(patient_id='4711', issuer_of_patient_id='A').patient


def test_without_a_number_a_study_is_one_patients():
    study = identity(study_instance_uid='1.2')
    assert study.patient == identity(study_instance_uid='1.2').patient
    assert study.patient != identity(study_instance_uid='1.3').patient
    # Not even a patient whose number looks like a study's UID is taken for it.
    assert study.patient != identity(patient_id='1.2').patient


def test_no_field_of_an_identity_is_shown():
    planted = {name: f'secret-{name}' for name in NOBODY}
    assert repr(Identity(**planted)) == 'Identity()'


def test_a_place_shows_its_pseudonym_only():
    assert repr(Place('/ward/DOE', 2, 100, 5, 'file-0123')) == (
        "Place(frame=2, size=100, pseudonym='file-0123')"
    )
