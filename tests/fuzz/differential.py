"""Hold renderings against Helm's own readers and against the model."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import islice
from random import Random
from typing import Any, NamedTuple

import engine
import modern
import oracle
import reader
import yaml
from generate import Bases, streams

from multimesh.yamltext import parser

MESHES = (modern.Mesh("affirmed", "istio-affirmed", True), modern.Mesh("blue", "istio-blue", False))


class Variant(NamedTuple):
    """One profile: the mesh, the rest of its `spec`, and the text of the file."""

    mesh: modern.Mesh
    spec: dict[str, Any]
    text: str

    @property
    def name(self) -> str:
        """The mesh and what is not a default, for messages."""
        return f"{self.mesh.name} {json.dumps(self.spec)}{' upgrade' if self.mesh.upgrade else ''}"


#: What profiles say, by key; for each profile some keys are chosen.
SPECS: dict[str, tuple[Any, ...]] = {
    "gateways": ("keep",),
    "clusterRoles": ("keep",),
    "nodePorts": ("keep", {"http2": 32380}, {"http2": 32380, "https": 32390, "tcp": 32400}),
    "scopeGateways": (False,),
    "workloadNamespaces": (["nginx-affirmed"], ["nginx-blue", "shop"], ["kube-system"]),
    "citadel": ({"alsoListen": ["kube-system"]},),
    "keepNames": (
        ["ClusterRole/kiali", "ClusterRole/istio-reader"], ["ClusterRoleBinding/istio-multi"],
        ["ValidatingWebhookConfiguration/istiod-default-validator"], ["ClusterRole/company-reader", "Widget/*"],
    ),
    "renameNames": (["ClusterRole/company-reader"], ["ClusterRoleBinding/company-reader", "ClusterIssuer/company"]),
    "revision": ("{}-2",),
    "flags": (
        [{"container": "galley", "args": ["--monitoringPort=15114"], "env": {"A": "b"}}],
        [{"container": "discovery", "env": {"PILOT_TRACE_SAMPLING": "2"}}],
        [{"container": "istio-proxy", "workload": "istio-ingressgateway", "args": ["--log_output_level=a:b"]}],
    ),
}  # fmt: skip


def variant(mesh: modern.Mesh, spec: dict[str, Any]) -> Variant:
    """Write the profile of a mesh."""
    written = {"namespace": mesh.namespace, "sharedResources": "own" if mesh.own else "leave", **spec}
    text = json.dumps({"metadata": {"name": mesh.name}, "spec": written})
    kept = [*spec.get("keepNames", ()), *(["ClusterRole/*"] if spec.get("clusterRoles") == "keep" else ())]
    return Variant(mesh._replace(kept=frozenset(kept), revision=spec.get("revision", "")), spec, text)


def variants(rng: Random, count: int) -> list[Variant]:
    """Return the two plain profiles, and others with up to four more keys."""
    found = [variant(mesh, {}) for mesh in MESHES for _ in range(count // 6)]
    while len(found) < count:
        mesh = rng.choice(MESHES)._replace(own=rng.random() < 0.5, upgrade=rng.random() < 0.2)
        spec = {name: rng.choice(SPECS[name]) for name in rng.sample(sorted(SPECS), rng.randint(0, 4))}
        if "revision" in spec:
            spec |= {"revision": spec["revision"].format(mesh.name), "canaryRevisions": [mesh.name]}
        made = variant(mesh, spec)
        # Some keys exclude each other.
        with contextlib.suppress(engine.MultimeshError):
            _loaded(made.text)
            found.append(made)
    return found


class Failure(NamedTuple):
    """One stream that is not right."""

    what: str
    detail: str
    mesh: Variant
    text: bytes


#: Maps of strings, in which an API server takes a null for an empty text.
MAPS = frozenset(("labels", "annotations", "matchLabels", "data"))

#: Helm 4's own annotation. It takes it away, also from the items of a List if that is the only document.
FILENAME = "postrenderer.helm.sh/postrender-filename"


def values(found: Any, field: str = "") -> Any:
    """Write Helm's answer in the vocabulary of the model, in which a number is no string."""
    if isinstance(found, dict):
        if field in MAPS:
            return {name: "" if inner is None else values(inner) for name, inner in found.items() if name != FILENAME}
        # An API server takes a null for an absent key.
        return {name: values(inner, name) for name, inner in found.items() if inner is not None}
    if isinstance(found, list):
        return [values(inner) for inner in found]
    if found is None:
        return oracle.NULL
    if isinstance(found, str):
        return found
    if isinstance(found, bool):
        return oracle.Bare(str(found).lower())
    return oracle.Bare(int(found) if found == int(found) else found)


def filled(found: Any) -> Any:
    """Leave out mappings without keys where an API server takes them for absent ones."""
    if isinstance(found, dict):
        return {
            name: filled(inner)
            for name, inner in found.items()
            if not (name in ("clientConfig", "annotations") and inner == {})
        }
    return [filled(inner) for inner in found] if isinstance(found, list) else found


