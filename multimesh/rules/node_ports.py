"""Remove the node ports that the stock 1.5 chart requests by number.

A node port belongs to one Service of the cluster, so the API server would refuse the gateway of a second mesh.

         - name: http2
    -      nodePort: 31380
           port: 80

Without it, Kubernetes allocates a port. `nodePorts: {http2: 32380}` in the profile sets the node port of the port of
that name and removes the others; `nodePorts: keep` keeps all. Ports other than the stock ones are your own choice and
stay.
"""

from __future__ import annotations

from multimesh.mesh.definitions import STOCK_NODE_PORTS
from multimesh.rules.concern import has_word
from multimesh.yamltext.fieldpath import BadShape, get, is_mapping, is_scalar, text
from multimesh.yamltext.nodes import TEXT_TAG
from multimesh.yamltext.plain import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads
    from multimesh.yamltext.nodes import ScalarNode

ID = "node-ports"
READS: Reads = {"Service": (has_word("nodePort"),)}

#: Port name and node port of the stock chart.
STOCK_PORTS = frozenset(STOCK_NODE_PORTS.items())


def plan(resource: Resource, mesh: Profile) -> None:
    """Remove or replace the stock node ports of a Service of the 1.5 chart."""
    labels = resource.labels()
    if mesh.node_ports == "keep" or "chart" not in labels or "heritage" not in labels:
        return
    chosen = mesh.node_ports if isinstance(mesh.node_ports, dict) else {}
    for path, port in resource.find("spec/ports/*"):
        node = get(port, "nodePort") if is_mapping(port) else None
        if not is_scalar(node):
            continue
        name = text(port, "name", f"{path}/name")
        if (name, _port(node, f"{path}/nodePort")) not in STOCK_PORTS:
            continue
        if name in chosen:
            if node.tag == TEXT_TAG:
                raise BadShape(f"{path}/nodePort", "has the tag !!str, and Kubernetes takes a number only", node)
            resource.rewrite(node, chosen[name], f"{path}/nodePort")
        else:
            resource.remove(port, "nodePort", f"{path}/nodePort")


def _port(node: ScalarNode, at: str) -> int | float | None:
    """Return a node port as a number: 0x7A94 and 31_380 are 31380 to Helm. A quoted one counts too.

    Raises BadShape for Base64.
    """
    found = number(node)
    if found is None:
        quoted = text(node, at=at)
        return int(quoted) if quoted.isdecimal() and quoted.isascii() else None
    return found
