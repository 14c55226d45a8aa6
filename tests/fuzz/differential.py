"""Hold renderings against Helm's own readers and against the model."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any, NamedTuple

import engine
import modern
import oracle
import reader
from generate import streams

MESHES = (modern.Mesh("affirmed", "istio-affirmed", True), modern.Mesh("blue", "istio-blue", False))


class Failure(NamedTuple):
    """One stream that is not right."""

    what: str
    detail: str
    mesh: modern.Mesh
    text: bytes


def profile_of(mesh: modern.Mesh) -> str:
    """Write the profile of a mesh."""
    shared = "own" if mesh.own else "leave"
    return f"metadata: {{name: {mesh.name}}}\nspec: {{namespace: {mesh.namespace}, sharedResources: {shared}}}\n"


def values(found: Any) -> Any:
    """Write Helm's answer in the vocabulary of the model, in which a number is no string."""
    if isinstance(found, dict):
        # An API server takes a null for an absent key.
        return {name: values(inner) for name, inner in found.items() if inner is not None}
    if isinstance(found, list):
        return [values(inner) for inner in found]
    if found is None:
        return oracle.NULL
    if isinstance(found, str):
        return found
    if isinstance(found, bool):
        return oracle.Bare(str(found).lower())
    return oracle.Bare(int(found) if found == int(found) else found)


#: Names that must not be installed, by kind, whatever else the model says.
FIXED = {kind: set(names) for kind, names in modern.FIXED.items()}
for _kind, _name in oracle.PLAIN:
    FIXED.setdefault(_kind, set()).add(_name)


def stock_left(objects: list[Any]) -> list[str]:
    """List the stock names, selectors and node ports in what is installed: a silent miss, each of them."""
    found = []
    for obj in objects:
        kind, name = _text(obj, "kind"), _text(obj, "metadata", "name")
        if name in FIXED.get(kind, ()):
            found.append(f"{kind}/{name}")
        for entry in oracle._list(obj, "webhooks"):
            selector = oracle._get(entry, "namespaceSelector")
            if kind == "MutatingWebhookConfiguration":
                if oracle._get(selector, "matchLabels", "istio-injection") == "enabled":
                    found.append(f"{kind}/{name}: istio-injection=enabled")
            elif kind == "ValidatingWebhookConfiguration":
                entry_name = _text(entry, "name")
                if entry_name.endswith("validation.istio.io") and "multimesh.dev/mesh" not in str(selector):
                    found.append(f"{kind}/{name}: {entry_name} sees the whole cluster")
        labels = oracle._get(obj, "metadata", "labels") or {}
        if kind == "Service" and "chart" in labels and "heritage" in labels:
            for port in oracle._list(obj, "spec", "ports"):
                number = oracle._get(port, "nodePort")
                if number is not None and number == STOCK_PORTS.get(_text(port, "name")):
                    found += [f"{kind}/{name}: nodePort {number}"]
    return found


STOCK_PORTS = {"http2": 31380, "https": 31390, "tcp": 31400, "http-prometheus": 32090}


def _text(obj: Any, *path: str) -> str:
    found = oracle._get(obj, *path)
    return found if isinstance(found, str) else ""


def wanted(stock: list[Any], installed: list[Any], mesh: modern.Mesh) -> dict[Any, Any] | None:
    """Return what must be installed, by the model; None where the model does not know the chart's form."""
    before, after = values(stock), values(installed)
    try:
        changes, dropped = plan(before, mesh)
        stay = [obj for obj in before if oracle.key(obj) not in dropped]
        return {oracle.key(obj): obj for obj in oracle.apply(stay, [c for c in changes if c.key not in dropped], after)}
    except (KeyError, AttributeError, TypeError, IndexError, ValueError, AssertionError, RuntimeError):
        return None


#: Configurations of Istio 1.5, of which the model of later releases knows nothing.
OLD = {
    ("MutatingWebhookConfiguration", "istio-sidecar-injector"), ("ValidatingWebhookConfiguration", "istio-galley"),
}  # fmt: skip


def plan(objs: list[Any], mesh: modern.Mesh) -> tuple[list[oracle.Change], set[oracle.Key]]:
    """Return the changes of both models, each only once, and what is left out."""
    later = [obj for obj in objs if (obj["kind"], obj["metadata"]["name"]) not in OLD]
    changes, dropped = modern.plan(later, mesh)
    known = {(change.key, change.path) for change in changes}
    old = oracle.plan(objs, mesh.name, mesh.namespace)
    return changes + [change for change in old if (change.key, change.path) not in known], dropped


