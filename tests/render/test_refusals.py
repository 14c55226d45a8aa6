"""Refusals: all of a stream in one run, each with its place, then a block with what accepts them."""

from __future__ import annotations

import json

import pytest
import yaml
from program import profile, render, run

from multimesh import MultimeshError, load_profile, render_manifest

RBAC = "rbac.authorization.k8s.io/v1"


def document(source: str, kind: str, name: str, version: str = "v1", namespace: str = "", more: str = "") -> str:
    """Return a document as Helm 3 sends it."""
    place = f"  namespace: {namespace}\n" if namespace else ""
    return f"---\n# Source: {source}\napiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}\n{place}{more}"


def istiod(revision: str, source: str = "company/charts/istiod/templates/deployment.yaml") -> str:
    """Return the Deployment of a control plane."""
    env = f"env: [{{name: REVISION, value: {revision}}}]"
    spec = f"spec: {{template: {{spec: {{containers: [{{name: discovery, {env}}}]}}}}}}\n"
    return document(source, "Deployment", "istiod", "apps/v1", "istio-blue", spec)


ROLE = document("company/templates/a.yaml", "ClusterRole", "company-reader", RBAC)
WIDGET = document("company/templates/b.yaml", "Widget", "w", "example.com/v1")
CLASS = document("company/templates/c.yaml", "PriorityClass", "company", "scheduling.k8s.io/v1")
SERVICE = document("company/templates/d.yaml", "Service", "a", namespace="shop")
SOUND = document("company/templates/e.yaml", "ConfigMap", "a", namespace="istio-blue")
UMBRELLA = ROLE + SOUND + WIDGET + istiod("default") + CLASS + SERVICE

MESH = profile("blue", "istio-blue")


def places(message: str) -> list[str]:
    """Return line and resource of every refusal in a message."""
    lines = [line.split(": ")[1:3] for line in message.splitlines() if line.startswith("multimesh: <stdin>:")]
    return [f"{place.removeprefix('<stdin>:')} {title}" for place, title in lines]


def pasted(message: str) -> tuple[dict, dict]:
    """Return the profile keys and the Helm values of the block at the end of a message."""
    at = message.index("\nmultimesh: ", message.rindex("<stdin>"))
    keys, _, values = message[message.index("\n", at + 1) :].partition("values of the Helm release")
    return yaml.safe_load(keys) or {}, yaml.safe_load(values.partition("\n")[2]) or {}


def test_every_refusal_of_a_stream_is_printed_with_its_place_in_the_order_of_the_stream():
    done = render(UMBRELLA.encode(), MESH)

    assert (done.code, done.out) == (2, b"")
    assert places(done.err) == [
        "3 ClusterRole/company-reader", "16 Widget/w", "22 Deployment/istio-blue/istiod", "30 PriorityClass/company",
        "36 Service/shop/a",
    ]  # fmt: skip


def test_a_single_refusal_has_no_block():
    done = render((SOUND + WIDGET).encode(), MESH)

    assert len(places(done.err)) == 1
    assert done.err.splitlines()[0].endswith("[cluster-scoped-names]")
    assert all(line.startswith("  ") for line in done.err.splitlines()[1:])


def test_the_block_holds_profile_keys_and_the_values_of_the_dependency():
    keys, values = pasted(render(UMBRELLA.encode(), MESH).err)

    assert keys == {
        "workloadNamespaces": ["shop"],
        "keepNames": ["Widget/*", "PriorityClass/company"],
        "renameNames": ["ClusterRole/company-reader"],
    }
    assert values == {"istiod": {"revision": "blue"}}


def test_pasting_the_block_accepts_the_stream():
    keys, values = pasted(render(UMBRELLA.encode(), MESH).err)
    again = UMBRELLA.replace("value: default", f"value: {values['istiod']['revision']}")
    mesh = yaml.safe_load(MESH)
    mesh["spec"] |= keys

    assert render(again.encode(), mesh).code == 0


