#!/usr/bin/env python3
"""Render the example chart for two meshes with a real Helm, and show what differs and what the meshes share.

It renders examples/stock-istio for two mesh profiles of charts-values/ with their values, through the post-renderer as
Helm runs it, writes the results to build/demo/, and compares them with `multimesh check`. It uses the helm on PATH; without one it downloads Helm 3 once (tools/helm.py).
It needs no cluster, and reads and changes none.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))
import helm as real_helm

ROOT = Path(__file__).resolve().parent.parent
CHART = "examples/stock-istio"
OUTPUT = Path("build/demo")
MESHES = ("affirmed", "blue")
MULTIMESH = ".venv/bin/multimesh"

#: Lines of the diff that are shown; a file has all of them.
SHOWN = 10

NOTHING = "nothing"

#: What two meshes share, by the findings of `check` that say so.
SHARED = (
    ("cluster-scoped name", ("cluster-scoped-name",)),
    ("webhook", ("injection-overlap", "validation-overlap")),
    ("node port", ("node-port",)),
    ("gateway label", ("gateway-selector",)),
    ("trust domain", ("trust-domain",)),
)


class DemoFailed(Exception):
    """A command failed; the message has the command and its output."""


class Helm(NamedTuple):
    """A working Helm: its command, and the environment in which it finds multimesh."""

    command: str
    major: int
    version: str
    environment: dict[str, str]

    def template(self, namespace: str, profile: str) -> list[str]:
        """Return the command that renders the stock chart, with the values of a mesh."""
        return [self.command, "template", "istio", CHART, "-n", namespace, *values(profile)]

    def post_renderer(self, profile: str) -> list[str]:
        """Return the flags that add multimesh: a path for Helm 3, the name of a plugin for Helm 4."""
        name = "./postrender.py" if self.major == 3 else "multimesh"
        return ["--post-renderer", name, f"--post-renderer-args=--profile={profile}"]

    def shown(self, command: list[str]) -> str:
        """Return a command as a user runs it in a shell, in this directory.

        The demo has a directory of plugins of its own; a user's Helm 4 finds the plugin in the parent of the checkout.
        """
        if self.major == 4 and "--post-renderer" in command:
            return f"HELM_PLUGINS={shlex.quote(str(ROOT.parent))} {shlex.join(command)}"
        return shlex.join(command)


class Mesh(NamedTuple):
    """One mesh that was rendered: by the stock chart alone, with the values of the mesh, and by multimesh."""

    name: str
    namespace: str
    profile: str
    alone: Path
    stock: str
    rendered: str
    file: Path


def values(profile: str) -> list[str]:
    """Return the flags for the values of a mesh."""
    return ["-f", f"{profile}/istio-1.5.yaml"]


def main() -> int:
    """Run the demo."""
    began = time.monotonic()
    os.chdir(ROOT)
    try:
        if not os.path.exists(MULTIMESH):
            raise DemoFailed(f"{MULTIMESH} is missing\n  Run make demo: it prepares .venv first.")
        with tempfile.TemporaryDirectory(prefix="multimesh-demo-") as directory:
            helm = find_helm(Path(directory))
            meshes = [render(helm, name) for name in MESHES]
            changes = [diff(helm, mesh) for mesh in meshes]
            say(shlex.join(check(meshes)))
            now = shared(check(meshes))
            before = shared([MULTIMESH, "check", *(str(mesh.alone) for mesh in meshes)])
    except (DemoFailed, real_helm.HelmUnavailable) as error:
        print(f"multimesh: demo: {error}", file=sys.stderr)
        return 2
    print(f"\nDone in {time.monotonic() - began:.1f} s with Helm {helm.version}:")
    for mesh, (removed, added) in zip(meshes, changes, strict=True):
        resources = len(re.findall(r"(?m)^kind: ", mesh.rendered))
        print(f"  {mesh.file}: {resources} resources; {removed} lines of the stock chart removed, {added} lines added")
    print(f"By the stock chart alone the two meshes would share {before}; now they share {now}.")
    if now != NOTHING:
        return 1
    print(f"Two meshes, one cluster. Next:\n{next_commands(helm, meshes)}")
    return 0


def find_helm(directory: Path) -> Helm:
    """Return the Helm on the PATH if it is 3 or 4, else download Helm 3. Helm writes its files to `directory`."""
    environment = {name: value for name, value in os.environ.items() if name != "HELM_PLUGINS"}
    # Do not use settings and plugins of the user.
    environment |= {f"HELM_{what}_HOME": str(directory / what.lower()) for what in ("CACHE", "CONFIG", "DATA")}
    command = "helm" if shutil.which("helm") else str(real_helm.fetch(3))
    version = version_of(command, environment)
    if version[:2] not in ("3.", "4."):
        say(f"the helm on PATH is {version or 'unknown'}, not 3 or 4")
        command, version = str(real_helm.fetch(3)), real_helm.LAYERS[3].helm
    helm = Helm(command, int(version[0]), version, environment)
    if helm.major == 4:
        # A directory that contains only this checkout: Helm fails if two plugins have the same name.
        plugins = directory / "plugins"
        plugins.mkdir()
        (plugins / "multimesh").symlink_to(ROOT)
        environment["HELM_PLUGINS"] = str(plugins)
    say(f"Helm {version} ({command})")
    return helm


def version_of(command: str, environment: dict[str, str]) -> str:
    """Return the version that a helm prints. Raises DemoFailed, with what to do, if it does not run."""
    try:
        return run([command, "version", "--template={{.Version}}"], environment).strip().removeprefix("v")
    except (OSError, DemoFailed) as error:
        path = shutil.which(command) or command
        raise DemoFailed(
            f"{path} does not run: {error}\n"
            f"  Repair or remove it, or take {os.path.dirname(path)} out of PATH: without a helm the demo downloads one."
        ) from error


def render(helm: Helm, name: str) -> Mesh:
    """Render the stock chart without and with the post-renderer, and write the second result to a file."""
    profile = f"charts-values/{name}"
    try:
        text = Path(profile, "profile.yaml").read_text(encoding="utf-8")
    except OSError as error:
        raise DemoFailed(f"cannot read the mesh profile: {error}") from error
    namespace = re.search(r"(?m)^  namespace: *([a-z0-9-]+)", text)
    if not namespace:
        raise DemoFailed(f"{profile}/profile.yaml has no spec.namespace")
    command = helm.template(namespace[1], profile)
    stock = run(command, helm.environment)
    alone = write(
        f"stock-{name}.yaml", run([part for part in command if part not in values(profile)], helm.environment)
    )
    command += helm.post_renderer(profile)
    say(helm.shown(command))
    rendered = run(command, helm.environment)
    return Mesh(name, namespace[1], profile, alone, stock, rendered, write(f"{name}.yaml", rendered))


def write(name: str, text: str) -> Path:
    """Write a file to the directory of the output, and return its path."""
    file = OUTPUT / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def diff(helm: Helm, mesh: Mesh) -> tuple[int, int]:
    """Print the first lines of the diff of the first mesh, and return the number of removed and added lines of each."""
    command = [MULTIMESH, "diff", "--profile", mesh.profile]
    plain = run(command, dict(os.environ), mesh.stock)
    if mesh.name == MESHES[0]:
        file = write(f"{mesh.name}.diff", plain)
        say(f"{helm.shown(helm.template(mesh.namespace, mesh.profile))} | {shlex.join(command)}\n")
        colour = "always" if sys.stdout.isatty() and "NO_COLOR" not in os.environ else "never"
        lines = run([*command, f"--color={colour}"], dict(os.environ), mesh.stock).splitlines()
        print("\n".join(lines[:SHOWN]))
        print(f"... and {len(lines) - SHOWN} more lines, which are in {file}\n", flush=True)
    lines = plain.splitlines()
    removed = sum(line.startswith("-") and not line.startswith("--- ") for line in lines)
    added = sum(line.startswith("+") and not line.startswith("+++ ") for line in lines)
    return removed, added


def check(meshes: list[Mesh]) -> list[str]:
    """Return the command that compares the meshes with each other."""
    profiles = [argument for mesh in meshes for argument in ("--profile", mesh.profile)]
    return [MULTIMESH, "check", *(str(mesh.file) for mesh in meshes), *profiles]


def shared(command: list[str]) -> str:
    """Return what meshes share, in words and with the numbers of findings; NOTHING if there is no finding."""
    done = subprocess.run([*command, "-o", "json"], capture_output=True, text=True, check=False)
    if done.returncode > 1:
        raise DemoFailed(f"exit code {done.returncode}: {shlex.join(command)}\n{done.stderr}")
    found = [finding["id"] for finding in json.loads(done.stdout)["findings"]]
    counts = [(noun, sum(one in ids for one in found)) for noun, ids in SHARED]
    counts.append(("other thing", len(found) - sum(number for _, number in counts)))
    parts = [f"{number} {noun}{'s' if number > 1 else ''}" for noun, number in counts if number]
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:]))) or NOTHING


def run(command: list[str], environment: dict[str, str], text: str | None = None) -> str:
    """Return the output of a command. Raises DemoFailed with its error output if it fails."""
    done = subprocess.run(command, input=text, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        complaint = "\n".join(f"  {line}" for line in done.stderr.strip().splitlines())
        raise DemoFailed(f"exit code {done.returncode}: {shlex.join(command)}\n{complaint}")
    return done.stdout


def next_commands(helm: Helm, meshes: list[Mesh]) -> str:
    """Return a few commands to try next."""
    first, second = meshes[:2]
    namespaces = f"{MULTIMESH} namespaces --istio 1.5 --profile {first.profile}"
    install = [helm.command, "install", "istio", CHART, "-n", first.namespace, *values(first.profile)]
    install += helm.post_renderer(first.profile)
    commands = (
        ("how the two meshes differ", f"diff {first.file} {second.file}"),
        (
            "the diff for a profile of your own",
            f"{helm.shown(helm.template(second.namespace, second.profile))} | {MULTIMESH} diff --profile {second.profile}",
        ),
        (
            "a real installation, on the cluster of kubectl: the namespaces with their labels, and the mesh",
            f"{namespaces} | kubectl apply --server-side -f -\n  {helm.shown(install)}",
        ),
        (
            "let the API server enforce it: admission policies, for Kubernetes 1.30 and later",
            f"{MULTIMESH} policies --profile {first.profile} | kubectl apply --server-side -f -",
        ),
    )
    return "\n".join(f"  # {what}\n  {command}" for what, command in commands)


def say(text: str) -> None:
    """Print progress to the stream of the diff, so that both stay in order."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
