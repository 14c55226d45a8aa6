"""The number of a line is computed when it is read, in bytes and in text, from the line of the beginning."""

from __future__ import annotations

import pytest

from multimesh.yamltext.line import Line

TEXT = "a\nb\n\nc"


@pytest.mark.parametrize("data", [TEXT, TEXT.encode()])
@pytest.mark.parametrize(("offset", "line"), [(0, 1), (1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4)])
def test_a_line_is_the_line_feeds_before_its_offset(data, offset, line):
    """A line feed at the offset itself does not count, since it ends the line."""
    assert int(Line(data, offset)) == line
    assert str(Line(data, offset)) == str(line)


def test_lines_may_be_read_in_any_order():
    """Counting continues from the last line only if that is above, and in the same data."""
    other = "\n\n\n\n\n\n"
    wanted = [(TEXT, 5, 4), (TEXT, 2, 2), (other, 3, 4), (TEXT, 4, 3), (TEXT, 5, 4), (other, 1, 2)]
    assert [int(Line(data, offset)) for data, offset, _ in wanted] == [line for _, _, line in wanted]


def test_a_text_inside_another_begins_on_a_line_of_it():
    """The numbers are added, in whichever order they were counted."""
    outer = Line(TEXT, 2, 10)
    inner = Line("x\ny", 2, outer)
    assert int(outer) == 11
    assert int(inner) == 12
    assert int(Line("x\ny", 0, Line("x\ny", 2, 1))) == 2


def test_lines_further_down_and_up():
    """A sum is a Line again; a difference is a number."""
    assert f"{Line(TEXT, 2) + 3}" == "5"
    assert Line(TEXT, 5) - 1 == 3