#: Names that must not be installed, by kind, whatever else the model says.
FIXED = {kind: set(names) for kind, names in modern.FIXED.items()}
for _kind, _name in oracle.PLAIN:
    FIXED.setdefault(_kind, set()).add(_name)


def stock_left(objects: list[Any], profile: Variant) -> list[str]:
    """List the stock names, selectors and node ports in what is installed: a silent miss, each of them."""
    found = []
    kept = profile.mesh.kept
    ports = {} if profile.spec.get("nodePorts") == "keep" else STOCK_PORTS
    for obj in objects:
        kind, name = _text(obj, "kind"), _text(obj, "metadata", "name")
        if name in FIXED.get(kind, ()) and not kept & {f"{kind}/{name}", f"{kind}/*"}:
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
                if number is not None and number == ports.get(_text(port, "name")):
                    found += [f"{kind}/{name}: nodePort {number}"]
    return found


STOCK_PORTS = {"http2": 31380, "https": 31390, "tcp": 31400, "http-prometheus": 32090}


def _text(obj: Any, *path: str) -> str:
    found = oracle._get(obj, *path)
    return found if isinstance(found, str) else ""


def wanted(stock: list[Any], installed: list[Any], mesh: Variant) -> dict[Any, Any] | None:
    """Return what must be installed, by the model; None where the model does not know the chart's form."""
    before, after = values(stock), values(installed)
    try:
        if len({oracle.key(obj) for obj in before}) < len(before):
            # The model tells objects by their names.
            return None
        changes, dropped = plan(before, mesh)
        stay = [obj for obj in before if oracle.key(obj) not in dropped]
        return {oracle.key(obj): obj for obj in oracle.apply(stay, [c for c in changes if c.key not in dropped], after)}
    except (KeyError, AttributeError, TypeError, IndexError, ValueError, AssertionError, RuntimeError, yaml.YAMLError):
        return None


#: Configurations of Istio 1.5, of which the model of later releases knows nothing.
OLD = {
    ("MutatingWebhookConfiguration", "istio-sidecar-injector"), ("ValidatingWebhookConfiguration", "istio-galley"),
}  # fmt: skip


def plan(objs: list[Any], profile: Variant) -> tuple[list[oracle.Change], set[oracle.Key]]:
    """Return the changes of both models, each only once, and what is left out."""
    namespace = profile.mesh.namespace
    old_names = OLD | {(kind, namespace + name.removeprefix("istio")) for kind, name in OLD}
    later = [
        obj for obj in objs
        if (obj["kind"], obj["metadata"]["name"]) not in old_names
        or modern.REVISION in (obj["metadata"].get("labels") or {})
    ]  # fmt: skip
    changes, dropped = modern.plan(later, profile.mesh)
    known = {(change.key, change.path) for change in changes}
    spec = {name: value for name, value in profile.spec.items() if name not in ("workloadNamespaces", "revision")}
    workloads = profile.spec.get("workloadNamespaces", ())
    spec["upgrade"] = profile.mesh.upgrade
    old = oracle.plan(objs, profile.mesh.name, profile.mesh.namespace, workloads, **spec)
    texts = {change.key: change.after for change in old if change.path == ("data", "mesh")}
    changes = [_both(change, texts.get(change.key), profile.mesh) for change in changes]
    return changes + [change for change in old if (change.key, change.path) not in known], dropped


def _both(change: oracle.Change, text: str | None, mesh: modern.Mesh) -> oracle.Change:
    """Let a new root of a mesh configuration accept the text of the model of Istio 1.5, where both change it."""
    if text is None or change.path != ("data", "mesh"):
        return change
    return change._replace(accepts=lambda found: modern._is_rooted(text, found, mesh))


