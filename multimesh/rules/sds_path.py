"""Give each mesh a folder of its own on the node for the sockets of Istio 1.5's secret discovery service.

Two node agents would listen on the same socket, and a pod would get its certificate from whichever came last.

           hostPath:
    -        path: /var/run/sds
    +        path: /var/run/sds-affirmed

Only `hostPath` changes, in the workloads and in the injection template; containers still see `/var/run/sds`.
"""

from __future__ import annotations

from multimesh.mesh.names import SDS_PATH, sds_path
from multimesh.rules.concern import has_word, name_starts
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
    "ConfigMap": (name_starts("istio-sidecar-injector", SDS_PATH),),
}


def plan(resource: Resource, mesh: Profile) -> None:
    """Rewrite the folder in volumes and in the injection template."""
    if resource.kind != "ConfigMap":
        for path, node in resource.find("spec/template/spec/volumes/*/hostPath/path"):
            if text(node) == SDS_PATH:
                resource.rewrite(node, sds_path(mesh), path)
    elif resource.name == "istio-sidecar-injector":
        template = resource.lines("data/config")
        if template is not None:
            _plan_template(mesh, template)


def _plan_template(mesh: Profile, template: Editor) -> None:
    """Rewrite the line below `hostPath:` in a Go template, which is no YAML and must be taken line by line."""
    text_of = template.source
    end = 0
    while (start := text_of.find(SDS_PATH, end)) >= 0:
        end = start + len(SDS_PATH)
        begin = text_of.rfind("\n", 0, start) + 1
        stop = text_of.find("\n", start)
        line = text_of[begin : stop if stop >= 0 else len(text_of)]
        above = text_of[text_of.rfind("\n", 0, max(begin - 1, 0)) + 1 : begin]
        if above.strip() == "hostPath:" and line.strip() == f"path: {SDS_PATH}":
            template.replace_span(start, end, sds_path(mesh), "data/config")
