"""The JSON Schema of a profile accepts what the validation accepts, for generated profiles with and without mistakes."""

from __future__ import annotations

import json
from collections import Counter
from random import Random

import jsonschema
import pytest
import yaml
from pages import ROOT
from profile_cases import generated, verdict

from multimesh.mesh import definitions, schema

SCHEMA = json.loads((ROOT / "multimesh/profile.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def test_the_file_that_is_shipped_is_what_the_definitions_make():
    """All else here is about the file."""
    assert (ROOT / "multimesh/profile.schema.json").read_text(encoding="utf-8") == schema.text()


@pytest.mark.parametrize("seed", range(4))
def test_the_schema_accepts_exactly_what_the_program_accepts(seed):
    """The schema need not find mistakes that concern two keys together."""
    rng = Random(seed)
    seen: Counter[bool] = Counter()
    for number in range(300):
        text = yaml.safe_dump(generated(rng), allow_unicode=True)
        wrong, error = verdict(text), next(VALIDATOR.iter_errors(yaml.safe_load(text)), None)
        assert bool(wrong) == (error is not None), (seed, number, text, wrong, error and error.message)
        seen[error is None] += 1
    assert min(seen.values()) > 50, seen


@pytest.mark.parametrize("key", definitions.SPEC[1])
def test_a_key_without_a_value_is_an_absent_one(key):
    """For every optional key null means absent; the namespace is required."""
    text = yaml.safe_dump(
        {"metadata": {"name": "blue", "labels": None}, "spec": {"namespace": "istio-blue", key: None}, "kind": None}
    )
    assert bool(verdict(text)) == (key == "namespace")
    assert VALIDATOR.is_valid(yaml.safe_load(text)) == (key != "namespace")


@pytest.mark.parametrize("name", ["viewer", "default", "rev", "object"])
def test_a_mesh_name_that_makes_a_stock_name_is_marked_in_an_editor_too(name):
    """The words in the schema are generated from the tables of names."""
    text = yaml.safe_dump({"metadata": {"name": name}, "spec": {"namespace": "istio-x"}})
    assert bool(verdict(text)) == (not VALIDATOR.is_valid(yaml.safe_load(text)))
