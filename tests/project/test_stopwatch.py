"""From a clone to two rendered and checked meshes of istiod 1.30: three commands, and a third mesh is one more."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import charts
import pytest
import yaml
from helms import clean_environment, real_helm
from pages import MADE, ROOT

#: More than the processor needs by far: two seconds of a machine of today.
LIMIT = 60

COMMANDS = re.search(
    r"(?ms)^```sh\n(python3 -m multimesh init red .*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8")
)


def of_children() -> float:
    """Return the time of the processor that ended processes took: other work on the machine does not count."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a copy of what a clone has."""
    copy = tmp_path / "multimesh"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*MADE, "*.egg-info", "tests", "docs", "findings"))
    return copy


def run(text: str, clone: Path, helm: Path) -> str:
    path = f"{helm.parent}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=clone, env=clean_environment() | {"PATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("major", [3, 4])
def test_two_meshes_are_three_commands_and_a_third_is_one(major: int, clone: Path, tmp_path: Path) -> None:
    """The commands of the README with the model chart: each mesh has names of its own, and nothing is found."""
    helm = real_helm(major, tmp_path / "home").binary
    assert COMMANDS is not None
    text = COMMANDS[1]
    assert len(re.findall(r"(?m)^\S", text.replace("\ndone", " done"))) == 3
    began = of_children()
    assert run(text, clone, helm).endswith("2 meshes: nothing found\n")
    third = "python3 -m multimesh init blue --istio 1.30 --workloads nginx-blue meshes/blue"
    assert "written: meshes/blue/istiod.yaml\n" in run(third, clone, helm)
    assert of_children() - began < LIMIT
    names = [
        {(one["kind"], one["metadata"]["name"]) for one in yaml.safe_load_all((clone / f"{mesh}.yaml").read_text())
         if one and "namespace" not in one["metadata"]}
        for mesh in ("red", "yellow")
    ]  # fmt: skip
    assert names[0]
    assert names[0] & names[1] == set()
    checked = "python3 -m multimesh check --profile meshes/red --profile meshes/yellow --profile meshes/blue"
    assert run(checked, clone, helm) == "3 meshes: nothing found\n"


@pytest.mark.parametrize("major", [3, 4])
def test_the_same_with_the_rendered_stock_charts(major: int, clone: Path, tmp_path: Path) -> None:
    """The stock charts base and istiod of 1.30.3 for two meshes: no error."""
    helm = real_helm(major, tmp_path / "home").binary
    for mesh in ("affirmed", "blue"):
        for chart in ("base", "istiod"):
            text = charts.text("1.30.3", mesh, chart)
            text = charts.without(text, "CustomResourceDefinition") if (mesh, chart) == ("blue", "base") else text
            charts.write(tmp_path / f"{mesh}-{chart}", text, "")
    began = of_children()
    out = run(
        "python3 -m multimesh init affirmed --owner --istio 1.30.3 --workloads nginx-affirmed meshes/affirmed\n"
        "python3 -m multimesh init blue --istio 1.30.3 --workloads nginx-blue meshes/blue\n"
        "for mesh in affirmed blue; do for chart in base istiod; do\n"
        f"  helm template $chart {tmp_path}/$mesh-$chart -n istio-$mesh -f meshes/$mesh/$chart.yaml |\n"
        "    ./postrender.py --profile=meshes/$mesh > $mesh-$chart.yaml\n"
        "done; done\n"
        "python3 -m multimesh check affirmed-base.yaml,affirmed-istiod.yaml blue-base.yaml,blue-istiod.yaml "
        "--profile meshes/affirmed --profile meshes/blue\n",
        clone,
        helm,
    )
    assert of_children() - began < LIMIT
    assert "error" not in out
    assert out.splitlines()[-1].startswith("2 meshes: ")