def test_a_control_plane_in_another_namespace_gets_no_keys_of_the_profile():
    """With them the profile would claim the namespace of another mesh, and names that contain it."""
    message = render((UMBRELLA + istiod("default")).replace("istio-blue", "istio-red").encode(), MESH).err
    keys, values = pasted(message)
    assert keys == {}
    assert values["global"] == {"istioNamespace": "istio-blue"}
    assert message.count("spec.workloadNamespaces") == 2, "of the ConfigMap and the Service alone"
    assert message.endswith(
        "# The control plane is in another namespace. Others of these refusals may follow from that.\n"
    )


def test_a_namespace_to_add_may_be_a_wrong_one():
    """A chart without a control plane does not show whether it was rendered for this mesh."""
    message = render((SERVICE + SERVICE.replace("name: a", "name: b")).encode(), MESH).err
    assert pasted(message)[0] == {"workloadNamespaces": ["shop"]}
    assert "# If a namespace is not of mesh blue, render the chart with -n istio-blue instead.\n" in message


def test_the_block_holds_what_the_profile_says_already():
    mesh = profile("blue", "istio-blue", ("front",), keepNames=["ClusterRole/z", "ClusterRole/a"])
    keys, _ = pasted(render(UMBRELLA.encode(), mesh).err)

    assert keys["workloadNamespaces"] == ["front", "shop"]
    assert keys["keepNames"] == ["ClusterRole/z", "ClusterRole/a", "Widget/*", "PriorityClass/company"]


def test_two_rules_that_refuse_one_resource_are_both_printed():
    binding = document("a", "ClusterRoleBinding", "x", RBAC, more="subjects: [{name: x, namespace: shop}]\n")
    done = render(binding.encode(), MESH)

    assert "[namespaces]" in done.err
    assert "[cluster-scoped-names]" in done.err


def test_what_a_cluster_has_only_once_is_refused_without_advice_to_rename_it():
    role = document("cni/templates/a.yaml", "ClusterRole", "istio-cni", RBAC)
    done = render((role + role.replace("istio-cni", "ztunnel")).encode(), MESH)

    assert len(places(done.err)) == 2
    assert "renameNames" not in done.err


def test_a_shape_that_several_rules_refuse_is_printed_once():
    done = render(
        document("a", "DaemonSet", "istio-cni", "apps/v1", more="spec: []\n# istio.io/rev ztunnel\n").encode(), MESH
    )

    assert done.code == 2
    assert done.err.count("multimesh:") == 1


def test_what_is_not_an_object_does_not_hide_the_rest():
    done = render(("---\n- a\n" + WIDGET).encode(), MESH)

    assert "a document is not a Kubernetes object" in done.err
    assert "Widget/w" in done.err


def test_text_that_is_not_yaml_stops_the_run():
    done = render((WIDGET + "---\na: [\n---\n" + ROLE).encode(), MESH)

    assert (done.code, done.out) == (2, b"")
    assert done.err.count("multimesh:") == 1
    assert "Widget" not in done.err


