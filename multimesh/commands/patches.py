"""Write what `render` would change as kustomize patches, for tools that run no executables.

Flux, Argo CD and kustomize apply the patches to the stock chart. A patch replaces or removes a value only after a
`test` that the value is the one of this chart, so a chart with another value there is an error. kustomize ignores a
patch whose resource is absent: write the patches again for every new version of a chart, and end with `check`.

- list: one YAML list of targets and patches;
- kustomization: a kustomization.yaml for the chart in stock.yaml;
- flux: `postRenderers` for the spec of a HelmRelease.

    helm template istiod istio/istiod -n istio-affirmed -f charts-values/affirmed/istiod.yaml > stock.yaml
    multimesh patches --profile charts-values/affirmed -o flux < stock.yaml
"""

from __future__ import annotations

import argparse
import json
import re
import textwrap
from typing import Any

from multimesh.commands.flags import add_flag, add_render_flags, render_flags
from multimesh.commands.render import render_stdin
from multimesh.commands.stdio import DONE, write_text
from multimesh.errors import MultimeshError
from multimesh.render.patches import DELETE, patches
from multimesh.render.rendering import Rendering
from multimesh.yamltext.scalars import quoted

HELP = "write what render changes as kustomize patches, for Flux, Argo CD and kustomize"

FORMATS = ("list", "kustomization", "flux")

#: What kustomization.yaml begins with; the file of the stock manifest is the user's choice.
KUSTOMIZATION = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - stock.yaml # what 'helm template' writes
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the flags of the command."""
    add_render_flags(command)
    add_flag(command, "--output", "the form of the patches", default=FORMATS[0], short="-o", choices=FORMATS)
    add_flag(
        command,
        "--helmrelease",
        "with -o flux: write a patch for the HelmRelease of this name, in the namespace of the control plane",
        metavar="NAME",
    )


def run(options: argparse.Namespace) -> int:
    """Read the stock manifest, and print the patches."""
    if options.helmrelease and options.output != "flux":
        raise MultimeshError(
            "", f'--helmrelease is "{options.helmrelease}", and -o is {options.output}', "Add -o flux."
        )
    rendering, mesh = render_stdin(render_flags(options))
    text = patches_text(rendering, options.output or FORMATS[0])
    write_text(_for_release(options.helmrelease, mesh.namespace, text) if options.helmrelease else text)
    return DONE


def _for_release(name: str, namespace: str, text: str) -> str:
    """Return the text below `spec` as a patch for a HelmRelease, which kustomize merges into it."""
    metadata = {"name": name, "namespace": namespace}
    head = {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": metadata}
    return f"{_block(head, 0)}\nspec:\n{textwrap.indent(text, '  ')}"


def patches_text(rendering: Rendering, form: str) -> str:
    """Return what one run changed as patches, in one of the formats."""
    found = [{"target": target, "patch": _block(patch, 0) + "\n"} for target, patch in patches(rendering)]
    if form == "kustomization":
        return KUSTOMIZATION + _block({"patches": found}, 0) + "\n"
    value = {"postRenderers": [{"kustomize": {"patches": found}}]} if form == "flux" else found
    return _block(value, 0) + "\n"


def _block(value: Any, column: int) -> str:
    """Return a value as YAML whose first line is written at `column`."""
    pad = "\n" + " " * column
    if isinstance(value, dict) and value:
        return pad.join(
            (key if key == DELETE else quoted(key)) + ":" + _entry(item, column + 2) for key, item in value.items()
        )
    if isinstance(value, list) and value:
        return pad.join("- " + _block(item, column + 2) for item in value)
    if not isinstance(value, str):
        return json.dumps(value)
    return _literal(value, column) if _is_block(value) else quoted(value)


def _entry(value: Any, column: int) -> str:
    """Return a value of a mapping: on lines of its own if it is a list or a mapping."""
    return ("\n" + " " * column if isinstance(value, (dict, list)) and value else " ") + _block(value, column)


def _is_block(value: str) -> bool:
    """Return whether text is the same to every reader of YAML if it is written as a literal block."""
    return (
        "\n" in value
        and not value[0].isspace()
        and not re.search(r"(?m)^ +$", value)
        and value.replace("\n", "").isprintable()
    )


def _literal(value: str, column: int) -> str:
    r"""Return text as a literal block, indented to `column`.

    >>> _literal("a\n\nb", 2)
    '|-\n  a\n\n  b'
    """
    ending = "" if value[-2:-1] != "\n" and value[-1] == "\n" else "+" if value[-1] == "\n" else "-"
    lines = (value[:-1] if value[-1] == "\n" else value).split("\n")
    return f"|{ending}\n" + "\n".join(" " * column + line if line else "" for line in lines)
