"""The value of a flag, as the program in the container reads it."""

from __future__ import annotations

import pytest

from multimesh.check.meshes.workloads import flag_value


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({"args": ["--a=b"]}, "b"),
        ({"args": ["--a", "b"]}, "b"),
        ({"args": ["--a"]}, None),
        ({"args": ["--ab=c", "x"]}, None),
        ({"args": ["--a=b", "--a=c"]}, "c"),
        ({"args": ["--a=c"], "command": ["--a=b"]}, "c"),
        ({"command": ["x", "--a"], "args": ["c"]}, "c"),
    ],
)
def test_the_last_one_of_a_flag_counts(container, expected):
    assert flag_value(container, "--a") == expected