class Run:
    """One run with its counts."""

    def __init__(self, seed: int, bases: list[str], helms: tuple[str, ...] = reader.HELMS) -> None:
        self.rng, self.bases = Random(seed), Bases.of(bases)
        self.readers = {helm: reader.Reader(helm) for helm in helms}
        self.profiles = variants(self.rng, 60)
        self.counts: Counter[str] = Counter()
        #: Ends the run after the current streams.
        self.stopped = False

    def close(self) -> None:
        """End the readers."""
        for one in self.readers.values():
            one.close()

    def failures(self, *, cases: int = 0, seconds: float = 0, batch: int = 100) -> Iterator[Failure]:
        """Run so many cases, or so long, and yield what is not right."""
        end = time.monotonic() + seconds
        done = 0
        while not self.stopped and (done < cases if cases else time.monotonic() < end):
            size = min(batch, cases - done) if cases else batch
            yield from self._batch([self._case() for _ in range(size)])
            done += size

    def pure_failures(self, *, cases: int = 0, seconds: float = 0) -> Iterator[Failure]:
        """Render with libyaml and with PyYAML alone, and yield what differs; no Helm is asked."""
        readers = (parser.loader(), parser._pure())
        end = time.monotonic() + seconds
        while not self.stopped and (self.counts["cases"] < cases if cases else time.monotonic() < end):
            self.counts["cases"] += 1
            text, profile = self._case()
            outputs: list[bytes | None] = []
            for parser._LOADER in readers:
                try:
                    outputs.append(self.render(text, profile))
                except Exception as error:  # noqa: BLE001, PERF203 (a traceback is what is looked for)
                    yield self._failed("traceback", f"{type(error).__name__}: {error}", profile, text)
            if len(outputs) == 2 and outputs[0] != outputs[1]:
                refused = [name for name, one in zip(("libyaml", "PyYAML"), outputs) if one is None]
                yield self._failed("two readers", f"{refused[0]} refuses" if refused else "differ", profile, text)
        parser._LOADER = readers[0]

    def _case(self) -> tuple[bytes, Variant]:
        text = streams(self.bases, self.rng)
        profile = self.rng.choice(self.profiles)
        other = b"istio-blue" if profile.mesh.name == "affirmed" else b"istio-affirmed"
        if other in text and self.rng.random() < 0.95:
            text = text.replace(other, profile.mesh.namespace.encode())
            text = text.replace(other.removeprefix(b"istio-"), profile.mesh.name.encode())
        return text, profile

    def render(self, text: bytes, profile: Variant) -> bytes | None:
        """Return the output of the program; None where it refuses."""
        loaded = _loaded(profile.text)
        try:
            return engine.render_manifest(text, loaded, upgrade=profile.mesh.upgrade).output
        except engine.MultimeshError as error:
            self.counts[f"refused: {error.rule or 'not YAML or no object'}"] += 1
            return None

    def _batch(self, batch: list[tuple[bytes, Variant]]) -> Iterator[Failure]:
        rendered: list[tuple[bytes, Variant, bytes]] = []
        for text, mesh in batch:
            self.counts["cases"] += 1
            try:
                output = self.render(text, mesh)
            except Exception as error:  # noqa: BLE001 (a traceback is what is looked for)
                yield self._failed("traceback", f"{type(error).__name__}: {error}", mesh, text)
            else:
                if output is not None:
                    rendered.append((text, mesh, output))
        rendered = [(complete(text), mesh, output) for text, mesh, output in rendered]
        # The same bytes give the same answer.
        asked = list(dict.fromkeys(one for text, _, output in rendered for one in (text, output)))
        for one in self.readers.values():
            one.send(asked)
        answers = {helm: dict(zip(asked, one.receive(len(asked)))) for helm, one in self.readers.items()}
        for text, mesh, output in rendered:
            self.counts["accepted"] += 1
            seen = None
            for helm, found in answers.items():
                stock, installed = found[text], found[output]
                if (stock, installed) != seen:
                    yield from self._judged(helm, text, mesh, stock, installed)
                seen = (stock, installed)
            if output != text:
                yield from self._second(text, mesh, output)

    def _judged(
        self, helm: str, text: bytes, mesh: Variant, stock: reader.Answer, installed: reader.Answer
    ) -> Iterator[Failure]:
        if installed.error:
            if stock.error:
                self.counts[f"{helm} can read neither side"] += 1
            else:
                yield self._failed("unreadable output", f"{helm}: {installed.error}", mesh, text)
        elif missed := stock_left(installed.objects, mesh):
            yield self._failed("silent miss", f"{helm}: {missed[0]}", mesh, text)
        elif not stock.error:
            model = wanted(stock.objects, installed.objects, mesh)
            if model is None:
                self.counts[f"{helm}: outside of the model"] += 1
                return
            self.counts["held against the model"] += 1
            there = {oracle.key(obj): obj for obj in values(installed.objects)}
            if there != model and filled(there) != filled(model):
                yield self._failed("unplanned value", f"{helm}: {_first(model, there)}", mesh, text)

    def _second(self, text: bytes, mesh: Variant, output: bytes) -> Iterator[Failure]:
        loaded = _loaded(mesh.text)
        try:
            again = engine.render_manifest(output, loaded, upgrade=mesh.mesh.upgrade).output
        except engine.MultimeshError as error:
            yield self._failed("second run", f"refused: {str(error).splitlines()[0]}", mesh, text)
        except Exception as error:  # noqa: BLE001 (a traceback is what is looked for)
            yield self._failed("traceback", f"second run: {type(error).__name__}: {error}", mesh, text)
        else:
            if again != output:
                yield self._failed("second run", "differs", mesh, text)

    def _failed(self, what: str, detail: str, mesh: Variant, text: bytes) -> Failure:
        self.counts[f"FAILED: {what}"] += 1
        return Failure(what, detail, mesh, text)


def complete(text: bytes) -> bytes:
    """Add the line feed without which Helm 3 drops a last line of this size."""
    return text if len(text[text.rfind(b"\n") + 1 :]) % 4096 else text.removesuffix(b"\n") + b"\n"


@cache
def _loaded(text: str) -> Any:
    return engine.load_profile(text, where="profile.yaml")


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
