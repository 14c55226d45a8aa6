"""A cluster of thousands of pods is read in pages, and of each pod only the fields that checks read are kept."""

from __future__ import annotations

import io
import json
import subprocess
from typing import Any

import pytest
from program import profile
from running_clusters import old, pod, sound

from multimesh.check.running import RUNNING
from multimesh.check.running.cluster import cluster
from multimesh.check.sources import json_list, kubectl
from multimesh.check.sources.compact import Compactor
from multimesh.check.sources.kubectl import Query
from multimesh.check.sources.manifests import parse, parse_stream
from multimesh.check.sources.plain_objects import objects
from multimesh.errors import MultimeshError
from multimesh.mesh.profile import load

MESH = load(profile("affirmed", "istio-affirmed", ("nginx-affirmed",)), "profile.yaml")
NAMESPACE = "nginx-affirmed"


def pods(count: int) -> list[dict[str, Any]]:
    """Return pods of one workload, with the fields that an API server adds to each of them."""
    found = []
    for number in range(count):
        one = json.loads(json.dumps(pod(f"nginx-{number}")))
        one["metadata"] |= {"uid": f"u{number}", "resourceVersion": str(number), "managedFields": [{"manager": "m"}]}
        one["status"] |= {"podIP": f"10.0.0.{number}", "startTime": "2026-01-01T00:00:00Z"}
        one["spec"]["nodeName"] = f"node-{number % 7}"
        found.append(one)
    return found


# What is kept.


@pytest.mark.parametrize("state", [sound, old])
def test_what_is_left_out_changes_no_finding(state) -> None:
    """Each object of a cluster is damaged in turn, at every key and item, and checked both complete and compact."""
    everything = list(state().values())
    for number, item in enumerate(everything):
        if item["kind"] not in ("Pod", "ConfigMap", "Secret"):
            continue
        for damaged in _damaged(item):
            changed = [*everything[:number], damaged, *everything[number + 1 :]]
            whole = [one for value in changed for one in objects(value, "cluster")]
            compact = Compactor()
            assert _findings(whole) == _findings([compact(one) for one in whole]), damaged


def _findings(found: list) -> list:
    return [finding for check in RUNNING for finding in check(MESH, cluster(found))]


def _damaged(value: Any) -> list[Any]:
    """Return copies of a value, each without one key or item, or with another text."""
    if isinstance(value, dict):
        changed = [{**value, key: other} for key, child in value.items() for other in _damaged(child) if key != "kind"]
        return changed + [
            {k: v for k, v in value.items() if k != key} for key in value if key not in ("kind", "metadata")
        ]
    if isinstance(value, list):
        changed = [
            [*value[:at], other, *value[at + 1 :]] for at, child in enumerate(value) for other in _damaged(child)
        ]
        return (
            changed + [[*value[:at], *value[at + 1 :]] for at in range(len(value))] + [[*value, one] for one in value]
        )
    return ["other", None] if isinstance(value, str) else [None]


def test_pods_of_one_workload_share_their_values() -> None:
    """So memory does not grow with their number."""
    compact = Compactor()
    found = [compact(one) for value in pods(50) for one in objects(value, "cluster")]
    assert len({id(one.data) for one in found}) == 1
    assert [one.name for one in found] == [f"nginx-{number}" for number in range(50)]
    assert "podIP" not in json.dumps(found[0].data)
    assert all(one.is_live for one in found)


# A list in pages.


