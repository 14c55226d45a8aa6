"""Give each mesh a folder of its own on the node for the sockets of Istio 1.5's secret discovery service.

Two node agents would listen on the same socket, and a pod would get its certificate from whichever came last.

           hostPath:
    -        path: /var/run/sds
    +        path: /var/run/sds-affirmed

Only `hostPath` changes, in the workloads and in the injection template; containers still see `/var/run/sds`.
"""

from multimesh.fieldpath import text
from multimesh.naming import SDS_PATH, sds_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.manifest import Resource
    from multimesh.profile import Profile

ID = "sds-path"


def plan(resource: "Resource", mesh: "Profile") -> None:
    """Rewrite the folder in volumes and in the injection template."""
    if resource.kind != "ConfigMap":
        for path, node in resource.find("spec/template/spec/volumes/*/hostPath/path"):
            if text(node) == SDS_PATH:
                resource.rewrite(node, sds_path(mesh), path)
    elif resource.name == "istio-sidecar-injector":
        found = resource.embedded("data/config")
        if found is not None:
            _plan_template(resource, mesh)


def _plan_template(resource: "Resource", mesh: "Profile") -> None:
    """Rewrite the line below `hostPath:` in a Go template, which is no YAML and must be taken line by line."""
    found = resource.embedded("data/config")
    if found is None:
        return
    template, text_of = found[1], found[1].text
    start = text_of.find(SDS_PATH)
    while start >= 0:
        end = start + len(SDS_PATH)
        _, above, line = ("\n\n" + text_of[:start]).rsplit("\n", 2)
        line += text_of[start:].partition("\n")[0]
        if above.strip() == "hostPath:" and line.strip() == f"path: {SDS_PATH}":
            template.replace_span(start, end, sds_path(mesh), resource.title, ID, "data/config")
        start = text_of.find(SDS_PATH, end)
