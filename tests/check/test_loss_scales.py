"""Losses that are given what they do not take, each told by its kind and its numbers."""

import pytest
from student_scripts import SCALES, named, of_kinds


@pytest.mark.parametrize("way", of_kinds(*SCALES))
def test_mistakes_as_students_make_them(way):
    named(way)
