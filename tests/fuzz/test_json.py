"""Whole charts as JSON, in ASCII too: read as Helm reads them, and rewritten as the YAML is."""

from __future__ import annotations

import json
import re

import engine
import pytest
import streams
import yaml

PROFILE = engine.load_profile(
    "metadata: {name: affirmed}\n"
    "spec: {namespace: istio-affirmed, workloadNamespaces: [nginx-affirmed], sharedResources: own}\n"
)
CHARTS = [found for found in streams.streams(helm="helm3", mesh="affirmed") if found.chart != "istio-init"]
EMOJI = "\U0001f600"


def objects(text: str) -> list[dict[str, object]]:
    """Return the objects of a stream, each with an emoji in an annotation and in the texts of ConfigMaps."""
    loaded = [one for one in yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if one]
    # Helm 3 refuses a List within a List.
    found = [item for one in loaded for item in (one["items"] if one["kind"] == "List" else [one])]
    for one in found:
        one["metadata"]["annotations"] = {**(one["metadata"].get("annotations") or {}), "note": f"a {EMOJI} \\ud83d"}
        for key, value in (one.get("data") or {}).items() if one["kind"] == "ConfigMap" else ():
            if key.endswith(".json"):
                one["data"][key] = value.replace('"title": "', f'"title": "{EMOJI} ', 1)
    return found


def rendered(text: str) -> bytes:
    """Return the output of the program."""
    return engine.render_manifest(text.encode(), PROFILE).output


@streams.over("source", CHARTS)
def test_a_list_in_ascii_is_rewritten_as_the_same_list_in_unicode(source, readers) -> None:
    """Helm 3 reads JSON in ASCII with a reader of JSON; Helm 4 cannot read it."""
    whole = {"apiVersion": "v1", "kind": "List", "items": objects(source.text)}
    plain, escaped = json.dumps(whole, ensure_ascii=False), json.dumps(whole)
    assert "\\ud83d\\ude00" in escaped
    try:
        expected = rendered(plain)
    except engine.MultimeshError as error:
        with pytest.raises(engine.MultimeshError, match=re.escape(str(error))):
            rendered(escaped)
        return
    output = rendered(escaped)
    for helm, one in readers.items():
        right, stock, answer = one.ask_all([expected, escaped.encode(), output])
        assert not right.error
        if helm == "helm4":
            assert stock.error
            assert answer.error
        else:
            assert (answer.error, answer.objects) == ("", right.objects)
    assert rendered(output.decode()) == output


@streams.over("source", CHARTS)
def test_documents_in_ascii_mean_what_the_documents_in_unicode_mean(source) -> None:
    """No Helm reads such documents after a marker, but other programs do."""
    found = objects(source.text)
    try:
        expected = rendered("".join(f"---\n{json.dumps(one, ensure_ascii=False)}\n" for one in found))
    except engine.MultimeshError:
        pytest.skip("this chart is refused in this profile")
    output = rendered("".join(f"---\n{json.dumps(one)}\n" for one in found)).decode()

    def loaded(text: str) -> list[object]:
        return [json.loads(part) for part in text.split("---\n") if part.startswith("{")]

    assert loaded(output) == loaded(expected.decode())
