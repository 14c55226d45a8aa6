"""The rule sds-path: each mesh has its own directory on the node for the sockets of the secret discovery service."""

from __future__ import annotations

import pytest
from rule_cases import paths, refusal, rendered, stays, unknown_shape

VOLUMES = """\
apiVersion: apps/v1
kind: {kind}
metadata:
  name: {name}
spec:
  template:
    spec:
      containers:
      - name: agent
        volumeMounts:
        - mountPath: /var/run/sds
          name: sds
      volumes:
      - name: sds
        hostPath:
          path: {path}
"""

TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
data:
  config: |-
    template: |-
      containers:
      - volumeMounts:
        - mountPath: /var/run/sds
          name: sds-uds-path
      volumes:
      {{{{- if .Values.global.sds.enabled }}}}
      - name: sds-uds-path
        {key}
          {line}
      {{{{- end }}}}
      - name: logs
        hostPath:
          path: /var/log
"""

PATH = "path: /var/run/sds"


def volumes(kind: str = "DaemonSet", name: str = "istio-nodeagent", path: str = "/var/run/sds") -> str:
    """Write a workload with one volume."""
    return VOLUMES.format(kind=kind, name=name, path=path)


def template(name: str = "istio-sidecar-injector", key: str = "hostPath:", line: str = PATH) -> str:
    """Write an injection template with one volume for the sockets."""
    return TEMPLATE.format(name=name, key=key, line=line)


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet"])
def test_the_directory_of_a_volume_gets_the_name_of_the_mesh(kind: str):
    """Containers still mount it at the stock path."""
    assert rendered(volumes(kind)) == volumes(kind, path="/var/run/sds-affirmed")


def test_the_injection_template_mounts_the_same_directory():
    """Only the line after `hostPath:` changes."""
    assert rendered(template()) == template(line=f"{PATH}-affirmed")


def test_edits_name_the_field():
    """The template is one field of its ConfigMap."""
    assert paths(volumes()) == ["spec/template/spec/volumes/0/hostPath/path"]
    assert paths(template()) == ["data/config"]


def test_every_volume_of_the_template_changes():
    """Two of them, the second one as the last line of the text."""
    twice = template() + "      - name: again\n        hostPath:\n          path: /var/run/sds\n"
    assert rendered(twice) == twice.replace(PATH + "\n", f"{PATH}-affirmed\n")


def test_a_template_in_quotes_changes_too():
    """Its lines are escapes, and `hostPath:` may be its first line."""
    text = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: istio-sidecar-injector
data:
  config: "hostPath:\\n  path: /var/run/sds\\nmount: /var/run/sds"
"""
    assert rendered(text) == text.replace(r"path: /var/run/sds\n", r"path: /var/run/sds-affirmed\n")


@pytest.mark.parametrize("path", ["/var/run/sds/", "/var/run/sds-blue", "/var/run/sdsx", "/host/var/run/sds", "null"])
def test_another_directory_of_a_volume_stays(path: str):
    """What looks alike is the user's own choice."""
    assert stays(volumes(path=path))


@pytest.mark.parametrize(
    "changed",
    [{"line": f"{PATH}/uds"}, {"line": f"sub{PATH}"}, {"key": "emptyDir:"}, {"key": "- hostPath: {}"}],
    ids=["longer", "other key", "no hostPath", "hostPath elsewhere"],
)
def test_another_line_of_the_template_stays(changed: dict[str, str]):
    """It must be the line `path:` with this value, directly after `hostPath:`."""
    assert stays(template(**changed))


@pytest.mark.parametrize("name", ["istio-sidecar-injector-canary", "sidecar-injector", "istio"])
def test_another_config_map_stays(name: str):
    """Istio 1.5 has no revisions: its injector reads this ConfigMap only."""
    assert stays(template(name))


@pytest.mark.parametrize("kind", ["StatefulSet", "ReplicaSet"])
def test_other_workloads_stay(kind: str):
    """No chart of Istio 1.5 mounts the sockets there."""
    assert stays(volumes(kind))


def test_an_injector_without_a_template_stays():
    """There is nothing to rewrite."""
    assert stays(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: istio-sidecar-injector\ndata:\n"
        '  values: \'{"global":{"sds":{"udsPath":"unix:/var/run/sds/uds_path"}}}\'\n'
    )


def test_a_template_that_is_not_text_is_refused():
    """A rendering without the template would leave the stock directory in it."""
    text = template().replace("config: |-\n    template: |-", "config:\n    - |-")
    assert refusal(text) == unknown_shape("1: ConfigMap/istio-sidecar-injector", "data/config is not text", "sds-path")


def test_a_volume_whose_path_is_not_text_is_refused():
    """The message names the resource and the field."""
    assert refusal(volumes(path="{sds: /var/run/sds}")) == unknown_shape(
        "1: DaemonSet/istio-nodeagent", "spec/template/spec/volumes/0/hostPath/path is not text", "sds-path"
    )
