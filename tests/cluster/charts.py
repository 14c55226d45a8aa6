"""Make charts of streams, so that a real Helm installs stock Istio although its charts are not in the repository.

A chart has one template, which reads one file, so Helm sends the text of the stream to the post-renderer.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from streams import stream

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FILENAME = re.compile(r"(?m)^ +postrenderer\.helm\.sh/postrender-filename: .*\n")

#: Placeholders for values in a text.
NAMESPACE, REVISION = "@NAMESPACE@", "@REVISION@"

#: The version of the stock mesh next to meshes of istiod.
STOCK = "1.30.3"
#: The namespaces that the istiod of a stream reads: those of its mesh, or, for a stock one, those of no mesh.
_SELECTORS = {
    "istiod": "    discoverySelectors:\n    - matchLabels:\n        multimesh.dev/mesh: {mesh}\n",
    "istiod-default-revision": "    discoverySelectors:\n    - matchExpressions:\n"
    "      - key: multimesh.dev/mesh\n        operator: DoesNotExist\n",
}

#: Kinds of Istio 1.5 that no later version has, for which permissive CRDs are made.
_KINDS_OF_1_5 = {
    "config.istio.io/v1alpha2": ("attributemanifest", "handler", "instance", "rule"),
    "authentication.istio.io/v1alpha1": ("MeshPolicy", "Policy"),
}


def releases(version: str, mesh: str) -> dict[str, str]:
    """Map the releases of a mesh, in their order, to their streams."""
    if version.startswith("1.5."):
        return {f"istio-{mesh}": "istio-default"}
    return {f"istio-base-{mesh}": "base", f"istiod-{mesh}": "istiod"}


def text(version: str, mesh: str, chart: str) -> str:
    """Return the text of a stock chart, rendered.

    For 1.5 it is the stream of Helm 4 without Helm's own annotation, since Helm 3 sends no hooks.
    """
    if version.startswith("1.5."):
        # Without entries `annotations:` is null, which every API server accepts as absent.
        return _FILENAME.sub("", stream("helm4", version, mesh, chart).text)
    found = stream("helm3", version, mesh, chart).text
    return released(found, version, _SELECTORS[chart].format(mesh=mesh)) if chart in _SELECTORS else found


def released(istiod: str, version: str, selectors: str) -> str:
    """Add to an istiod what the streams lack and a cluster would have.

    The streams are rendered from sources, so the tag of the image is not the version. They also lack the value
    `meshConfig.discoverySelectors`, which `multimesh values` writes. Without it two control planes write their roots
    into the same namespaces. Up to 1.21 it applies to configuration only with a variable.
    """
    istiod = re.sub(r'(?m)^( +image: ".*/pilot):latest"$', rf'\1:{version}"', istiod)
    if version == "1.16.7":
        before = "          - name: PILOT_TRACE_SAMPLING\n"
        variable = '          - name: ENABLE_ENHANCED_RESOURCE_SCOPING\n            value: "true"\n'
        istiod = istiod.replace(before, variable + before)
    return istiod.replace("  mesh: |-\n", f"  mesh: |-\n{selectors}")


def stock_beside(version: str) -> dict[str, str]:
    """Return the texts of the releases of a stock mesh in istio-system next to meshes of a version.

    The Citadel of a stock 1.5 has a list of namespaces. For 1.6 and later the stock mesh is an istiod of the default
    revision whose base has `defaultRevision=""`, and therefore no validator for the whole cluster. docs/operations.md
    requires both.
    """
    if version.startswith("1.5."):
        manifests = text(version, "affirmed", "istio-default").replace("istio-affirmed", "istio-system")
        flag = "        - --self-signed-ca=true\n"
        assert flag in manifests
        return {"istio-system": manifests.replace(flag, f"{flag}        - --listened-namespaces=istio-system\n")}
    istiod = text(STOCK, "affirmed", "istiod-default-revision")
    return {"istiod-system": istiod.replace("istio-affirmed", "istio-system")}


def without(text: str, *kinds: str) -> str:
    """Leave out the documents of some kinds, as a value of the chart would."""
    documents = re.split(r"(?m)^---\n", text)
    return "---\n".join(d for d in documents if not re.search(rf"(?m)^kind: ({'|'.join(kinds)})$", d))


def with_few_crds(text: str) -> str:
    """Leave out the CRDs of kinds that no test creates, since the API server takes most of its time for them."""
    documents = re.split(r"(?m)^---\n", text)
    wanted = re.compile(r"(?m)^  name: (gateways|virtualservices|sidecars)\.networking\.istio\.io$")
    return "---\n".join(d for d in documents if "\nkind: CustomResourceDefinition\n" not in d or wanted.search(d))


def write(directory: Path, manifests: str, crds: str = "") -> Path:
    """Write a chart that renders to a text, with CRDs in `crds/` if there are any."""
    if crds:
        (directory / "crds").mkdir(parents=True, exist_ok=True)
        (directory / "crds" / "all.yaml").write_text(crds, encoding="utf-8")
    (directory / "templates").mkdir(parents=True, exist_ok=True)
    (directory / "Chart.yaml").write_text("apiVersion: v2\nname: stream\nversion: 0.1.0\n", encoding="utf-8")
    (directory / "templates" / "all.yaml").write_text('{{ .Files.Get "manifests.yaml" }}\n', encoding="utf-8")
    (directory / "manifests.yaml").write_text(manifests, encoding="utf-8")
    return directory


def base_crds(version: str) -> str:
    """Return what a base chart has in its directory `crds/`: up to 1.23 all CRDs. Those of 1.24.6 serve the old versions."""
    return yaml.safe_dump_all(_crds()) if version == "1.16.7" else ""


def crds_of_1_5() -> list[dict]:
    """Return what the chart istio-init would have installed: real CRDs if 1.24.6 has them, else permissive ones."""
    return _crds() + [_permissive(group, kind) for group, kinds in _KINDS_OF_1_5.items() for kind in kinds]


def _crds() -> list[dict]:
    documents = yaml.load_all(stream("helm3", "1.24.6", "affirmed", "base").text, Loader=_LOADER)
    found = [document for document in documents if document and document["kind"] == "CustomResourceDefinition"]
    for crd in found:
        crd["metadata"] = {"name": crd["metadata"]["name"]}  # No release has them.
    return found


def _permissive(api_version: str, kind: str) -> dict:
    group, version = api_version.split("/")
    plural = "meshpolicies" if kind == "MeshPolicy" else "policies" if kind == "Policy" else f"{kind}s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Cluster" if kind == "MeshPolicy" else "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [{"name": version, "served": True, "storage": True, "schema": schema}],
        },
    }


def parametrized(text: str, mesh: str) -> str:
    """Replace `istio-MESH` and `MESH` in the istiod of a mesh with the words NAMESPACE and REVISION.

    `istio-MESH` is the namespace, except in the name of the ConfigMap of the revision. The label of the mesh does not
    change.
    """
    namespace = re.compile(rf"(?<!^  name: )(?<!^          name: )istio-{mesh}(?![\w-])", re.MULTILINE)
    return re.sub(rf"(?<![\w])(?<!/mesh: ){mesh}(?![\w])", REVISION, namespace.sub(NAMESPACE, text))


def canary(text: str, mesh: str, revision: str) -> str:
    """Change the revision of an istiod, as if it was rendered with `--set revision=`."""
    return parametrized(text, mesh).replace(NAMESPACE, f"istio-{mesh}").replace(REVISION, revision)