class Run:
    """One run with its counts."""

    def __init__(self, seed: int, bases: list[str]) -> None:
        self.rng, self.bases = Random(seed), bases
        self.readers = {helm: reader.Reader(helm) for helm in reader.HELMS}
        self.profiles = {mesh: engine.load_profile(profile_of(mesh), where="profile.yaml") for mesh in MESHES}
        self.counts: Counter[str] = Counter()

    def close(self) -> None:
        """End the readers."""
        for one in self.readers.values():
            one.close()

    def failures(self, *, cases: int = 0, seconds: float = 0, batch: int = 100) -> Iterator[Failure]:
        """Run so many cases, or so long, and yield what is not right."""
        end = time.monotonic() + seconds
        done = 0
        while done < cases if cases else time.monotonic() < end:
            size = min(batch, cases - done) if cases else batch
            yield from self._batch([self._case() for _ in range(size)])
            done += size

    def _case(self) -> tuple[bytes, modern.Mesh]:
        text = streams(self.bases, self.rng)
        named = [mesh for mesh in MESHES if mesh.namespace.encode() in text]
        return text, self.rng.choice(named if named and self.rng.random() < 0.95 else MESHES)

    def _batch(self, batch: list[tuple[bytes, modern.Mesh]]) -> Iterator[Failure]:
        rendered: list[tuple[bytes, modern.Mesh, bytes]] = []
        for text, mesh in batch:
            self.counts["cases"] += 1
            try:
                output = engine.render_manifest(text, self.profiles[mesh]).output
            except engine.MultimeshError as error:
                self.counts[f"refused: {error.rule or 'not YAML or no object'}"] += 1
            except Exception as error:  # noqa: BLE001 (a traceback is what is looked for)
                yield self._failed("traceback", f"{type(error).__name__}: {error}", mesh, text)
            else:
                rendered.append((text, mesh, output))
        for helm, one in self.readers.items():
            before = one.ask_all([text for text, _, _ in rendered])
            after = one.ask_all([output for _, _, output in rendered])
            for (text, mesh, _), stock, installed in zip(rendered, before, after):
                yield from self._judged(helm, text, mesh, stock, installed)
        for text, mesh, output in rendered:
            self.counts["accepted"] += 1
            yield from self._second(text, mesh, output)

    def _judged(
        self, helm: str, text: bytes, mesh: modern.Mesh, stock: reader.Answer, installed: reader.Answer
    ) -> Iterator[Failure]:
        if installed.error:
            if stock.error:
                self.counts[f"{helm} can read neither side"] += 1
            else:
                yield self._failed("unreadable output", f"{helm}: {installed.error}", mesh, text)
        elif missed := stock_left(installed.objects):
            yield self._failed("silent miss", f"{helm}: {missed[0]}", mesh, text)
        elif not stock.error:
            model = wanted(stock.objects, installed.objects, mesh)
            if model is None:
                self.counts[f"{helm}: outside of the model"] += 1
                return
            there = {oracle.key(obj): obj for obj in values(installed.objects)}
            if there != model:
                self.counts["held against the model"] += 1
                yield self._failed("unplanned value", f"{helm}: {_first(model, there)}", mesh, text)
            else:
                self.counts["held against the model"] += 1

    def _second(self, text: bytes, mesh: modern.Mesh, output: bytes) -> Iterator[Failure]:
        try:
            again = engine.render_manifest(output, self.profiles[mesh]).output
        except engine.MultimeshError as error:
            yield self._failed("second run", f"refused: {str(error).splitlines()[0]}", mesh, text)
        except Exception as error:  # noqa: BLE001 (a traceback is what is looked for)
            yield self._failed("traceback", f"second run: {type(error).__name__}: {error}", mesh, text)
        else:
            if again != output:
                yield self._failed("second run", "differs", mesh, text)

    def _failed(self, what: str, detail: str, mesh: modern.Mesh, text: bytes) -> Failure:
        self.counts[f"FAILED: {what}"] += 1
        return Failure(what, detail, mesh, text)


def _first(model: dict[Any, Any], there: dict[Any, Any]) -> str:
    for key in {**model, **there}:
        if key not in there:
            return f"{key} is not installed"
        if key not in model:
            return f"{key} is installed"
        if found := oracle.differences(model[key], there[key]):
            path, (wanted_, is_) = next(iter(found.items()))
            return f"{key} {oracle.show(path)}: {wanted_!r} is right, {is_!r} is installed"
    return ""


def minimised(failure: Failure, run: Run, limit: int = 200) -> Failure:
    """Take lines away as long as the same kind of failure stays."""
    lines = failure.text.decode().split("\n")
    size = max(1, len(lines) // 2)
    while limit and size:
        at = 0
        while at < len(lines) and limit:
            fewer = [*lines[:at], *lines[at + size :]]
            limit -= 1
            hits = islice(run._batch([("\n".join(fewer).encode(), failure.mesh)]), 8)
            hit = next((one for one in hits if one.what == failure.what), None)
            if hit:
                lines, failure = fewer, hit
            else:
                at += size
        size //= 2
    return failure
