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


def template_of(lines: list[str]) -> str:
    """Write an injection template with these lines in place of the volume for the sockets."""
    return template(line="").replace("hostPath:\n          \n", "".join(f"{line}\n        " for line in lines) + "\n")


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


def test_the_directory_with_a_slash_is_the_same_one():
    """The slash at its end is not kept."""
    assert rendered(volumes(path="/var/run/sds/")) == volumes(path="/var/run/sds-affirmed")


@pytest.mark.parametrize(
    "lines",
    [
        ["name: a", "hostPath:", "  type: Directory", "  path: /var/run/sds"],
        ["- hostPath:", "    path: /var/run/sds", "  name: a"],
        ["- hostPath:", "    # c", "    path: /var/run/sds"],
        ["hostPath: # c", "", "  path: /var/run/sds # c"],
        ["hostPath:", "{{- if .Values.x }}", "  type: a", "{{- end }}", "  path: /var/run/sds"],
        ["hostPath:", '  path: "/var/run/sds"'],
        ["hostPath:", "  path: '/var/run/sds'"],
        ["hostPath:", '  "path": "/var/run/sds/" # c'],
        ["hostPath: {path: /var/run/sds}"],
        ['"hostPath": {"type": "", "path": "/var/run/sds"}'],
        ["- {name: a, hostPath: {path: /var/run/sds, type: x}}", "- path: /var/run/sds"],
        ['[{"hostPath":{"path":"/var/log"}},{"hostPath":{"path":"/var/run/sds"}}]'],
        ["hostPath: {", "    path: /var/run/sds }"],
    ],
    ids=range(13),
)
def test_every_usual_spelling_of_the_template_is_rewritten(lines: list[str]):
    """Of the template only the path changes."""
    text = template_of(lines)
    if "- path:" in lines[-1]:
        assert rendered(text) == text.replace("{path: /var/run/sds", "{path: /var/run/sds-affirmed")
    else:
        wanted = text.replace("/var/run/sds/", "/var/run/sds").split("volumes:")
        assert rendered(text) == "volumes:".join(
            [wanted[0], wanted[1].replace("/var/run/sds", "/var/run/sds-affirmed")]
        )


@pytest.mark.parametrize(
    "lines",
    [
        ["hostPath:", '  path: {{ "/var/run/sds" }}'],
        ["hostPath:", "  path: !!str /var/run/sds"],
        ["hostPath:", "  path: >-", "    /var/run/sds"],
        ["hostPath: {path: &a /var/run/sds}"],
        [r"hostPath:\n  path: /var/run/sds\n"],
    ],
    ids=range(5),
)
def test_an_unknown_spelling_of_the_template_is_refused(lines: list[str]):
    """The directory would stay, and the exit code would be 0."""
    text = template_of(lines)
    assert "data/config has a hostPath that names /var/run/sds in an unknown way" in refusal(text)


@pytest.mark.parametrize(
    "lines",
    [
        ["hostPath:", "  path: /var/run/sds/uds"],
        ["hostPath:", "  path: {{ .Values.path }}/var/run/sds-x"],
        ["hostPath:", "  # path: /var/run/sds", "  {{- /* path: /var/run/sds */}}", "  path: /x"],
        ["hostPath:", "  path: /x # /var/run/sds"],
        ["hostPath:", "  type: /var/run/sds"],
        ["hostPath: {path: /x}, mountPath: /var/run/sds"],
        ["hostPath:", "  path: /x", "mountPath: /var/run/sds"],
        ["hostPaths:", "  path: /var/run/sds"],
        ["# hostPath: {path: /var/run/sds}"],
        ["myhostPath: {path: /var/run/sds}"],
    ],
    ids=range(10),
)
def test_what_is_no_path_of_the_host_stays(lines: list[str]):
    """It looks alike."""
    text = template_of(lines)
    assert stays(text)


@pytest.mark.parametrize("path", ["/var/run/sds-blue", "/var/run/sdsx", "/host/var/run/sds", "null"])
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
