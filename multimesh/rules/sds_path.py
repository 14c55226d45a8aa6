"""Give each mesh its own directory on the node for the sockets of Istio 1.5's secret discovery service.

Otherwise two node agents would listen on the same socket, and the one that started last would give a pod its
certificate.

           hostPath:
    -        path: /var/run/sds
    +        path: /var/run/sds-affirmed

Only `hostPath` changes, in the workloads and in the injection template; containers still mount it at `/var/run/sds`.
The template is not YAML, so `hostPath` is read there in the usual spellings, and one that names the directory in
another way is refused.
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

_QUOTES = ('"', "'")
_COMMENTS = ("#", "{{/*", "{{- /*")


def plan(resource: Resource, mesh: Profile) -> None:
    """Rewrite the directory in volumes and in the injection template."""
    if resource.kind != "ConfigMap":
        for path, node in resource.find("spec/template/spec/volumes/*/hostPath/path"):
            if text(node, at=path).removesuffix("/") == SDS_PATH:
                resource.rewrite(node, sds_path(mesh), path)
    else:
        template = resource.lines("data/config")
        if template is not None:
            _plan_template(resource, mesh, template)


def _plan_template(resource: Resource, mesh: Profile, template: Editor) -> None:
    """Rewrite `path` below `hostPath` in a Go template: a template is not YAML, so it is read line by line.

    The lines below are those that are indented more, and each is an entry; actions of the template may be anywhere.
    """
    above, start, column = "", 0, -1  # column: that of the key `hostPath` above, -1 outside of such a mapping
    for line in template.source.split("\n"):
        content = line.lstrip(" ") if column >= 0 or "hostPath" in line else ""
        if content and not content.startswith(_COMMENTS):
            # A scalar in quotes over several lines has lost its indentation.
            is_below = content.startswith("{{") or above == "hostPath:" or len(line) - len(content) > column
            if not is_below:
                column = -1
            above = content.rstrip()
            at = begin = 0
            while (at := _key(line, at)) >= 0:
                column, begin = at - (line[at - 1 : at] in _QUOTES), line.index(":", at) + 1
                _plan_entries(resource, mesh, template, start, line, begin, _end(line, begin))
                at = begin
            if column >= 0 and not begin:
                _plan_entries(resource, mesh, template, start, line, 0, len(line))
        start += len(line) + 1


def _key(line: str, at: int) -> int:
    """Return the offset of the next key `hostPath` in a line, without its quote; -1 if there is none."""
    found = line.find("hostPath", at)
    while found >= 0:
        before, after = line[:found][-1:], line[found + len("hostPath") :].lstrip("\"' ")
        if (not before or before in " {,\"'") and after[:1] == ":":
            return found
        found = line.find("hostPath", found + 1)
    return -1


def _end(line: str, begin: int) -> int:
    """Return where the value of a key ends that may be a flow mapping on its line."""
    end = line.find("}", begin) if line[begin:].lstrip(" ").startswith("{") else -1
    return end if end >= 0 else len(line)


def _plan_entries(
    resource: Resource, mesh: Profile, template: Editor, start: int, line: str, begin: int, end: int
) -> None:
    """Rewrite the path among the entries of `hostPath` in a part of a line, or refuse another way to write it."""
    at = begin
    for entry in line[begin:end].partition(" #")[0].split(","):
        key, colon, value = entry.partition(":")
        name = key.strip(" {\"'") if colon else ""
        found = line.find(SDS_PATH, at)
        after = found + len(SDS_PATH)
        at += len(entry) + 1
        if SDS_PATH not in entry or (colon and not name.endswith("path")):
            continue
        if name == "path" and value.strip(" }\"'\r").removesuffix("/") == SDS_PATH:
            after += line[after : after + 1] == "/"
            template.replace_span(start + found, start + after, sds_path(mesh), "data/config")
        elif not name[-5:-4].isalpha() and _ends(line[after:]):
            raise resource.error(
                f'data/config has a hostPath that names {SDS_PATH} in an unknown way: "{line.strip()}"',
                f"Below hostPath:, write it as path: {SDS_PATH}, as the stock chart does. Otherwise the node agents of "
                "two meshes would listen on the same socket.",
            )


def _ends(rest: str) -> bool:
    """Return whether a path ends before this text, with or without a slash."""
    rest = rest.removeprefix("/")
    return not rest[:1].isalnum() and rest[:1] not in ("-", "_", ".", "/")