@pytest.mark.parametrize("kind", ["List", "ResourceList"])
def test_items_of_a_list_are_refused_one_by_one(kind):
    items = [{"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}} for name in "ab"]
    stream = yaml.safe_dump({"apiVersion": "v1", "kind": kind, "items": items})
    if kind == "ResourceList":
        stream = stream.replace("apiVersion: v1\n", "apiVersion: config.kubernetes.io/v1\n", 1)
    done = render(stream.encode(), MESH)

    assert [title for title in ("Widget/a", "Widget/b") if title in done.err] == ["Widget/a", "Widget/b"]


def test_a_large_list_and_a_stream_that_cannot_be_cut_print_each_refusal_once():
    filler = "".join(
        f"- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: a{n}\n  data:\n    a: {'x' * 1000}\n"
        for n in range(90)
    )
    widget = "- apiVersion: example.com/v1\n  kind: Widget\n  metadata:\n    name: {}\n"
    large = f"apiVersion: v1\nkind: List\nitems:\n{widget.format('a')}{filler}{widget.format('b')}"
    for stream in (large, (WIDGET + ROLE).replace("\n---\n", "\n...\n---\n")):
        assert len(places(render(stream.encode(), MESH).err)) == 2


def test_helm_4_names_the_template_in_an_annotation():
    stream = UMBRELLA.replace("# Source: company/charts/istiod/templates/deployment.yaml\n", "").replace(
        "name: istiod\n", "name: istiod\n  annotations: {postrenderer.helm.sh/postrender-filename: 'c/charts/i/"
        "charts/istiod/templates/a.yaml'}\n",
    )  # fmt: skip
    done = render(stream.encode(), MESH)

    assert "--set i.istiod.revision=blue" in done.err
    assert pasted(done.err)[1] == {"i": {"istiod": {"revision": "blue"}}}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("istiod/templates/a.yaml", "--set revision=blue"),
        ("company/charts/istiod/templates/a.yaml", "--set istiod.revision=blue"),
        ("charts/charts/a/charts/b/templates/a.yaml", "--set a.b.revision=blue"),
        ("strange", "--set revision=blue"),
    ],
)
def test_the_path_of_a_value_has_the_names_of_the_dependencies(source, said):
    assert f"{said} " in render(istiod("default", source).encode(), MESH).err


def test_an_item_of_a_list_has_the_template_of_the_list():
    """Helm writes one comment before the whole of it."""
    item = istiod("default").split("---\n")[1].partition("\n")[2]
    indented = item.replace("\n", "\n  ").rstrip()
    filler = "".join(f"- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: {'x' * 1000}{n}\n" for n in range(90))
    for more in ("", filler):
        head = "---\n# Source: company/charts/istiod/templates/a.yaml\napiVersion: v1\nkind: List\nitems:\n"
        stream = f"{head}{more}- {indented}\n"
        assert "--set istiod.revision=blue " in render(stream.encode(), MESH).err


def test_only_refused_names_and_kinds_are_a_reason_to_do_without_the_post_renderer():
    """What else is refused is refused with Istio's own charts too."""
    advice = "Nothing in this stream mentions Istio"
    assert advice not in render((SERVICE + SERVICE.replace("name: a", "name: b")).encode(), MESH).err
    assert advice not in render(SERVICE.encode(), MESH).err
    assert advice in render(WIDGET.encode(), MESH).err
    assert advice in render((SERVICE + WIDGET).encode(), MESH).err


def test_a_value_of_global_is_the_same_in_every_chart():
    binding = document(
        "c/charts/istiod/templates/a.yaml", "ClusterRoleBinding", "x-blue", RBAC,
        more="subjects: [{kind: ServiceAccount, name: istiod, namespace: istio-system}]\n",
    )  # fmt: skip

    assert "--set global.istioNamespace=istio-blue" in render(binding.encode(), MESH).err


def test_helm_4_shows_all_of_it():
    """The exit code of its plugin is 0, and its output is one string."""
    from program import ROOT

    done = run(UMBRELLA.encode(), "--profile", str(ROOT / "charts-values" / "blue"), HELM_PLUGIN_DIR=str(ROOT))
    message = json.loads(done.out)

    assert done.code == 0
    assert len(places(message)) >= 5
    assert "keepNames:" in message


def test_programs_see_every_refusal():
    with pytest.raises(MultimeshError) as error:
        render_manifest(UMBRELLA.encode(), load_profile(MESH))

    assert [one.rule for one in (error.value, *error.value.others)] == [
        "cluster-scoped-names", "cluster-scoped-names", "revision", "cluster-scoped-names", "namespaces",
    ]  # fmt: skip
    assert "Widget" in error.value.others[0].where
    assert "renameNames:" in str(error.value)


def test_a_thousand_refusals_are_printed_and_all_of_them_counted():
    done = render("".join(WIDGET.replace("name: w", f"name: w{n}") for n in range(1100)).encode(), MESH)

    assert len(places(done.err)) == 1000
    assert "1100 refusals, of which the first 1000 are printed" in done.err
