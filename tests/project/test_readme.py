"""Run every command of README.md, and those of docs/ that are marked, with a real Helm 3 and a real Helm 4.

The blocks of a page run in their order, as a reader would run them, in a copy of the checkout that is the only one in
its directory. `bash -euo pipefail` runs a ```sh block. In a ```console block the lines after `$ ` are run, and the lines
below must be the output, where `...` matches any text.

There is no cluster, so the PATH has stand-ins that run the real program with other arguments:

    on the page                       what runs
    --------------------------------  ------------------------------------------------------------
    helm install NAME CHART ...       helm template NAME CHART ..., whose output is stored as NAME
    helm upgrade NAME CHART ...       the same
    helm get manifest NAME ...        prints what was kept as NAME
    kubectl create ...                kubectl create ... --dry-run=client
    kubectl label namespace NAME ...  kubectl label --local ..., of a namespace made on the spot
    multimesh ...                     python3 -m multimesh ..., of the copy

Everything else runs as it is written.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from helms import clean_environment, real_helm
from pages import MADE, ROOT, Block, blocks, pages

HELM = """\
#!/bin/bash
set -euo pipefail
real={helm} kept={kept}
case "${{1:-}} ${{2:-}}" in
  "install "* | "upgrade "*)
    name=$2
    shift
    "$real" template "$@" | tee "$kept/$name.yaml"
    ;;
  "get manifest") cat "$kept/$3.yaml" ;;
  *) exec "$real" "$@" ;;
esac
"""

KUBECTL = """\
#!/bin/bash
set -euo pipefail
real={kubectl}
case "$1 ${{2:-}}" in
  "create "*) exec "$real" "$@" --dry-run=client ;;
  "label namespace")
    name=$3
    shift 3
    "$real" create namespace "$name" --dry-run=client -o yaml | "$real" label --local -f - "$@" -o yaml
    ;;
  *) echo "kubectl $*: no cluster here, and no line in the table of tests/project/test_readme.py" >&2; exit 1 ;;
