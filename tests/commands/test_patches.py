"""`multimesh patches`: patches that turn the stock manifest into what `render` writes, and fail for another chart."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from random import Random
from typing import Any

import kustomizes
import pytest
import yaml
from helms import CHART
from program import profile
from streams import Stream, over, streams

from multimesh.cli import main
from multimesh.commands.patches import FORMATS, _block, patches_text
from multimesh.errors import MultimeshError
from multimesh.mesh.profile import load
from multimesh.render.patches import difference
from multimesh.render.pipeline import render
from multimesh.render.rendering import Rendering

Object = dict[str, Any]

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
PROFILES = {
    "affirmed": profile("affirmed", "istio-affirmed", ("nginx-affirmed",), sharedResources="own"),
    "blue": profile("blue", "istio-blue", ("nginx-blue", "shop-blue")),
}
#: Keys of a profile for more sorts of edits: flags that are appended, node ports that are replaced.
MORE = {
    "nodePorts": {"http2": 32380, "https": 32390},
    "citadel": {"alsoListen": ["kube-system"]},
    "flags": [
        {"container": "galley", "args": ["--monitoringPort=15114"], "env": {"GODEBUG": "http2debug=1"}},
        {"container": "discovery", "args": ["--keepaliveMaxServerConnectionAge=45m"], "env": {"NEW": "true"}},
    ],
}


# --- an applier of its own -----------------------------------------------------------------


def loaded(text: str) -> Any:
    """Return the one document of a text, which PyYAML alone would read ten times as slowly."""
    [document] = yaml.load_all(text, LOADER)
    return document


class Failed(Exception):
    """An operation cannot be applied."""


def same(one: object, other: object) -> bool:
    """Compare values as JSON does, where 1 is not true."""
    return json.dumps(one, sort_keys=True, default=str) == json.dumps(other, sort_keys=True, default=str)


def steps(pointer: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def found(value: Any, path: list[str]) -> Any:
    try:
        for step in path:
            value = value[int(step) if isinstance(value, list) else step]
    except (KeyError, IndexError, ValueError, TypeError):
        raise Failed(f"{path} is not there") from None
    return value


def patched(value: Any, operations: list[Object]) -> Any:
    """Apply operations as RFC 6902 says: `replace`, `remove` and `test` need what they name."""
    value = copy.deepcopy(value)
    for one in operations:
        assert set(one) == {"op", "path"} | ({"value"} if one["op"] != "remove" else set())
        *above, last = steps(one["path"])
        parent = found(value, above)
        if one["op"] != "add":
            there = found(parent, [last])
        if one["op"] == "test":
            if not same(there, one["value"]):
                raise Failed(f"{one['path']} is {there!r}")
        elif one["op"] == "remove":
            del parent[int(last) if isinstance(parent, list) else last]
        elif isinstance(parent, list) and one["op"] == "add":
            parent.insert(len(parent) if last == "-" else int(last), one["value"])
        else:
            parent[int(last) if isinstance(parent, list) else last] = one["value"]
    return value


CLUSTER_SCOPED = re.compile(
    "Cluster(Role|RoleBinding)|(Mutating|Validating)WebhookConfiguration|CustomResourceDefinition"
    "|ValidatingAdmissionPolicy(Binding)?"
)


def selects(target: Object, one: Object) -> bool:
    """Return whether kustomize would take the target for this object: every field is an anchored expression."""
    group, _, version = one["apiVersion"].rpartition("/")
    namespace = one["metadata"].get("namespace") or "default"
    if CLUSTER_SCOPED.fullmatch(one["kind"]):
        namespace = ""
    identity = {
        "group": group, "version": version, "kind": one["kind"], "name": one["metadata"]["name"],
        "namespace": namespace,
    }  # fmt: skip
    return all(re.fullmatch(pattern, identity[field]) for field, pattern in target.items())


def applied(objects: list[Object], patches: list[Object]) -> list[Object]:
    """Apply patches to objects. Raises Failed also where kustomize would not notice: for a patch that selects nothing."""
    objects = list(objects)
    stock = list(objects)
    for one in patches:
        assert list(one) == ["target", "patch"]
        indices = [index for index, item in enumerate(stock) if selects(one["target"], item)]
        if not indices:
            raise Failed(f"nothing is {one['target']}")
        patch = loaded(one["patch"])
        for index in indices:
            if isinstance(patch, list):
                objects[index] = patched(objects[index], patch)
            else:
                assert patch.pop("$patch") == "delete"
                assert patch["metadata"]["name"] == stock[index]["metadata"]["name"]
                objects[index] = {}
    return [item for item in objects if item]


# --- streams --------------------------------------------------------------------------------


def objects_of(text: str) -> list[Object]:
    """Return the objects of a manifest, of a List its items."""
    objects = []
    for one in yaml.load_all(text, LOADER):
        objects += one["items"] if one and one["kind"].endswith("List") else [one] if one else []
    return objects


def rendering_of(text: str, mesh: str | None = None) -> Rendering:
    return render(text.encode(), load(mesh or PROFILES["affirmed"], "profile.yaml"))


def patches_of(text: str, mesh: str | None = None) -> list[Object]:
    return loaded(patches_text(rendering_of(text, mesh), "list"))


def is_refused(source: Stream) -> bool:
    """Return whether `render` refuses the stream: it holds what another mesh owns, or is made wrong on purpose."""
    return source.chart in ("istiod-default-revision", "istiod-mixed-namespaces") or (
        source.mesh == "blue"
        and (source.chart in ("cni", "ztunnel", "istio-init") or (source.version, source.chart) == ("1.24.6", "base"))
    )


ACCEPTED = [source for source in streams() if not is_refused(source)]
CASES = [(source, "") for source in ACCEPTED] + [(s, "more") for s in ACCEPTED if s.version == "1.5.0"]


def profile_of(mesh: str, more: str = "") -> str:
    text = yaml.safe_load(PROFILES[mesh])
    text["spec"] |= MORE if more else {}
    return yaml.safe_dump(text)


@over("source,more", CASES)
def test_the_stock_objects_with_patches_are_those_of_render(source, more):
    rendering = rendering_of(source.text, profile_of(source.mesh, more))
    patches = loaded(patches_text(rendering, "list"))

    expected, actual = objects_of(rendering.output.decode()), applied(objects_of(source.text), patches)
    assert len(expected) == len(actual)
    for wanted, one in zip(expected, actual):
        assert same(wanted, one), wanted["metadata"]["name"]
    assert patches or same(expected, objects_of(source.text))


@over("source", ACCEPTED)
def test_what_is_replaced_or_removed_is_tested_before(source):
    for patch in patches_of(source.text, profile_of(source.mesh)):
        operations = loaded(patch["patch"])
        if isinstance(operations, list):
            for above, one in zip([{}, *operations], operations):
                if one["op"] in ("replace", "remove"):
                    assert (above["op"], above["path"]) == ("test", one["path"])


@over("source", [s for s in ACCEPTED if s.helm == "helm3" and s.chart in ("istiod", "istio-default")])
def test_every_test_fails_for_a_chart_that_has_another_value(source):
    """Each of them by itself, so none is there for show."""
    stock, tests = objects_of(source.text), 0
    for patch in patches_of(source.text, profile_of(source.mesh)):
        operations = loaded(patch["patch"])
        [one] = [item for item in stock if selects(patch["target"], item)]
        for test in (item for item in operations if item["op"] == "test"):
            moved = copy.deepcopy(one)
            *above, last = steps(test["path"])
            parent = found(moved, above)
            parent[int(last) if isinstance(parent, list) else last] = "moved on"
            with pytest.raises(Failed):
                applied([moved], [patch])
            tests += 1
    assert tests


def unlike(one: Object) -> Object:
    """Return an object without empty annotations, which kustomize drops."""
    if not one["metadata"].get("annotations", True):
        one = {**one, "metadata": {key: value for key, value in one["metadata"].items() if key != "annotations"}}
    return one


def by_identity(text: str) -> dict[str, str]:
    """Return the objects of a manifest as JSON: kustomize orders them by its own rules."""
    objects = [unlike(one) for one in objects_of(text)]
    found = {
        f"{one['apiVersion']} {one['kind']} {one['metadata'].get('namespace')} {one['metadata']['name']}": json.dumps(
            one, sort_keys=True, default=str
        )
        for one in objects
    }
    assert len(found) == len(objects)
    return found


@over("source", ACCEPTED)
def test_kustomize_makes_of_the_patches_what_render_writes(source):
    rendering = rendering_of(source.text, profile_of(source.mesh))
    ran = kustomizes.kustomize(source.text, patches_text(rendering, "kustomization"))
    assert (ran.code, ran.err) == (0, "")
    assert by_identity(ran.out) == by_identity(rendering.output.decode())


@over("source", [source for source in ACCEPTED if source.helm == "helm4"])
def test_flux_makes_of_the_patches_what_render_writes(source):
    """Flux renders with Helm 4."""
    rendering = rendering_of(source.text, profile_of(source.mesh))
    ran = kustomizes.flux(source.text, patches_text(rendering, "flux"))
    assert (ran.code, ran.err) == (0, "")
    assert by_identity(ran.out) == by_identity(rendering.output.decode())


# --- small manifests ------------------------------------------------------------------------


def manifest(*objects: Object) -> str:
    return "".join(f"---\n{yaml.safe_dump(one, sort_keys=False)}" for one in objects)


def role(name: str = "kiali", **more: Any) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": [],
    } | more  # fmt: skip


def crd(name: str = "gateways.networking.istio.io", **metadata: Any) -> Object:
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": name} | metadata, "spec": {"group": name.partition(".")[2]},
    }  # fmt: skip


KEEP = {"helm.sh/resource-policy": "keep"}


def test_a_renamed_resource_is_selected_by_its_stock_name():
    assert patches_of(manifest(role())) == [
        {
            "target": {
                "group": "rbac.authorization.k8s.io", "version": "v1", "kind": "ClusterRole", "name": "kiali",
            },
            "patch": "- op: test\n  path: /metadata/name\n  value: kiali\n"
            "- op: replace\n  path: /metadata/name\n  value: kiali-affirmed\n",
        }
    ]  # fmt: skip


def test_a_dropped_resource_is_deleted():
    [patch] = patches_of(manifest(crd(annotations=KEEP)), PROFILES["blue"])
    assert patch["target"]["name"] == "gateways.networking.istio.io"
    assert patch["patch"] == (
        "$patch: delete\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        "metadata:\n  name: gateways.networking.istio.io\n"
    )


def test_a_chart_that_needs_no_change_gets_no_patch():
    text = manifest({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "namespace": "istio-affirmed"}})
    assert patches_text(rendering_of(text), "list") == "[]\n"
    for form in FORMATS:
        assert "patches: []" in patches_text(rendering_of(text), form) or form == "list"


def test_every_format_holds_the_same_patches():
    rendering = rendering_of(manifest(role(), crd()))
    listed, kustomization, flux = (yaml.safe_load(patches_text(rendering, form)) for form in FORMATS)
    assert len(listed) == 2
    assert kustomization == {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["stock.yaml"],
        "patches": listed,
    }
    assert flux == {"postRenderers": [{"kustomize": {"patches": listed}}]}


def deployment(namespace: str | None, container: str) -> Object:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": container, "image": "i"}]}}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "a"} | ({"namespace": namespace} if namespace else {}),
        "spec": {"selector": {"matchLabels": {"app": "a"}}, "template": template},
    }  # fmt: skip


def service(api: str) -> Object:
    """Return a Service of a gateway of the 1.5 chart, of which the node port is removed."""
    labels = {"app": "istio-ingressgateway", "chart": "gateways", "heritage": "Helm", "release": "istio"}
    return {
        "apiVersion": api, "kind": "Service",
        "metadata": {"name": "istio-ingressgateway", "namespace": "istio-affirmed", "labels": labels},
        "spec": {"type": "NodePort", "ports": [{"name": "http2", "port": 80, "nodePort": 31380}]},
    }  # fmt: skip


#: Manifests in which a target of plain values would select a second resource, with the fields that tell them apart.
AMBIGUOUS = {
    "a dot matches any character": (
        [crd("gateways.networking.istio.io"), crd("gateways-networking.istio.io", annotations=KEEP)],
        [{"name": r"gateways\.networking\.istio\.io"}, {"name": "gateways-networking.istio.io"}],
    ),
    "no namespace is `default`": (
        [deployment(None, "galley"), deployment("istio-affirmed", "other")],
        [{"name": "a", "namespace": "default"}],
    ),
    "no group matches every group": (
        [service("v1"), service("example.org/v1")],
        [{"group": "^$"}, {"group": "example.org"}],
    ),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_a_target_selects_nothing_but_its_resource(case):
    objects, fields = AMBIGUOUS[case]
    mesh = yaml.safe_load(PROFILES["affirmed"])
    mesh["spec"] |= {"keepNames": ["Service/*"], "flags": [{"container": "galley", "args": ["--new=1"]}]}
    text = manifest(*objects)
    rendering = rendering_of(text, yaml.safe_dump(mesh))
    patches = yaml.safe_load(patches_text(rendering, "list"))
    assert [{key: one["target"].get(key) for key in wanted} for one, wanted in zip(patches, fields)] == fields
    assert len(patches) == len(fields)
    assert same(applied(objects, patches), objects_of(rendering.output.decode()))
    ran = kustomizes.kustomize(text, patches_text(rendering, "kustomization"))
    assert (ran.code, ran.err) == (0, "")
    assert by_identity(ran.out) == by_identity(rendering.output.decode())


def test_values_are_written_as_they_are_where_they_select_one_resource():
    [patch] = patches_of(manifest(crd(), deployment(None, "other")))
    assert patch["target"] == {
        "group": "apiextensions.k8s.io", "version": "v1", "kind": "CustomResourceDefinition",
        "name": "gateways.networking.istio.io",
    }  # fmt: skip


#: Streams that are read in another way than document by document, or hold something that is no resource.
UNUSUAL = {
    "items of a List": manifest(
        {"apiVersion": "v1", "kind": "List", "items": [role(), crd(annotations=KEEP), role("istio-reader")]}
    ),
    "JSON": json.dumps({"apiVersion": "v1", "kind": "List", "items": [crd(annotations=KEEP), role()]}),
    "a byte order mark": "\ufeff" + manifest(role()),
    "other line ends": manifest(role(), crd(annotations=KEEP), role("istio-reader")).replace("\n", "\r\n"),
    "an explicit end": manifest(crd(annotations=KEEP), role()) + "...\n" + manifest(role("istio-reader")),
    "empty documents": f"# nothing\n---\n---\n{manifest(role())}---\n# nothing\n{manifest(crd(annotations=KEEP))}",
}


@pytest.mark.parametrize("case", UNUSUAL)
def test_every_form_of_a_stream_is_patched(case):
    rendering = rendering_of(UNUSUAL[case], PROFILES["blue"])
    patches = yaml.safe_load(patches_text(rendering, "list"))
    stock = objects_of(UNUSUAL[case].removeprefix("\ufeff"))
    assert len(patches) == len(stock)
    assert applied(stock, patches) == objects_of(rendering.output.decode().removeprefix("\ufeff"))


def test_a_resource_without_a_name_is_refused():
    """The API server would give it a name, but a target without one selects all resources of the kind."""
    nameless = deployment("istio-affirmed", "galley")
    nameless["metadata"] = {"generateName": "a-", "namespace": "istio-affirmed"}
    mesh = yaml.safe_load(PROFILES["affirmed"])
    mesh["spec"]["flags"] = [{"container": "galley", "args": ["--new=1"]}]
    with pytest.raises(MultimeshError, match="Deployment/istio-affirmed: has no name"):
        patches_of(manifest(nameless), yaml.safe_dump(mesh))


def test_two_resources_of_one_identity_are_refused():
    with pytest.raises(MultimeshError) as raised:
        patches_of(manifest(role(), role()))
    assert "<stdin>:2: ClusterRole/kiali: is in the stream more than once" in str(raised.value)


def test_an_empty_or_absent_mapping_is_no_obstacle():
    """Of annotations that are empty or null, kustomize keeps nothing, so patches must not need them."""
    for metadata in ({}, {"annotations": {}}, {"annotations": None}, {"annotations": {"a": "b"}}):
        rendering = rendering_of(manifest(crd(**metadata)))
        patched_objects = applied([crd(**metadata)], yaml.safe_load(patches_text(rendering, "list")))
        assert patched_objects == objects_of(rendering.output.decode())
        ran = kustomizes.kustomize(manifest(crd(**metadata)), patches_text(rendering, "kustomization"))
        assert (ran.code, ran.err) == (0, ""), metadata
        assert by_identity(ran.out) == by_identity(rendering.output.decode())


def test_kustomize_fails_for_a_chart_that_moved_on():
    """A `test` fails, and the message has the path."""
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "kiali"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "kiali"},
        "subjects": [{"kind": "ServiceAccount", "name": "kiali", "namespace": "istio-affirmed"}],
    }  # fmt: skip
    stock = manifest(binding)
    kustomization = patches_text(rendering_of(stock), "kustomization")
    assert kustomizes.kustomize(stock, kustomization).code == 0
    binding["roleRef"]["name"] = "kiali-reader"
    ran = kustomizes.kustomize(manifest(binding), kustomization)
    assert ran.code == 1
    assert "/roleRef/name" in ran.err


def test_kustomize_says_nothing_about_a_patch_that_selects_nothing_and_diff_does():
    """So the pipeline of docs/integrations.md ends with `diff` and `check`."""
    kustomization = patches_text(rendering_of(manifest(role())), "kustomization")
    moved = role(apiVersion="rbac.authorization.k8s.io/v1beta1")
    ran = kustomizes.kustomize(manifest(moved), kustomization)
    assert (ran.code, ran.err) == (0, "")
    assert objects_of(ran.out) == [moved]
    assert rendering_of(ran.out).edited

    right = kustomizes.kustomize(manifest(role()), kustomization)
    assert rendering_of(right.out).edited == []


def test_kustomize_that_renders_the_chart_makes_of_the_patches_what_render_writes(helm3, tmp_path):
    """The field `helmCharts`, which docs/integrations.md shows."""
    stock = helm3.run("template", "istio", CHART, "-n", "istio-affirmed", "--include-crds").out
    rendering = rendering_of(stock)
    (tmp_path / "charts").mkdir()
    (tmp_path / "charts" / CHART.name).symlink_to(CHART)
    chart = {"name": CHART.name, "releaseName": "istio", "namespace": "istio-affirmed", "includeCRDs": True}
    kustomization = yaml.safe_load(patches_text(rendering, "kustomization"))
    del kustomization["resources"]
    kustomization |= {"helmGlobals": {"chartHome": str(tmp_path / "charts")}, "helmCharts": [chart]}
    flags = ("--enable-helm", "--helm-command", str(helm3.binary), "--load-restrictor", "LoadRestrictionsNone")
    ran = kustomizes.kustomize("", yaml.safe_dump(kustomization), *flags)
    assert (ran.code, ran.err) == (0, "")
    assert by_identity(ran.out) == by_identity(rendering.output.decode())


# --- operations -----------------------------------------------------------------------------


def value(random: Random, depth: int = 3) -> Any:
    """Return a random value, with items that have names and lists that repeat."""
    sort = random.randrange(8 if depth else 5)
    if sort < 5:
        return random.choice([None, True, False, 0, 1, 1.5, "", "1", "true", "a", "a/b~c", "x: y\n", "on"])
    if sort == 5:
        return [value(random, depth - 1) for _ in range(random.randrange(5))]
    keys = random.sample(["name", "key", "a", "a/b", "~1", ""], random.randrange(5))
    return {key: random.choice("abc") if key == "name" else value(random, depth - 1) for key in keys}


def changed(random: Random, one: Any) -> Any:
    """Return a value with some of its parts changed."""
    if random.random() < 0.2:
        return value(random, 1)
    if isinstance(one, list):
        items = [changed(random, item) for item in one if random.random() < 0.8]
        for _ in range(random.randrange(2)):
            items.insert(random.randrange(len(items) + 1), value(random, 1))
        return items
    if isinstance(one, dict):
        more = {"new": value(random, 1)} if random.random() < 0.3 else {}
        return {key: changed(random, item) for key, item in one.items() if random.random() < 0.8} | more
    return one


@pytest.mark.parametrize("seed", range(20))
def test_the_difference_of_two_values_turns_one_into_the_other(seed):
    random = Random(seed)
    for _ in range(200):
        old = {"spec": value(random), "list": [value(random) for _ in range(4)]}
        new = {key: changed(random, item) for key, item in old.items()}
        assert same(patched(old, difference(old, new)), new), (old, new)


def test_an_item_of_a_list_is_tested_by_its_name():
    old = {"webhooks": [{"name": "a", "x": 1}, {"name": "b"}]}
    new = {"webhooks": [{"name": "a", "x": 1}, {"name": "b", "y": 2}]}
    assert difference(old, new) == [
        {"op": "test", "path": "/webhooks/1/name", "value": "b"},
        {"op": "add", "path": "/webhooks/1/y", "value": 2},
    ]


def test_an_item_without_a_name_is_tested_as_a_whole():
    assert difference({"rules": [{"verbs": ["get"]}]}, {"rules": [{"verbs": ["get"], "x": 1}]}) == [
        {"op": "test", "path": "/rules/0", "value": {"verbs": ["get"]}},
        {"op": "add", "path": "/rules/0/x", "value": 1},
    ]


def test_items_that_stay_need_no_operation():
    """An argument that is changed and one that is appended are two operations, not a new list."""
    old, new = {"args": ["a", "b=1", "c"]}, {"args": ["a", "b=2", "c", "d"]}
    assert [(one["op"], one["path"]) for one in difference(old, new)] == [
        ("test", "/args/1"), ("replace", "/args/1"), ("add", "/args/-"),
    ]  # fmt: skip


# --- text -----------------------------------------------------------------------------------

TEXTS = [
    "", "a", "on", "1e3", "0o17", "null", "a: b", "- a", "#", "a\n", "a\nb", "a\nb\n", "a\n\n\nb\n\n", "\n", "\n\n",
    "\na", " a\nb", "a\n  b\n", "a\n   \nb", "a\n   ", "a \nb ", "a\tb\nc", "a\r\nb", "a\x85b\nc", "\ufeffa\nb",
    "é\n\U0001f600\n", "---\na\n...\n", "a\n" + "x" * 500 + " y" * 100, "\ta\nb", "a\u2028b\nc", "%a\nb", "\x00\n\x7f",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_text_of_any_kind_is_read_as_it_was_written(text):
    """Inside a patch, which is text in YAML itself."""
    operations = [{"op": "add", "path": "/data", "value": {"a": text, text: [text, [text], {"b": text}], "c": None}}]
    patch = _block(operations, 0) + "\n"
    outer = [{"target": {"name": "a"}, "patch": patch}]
    for read in (yaml.SafeLoader, LOADER):
        [[one]] = yaml.load_all(_block(outer, 0) + "\n", read)
        assert one["patch"] == patch
        assert list(yaml.load_all(one["patch"], read)) == [operations]


def test_text_of_lines_stays_readable():
    assert _block({"value": "a: 1\n\nb: 2\n"}, 2) == "value: |\n    a: 1\n\n    b: 2"


# --- the command ----------------------------------------------------------------------------


def run(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch, stock: str, *flags: str) -> tuple:
    """Run the command on a stock manifest; return its exit code, stdout and stderr."""
    (tmp_path / "stock.yaml").write_text(stock, encoding="utf-8")
    (tmp_path / "profile.yaml").write_text(PROFILES["affirmed"], encoding="utf-8")
    with (tmp_path / "stock.yaml").open("rb") as file:
        monkeypatch.setattr("multimesh.commands.render.read_input", lambda *_, **__: file.read())
        code = main(["patches", "--profile", str(tmp_path / "profile.yaml"), *flags])
    return (code, *capfd.readouterr())


@pytest.mark.parametrize(
    ("flags", "form"),
    [((), "list"), (("-o", "list"), "list"), (("-o", "kustomization"), "kustomization"), (("--output=flux",), "flux")],
)
def test_the_command_writes_the_format_that_is_asked_for(tmp_path, capfd, monkeypatch, flags, form):
    stock = manifest(role())
    assert run(tmp_path, capfd, monkeypatch, stock, *flags) == (0, patches_text(rendering_of(stock), form), "")


def test_a_stream_that_render_refuses_is_refused(tmp_path, capfd, monkeypatch):
    code, out, err = run(tmp_path, capfd, monkeypatch, manifest(role("mine")))
    assert (code, out) == (2, "")
    assert "ClusterRole/mine" in err


def test_a_file_with_crds_says_the_scope_of_a_kind_as_for_render(tmp_path, capfd, monkeypatch):
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
    scope = crd("widgets.example.com") | {
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"}}
    }
    file = tmp_path / "crds.yaml"
    file.write_text(manifest(scope), encoding="utf-8")
    stock = manifest(role(), widget)
    assert run(tmp_path, capfd, monkeypatch, stock)[0] == 2
    code, out, err = run(tmp_path, capfd, monkeypatch, stock, "--crds", str(file))
    assert (code, err) == (0, "")
    assert "value: kiali-affirmed" in out


def test_an_upgrade_leaves_out_what_the_control_plane_owns(tmp_path, capfd, monkeypatch):
    validator = {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "istiod-default-validator"},
        "webhooks": [
            {
                "name": "validation.istio.io", "failurePolicy": "Ignore", "rules": [],
                "clientConfig": {"service": {"name": "istiod", "namespace": "istio-affirmed", "path": "/validate"}},
            }
        ],
    }  # fmt: skip
    stock = manifest(validator)
    assert "failurePolicy" not in run(tmp_path, capfd, monkeypatch, stock)[1]
    assert (
        "- op: remove\n      path: /webhooks/0/failurePolicy"
        in run(tmp_path, capfd, monkeypatch, stock, "--upgrade")[1]
    )
