"""Make Kubernetes objects of plain values, and say which of the values are none: nothing is left out without a word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from multimesh.check.findings import Finding, Side
from multimesh.check.objects import Object, dig, mappings, text_of
from multimesh.mesh.kinds import CLUSTER_SCOPED, group_of

CRD = "CustomResourceDefinition"

#: Kinds of lists that say nothing of the kind of their items.
_MIXED = ("List", "ResourceList")

#: What Helm itself prints before a manifest: `helm install --dry-run`, and the download of a chart.
_OF_HELM = ({"NAME", "STATUS"}, {"Pulled", "Digest"})

#: How the messages of kubectl and Helm begin; many of them are YAML mappings.
_ERROR = re.compile(r"error\b", re.IGNORECASE)

_AGAIN = "Save it again, with helm get manifest or kubectl get ... -o json, and look at what the command says."
_ALL = "Save it again with kubectl get ... -o json, which reads the whole list."


class Unread(NamedTuple):
    """A part of a file that is not a Kubernetes object: what it is, its place, and what to do.

    `may_be_values` is whether it could be a part of a file for another program, such as Helm values.
    """

    what: str
    file: str
    line: int
    may_be_values: bool = False
    remedy: str = _AGAIN

    @property
    def finding(self) -> Finding:
        """The finding that reports it."""
        return Finding("unreadable", f'"{self.file}" holds {self.what}', (Side("", "", self.file, self.line),),
                       remedy=self.remedy)  # fmt: skip


def objects(
    data: Any, file: str, line: int = 1, starts: Sequence[int] = (), unread: list[Unread] | None = None
) -> Iterator[Object]:
    """Yield the objects in one document, items of lists included; what is not an object is added to `unread`.

    `starts` are the lines at which the items of the list begin.
    """
    unread = [] if unread is None else unread
    inside = _items(data)
    if inside is None:
        flaw = _flaw(data)
        if flaw:
            what = f"a document that is not a Kubernetes object: {flaw}"
            unread.append(Unread(what, file, line, _may_be_values(data)))
        elif isinstance(data, dict) and data.get("kind"):
            yield _object(data, file, line)
        return
    known = len(starts) == len(inside)
    rest: list[Unread] = []
    for number, item in enumerate(inside):
        yield from objects(item, file, starts[number] if known else line, (), rest)
    if len(rest) > 1:
        what = f"{len(rest)} items of a list that cannot be read; the first: {rest[0].what}"
        rest = [rest[0]._replace(what=what, may_be_values=all(one.may_be_values for one in rest))]
    unread += rest
    if missing := _missing(data):
        unread.append(Unread(f"a list that is not complete: {missing}", file, line, remedy=_ALL))


def _items(data: Any) -> list[Any] | None:
    """Return the items of a list of objects, each with its kind; None for anything else.

    A list that has no kind, as jq writes it, is one if an item has one.
    """
    inside = data if isinstance(data, list) else dig(data, "items")
    kind = text_of(dig(data, "kind"))
    if not isinstance(inside, list):
        return None
    if not (kind.endswith("List") if kind else any(dig(item, "kind") for item in inside)):
        return None
    if kind in ("", *_MIXED):
        return inside
    # An API server leaves out what the kind of the list says.
    typed = {"apiVersion": data.get("apiVersion"), "kind": kind.removesuffix("List")}
    return [{**typed, **item} if isinstance(item, dict) else item for item in inside]


def _flaw(data: Any) -> str:
    """Return why a document that is not a list is not an object; empty if it is one, or if there is nothing in it."""
    if data in (None, "", {}, []):
        return ""
    if isinstance(data, list):
        return "it is a list without objects"
    if not isinstance(data, dict):
        return f'it is the text "{_short(text_of(data))}"'
    kind = text_of(data.get("kind"))
    group = group_of(text_of(data.get("apiVersion")))
    if not kind:
        begin = _short(next(iter(data)))
        return "" if any(known <= data.keys() for known in _OF_HELM) else f'it begins with "{begin}" and has no kind'
    if (group, kind) == ("", "Status"):
        return f'it is a Status: "{_short(text_of(data.get("message")) or text_of(data.get("status")))}"'
    if group == "meta.k8s.io":
        return f"it is a {kind}, a summary of objects"
    if kind.endswith("List") and not dig(data, "metadata", "name") and data.get("items", {}) is not None:
        return f"it is a {kind} without a list of items"
    return ""


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _may_be_values(data: Any) -> bool:
    """Return whether a document has nothing of an object, and is not a message of a program that has failed."""
    if isinstance(data, list):
        return True
    if not isinstance(data, dict) or data.get("kind") or dig(data, "metadata", "name"):
        return False
    return not _ERROR.match(next(iter(data)))


def _missing(data: Any) -> str:
    """Return what a list says of the items that it does not have; empty if it has all."""
    token, count = text_of(dig(data, "metadata", "continue")), text_of(dig(data, "metadata", "remainingItemCount"))
    if count and count != "0":
        return f"{count} objects remain"
    return 'its metadata has a "continue"' if token else ""


def _object(data: dict[str, Any], file: str, line: int) -> Object:
    kind, group = text_of(data.get("kind")), group_of(text_of(data.get("apiVersion")))
    namespace = text_of(dig(data, "metadata", "namespace"))
    if (group, kind) in CLUSTER_SCOPED:
        # Stock charts set a namespace on cluster-scoped objects, which has no effect.
        namespace = ""
    name = text_of(dig(data, "metadata", "name"))
    return Object(group, kind, namespace, name, file, line, _definition(data) if kind == CRD else data)


def _definition(data: dict[str, Any]) -> dict[str, Any]:
    """Return the identity of a CRD: metadata, group, names, scope, and its versions without their schemas."""
    spec = data.get("spec")
    kept: dict[str, Any] = {}
    if isinstance(spec, dict):
        kept = {key: spec[key] for key in ("group", "names", "scope", "version") if key in spec}
        kept["versions"] = [
            {"name": text_of(item.get("name"))} | ({"served": False} if item.get("served") is False else {})
            for item in mappings(spec, "versions")
        ]
    metadata = data.get("metadata")
    return {"metadata": metadata if isinstance(metadata, dict) else {}, "spec": kept}
