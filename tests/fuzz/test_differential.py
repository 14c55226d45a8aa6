"""Generated streams, fixed seed: the defects that are known are counted, and no test looks away from a new kind of one."""

from __future__ import annotations

from random import Random

import pytest
import reader
from differential import Run, variants

#: Kinds of failures that are not triaged.
KNOWN: frozenset[str] = frozenset()


def test_generated_streams_fail_in_known_ways_only() -> None:
    from fuzz import bases

    try:
        run = Run(20261129, bases())
    except reader.Unavailable as error:
        pytest.skip(str(error))
    found = {failure.what for failure in run.failures(cases=3000)}
    run.close()
    assert found <= KNOWN
    assert run.counts["accepted"] > 1000


def test_the_profiles_of_the_generator_are_profiles() -> None:
    import engine

    for one in variants(Random(1), 200):
        assert engine.load_profile(one.text).name == one.mesh.name
