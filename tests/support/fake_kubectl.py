"""A kubectl that answers from a list of objects, as far as a role allows, and records the requests.

`install` writes it into a directory; a test adds that directory to the beginning of the PATH.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qs, urlsplit

#: API group of each resource that the program asks for by its plain name.
GROUPS = {
    **dict.fromkeys(("namespaces", "pods", "services", "serviceaccounts", "configmaps", "secrets"), ""),
    **dict.fromkeys(("deployments", "daemonsets"), "apps"),
    **dict.fromkeys(("clusterroles", "clusterrolebindings"), "rbac.authorization.k8s.io"),
    "customresourcedefinitions": "apiextensions.k8s.io",
    **dict.fromkeys(
        ("mutatingwebhookconfigurations", "validatingwebhookconfigurations", "validatingadmissionpolicies",
         "validatingadmissionpolicybindings"),
        "admissionregistration.k8s.io",
    ),
}  # fmt: skip


class Grant(NamedTuple):
    """One request, or the right to make it: a verb, a resource, and a name, which is empty for all names."""

    verb: str
    group: str
    resource: str
    name: str = ""


class Kubectl(NamedTuple):
    """A kubectl in a directory of its own."""

    directory: Path

    @property
    def requests(self) -> set[Grant]:
        """The requests so far."""
        log = self.directory / "requests"
        return {Grant(*json.loads(line)) for line in log.read_text().splitlines()} if log.exists() else set()

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of every call so far."""
        log = self.directory / "calls"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


#: What every cluster has.
EVERYWHERE = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}},
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "cluster-admin"}},
)


def install(directory: Path, objects: list[Any], grants: set[Grant] | None = None) -> Kubectl:
    """Write the program into a new directory. Without grants everything is allowed."""
    directory.mkdir()
    (directory / "objects.json").write_text(json.dumps([*objects, *EVERYWHERE]))
    if grants is not None:
        (directory / "grants.json").write_text(json.dumps(sorted(grants)))
    tool = directory / "kubectl"
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "{__file__}" "{directory}" "$@"\n')
    tool.chmod(0o755)
    return Kubectl(directory)


def grants_of(roles: list[Any]) -> set[Grant]:
    """Return the rights that ClusterRoles grant."""
    return {
        Grant(verb, group, resource, name)
        for role in roles
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [""])
    }


def answer(directory: Path, arguments: list[str]) -> tuple[int, str, str]:
    """Answer one call: exit code, stdout and stderr."""
    with (directory / "calls").open("a") as log:
        log.write(json.dumps(arguments) + "\n")
    if "--raw" in arguments:
        return _page(directory, urlsplit(arguments[-1]))
    flags = {"-n": "", "-l": "", "--field-selector": "", "-o": "", "--context": "", "--kubeconfig": ""}
    words = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in flags:
            flags[word] = rest.pop(0)
        elif not word.startswith("-"):
            words.append(word)
    assert (words[0], flags["-o"]) == ("get", "json"), arguments
    allowed = directory / "grants.json"
    grants = {Grant(*item) for item in json.loads(allowed.read_text())} if allowed.exists() else None
    objects = json.loads((directory / "objects.json").read_text())
    names, found, errors = words[2:], [], ""
    for kind in words[1].split(","):
        plural, _, group = kind.partition(".")
        group = group or GROUPS[plural]
        for name in names or [""]:
            request = Grant("get" if name else "list", group, plural, name)
            with (directory / "requests").open("a") as log:
                log.write(json.dumps(request) + "\n")
            if grants is not None and not {request, request._replace(name="")} & grants:
                errors += (
                    f'Error from server (Forbidden): {plural} is forbidden: User "u" cannot {request.verb} '
                    f'resource "{plural}" in API group "{group}"\n'
                )
                continue
            found += [item for item in objects if _fits(item, plural, group, name, flags)]
    if names and not found and not errors and "--ignore-not-found" in arguments:
        return 0, "", ""
    out = json.dumps({"apiVersion": "v1", "kind": "List", "items": found}) if found or not errors else ""
    return (1 if errors else 0), out, errors


def _page(directory: Path, url: SplitResult) -> tuple[int, str, str]:
    """Answer a request for one page of a kind in a namespace, as an API server does: items have no `kind`."""
    _, api, version, spaces, namespace, plural = url.path.split("/")
    assert (api, version, spaces) == ("api", "v1", "namespaces"), url
    wanted = {key: value[0] for key, value in parse_qs(url.query).items()}
    code, out, errors = answer(directory, ["get", plural, "-n", namespace, "-o", "json"])
    if code:
        return code, "", errors
    items = json.loads(out)["items"]
    start = int(wanted.get("continue", 0))
    end = start + int(wanted["limit"])
    more = {"continue": str(end)} if end < len(items) else {}
    page = [{key: value for key, value in one.items() if key not in ("kind", "apiVersion")} for one in items[start:end]]
    return 0, json.dumps({"kind": "List", "apiVersion": "v1", "metadata": more, "items": page}), ""


def _fits(item: Any, plural: str, group: str, name: str, flags: dict[str, str]) -> bool:
    kind = item["kind"].lower()
    version = item["apiVersion"]
    metadata = item["metadata"]
    label, _, value = flags["-l"].partition("=")
    return (
        plural
        == (
            f"{kind[:-1]}ies"
            if kind.endswith("y") and not kind.endswith("ay")
            else f"{kind}es"
            if kind.endswith("s")
            else f"{kind}s"
        )
        and group == (version.rpartition("/")[0])
        and name in ("", metadata["name"])
        and (not flags["-n"] or metadata.get("namespace", "") == flags["-n"])
        and (not label or (label in (metadata.get("labels") or {}) and value in ("", metadata["labels"][label])))
        and flags["--field-selector"] in ("", f"type={item.get('type')}")
    )


if __name__ == "__main__":
    code, out, err = answer(Path(sys.argv[1]), sys.argv[2:])
    sys.stdout.write(out)
    sys.stderr.write(err)
    raise SystemExit(code)
