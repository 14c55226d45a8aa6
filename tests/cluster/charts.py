"""Turn streams into charts, so that a real Helm installs stock Istio without its charts being in the repository.

A chart has one template that reads one file: what Helm sends to the post-renderer is the text of the stream.
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

#: The version of the stock mesh beside meshes of istiod.
STOCK = "1.30.3"
#: Which namespaces the istiod of a stream reads: those of its mesh; a stock one those that belong to no mesh.
_SELECTORS = {
    "istiod": "    discoverySelectors:\n    - matchLabels:\n        multimesh.dev/mesh: {mesh}\n",
    "istiod-default-revision": "    discoverySelectors:\n    - matchExpressions:\n"
    "      - key: multimesh.dev/mesh\n        operator: DoesNotExist\n",
}

#: Kinds of Istio 1.5 that no later version has, for which the tests make permissive CRDs.
_KINDS_OF_1_5 = {
    "config.istio.io/v1alpha2": ("attributemanifest", "handler", "instance", "rule"),
    "authentication.istio.io/v1alpha1": ("MeshPolicy", "Policy"),
}


def releases(version: str, mesh: str) -> dict[str, str]:
    """Map the releases of a mesh, in their order, to the streams that they are made of."""
    if version.startswith("1.5."):
        return {f"istio-{mesh}": "istio-default"}
    return {f"istio-base-{mesh}": "base", f"istiod-{mesh}": "istiod"}


def text(version: str, mesh: str, chart: str) -> str:
    """Return the text of a stock chart, rendered.

    Of 1.5 it is what Helm 4 sends, without the annotation that Helm 4 adds: Helm 3 sends no hooks.
    """
    if version.startswith("1.5."):
        # With nothing left below it, `annotations:` is null, which every API server treats as absent.
        return _FILENAME.sub("", stream("helm4", version, mesh, chart).text)
    found = stream("helm3", version, mesh, chart).text
    return released(found, version, _SELECTORS[chart].format(mesh=mesh)) if chart in _SELECTORS else found


def released(istiod: str, version: str, selectors: str) -> str:
    """Add to an istiod what the streams lack and a real release has.

    They are made from sources: the tag of the image is not the version. And they have no `meshConfig.discoverySelectors`
    as `multimesh values` writes them, without which two control planes write their roots into the same namespaces; up to
    1.21 a variable makes them hold for configuration, too.
    """
    istiod = re.sub(r'(?m)^( +image: ".*/pilot):latest"$', rf'\1:{version}"', istiod)
    if (1, 16) <= minor(version) < (1, 22):
        before = "          - name: PILOT_TRACE_SAMPLING\n"
        variable = '          - name: ENABLE_ENHANCED_RESOURCE_SCOPING\n            value: "true"\n'
        istiod = istiod.replace(before, variable + before)
    return istiod.replace("  mesh: |-\n", f"  mesh: |-\n{selectors}")


def stock_beside(version: str) -> dict[str, str]:
    """Return the texts of the releases of a stock mesh in istio-system that runs beside meshes of a version.

    The Citadel of a stock 1.5 has a list. Beside 1.6 and later it is an istiod of the default revision whose base sets
    `defaultRevision=""`, hence brings no validator for everybody. docs/operations.md asks for both.
    """
    if version.startswith("1.5."):
        manifests = text(version, "affirmed", "istio-default").replace("istio-affirmed", "istio-system")
        flag = "        - --self-signed-ca=true\n"
        assert flag in manifests
        return {"istio-system": manifests.replace(flag, f"{flag}        - --listened-namespaces=istio-system\n")}
    istiod = text(STOCK, "affirmed", "istiod-default-revision")
    return {"istiod-system": istiod.replace("istio-affirmed", "istio-system")}


def minor(version: str) -> tuple[int, int]:
    """Return the minor version of a version such as 1.30.3."""
    first, second, *_ = version.split(".")
    return int(first), int(second)


def without(text: str, *kinds: str) -> str:
    """Remove the documents of some kinds, as a value of the chart would."""
    documents = re.split(r"(?m)^---\n", text)
    return "---\n".join(d for d in documents if not re.search(rf"(?m)^kind: ({'|'.join(kinds)})$", d))


def with_few_crds(text: str) -> str:
    """Remove the CRDs of kinds that no test creates: the API server spends most of its time on them."""
    documents = re.split(r"(?m)^---\n", text)
    wanted = re.compile(r"(?m)^  name: (gateways|virtualservices|sidecars)\.networking\.istio\.io$")
    return "---\n".join(d for d in documents if "\nkind: CustomResourceDefinition\n" not in d or wanted.search(d))


def write(folder: Path, manifests: str, crds: str = "") -> Path:
    """Write a chart that renders to a text, with CRDs in `crds/` if there are any."""
    if crds:
        (folder / "crds").mkdir(parents=True, exist_ok=True)
        (folder / "crds" / "all.yaml").write_text(crds, encoding="utf-8")
    (folder / "templates").mkdir(parents=True, exist_ok=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: stream\nversion: 0.1.0\n", encoding="utf-8")
    (folder / "templates" / "all.yaml").write_text('{{ .Files.Get "manifests.yaml" }}\n', encoding="utf-8")
    (folder / "manifests.yaml").write_text(manifests, encoding="utf-8")
    return folder


def base_crds(version: str) -> str:
    """Return what a base chart has in its directory `crds/`: up to 1.23 all CRDs. Those of 1.24.6 serve the old versions."""
    return yaml.safe_dump_all(_crds()) if version == "1.16.7" else ""


def crds_of_1_5() -> list[dict]:
    """Return what the chart istio-init would have installed: real CRDs where 1.24.6 has them, else permissive ones."""
    return _crds() + [_permissive(group, kind) for group, kinds in _KINDS_OF_1_5.items() for kind in kinds]


def _crds() -> list[dict]:
    documents = yaml.load_all(stream("helm3", "1.24.6", "affirmed", "base").text, Loader=_LOADER)
    found = [document for document in documents if document and document["kind"] == "CustomResourceDefinition"]
    for crd in found:
        crd["metadata"] = {"name": crd["metadata"]["name"]}  # no release has them
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
    """Put the words NAMESPACE and REVISION where the istiod of a mesh says `istio-MESH` and `MESH`.

    `istio-MESH` is the namespace, but for the ConfigMap of the revision, which has the same name. The label of the mesh
    stays.
    """
    namespace = re.compile(rf"(?<!^  name: )(?<!^          name: )istio-{mesh}(?![\w-])", re.MULTILINE)
    return re.sub(rf"(?<![\w])(?<!/mesh: ){mesh}(?![\w])", REVISION, namespace.sub(NAMESPACE, text))


def canary(text: str, mesh: str, revision: str) -> str:
    """Turn the istiod of a mesh into one of another revision: as if rendered with `--set revision=`."""
    return parametrized(text, mesh).replace(NAMESPACE, f"istio-{mesh}").replace(REVISION, revision)
