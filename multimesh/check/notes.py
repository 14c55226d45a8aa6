"""The notes of each finding in addition to the catalogue, for docs/findings.md and for `explain`."""

from __future__ import annotations

#: Notes by the id of the finding, in Markdown, one sentence on each line. Links are relative to docs/.
NOTES = {
    "cluster-scoped-name": (
        "Two profiles are compared too: a mesh `viewer-x` renames the role `kiali` to the name that a "
        "mesh `x` gives to `kiali-viewer`.\n"
        "With `--cluster`, a resource that no Helm release owns is a warning: it may be this mesh's own.\n"
        "A profile alone is enough: the names that it makes are compared with those in the cluster.\n"
        "The rule is [cluster-scoped-names](rules.md#cluster-scoped-names)."
    ),
    "injection-overlap": (
        "The message describes an object that both webhooks match.\n"
        "With `--cluster` it is also found for the current labels of a namespace.\n"
        "The rule is [injection-label](rules.md#injection-label)."
    ),
    "validation-overlap": (
        "A webhook without a selector matches everything.\n"
        "With `--cluster` it is also found for the namespaces of a profile whose mesh is not there yet.\n"
        "Admission policies of Istio count as webhooks.\n"
        "A stock mesh validates the whole cluster from Istio 1.12 on because of its chart base: upgrade "
        'that release with `defaultRevision=""`.\n'
        "[Beside a stock mesh](operations.md#beside-a-stock-mesh) has the commands.\n"
        "The rule is [validation-scope](rules.md#validation-scope)."
    ),
    "webhook-flag-mismatch": (
        "From Istio 1.9 on a control plane finds its webhooks by `istio.io/rev` and by the suffix of "
        "their entries' names.\n"
        "The rule is [webhook-names](rules.md#webhook-names)."
    ),
    "node-port": (
        "Number and protocol count together, and `healthCheckNodePort` counts as TCP.\n"
        "The rule is [node-ports](rules.md#node-ports)."
    ),
    "host-port": "Pods with `hostNetwork` use every port that their containers list.",
    "host-path": (
        "A directory that all meshes only read is not a finding.\nThe rule is [sds-path](rules.md#sds-path)."
    ),
    "citadel-scope": (
        "A Citadel without `--listened-namespaces` serves the whole cluster.\n"
        "The rule is [citadel-scope](rules.md#citadel-scope)."
    ),
    "namespace-claimed-twice": (
        "It is found between profiles, between manifests (one resource in both, or one `rootNamespace`),"
        " and in the labels of live namespaces.\n"
        "See [profile.md](profile.md) for `workloadNamespaces`."
    ),
    "shared-revision": (
        "Canary revisions count.\n"
        "With `--cluster` a revision of a profile is also compared with the control planes, injectors "
        "and revision tags of others.\n"
        "The rule is [revision](rules.md#revision)."
    ),
    "dangling-reference": (
        "It is found only where the manifests contain other resources of that kind: the manifest of one "
        "release does not show the resources of the others."
    ),
    "embedded-cluster-scoped": (
        "The resource is in a ConfigMap, where Helm does not see it.\nThe rule is [mesh-policy](rules.md#mesh-policy)."
    ),
    "two-owners": (
        "With `--cluster` it is also found if a profile owns what another release in the cluster has: "
        "CRDs, istio-cni or ztunnel.\n"
        "CRDs of no release are a warning.\n"
        "To move the ownership, set `sharedResources: own` in the profile of the new owner and upgrade "
        "its release of the chart base with `--take-ownership`; then set `leave` in the profile of the "
        "old one.\n"
        "[Move the ownership of shared resources](operations.md#move-the-ownership-of-shared-resources) "
        "has the commands.\n"
        "See [shared-resources](rules.md#shared-resources)."
    ),
    "crd-version": (
        "The version of a control plane is that of its image; without one it is not checked.\n"
        "See [upgrades.md](upgrades.md) for the order of upgrades."
    ),
    "gateway-api-version": (
        "The annotation `gateway.networking.k8s.io/bundle-version` of each CRD counts, and the versions "
        "that it serves.\n"
        "`check --cluster` and `verify` compare with the CRDs of the cluster.\n"
        "The version of a control plane is that of its image; without one it is not checked.\n"
        "The [table](gateway-api.md#versions-of-the-crds) says which versions of Istio read what."
    ),
    "gateway-selector": (
        "Meshes that all confine their gateways, or that all have discovery selectors, are exempt.\n"
        "The rule is [scope-gateways](rules.md#scope-gateways)."
    ),
    "trust-domain": ("The default is `cluster.local`.\nSee [istio-1.5.md](istio-1.5.md) for its effects."),
    "no-discovery-selector": (
        "Istio has `discoverySelectors` since 1.10.\n"
        "Where a second mesh is known it is an error.\n"
        "With `--cluster` it is one if a control plane there reaches the namespaces of a mesh that is "
        "checked, because it has no selectors or because they match.\n"
        "The labels are those of the namespaces in the cluster, and those that `multimesh namespaces` "
        "writes.\n"
        "Beside a stock mesh, `multimesh.dev/mesh DoesNotExist` in its selectors leaves out the "
        'namespaces of the others; from 1.16 to 1.21 it needs `ENABLE_ENHANCED_RESOURCE_SCOPING: "true"`'
        " in `pilot.env` too.\n"
        "[Beside a stock mesh](operations.md#beside-a-stock-mesh) has the commands.\n"
        "See [istio-versions.md](istio-versions.md)."
    ),
    "discovery-overlap": (
        "The message describes a namespace that both select.\n"
        "It is found with `--cluster` too, against a mesh that was installed without multimesh.\n"
        "[What control planes write](isolation.md#what-control-planes-write) lists what is at stake."
    ),
    "written-twice": (
        "The root certificate, the status of Gateways and Ingresses, GatewayClasses, ClusterTrustBundles"
        " and taints of nodes: [what control planes write](isolation.md#what-control-planes-write) "
        "depends on the version.\n"
        "Up to Istio 1.15 no value keeps the roots of two meshes apart.\n"
        "It is not reported if the roots are the same, as the Secrets `cacerts` among the files show, or"
        " the bundles of live webhooks; or if the admission policies of both meshes are applied."
    ),
    "root-missing": (
        "One control plane of a namespace writes the root for all its revisions, under its own name for "
        "it; versions before 1.27 know one name only.\n"
        "With `--cluster` the revisions that run count.\n"
        "It is also found where the authority is not istiod ([a certificate authority of your "
        "own](isolation.md#a-certificate-authority-of-your-own)), and `verify` also compares the "
        "revisions that run, and names pods whose root does not exist or is empty."
    ),
    "cni-version": (
        "Only meshes whose sidecars rely on istio-cni (`pilot.cni.enabled`, up to Istio 1.21 "
        "`istio_cni.enabled`) are compared with it, whichever mesh installs it."
    ),
    "used-twice": "The variable is `PILOT_ENABLE_AMBIENT`, up to Istio 1.21 `PILOT_ENABLE_AMBIENT_CONTROLLERS`.",
    "gateway-name": (
        "The name is `<gateway>-<class>`, so the class `istio-affirmed` leaves 48 characters; for "
        "waypoints and agentgateways it is that of the Gateway.\n"
        "`verify` finds it too.\n"
        "See [profile.md](profile.md#names-that-cannot-work)."
    ),
    "token-audience": (
        "`multimesh values` writes an audience of the mesh, which is right without ambient mode.\n"
        "The profile `ambient` of the charts sets `PILOT_ENABLE_AMBIENT`.\n"
        "See [gateway-api.md](gateway-api.md#what-meshes-share)."
    ),
    "route-mesh": (
        "For example: HTTPRoute/nginx-affirmed/web names Gateway/nginx-blue/ingress of mesh blue.\n"
        "The label of the namespace says which mesh a Gateway belongs to.\n"
        "See [gateway-api.md](gateway-api.md#what-meshes-share)."
    ),
    "no-owner": "Manifests with CRDs count as an owner, and so do CRDs in the cluster.",
    "stock-name": (
        "From 1.24 on the release of an istiod with a revision contains no stock name: there the finding"
        " means that selectors of the rewrite are missing.\n"
        "See [upgrades.md](upgrades.md): Helm does not remember a post-renderer."
    ),
    "namespace-outside-profile": (
        "Shared resources of the owner, such as istio-cni, may be in any namespace.\n"
        "The rule is [namespaces](rules.md#namespaces)."
    ),
    "identity-lost": ("It needs `--previous`.\nA Service of type LoadBalancer counts too, since its address changes."),
    "immutable-selector": (
        "It needs `--previous`.\nThe fields are `spec.selector` of workloads and `roleRef` of bindings."
    ),
    "crd-deleted": (
        "It needs `--previous`.\n"
        "The report of `render` lists the CRDs that are left out, as findings of severity info.\n"
        "See [upgrades.md](upgrades.md)."
    ),
    "namespace-label": (
        "With Istio 1.5 a namespace that has the label and is in no profile is an error, since Citadel "
        "serves only the namespaces in its flags."
    ),
    "revision-unserved": (
        'For example: the namespace "nginx-affirmed" has istio.io/rev=affirmed, which no control plane '
        "of mesh affirmed serves, nor its Gateways: web.\n"
        "A namespace without Gateways that has an injection label is a warning.\n"
        "Revision tags count: their webhook configurations, and their Services beside the control plane.\n"
        "See [gateway-api.md](gateway-api.md)."
    ),
    "gateway-class": (
        "For example: Gateway/shop/web has the class istio-affirmed, whose controller is "
        "istio.io/gateway-controller-affirmed: no control plane of mesh blue serves it.\n"
        "Classes of other programs are not reported.\n"
        "See [gateway-api.md](gateway-api.md)."
    ),
    "control-plane-down": 'For example: no control plane runs in "istio-affirmed".',
    "ca-bundle": (
        'For example: the webhook "rev.namespace.sidecar-injector.istio.io" has no caBundle.\n'
        "`verify --settle 30` reads the cluster twice, 30 seconds apart, and names every webhook "
        "configuration, root and revocation list that was written meanwhile.\n"
        "The rule is [ca-bundle](rules.md#ca-bundle)."
    ),
    "pod-mesh": "For example: Pod/nginx-affirmed/web-1 has 2 sidecars.",
    "certificate": (
        "For example: ServiceAccount/nginx-affirmed/default has no certificate, although its pods may "
        "say 2/2.\n"
        "The rule is [citadel-scope](rules.md#citadel-scope)."
    ),
    "admission-policy": (
        "For example: the admission policy multimesh-roots-affirmed is missing.\n"
        "A mesh without any policy has no such finding.\n"
        "`check --cluster` reports the same as an info.\n"
        "See [isolation.md](isolation.md)."
    ),
    "left-behind": (
        "With `verify --removed`: ConfigMap/nginx-affirmed/istio-ca-root-cert is still there.\n"
        "Without it only what was made for a Gateway of another class than it has now: "
        "Deployment/shop/web-istio-affirmed is still there, and Gateway/shop/web has the class "
        "istio-blue now.\n"
        "See [gateway-api.md](gateway-api.md#after-a-move)."
    ),
    "unused-ignore": (
        "A finding of another command, such as one of `verify` while `check` runs, is said to be unused, too."
    ),
    "unreadable": (
        "A mesh configuration that is not YAML is reported too.\n"
        "So is each document that is not a Kubernetes object, such as a message of kubectl.\n"
        "Files of a directory that hold no object may be Helm values, and are not reported.\n"
        "A list whose metadata has `continue` is a part of one: the rest was not saved.\n"
        "With `--cluster` and in `verify` the message names the resources that you have no permission to"
        " read, and what was not checked.\n"
        "`--strict` makes it an error.\n"
        "They are `list` on namespaces, pods, configmaps, services, serviceaccounts, deployments, daemonsets, "
        "mutatingwebhookconfigurations, validatingwebhookconfigurations, validatingadmissionpolicies, "
        "validatingadmissionpolicybindings, clusterroles, clusterrolebindings and "
        "customresourcedefinitions, for `check` also on clusterissuers, meshpolicies and "
        "clusterrbacconfigs, for `--removed` on leases, for the Gateway API on gateways, gatewayclasses, "
        "httproutes, grpcroutes, tlsroutes, tcproutes and udproutes, and `get` on the secrets "
        "cacerts and istio-ca-secret; for Istio 1.5 also `list` on secrets.\n"
        "[Who may read](operations.md#who-may-read) has them as a ClusterRole."
    ),
}
