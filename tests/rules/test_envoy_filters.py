"""The rule envoy-filters: telemetry filters of Istio 1.6 to 1.8 move into the mesh's own root namespace."""

from __future__ import annotations

import pytest
from rule_cases import NS, objects, reasons, refusal, stays

#: Every form of a telemetry filter's name in the charts (istio 1.6.0 to 1.8.6, telemetryv2_*.yaml).
FILTERS = (
    "metadata-exchange-1.8-affirmed",
    "tcp-metadata-exchange-1.8-affirmed",
    "stats-filter-1.8-affirmed",
    "tcp-stats-filter-1.8-affirmed",
    "stackdriver-filter-1.8-affirmed",
    "tcp-stackdriver-filter-1.8-affirmed",
)


def envoy_filter(name: str = "stats-filter-1.8-affirmed", namespace: str = "istio-system") -> str:
    """Return an EnvoyFilter as the charts write it; without a namespace if that is empty."""
    line = f"  namespace: {namespace}\n" if namespace else ""
    return (
        "---\napiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\n"
        f"metadata:\n  name: {name}\n{line}spec:\n  configPatches: []\n"
    )


@pytest.mark.parametrize("name", FILTERS)
def test_a_telemetry_filter_moves_to_the_root_namespace(name: str) -> None:
    """Every form of name that the charts use."""
    (moved,) = objects(envoy_filter(name))
    assert moved["metadata"] == {"name": name, "namespace": NS}
    assert reasons(envoy_filter(name)) == [("envoy-filters", "metadata/namespace")]


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_that_is_already_there_stays(name: str) -> None:
    """A second run changes nothing, and neither does one over a chart that took Helm's namespace."""
    assert stays(envoy_filter(name, NS))
    assert stays(envoy_filter(name, "nginx-affirmed"))


def test_a_filter_without_a_namespace_stays():
    """Helm's `-n` decides where it goes."""
    assert stays(envoy_filter(namespace=""))


@pytest.mark.parametrize("name", ["my-filter", "my-stats-filter-1.8", "stats-filter", "x-metadata-exchange-1.8"])
def test_another_filter_in_istio_system_is_refused(name: str) -> None:
    """Only the charts' own filters are misplaced; any other one was put there on purpose."""
    message = refusal(envoy_filter(name))
    assert f"<stdin>:2: EnvoyFilter/istio-system/{name}: " in message
    assert 'metadata/namespace is "istio-system", which is not a namespace of mesh affirmed [namespaces]' in message


def test_a_telemetry_filter_in_another_namespace_is_refused():
    """The charts of Istio 1.6 to 1.8 write istio-system and nothing else."""
    message = refusal(envoy_filter(namespace="istio-other"))
    assert 'metadata/namespace is "istio-other", which is not a namespace of mesh affirmed [namespaces]' in message


def test_another_kind_of_this_name_is_refused():
    """Only EnvoyFilters are moved."""
    message = refusal(envoy_filter().replace("kind: EnvoyFilter", "kind: Sidecar"))
    assert "Sidecar/istio-system/stats-filter-1.8-affirmed" in message
    assert "[namespaces]" in message
