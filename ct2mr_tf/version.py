"""The version of the software, as it is written into models and DICOM objects."""

VERSION = '0.1.0'
"""Semantic version (semver.org); see CHANGELOG.md."""
