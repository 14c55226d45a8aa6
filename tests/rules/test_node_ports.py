"""The rule node-ports: the node ports of the stock 1.5 chart are removed, or replaced by those of the profile."""

from __future__ import annotations

import pytest
from rule_cases import objects, paths, refusal, rendered, stays, unknown_shape

from multimesh.mesh.definitions import PORT_NAMES
from multimesh.rules.node_ports import STOCK_PORTS

SERVICE = """\
apiVersion: v1
kind: {kind}
metadata:
  name: istio-ingressgateway
  namespace: istio-affirmed
  labels:
    {labels}
spec:
  type: NodePort
  ports:
  - name: {name}
    nodePort: {port}
    port: 80
"""

LABELS = "chart: gateways\n    heritage: Tiller"

#: The names and node ports that the stock chart requests.
STOCK = (("http2", "31380"), ("https", "31390"), ("tcp", "31400"), ("http-prometheus", "32090"))


def service(name: str = "http2", port: str = "31380", labels: str = LABELS, kind: str = "Service") -> str:
    """Write a Service with one port; nothing here is named after a gateway unless `labels` say so."""
    return SERVICE.format(name=name, port=port, labels=labels, kind=kind).replace("ingressgateway", "edge")


def test_a_profile_may_give_a_node_port_to_each_stock_port_and_to_no_other():
    """A port of another name would be set nowhere, without a word."""
    assert {name for name, _ in STOCK_PORTS} == set(PORT_NAMES)


@pytest.mark.parametrize(("name", "port"), STOCK)
def test_a_stock_node_port_is_removed(name: str, port: str):
    """Kubernetes allocates one instead."""
    assert rendered(service(name, port)) == service(name, port).replace(f"    nodePort: {port}\n", "")
    assert paths(service(name, port)) == ["spec/ports/0/nodePort"]


@pytest.mark.parametrize("port", ["0x7A94", "075224", "31_380", "31380.0", '"31380"', "!!int 31380"])
def test_a_stock_node_port_is_compared_as_a_number(port: str):
    """Helm reads each of these as 31380, or Kubernetes would if it took a quoted one."""
    assert "nodePort" not in rendered(service(port=port))


def test_a_node_port_in_base64_is_refused():
    """It is text, and could be a stock port to whoever decodes it."""
    assert 'spec/ports/0/nodePort is "MzEzODA=" in Base64' in refusal(service(port="!!binary MzEzODA="))


def test_digits_of_another_script_are_no_number():
    """Neither Helm nor Kubernetes reads them as one."""
    assert stays(service(port='"٣١٣٨٠"'))


@pytest.mark.parametrize(("name", "port"), STOCK)
def test_a_port_of_the_profile_replaces_the_stock_one(name: str, port: str):
    """The style of the number is that of YAML."""
    assert rendered(service(name, port), nodePorts={name: 32380}) == service(name, "32380")
    assert paths(service(name, port), nodePorts={name: 32380}) == ["spec/ports/0/nodePort"]


def test_a_node_port_that_a_tag_makes_text_is_refused():
    """The number of the profile would be text, too."""
    what = "spec/ports/0/nodePort has the tag !!str, and Kubernetes takes a number only"
    assert what in refusal(service(port="!!str 31380"), nodePorts={"http2": 32380})
    assert "nodePort" not in rendered(service(port="!!str 31380"))


def test_ports_that_the_profile_does_not_name_are_removed():
    """A map sets some ports; the others are allocated."""
    two = service() + "  - name: https\n    nodePort: 31390\n    port: 443\n"
    ports = objects(two, nodePorts={"https": 32390})[0]["spec"]["ports"]
    assert ports == [{"name": "http2", "port": 80}, {"name": "https", "nodePort": 32390, "port": 443}]


def test_ports_after_those_that_stay_are_removed():
    """A port without a node port, and one with a port of the user's own, come first."""
    own = "  - port: 15020\n  - name: own\n    nodePort: 32000\n    port: 1\n"
    assert rendered(service().replace("  ports:\n", "  ports:\n" + own)).endswith(
        f"{own}  - name: http2\n    port: 80\n"
    )


def test_the_profile_can_keep_all():
    """`keep` is for a cluster with one mesh."""
    assert stays(service(), nodePorts="keep")


@pytest.mark.parametrize(
    ("name", "port"),
    [("http2", "31390"), ("status-port", "31380"), ("http2", "32380"), ("http2", "null"), ("http2", '"a"')],
    ids=["of another name", "of no stock name", "own", "none", "not a number"],
)
def test_another_node_port_stays(name: str, port: str):
    """Name and number must be those of the stock chart, with the profile's map as without it."""
    assert stays(service(name, port))
    assert stays(service(name, port), nodePorts={"http2": 32380})


def test_a_port_without_a_node_port_stays():
    """As do a null in the list, and no list at all."""
    assert stays(service().replace("    nodePort: 31380\n", "") + "  - null # nodePort\n")
    assert stays(service().replace("  ports:", "  other:"))


@pytest.mark.parametrize("labels", ["chart: gateways", "heritage: Tiller", "app: a"])
def test_a_service_of_another_chart_stays(labels: str):
    """Charts of Istio 1.6 and later have no label `heritage`, and their ports are the user's."""
    assert stays(service(labels=labels))


def test_another_kind_stays():
    """Only a Service has node ports."""
    assert stays(service(kind="Endpoints"))


def test_a_name_that_is_not_text_is_refused():
    """It could be that of a stock port."""
    assert refusal(service(name="[http2]")) == unknown_shape(
        "1: Service/istio-affirmed/istio-edge", "spec/ports/0/name is not text", "node-ports"
    )


def test_ports_that_are_not_a_list_are_refused():
    """The message names the field."""
    assert refusal(service().replace("  ports:\n", "  ports: none\n  other:\n")) == unknown_shape(
        "1: Service/istio-affirmed/istio-edge", "spec/ports is not a list", "node-ports"
    )