esac
"""

MULTIMESH = """\
#!/bin/sh
PYTHONPATH={copy} exec python3 -m multimesh "$@"
"""

#: The template of chart 1.5.0 that cannot be rendered (install/kubernetes/helm/istio/charts/gateways/templates/role.yaml).
BROKEN = """\
{{- range $key, $spec := .Values }}
{{- if ne $key "enabled" }}
{{- if $spec.enabled }}
{{- if ($spec.sds) and (eq $spec.sds.enabled true) }}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $key }}-sds
---
{{- end }}
{{- end }}
{{- end }}
{{- end }}
"""
CHART_1_5 = "istio-1.5.0/install/kubernetes/helm/istio"

RUN = [
    pytest.param(page, major, id=f"{page}-helm{major}")
    for page in pages()
    for major in (3, 4)
    if any(block.runs_with(major) for block in blocks(page))
]


class Reader:
    """A reader who follows a page: a copy of the checkout, and a PATH of stand-ins."""

    def __init__(self, directory: Path, major: int) -> None:
        """Make the copy below the directory."""
        helm = real_helm(major, directory).binary
        self.copy = directory / "code" / "multimesh"
        shutil.copytree(ROOT, self.copy, ignore=shutil.ignore_patterns(*MADE, "*.egg-info"))
        stand_ins, kept = directory / "bin", directory / "kept"
        stand_ins.mkdir()
        kept.mkdir()
        names = {"helm": helm, "kubectl": helm.with_name("kubectl"), "kept": kept, "copy": self.copy}
        for name, script in (("helm", HELM), ("kubectl", KUBECTL), ("multimesh", MULTIMESH)):
            (stand_ins / name).write_text(script.format(**names), encoding="utf-8")
            (stand_ins / name).chmod(0o755)
        own = clean_environment()
        self.environment = own | {
            "PATH": f"{stand_ins}{os.pathsep}{own['PATH']}",
            "KUBECONFIG": str(directory / "none"),
            **{f"HELM_{what}_HOME": str(directory / what.lower()) for what in ("CACHE", "CONFIG", "DATA")},
        }

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a shell script in the checkout."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.copy, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, text=True, timeout=120, check=False,
        )  # fmt: skip

    def follow(self, block: Block) -> list[str]:
        """Run one block and return an error message; empty if there is no error."""
        if block.language == "sh":
            done = self.run(block.text)
            return [f"{block.where}: exit code {done.returncode}\n{done.stdout[-2000:]}"] if done.returncode else []
        wrong = []
        for command, expected in dialogue(block.text):
            printed = self.run(f"{command} || true").stdout
            if not fits(expected, printed):
                wrong.append(f"{block.where}: $ {command}\nexpected:\n{expected}\nprinted:\n{printed[-2000:]}")
        return wrong


def dialogue(text: str) -> list[tuple[str, str]]:
    """Split a ```console block into commands and their output; a backslash continues a command."""
    found: list[tuple[str, str]] = []
    for piece in re.split(r"(?m)^\$ ", text)[1:]:
        command = re.match(r"(?:[^\n]*\\\n)*[^\n]*\n?", piece)
        assert command is not None, "a pattern that may be empty always matches"
        found.append((command[0].strip(), piece[command.end() :]))
    return found


def fits(expected: str, printed: str) -> bool:
    """Return whether a text is what a page shows, where `...` matches any text."""
    pattern = ".*".join(re.escape(part) for part in expected.strip().split("..."))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


@pytest.fixture
def unfixed_chart() -> dict[str, str]:
    """Create the part of the 1.5.0 chart that does not render, reduced to the relevant lines."""
    return {
        "Chart.yaml": "apiVersion: v1\nname: istio\nversion: 1.5.0\n",
        "charts/gateways/Chart.yaml": "apiVersion: v1\nname: gateways\nversion: 1.5.0\n",
        "charts/gateways/values.yaml": "istio-ingressgateway: {enabled: true, sds: {enabled: true}}\n"
        "istio-egressgateway: {enabled: true}\n",
        "charts/gateways/templates/role.yaml": BROKEN,
        "charts/gateways/templates/rolebindings.yaml": BROKEN.replace("kind: Role", "kind: RoleBinding"),
    }


@pytest.mark.parametrize(("page", "major"), RUN)
def test_every_command_of_a_page_runs(page, major, tmp_path, unfixed_chart):
    """A reader who runs the commands of a page in their order gets the output on the page."""
    reader = Reader(tmp_path, major)
    for name, text in unfixed_chart.items():
        path = reader.copy / CHART_1_5 / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    wrong = [complaint for block in blocks(page) if block.runs_with(major) for complaint in reader.follow(block)]
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("major", [3, 4])
def test_the_remedy_for_the_1_5_0_chart_makes_it_render(major, tmp_path, unfixed_chart):
    """The chart fails with the error that README.md quotes, and renders after its commands."""
    reader = Reader(tmp_path, major)
    for name, text in unfixed_chart.items():
        path = reader.copy / CHART_1_5 / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    before = reader.run(f"helm template istio {CHART_1_5} || true").stdout
    quoted = next(block.text for block in blocks("README.md") if "non-function $spec.sds" in block.text)
    # Helm 4 prints the same text on several lines.
    assert quoted.partition("... at ")[2].strip() in " ".join(before.split())
    remedy = next(block for block in blocks("README.md") if block.language == "sh" and CHART_1_5 in block.text)
    assert reader.follow(remedy) == []
    after = reader.run(f"helm template istio {CHART_1_5}")
    assert [(r["kind"], r["metadata"]["name"]) for r in yaml.safe_load_all(after.stdout) if r] == [
        ("Role", "istio-ingressgateway-sds"),
        ("RoleBinding", "istio-ingressgateway-sds"),
    ]


def test_every_block_that_is_not_run_says_why():
    """A command of README.md that no test runs has a comment with the reason, and there are few of them."""
    skipped = [block for block in blocks("README.md") if block.comment.startswith("skip")]
    assert [block.where for block in skipped if len(block.comment) < len("skip, ") + 10] == []
    assert len(skipped) <= 2
