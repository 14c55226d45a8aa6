"""A Helm repository whose charts are made of the streams: `helm repo add istio URL`, and `istio/istiod` is there.

A chart of a stream takes the values that docs/operations.md gives, and does with them what Istio's own chart does:

    chart     value                          what it decides
    --------  -----------------------------  ----------------------------------------------------------------
    all       the release's namespace        where everything is (`global.istioNamespace` must say the same)
    base      defaultRevision                to which revision the default validator belongs; "" removes it
    base      base.excludedCRDs              whether there are CRDs: the pages exclude all or none
    istiod    revision                       the revision; without one, the stream of the default revision
    istiod    meshConfig.discoverySelectors  which namespaces it reads
    istiod    global.trustBundleName         from 1.27 on: where it writes its root, and what pods mount
    istiod    pilot.crlConfigMapName         from 1.29 on: where it writes its revocation list
    gateway   name, revision                 its name, and who injects it

Other values have no effect here: the text is that of the stream.
"""

from __future__ import annotations

import functools
import http.server
import re
import threading
from pathlib import Path
from typing import Any

from charts import NAMESPACE, REVISION, STOCK, parametrized, released, without
from helms import Helm
from streams import stream

#: The version of the streams whose chart gives the root and the revocation list a name.
NAMES_ROOT = "1.30.3"
#: The charts, and the order of the values for their placeholders.
VALUES = {
    "base": 'defaultRevision: default\nglobal: {istioNamespace: ""}\nbase: {excludedCRDs: []}\n',
    "istiod": 'revision: ""\nglobal: {istioNamespace: "", trustBundleName: ""}\nmeshConfig: {discoverySelectors: []}\n'
    'pilot: {crlConfigMapName: ""}\n',
    "gateway": 'revision: ""\nname: ""\n',
}
_PUT = f'replace "{NAMESPACE}" .Release.Namespace | replace "@RELEASE@" .Release.Name'
TEMPLATES = {
    "base": f"""\
{{{{- if not .Values.base.excludedCRDs }}}}
{{{{ .Files.Get "crds.yaml" | {_PUT} }}}}
{{{{- end }}}}
{{{{- $revision := .Values.defaultRevision }}}}
{{{{- $service := eq $revision "default" | ternary "istiod" (printf "istiod-%s" $revision) }}}}
---
{{{{ .Files.Get "rest.yaml" | {_PUT} }}}}
{{{{- if $revision }}}}
---
{{{{ .Files.Get "validator.yaml" | {_PUT} | replace "{REVISION}" $revision | replace "@SERVICE@" $service }}}}
{{{{- end }}}}
""",
    "istiod": f"""\
{{{{- $file := .Values.revision | empty | ternary "default.yaml" "revision.yaml" }}}}
{{{{- $selectors := "" }}}}
{{{{- with .Values.meshConfig.discoverySelectors }}}}
{{{{- $selectors = printf "    discoverySelectors:\\n%s\\n" (toYaml . | indent 4) }}}}
{{{{- end }}}}
{{{{- $root := .Values.global.trustBundleName }}}}
{{{{- $variable := "" }}}}
{{{{- if $root }}}}
{{{{- $variable = printf "          - name: PILOT_CA_CERT_CONFIGMAP\\n            value: %s\\n" $root }}}}
{{{{- end }}}}
{{{{- with .Values.pilot.crlConfigMapName }}}}
{{{{- $variable = printf "%s          - name: PILOT_CRL_CONFIGMAP\\n            value: %s\\n" $variable . }}}}
{{{{- end }}}}
{{{{ .Files.Get $file | {_PUT} | replace "{REVISION}" .Values.revision | replace "@SELECTORS@\\n" $selectors
    | replace "@VARIABLE@\\n" $variable | replace "@ROOT@" $root }}}}
""",
    "gateway": f"""\
{{{{- $name := .Values.name | default .Release.Name }}}}
{{{{ .Files.Get "manifests.yaml" | {_PUT} | replace "{REVISION}" .Values.revision | replace "@NAME@" $name }}}}
""",
}


