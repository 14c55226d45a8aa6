"""Give each mesh its own directory on the node for the sockets of Istio 1.5's secret discovery service.

Otherwise two node agents would listen on the same socket, and the one that started last would give a pod its
certificate.

           hostPath:
    -        path: /var/run/sds
    +        path: /var/run/sds-affirmed

Only `hostPath` changes, in the workloads and in the injection template; containers still mount it at `/var/run/sds`.
"""

from __future__ import annotations

from multimesh.mesh.names import SDS_PATH, sds_path
from multimesh.rules.concern import has_word, name_is
from multimesh.yamltext.fieldpath import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads
    from multimesh.yamltext.edits import Editor

ID = "sds-path"
READS: Reads = {
    "Deployment": (has_word(SDS_PATH),),
    "DaemonSet": (has_word(SDS_PATH),),
    "ConfigMap": (name_is("istio-sidecar-injector", SDS_PATH),),
}


def plan(resource: Resource, mesh: Profile) -> None:
    """Rewrite the directory in volumes and in the injection template."""
    if resource.kind != "ConfigMap":
        for path, node in resource.find("spec/template/spec/volumes/*/hostPath/path"):
            if text(node, at=path) == SDS_PATH:
                resource.rewrite(node, sds_path(mesh), path)
    else:
        template = resource.lines("data/config")
        if template is not None:
            _plan_template(mesh, template)


def _plan_template(mesh: Profile, template: Editor) -> None:
    """Rewrite the line after `hostPath:` in a Go template: a template is not YAML, so it is read line by line."""
    above, start = "", 0
    for line in template.source.split("\n"):
        if line.strip() == f"path: {SDS_PATH}" and above.strip() == "hostPath:":
            begin = start + line.index(SDS_PATH)
            template.replace_span(begin, begin + len(SDS_PATH), sds_path(mesh), "data/config")
        above = line
        start += len(line) + 1
