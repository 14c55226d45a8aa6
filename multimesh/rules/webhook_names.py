"""Give the webhook configurations of Istio 1.5 a name of their own, and set the flags that name them.

With one name, the control planes of two meshes would write their certificates into the same object, and the injector of
one mesh would answer for pods of the other. The configuration, its entries, the flags that name them, and the script
that waits for galley change together: one function makes the name for all of them.

    -  name: istio-sidecar-injector
    +  name: istio-affirmed-sidecar-injector
     webhooks:
    -  - name: sidecar-injector.istio.io
    +  - name: affirmed-sidecar-injector.istio.io

    +            - --webhookName=affirmed-sidecar-injector.istio.io
    +            - --webhookConfigName=istio-affirmed-sidecar-injector

The copy of galley's configuration in the ConfigMap `istio-galley-configuration` changes too, although nothing mounts
it, and so does the variable `INJECTION_WEBHOOK_CONFIG_NAME` of pilot, which only istiod would read.
Services and ServiceAccounts keep their names: certificates contain them.
From Istio 1.6 on, control planes find their entries by name, and this rule changes nothing.
Charts of Istio 1.4 and older are refused: their galley reads its configuration from a file, and keeps its stock name.
"""

from __future__ import annotations

from multimesh.kubernetes.containers import container, flag, flag_list, set_flag, set_variable, words_of
from multimesh.kubernetes.resources import resources
from multimesh.mesh.names import (
    GALLEY_CONFIGURATION,
    INJECTOR_CONFIGURATION,
    INJECTOR_ENTRY,
    galley_configuration,
    injector_configuration,
    occurrences,
    webhook_entry,
)
from multimesh.rules.concern import EVERY, name_is
from multimesh.rules.recognise import RENDER_AGAIN, is_galley, is_injector
from multimesh.yamltext.fieldpath import BadShape, is_scalar, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.containers import Flags
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads
    from multimesh.yamltext.nodes import MappingNode

ID = "webhook-names"

#: The ConfigMap with the copy of galley's configuration. The other two that are read hold scripts.
_COPY = "istio-galley-configuration"

READS: Reads = {
    "MutatingWebhookConfiguration": EVERY,
    "ValidatingWebhookConfiguration": EVERY,
    "Deployment": (name_is("istio-galley"), name_is("istio-sidecar-injector"), name_is("istio-pilot")),
    "ConfigMap": (
        name_is(_COPY),
        name_is("istio-security-custom-resources"),
        name_is("istio-grafana-custom-resources"),
    ),
}

#: What flags of galley and the injector begin with that exist up to 1.4, and not in 1.5.0
#: (install/kubernetes/helm/istio/charts/{galley,sidecarInjectorWebhook}/templates/deployment.yaml, 1.0.0 to 1.4.10).
_OLD_FLAGS = (
    "--validation-webhook-config-file", "--webhook-config-file", "--livenessProbePath=/healthliveness",
    "--healthCheckFile=/health",
)  # fmt: skip

#: What the scripts of the hook Jobs wait for (1.5.0, charts/security/templates/create-custom-resources-job.yaml).
_SCRIPT_WORDS = f"validatingwebhookconfiguration {GALLEY_CONFIGURATION}"


def plan(resource: Resource, mesh: Profile) -> None:
    """Rename entries, and what names the configurations; the rule cluster-scoped-names renames these."""
    if resource.kind == "Deployment":
        _plan_flags(resource, mesh)
    elif resource.kind == "ConfigMap":
        if resource.name == _COPY:
            _plan_copy(resource, mesh)
        else:
            _plan_script(resource, mesh)
    elif is_injector(resource, mesh) or is_galley(resource, mesh):
        _plan_entries(resource, mesh)


def _plan_entries(resource: Resource, mesh: Profile) -> None:
    named = resource.find("webhooks/*/name")
    for path, node in named:
        resource.rewrite(node, webhook_entry(text(node), mesh), path)
    if len(named) < len(resource.find("webhooks/*")):
        # No API server reads the copy, where `? name : x` is a key that is a mapping.
        raise BadShape("webhooks", "has an entry without a name", resource.root)


def _plan_flags(resource: Resource, mesh: Profile) -> None:
    if resource.name == "istio-galley":
        path, node = container(resource, "galley")
        _refuse_old(resource, path, node)
        path, flags = flag_list(path, node, subcommand="server")
        _set(resource, path, flags, "--webhook-name", galley_configuration(mesh), GALLEY_CONFIGURATION)
    elif resource.name == "istio-sidecar-injector":
        path, node = container(resource, "sidecar-injector-webhook")
        _refuse_old(resource, path, node)
        path, flags = flag_list(path, node)
        _set(resource, path, flags, "--webhookName", webhook_entry(INJECTOR_ENTRY, mesh), INJECTOR_ENTRY)
        _set(resource, path, flags, "--webhookConfigName", injector_configuration(mesh), INJECTOR_CONFIGURATION)
    elif resource.name == "istio-pilot":
        path, node = container(resource, "discovery")
        set_variable(resource, path, node, "INJECTION_WEBHOOK_CONFIG_NAME", injector_configuration(mesh))


def _refuse_old(resource: Resource, path: str, node: MappingNode) -> None:
    """Refuse the charts before 1.5, which have flags that 1.5.0 removed or changed."""
    found = words_of(path, node)
    for word in found[1].value if found is not None else ():
        if is_scalar(word) and word.value.startswith(_OLD_FLAGS):
            raise resource.error(
                f'{path} holds "{word.value}": '
                "this is a chart of Istio 1.4 or older, and multimesh knows none before 1.5",
                "Use a chart of Istio 1.5 or later. A chart before that can be the only mesh of a cluster: "
                "install it without the post-renderer.",
            )


def _set(resource: Resource, path: str, flags: Flags, name: str, new: str, stock: str) -> None:
    found = flag(path, flags, name)
    if found is not None and found[0] not in (new, stock, ""):
        raise resource.error(
            f'{path} holds {name}="{found[0]}": this stream has been rewritten for another mesh',
            RENDER_AGAIN,
        )
    set_flag(resource, path, flags, name, new)


def _plan_copy(resource: Resource, mesh: Profile) -> None:
    found = resource.embedded("data/validatingwebhookconfiguration.yaml")
    for inner in resources(found.text, ID) if found is not None else ():
        if is_galley(inner, mesh):
            for path, node in inner.find("metadata/name"):
                inner.rewrite(node, galley_configuration(mesh), path)
            _plan_entries(inner, mesh)


def _plan_script(resource: Resource, mesh: Profile) -> None:
    script = resource.lines("data/run.sh")
    if script is None:
        return
    for start in occurrences(script.source, _SCRIPT_WORDS):
        name = start + _SCRIPT_WORDS.index(GALLEY_CONFIGURATION)
        script.replace_span(name, name + len(GALLEY_CONFIGURATION), galley_configuration(mesh), "data/run.sh")
