"""How the cluster tests start a real istiod, from the Deployment that was installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import yaml
from streams import stream

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cluster"))

import istiod

ADDRESS = "127.0.0.2"


def deployment(version: str) -> dict:
    """Return the Deployment of affirmed's istiod."""
    documents = yaml.safe_load_all(stream("helm3", version, "affirmed", "istiod").text)
    return next(document for document in documents if document and document["kind"] == "Deployment")


def test_the_arguments_are_the_charts_and_then_where_to_listen() -> None:
    """If a flag occurs twice, the last one counts: this overrides the chart's `--monitoringAddr`."""
    container = deployment("1.30.3")["spec"]["template"]["spec"]["containers"][0]
    words = istiod.arguments(container, Path("/k"), ADDRESS)
    assert words[: len(container["args"])] == container["args"]
    assert words[len(container["args"]) :] == [
        "--kubeconfig=/k",
        "--httpsAddr=127.0.0.2:443",
        "--httpAddr=127.0.0.2:8080",
        "--grpcAddr=127.0.0.2:15010",
        "--secureGRPCAddr=127.0.0.2:15012",
        "--monitoringAddr=127.0.0.2:15014",
        "--ctrlz_address=127.0.0.2",
    ]


@pytest.mark.parametrize("version", ["1.16.7", "1.24.6", "1.30.3"])
def test_every_variable_of_the_chart_gets_a_value_and_no_other_is_set(version: str) -> None:
    """The sources are fields of the pod, resource limits, and literal values."""
    of = deployment(version)
    found = istiod.environment(of, ADDRESS)
    assert list(found) == [variable["name"] for variable in of["spec"]["template"]["spec"]["containers"][0]["env"]]
    expected = {
        "REVISION": "affirmed",
        "POD_NAME": "istiod-affirmed-0",
        "POD_NAMESPACE": "istio-affirmed",
        "SERVICE_ACCOUNT": "istiod-affirmed",
    }
    assert expected.items() <= found.items()
    assert found.get("GOMAXPROCS", str(os.cpu_count())) == str(os.cpu_count())


def test_a_source_of_variables_that_nobody_knows_is_not_passed_over() -> None:
    """A Secret as a source would have to be read."""
    of = deployment("1.30.3")
    of["spec"]["template"]["spec"]["containers"][0]["env"] = [
        {"name": "X", "valueFrom": {"secretKeyRef": {"name": "s"}}}
    ]
    with pytest.raises(AssertionError, match="secretKeyRef"):
        istiod.environment(of, ADDRESS)


def test_every_mount_finds_its_volume() -> None:
    """They are the token, and directories for optional volumes."""
    found = {place: volume["name"] for place, volume in istiod.mounts(deployment("1.30.3")["spec"]["template"]["spec"])}
    assert found == {
        "/var/run/secrets/tokens": "istio-token",
        "/var/run/secrets/istio-dns": "local-certs",
        "/etc/cacerts": "cacerts",
        "/var/run/secrets/remote": "istio-kubeconfig",
        "/var/run/secrets/istiod/tls": "istio-csr-dns-cert",
        "/var/run/secrets/istiod/ca": "istio-csr-ca-configmap",
    }


@pytest.mark.parametrize(
    ("version", "chosen"),
    [("1.30.3", "new"), ("1.29.5", "new"), ("1.24.6", "old"), ("1.22.1", "old"), ("1.21.0", ""), ("1.16.7", "")],
)
def test_a_chart_runs_with_the_nearest_binary_and_with_none_that_is_far(version: str, chosen: str) -> None:
    """An upgrade of Istio may skip at most one minor version."""
    binaries = {istiod.Version(1, 24, 6): Path("old"), istiod.Version(1, 30, 3): Path("new")}
    assert istiod.nearest(version, binaries) == (Path(chosen) if chosen else None)


def test_a_binary_that_does_not_know_its_version_runs_where_no_other_is_near() -> None:
    """A binary that was built from a checkout reports the version `unknown`."""
    binaries = {None: Path("some"), istiod.Version(1, 30, 3): Path("new")}
    assert istiod.nearest("1.30.1", binaries) == Path("new")
    assert istiod.nearest("1.16.7", binaries) == Path("some")
