"""Write what an engine that calls Helm wants for a new mesh: Helmfile, Argo CD, Flux, Terraform."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from multimesh.errors import MultimeshError
from multimesh.mesh.profile import Profile
from multimesh.yamltext.scalars import quoted

#: The directory that holds the package: a checkout, if the program for Helm 3 is there.
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "postrender.py"

#: Where Istio publishes its charts since 1.12 (istio.io, Install with Helm).
REPOSITORY = "https://istio-release.storage.googleapis.com/charts"
REPOSITORY_SINCE = (1, 12)

#: The files of each engine, and whether it must be told the patch version of the charts.
ENGINES = {
    "helmfile": (("helmfile.yaml",), False),
    "argocd": (("argocd.yaml",), False),
    "flux": (("flux.yaml", "kustomization.yaml"), True),
    "terraform": (("main.tf",), True),
}


class Release(NamedTuple):
    """One Helm release of a mesh: its name, its chart, the file of its values, and what its chart needs of Helm."""

    name: str
    chart: str
    values: str
    skips_crds: bool = False
    holds_crds: bool = False
    skips_schema: bool = False


def releases(mesh: Profile, istio: tuple[int, int]) -> list[Release]:
    """Return the releases of a mesh of Istio 1.6 or later, in the order in which they are installed."""
    # Up to 1.23 the CRDs are in the directory crds/ of the chart base, which no value controls.
    in_directory = istio < (1, 24)
    base = Release(
        f"istio-base-{mesh.name}", "base", "base.yaml",
        skips_crds=in_directory and not mesh.owns_shared, holds_crds=in_directory and mesh.owns_shared,
    )  # fmt: skip
    # The schema of the chart gateway forbids its own values there (docs/istio-versions.md).
    gateway = Release(
        f"{mesh.name}-ingressgateway", "gateway", "gateway.yaml", skips_schema=(1, 21) <= istio <= (1, 24)
    )
    return [base, Release(f"istiod-{mesh.name}", "istiod", "istiod.yaml"), gateway]


def require_possible(engines: list[str], istio: tuple[int, int], exact: str) -> None:
    """Raise MultimeshError if an engine cannot install these charts, or must be told their patch version."""
    for engine in engines:
        if istio < REPOSITORY_SINCE:
            what = f"--{engine} needs a repository of charts, and those of Istio {istio[0]}.{istio[1]} are in none"
            raise MultimeshError(
                "", what, "Leave it out: these files name charts of Istio's repository, which begins with 1.12."
            )
        if ENGINES[engine][1] and not exact:
            hint = f"Name it: --istio {istio[0]}.{istio[1]}.0, or a later patch."
            raise MultimeshError("", f"--{engine} needs the exact version of the charts", hint)


def engine_files(
    engines: list[str], mesh: Profile, istio: tuple[int, int], chart_version: str, directory: Path
) -> dict[str, str]:
    """Return the files of engines by name. `chart_version` is what Helm takes as --version."""
    from multimesh.templates import environment

    templates = environment(Path("engines"), yaml=quoted, json=json.dumps)
    found = {}
    for engine in engines:
        major = 3 if engine == "terraform" else helm_major() or 4
        renderer, words = _renderer(engine, major, directory)
        for name in ENGINES[engine][0]:
            found[name] = templates.get_template(f"{name}.j2").render(
                mesh=mesh,
                istio=istio,
                releases=releases(mesh, istio),
                repository=REPOSITORY,
                chart_version=chart_version,
                major=major,
                renderer=renderer,
                renderer_args=words,
                skip_crds=any(release.skips_crds for release in releases(mesh, istio)),
                # An absolute path is not one in a git repository.
                path=directory.name if directory.is_absolute() else directory.as_posix(),
            )
    return found


def _renderer(engine: str, major: int, directory: Path) -> tuple[str, list[str]]:
    """Return what an engine calls as the post-renderer, and its arguments, for files in the directory of the mesh."""
    place = "${path.module}" if engine == "terraform" else "."
    profile = f"--profile={place}"
    if major == 4:
        found, words = "multimesh", [profile]
    elif (ROOT / PROGRAM).exists():
        found, words = _program_from(directory, place), [profile]
    else:
        # Helm 3 takes the name of a program on the PATH, too: the console script.
        found, words = "multimesh", ["render", profile]
    return (json.dumps(found), [json.dumps(word) for word in words]) if engine == "terraform" else (found, words)


def is_beside_checkout(directory: Path) -> bool:
    """Return whether a path from a directory to this checkout is the same on every machine.

    The directory is in the checkout, or the checkout in the git repository of the directory, such as a submodule.
    """
    directory = directory.resolve()
    if not (ROOT / PROGRAM).exists():
        return False  # An installed package is not part of a repository, though .venv may be in it.
    top = next((path for path in (directory, *directory.parents) if (path / ".git").exists()), ROOT)
    return directory.is_relative_to(ROOT) or (top != ROOT and ROOT.is_relative_to(top))


def _program_from(directory: Path, place: str) -> str:
    """Return the path of the program for Helm 3: a relative one in a repository with both."""
    directory = directory.resolve()
    if not is_beside_checkout(directory):
        return (ROOT / PROGRAM).as_posix()
    path = Path(os.path.relpath(ROOT / PROGRAM, directory)).as_posix()
    return path if place == "." and path.startswith("../") else f"{place}/{path}"


def helm_major() -> int:
    """Return the major version of the helm on the PATH, 3 or 4; 0 if there is none, or another one."""
    helm = shutil.which("helm")
    if helm is None:
        return 0
    try:
        done = subprocess.run(
            [helm, "version", "--template={{.Version}}"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.match(r"v?([34])\.\d", done.stdout) if done.returncode == 0 else None
    return int(found[1]) if found else 0