def files(chart: str, version: str) -> dict[str, str]:
    """Return the texts of a chart with placeholders for its values."""
    text = stream("helm3", version, "affirmed", chart).text
    if chart == "istiod":
        # The only stream of a default revision is that of 1.30.3; a stock istiod of 1.24.6 differs in nothing that
        # another mesh could see.
        default = named(
            released(stream("helm3", STOCK, "affirmed", "istiod-default-revision").text, STOCK, "@SELECTORS@\n"), STOCK
        )
        text = named(released(text, version, "@SELECTORS@\n"), version)
        return {
            "revision.yaml": parametrized(text, "affirmed"),
            "default.yaml": default.replace("istio-affirmed", NAMESPACE).replace("istiod-affirmed", "@RELEASE@"),
        }
    text = text.replace("istio-base-affirmed", "@RELEASE@")
    if chart == "gateway":
        return {"manifests.yaml": parametrized(text.replace("ingress-affirmed", "@NAME@"), "affirmed")}
    text = text.replace("istio-affirmed", NAMESPACE)
    validator = without(text, "CustomResourceDefinition", "ServiceAccount")
    validator = re.sub(r"(?m)^        name: istiod$", "        name: @SERVICE@", validator)
    return {
        "crds.yaml": without(text, "ValidatingWebhookConfiguration", "ServiceAccount"),
        "rest.yaml": without(text, "CustomResourceDefinition", "ValidatingWebhookConfiguration"),
        "validator.yaml": validator.replace('istio.io/rev: "default"', f'istio.io/rev: "{REVISION}"'),
    }


def named(istiod: str, version: str) -> str:
    """Add placeholders for the name of the root to an istiod: the charts have that value since 1.27.

    The pods' template of the stream has it already (1.30.3 manifests/charts/istio-control/istio-discovery, templates/
    deployment.yaml and files/injection-template.yaml).
    """
    if version != NAMES_ROOT:
        assert "trustBundleName" not in istiod, version
        return istiod
    variable, value = "          - name: PILOT_ENABLE_ANALYSIS\n", '      "global": {\n        "caAddress"'
    assert variable in istiod
    assert value in istiod
    istiod = istiod.replace(variable, f"@VARIABLE@\n{variable}")
    return istiod.replace(value, value.replace("{\n", '{\n        "trustBundleName": "@ROOT@",\n'))


class Repository:
    """A directory of packaged charts and a server for it, on a port of its own."""

    def __init__(self, folder: Path, helm: Helm) -> None:
        self._helm, self._sources, self._packages = helm, folder / "sources", folder / "packages"
        self._packages.mkdir(parents=True)
        handler = functools.partial(_Quiet, directory=str(self._packages))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Start the server."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def publish(self, version: str) -> None:
        """Add the charts of one version of Istio; `helm repo update` sees them."""
        for chart, template in TEMPLATES.items():
            folder = self._sources / version / chart
            (folder / "templates").mkdir(parents=True)
            (folder / "Chart.yaml").write_text(f"apiVersion: v2\nname: {chart}\nversion: {version}\n", encoding="utf-8")
            (folder / "values.yaml").write_text(VALUES[chart], encoding="utf-8")
            (folder / "templates" / "all.yaml").write_text(template, encoding="utf-8")
            for name, text in files(chart, version).items():
                (folder / name).write_text(text, encoding="utf-8")
            self._do("package", folder, "-d", self._packages)
        self._do("repo", "index", self._packages, "--url", self.url)

    def _do(self, *arguments: object) -> None:
        done = self._helm.run(*arguments)
        assert done.code == 0, done.err


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serve files, and log nothing."""

    def log_message(self, *arguments: Any) -> None:
        """Log nothing."""
