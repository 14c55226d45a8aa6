"""Run the plugin for Argo CD as its sidecar does: by its documented environment, and through its own plugin server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

import outside
import pytest
import yaml
from helms import ROOT, clean_environment, real_helm

EXAMPLES = ROOT / "examples" / "argocd"
PLUGIN = yaml.safe_load((EXAMPLES / "argocd-cmp.yaml").read_text(encoding="utf-8"))


class Answer(NamedTuple):
    """What Argo CD gets: the resources, or the error that its user reads."""

    resources: list[Any]
    error: str


class Sidecar:
    """A container with the programs that the image has, and a repository with charts and profiles."""

    def __init__(self, directory: Path, helm: int) -> None:
        self.programs = directory / "bin"
        self.programs.mkdir()
        found = real_helm(helm, directory)
        for name in ("helm", f"helm{helm}"):
            (self.programs / name).symlink_to(found.binary)
        shutil.copy2(EXAMPLES / "multimesh-argocd", self.programs)
        program = self.programs / "multimesh"
        program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec python3 -m multimesh "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        self.repository = directory / "repository"
        shutil.copytree(ROOT / "charts-values", self.repository / "charts-values")
        (self.repository / "charts").mkdir()
        environment = clean_environment()
        self.environment = environment | {
            "PATH": f"{self.programs}{os.pathsep}{environment['PATH']}",
            # What a home that cannot be written has.
            "HOME": "/nonexistent",
            "TMPDIR": str(directory / "tmp"),
        }
        (directory / "tmp").mkdir()
        self.directory = directory

    def add_chart(self, chart: Path) -> Path:
        """Copy a chart to the repository."""
        return Path(shutil.copytree(chart, self.repository / "charts" / chart.name))

    def generate(self, path: str, application: dict[str, str], **parameters: str | list[str]) -> Answer:
        """Render an application by the environment that the documentation of Argo CD promises."""
        command = PLUGIN["spec"]["generate"]["command"] + PLUGIN["spec"]["generate"].get("args", [])
        done = subprocess.run(
            command,
            cwd=self.repository / path,
            env=self.environment | environment(application, parameters),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            assert done.stdout == "", "stdout of a plugin that fails"
            return Answer([], done.stderr)
        return Answer([one for one in yaml.load_all(done.stdout, yaml.CSafeLoader) if one], "")


def environment(application: dict[str, str], parameters: dict[str, str | list[str]]) -> dict[str, str]:
    """Return the environment of the command (Argo CD v3.5.1, docs/user-guide/build-environment.md,
    docs/operator-manual/config-management-plugins.md; pkg/apis/application/v1alpha1/types.go, Environ).
    """
    found = {
        "ARGOCD_APP_NAME": application["name"],
        "ARGOCD_APP_NAMESPACE": application["namespace"],
        "KUBE_VERSION": "1.33.0",
        "KUBE_API_VERSIONS": "v1,apps/v1",
    }
    announced = []
    for key, value in parameters.items():
        name = key.replace("_", "-")
        variable = "PARAM_" + re.sub("[^A-Z0-9_]", "_", name.upper())
        if isinstance(value, str):
            announced.append({"name": name, "string": value})
            found[variable] = value
        else:
            announced.append({"name": name, "array": value})
            found |= {f"{variable}_{number}": item for number, item in enumerate(value)}
    return found | {"ARGOCD_APP_PARAMETERS": json.dumps(announced)}


class Server:
    """The plugin server of Argo CD, with the plugin of the examples in a sidecar."""

    def __init__(self, sidecar: Sidecar) -> None:
        self.sidecar = sidecar
        self.program = outside.go("argocd-cmp-server", ".")
        configuration = sidecar.directory / "config"
        configuration.mkdir()
        shutil.copy2(EXAMPLES / "argocd-cmp.yaml", configuration / "plugin.yaml")
        self.socket = sidecar.directory / "multimesh.sock"
        places = {"ARGOCD_PLUGINSOCKFILEPATH": str(sidecar.directory), "ARGOCD_CMP_WORKDIR": str(sidecar.directory)}
        self.process = subprocess.Popen(
            [self.program, "--config-dir-path", str(configuration), "--loglevel", "error"],
            env=sidecar.environment | places,
            stdin=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while not self.socket.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.close()
                pytest.fail("the plugin server of Argo CD does not start")

    def generate(self, path: str, application: dict[str, str], **parameters: str | list[str]) -> Answer:
        """Render an application: its whole repository is sent to the server, as the repo server does."""
        variables = [f"{name}={value}" for name, value in environment(application, parameters).items()]
        command = [self.program, "generate", str(self.socket), str(self.sidecar.repository), path, *variables]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            return Answer([], done.stderr)
        return Answer([json.loads(one) for one in json.loads(done.stdout)], "")

    def close(self) -> None:
        """End the server."""
        self.process.kill()
        self.process.wait()
