"""Control planes since Istio 1.6: the version, the variables and the mesh configuration of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from multimesh.check.meshes.mesh import Mesh
from multimesh.check.meshes.workloads import minor_version, pod_spec
from multimesh.check.objects import Object, dig, mappings, strings, text_of
from multimesh.mesh.writes import UNKNOWN, Minor, is_everywhere, row_of


class Plane(NamedTuple):
    """One control plane. `version` is UNKNOWN where nothing says it; `settings` is None without a mesh configuration.

    `era` is the version, or one that writes the same where the image does not say it.
    """

    mesh: Mesh
    workload: Object
    version: Minor
    era: Minor
    env: dict[str, str]
    config: Object | None
    settings: dict[str, Any] | None

    @property
    def revision(self) -> str:
        """Its revision."""
        return revision_in(self.env)

    @property
    def title(self) -> str:
        """Its revision and its version in words."""
        known = f" (Istio {self.version[0]}.{self.version[1]})" if self.version != UNKNOWN else ""
        return f'revision "{self.revision}"{known}'

    @property
    def selectors(self) -> list[dict[str, Any]]:
        """Its discovery selectors; an empty list where it has none."""
        return mappings(self.settings, "discoverySelectors")

    def is_confined(self, key: str) -> bool:
        """Return whether what it writes, a key of the table, is only in namespaces that its selectors select."""
        row = row_of(key, self.era)
        return row is None or (bool(self.selectors) and not is_everywhere(row, self.env))


def revision_in(env: dict[str, str]) -> str:
    """Return the revision that the variables of a control plane name."""
    return env.get("REVISION") or "default"


def planes(mesh: Mesh) -> Iterator[Plane]:
    """Yield the control planes of a mesh."""
    configs = {config.name: (config, values) for config, values in mesh.configs}
    for workload, container in mesh.containers("discovery"):
        if workload.name == "istio-pilot":
            continue  # Istio 1.5.
        env = {text_of(item.get("name")): text_of(item.get("value")) for item in mappings(container, "env")}
        revision = revision_in(env)
        found = configs.get("istio" if revision == "default" else f"istio-{revision}")
        if found is None and len(configs) == 1:
            found = next(iter(configs.values()))
        version = minor_version(workload, container)
        yield Plane(mesh, workload, version, _era(version, workload, env), env, *(found or (None, None)))


def _era(version: Minor, workload: Object, env: dict[str, str]) -> Minor:
    """Return the version, or one that writes the same where the image does not say it, as in charts built from source.

    Charts up to 1.21 set JWT_POLICY, those since 1.16 mount the Secret istiod-tls
    (manifests/charts/istio-control/istio-discovery/templates/deployment.yaml).
    """
    if version != UNKNOWN or "JWT_POLICY" not in env:
        return version
    mounted = [text_of(dig(volume, "secret", "secretName")) for volume in mappings(pod_spec(workload), "volumes")]
    return (1, 16) if "istiod-tls" in mounted else (1, 9)


def injector_values(mesh: Mesh, revision: str) -> dict[str, Any]:
    """Return the values that the injector of a revision renders sidecars with; empty where they are not known."""
    name = "istio-sidecar-injector" + (f"-{revision}" if revision != "default" else "")
    for config in mesh.of("ConfigMap"):
        if config.name == name:
            try:
                found = json.loads(strings(config.data.get("data")).get("values", ""))
            except ValueError:
                return {}
            return found if isinstance(found, dict) else {}
    return {}