class Pages:
    """A kubectl that answers in pages, and fails at a given page."""

    def __init__(self, items: list[dict[str, Any]]) -> None:
        self.items = items
        self.calls: list[str] = []
        self.failures: dict[int, str] = {}

    def __call__(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        self.calls.append(" ".join(command[2:]))
        if failure := self.failures.get(len(self.calls) - 1):
            return subprocess.CompletedProcess(command, 1, "", failure)
        if "--raw" not in command:
            return subprocess.CompletedProcess(command, 0, json.dumps({"kind": "List", "items": self.items}), "")
        token = command[-1].partition("continue=")[2]
        start = int(token or 0)
        end = start + kubectl._PAGE
        page = [{key: value for key, value in item.items() if key != "kind"} for item in self.items[start:end]]
        more = {"continue": str(end)} if end < len(self.items) else {}
        out = json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": more, "items": page})
        return subprocess.CompletedProcess(command, 0, out, "")


@pytest.fixture
def pages(monkeypatch) -> Pages:
    found = Pages(pods(5))
    monkeypatch.setattr(kubectl, "_PAGE", 2)
    monkeypatch.setattr(kubectl, "_run", found)
    monkeypatch.setattr(kubectl.shutil, "which", lambda name: f"/bin/{name}")
    return found


def read(kinds: tuple[str, ...] = ("pods",), **more: Any) -> kubectl.Answer:
    return kubectl.get(kubectl.Access(), Query(dict.fromkeys(kinds, "sidecars"), NAMESPACE, **more), Compactor())


def test_pods_are_read_in_pages(pages) -> None:
    """Neither kubectl nor this program then holds all of them."""
    assert [one.title for one in read().objects] == [f"Pod/{NAMESPACE}/nginx-{number}" for number in range(5)]
    path = f"--raw /api/v1/namespaces/{NAMESPACE}/pods?limit=2"
    assert pages.calls == [path, f"{path}&continue=2", f"{path}&continue=4"]


def test_selectors_are_a_part_of_the_request(pages) -> None:
    """As kubectl would send them."""
    pages.items = []
    read(labels="a=b", fields="status.phase!=Failed")
    assert pages.calls[0].endswith("?limit=2&labelSelector=a%3Db&fieldSelector=status.phase%21%3DFailed")


def test_kinds_are_read_one_by_one_if_one_of_them_has_pages(pages) -> None:
    """Each in its own way."""
    read(("deployments", "pods"))
    assert pages.calls[0].startswith("deployments -n nginx-affirmed")
    assert pages.calls[1].startswith("--raw")


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_page_that_cannot_be_had_makes_it_read_everything_at_once(pages, at: int) -> None:
    """A page expires after some minutes; an old kubectl may know no pages."""
    pages.failures = {at: "Error from server (Expired): The provided continue parameter is too old"}
    assert [one.name for one in read().objects] == [f"nginx-{number}" for number in range(5)]
    assert pages.calls[-1] == f"pods -n {NAMESPACE} -o json"


def test_a_page_that_is_forbidden_is_a_finding(pages) -> None:
    """It names the question that stays open."""
    pages.failures = {0: 'Error from server (Forbidden): pods is forbidden: User "u" cannot list resource "pods"'}
    answer = read()
    assert (answer.objects, answer.unread) == ([], {"pods"})
    assert "nothing is said about sidecars" in answer.findings[0].message


def test_a_cluster_that_goes_away_between_pages_is_an_error(pages) -> None:
    """Half an answer is none."""
    pages.failures = {1: "Unable to connect to the server: dial tcp: i/o timeout"}
    with pytest.raises(MultimeshError, match="cannot be reached"):
        read()


# A saved list.

SAVED = {"apiVersion": "v1", "items": pods(7), "kind": "List", "metadata": {"resourceVersion": ""}}
FORMS = {
    "as kubectl writes it": json.dumps(SAVED, indent=4),
    "on one line": json.dumps(SAVED),
    "without a version": json.dumps({key: value for key, value in SAVED.items() if key != "apiVersion"}, indent=1),
    "with a byte order mark": "\ufeff" + json.dumps(SAVED, indent=4),
    "another order of keys": json.dumps({"kind": "List", "apiVersion": "v1", "items": SAVED["items"]}),
    "no items": json.dumps({**SAVED, "items": []}),
    "two documents": json.dumps(SAVED, indent=4) + "\n---\n" + json.dumps(SAVED, indent=4),
    "one object": json.dumps(SAVED["items"][0]),
}


@pytest.mark.parametrize("chunk", [1 << 20, 1 << 10, 100])
@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_a_list_read_piece_by_piece_has_the_same_objects(text: str, chunk: int, monkeypatch) -> None:
    """Wherever a piece ends, and with the same line for each of them if kubectl has indented it."""
    monkeypatch.setattr(json_list, "_CHUNK", chunk)
    found = list(parse_stream(io.BytesIO(text.encode()), "<stdin>"))
    whole = list(parse(text.removeprefix("\ufeff"), "<stdin>"))
    indented = "        {" in text and "---" not in text
    assert [one if indented else one._replace(line=1) for one in found] == [
        one if indented else one._replace(line=1) for one in whole
    ]


@pytest.mark.parametrize("text", [json.dumps(SAVED["items"], indent=2), json.dumps(SAVED, indent=4)])
@pytest.mark.parametrize("between", ["\n", "\n---\n", "\n\n---\n\n"])
def test_what_follows_a_list_has_its_own_lines(text: str, between: str) -> None:
    """The place of a finding is the line in the file, not in the part that is left."""
    before = json.dumps(SAVED, indent=4)
    first = before.count("\n") + between.count("\n")
    found = list(parse_stream(io.BytesIO(f"{before}{between}{text}".encode()), "<stdin>"))[7:]
    assert [one.line for one in found] == [one.line + first for one in parse(text, "<stdin>")]


@pytest.mark.parametrize("end", [200, 5000, -1, -60])
def test_a_list_that_was_cut_off_is_refused(end: int) -> None:
    """What follows could be the pod with the wrong sidecar."""
    text = json.dumps(SAVED, indent=4)[:end]
    with pytest.raises(MultimeshError, match="not JSON"):
        list(parse_stream(io.BytesIO(text.encode()), "<stdin>"))


@pytest.mark.parametrize("text", ["", " \n", "\ufeff"])
def test_an_empty_stream_is_refused(text: str) -> None:
    """The kubectl before the pipe has failed."""
    with pytest.raises(MultimeshError, match="is empty"):
        list(parse_stream(io.BytesIO(text.encode()), "<stdin>"))
