"""The notes that docs/findings.md has in addition to the catalogue."""

#: Notes by the id of the finding, one sentence on each line.
NOTES = {
    "cluster-scoped-name": "Two profiles are compared too: a mesh `viewer-x` renames the role `kiali` to the name that a mesh `x` gives to `kiali-viewer`.\nWith `--cluster`, a resource that no Helm release owns is a warning: it may be this mesh's own.\nA profile alone is enough: the names that it makes are compared with those in the cluster.\nThe rule is [cluster-scoped-names](rules.md#cluster-scoped-names).",
    "injection-overlap": "The message describes an object that both webhooks match.\nWith `--cluster` it is also found for the current labels of a namespace.\nThe rule is [injection-label](rules.md#injection-label).",
    "validation-overlap": "A webhook without a selector matches everything.\nWith `--cluster` it is also found for the namespaces of a profile whose mesh is not there yet.\nAdmission policies of Istio count as webhooks.\nThe rule is [validation-scope](rules.md#validation-scope).",
    "webhook-flag-mismatch": "From Istio 1.9 on a control plane finds its webhooks by `istio.io/rev` and by the suffix of their entries' names.\nThe rule is [webhook-names](rules.md#webhook-names).",
    "node-port": "Number and protocol count together, and `healthCheckNodePort` counts as TCP.\nThe rule is [node-ports](rules.md#node-ports).",
    "host-port": "Pods with `hostNetwork` use every port that their containers list.",
    "host-path": "A directory that all meshes only read is not a finding.\nThe rule is [sds-path](rules.md#sds-path).",
    "citadel-scope": "A Citadel without `--listened-namespaces` serves the whole cluster.\nThe rule is [citadel-scope](rules.md#citadel-scope).",
    "namespace-claimed-twice": "It is found between profiles, between manifests (one resource in both, or one `rootNamespace`), and in the labels of live namespaces.\nSee [profile.md](profile.md) for `workloadNamespaces`.",
    "shared-revision": "Canary revisions count.\nWith `--cluster` a revision of a profile is also compared with the control planes, injectors and revision tags of others.\nThe rule is [revision](rules.md#revision).",
    "dangling-reference": "It is found only where the manifests contain other resources of that kind: the manifest of one release does not show the resources of the others.",
    "embedded-cluster-scoped": "The resource is in a ConfigMap, where Helm does not see it.\nThe rule is [mesh-policy](rules.md#mesh-policy).",
    "two-owners": "With `--cluster` it is also found if a profile owns what another release in the cluster has: CRDs, istio-cni or ztunnel.\nCRDs of no release are a warning.\nSee [shared-resources](rules.md#shared-resources).",
    "crd-version": "The version of a control plane is that of its image; without one it is not checked.\nSee [upgrades.md](upgrades.md) for the order of upgrades.",
    "gateway-api-version": "The annotation `gateway.networking.k8s.io/bundle-version` of each CRD counts, and the versions that it serves.\n`check --cluster` and `verify` compare with the CRDs of the cluster.\nThe version of a control plane is that of its image; without one it is not checked.\nThe [table](gateway-api.md#versions-of-the-crds) says which versions of Istio read what.",
    "gateway-selector": "Meshes that all confine their gateways, or that all have discovery selectors, are exempt.\nThe rule is [scope-gateways](rules.md#scope-gateways).",
    "trust-domain": "The default is `cluster.local`.\nSee [istio-1.5.md](istio-1.5.md) for its effects.",
    "no-discovery-selector": "Istio has `discoverySelectors` since 1.10.\nWhere a second mesh is known it is an error.\nWith `--cluster` it is one if a control plane there reaches the namespaces of a mesh that is checked, because it has no selectors or because they match.\nThe labels are those of the namespaces in the cluster, and those that `multimesh namespaces` writes.\nSee [istio-versions.md](istio-versions.md).",
    "discovery-overlap": "The message describes a namespace that both select.\nIt is found with `--cluster` too, against a mesh that was installed without multimesh.\n[What control planes write](isolation.md#what-control-planes-write) lists what is at stake.",
    "written-twice": "The root certificate, the status of Gateways and Ingresses, GatewayClasses, ClusterTrustBundles and taints of nodes: [what control planes write](isolation.md#what-control-planes-write) depends on the version.\nUp to Istio 1.15 no value keeps the roots of two meshes apart.\nIt is not reported if the roots are the same, as the Secrets `cacerts` among the files show, or the bundles of live webhooks; or if the admission policies of both meshes are applied.",
    "root-missing": "One control plane of a namespace writes the root for all its revisions, under its own name for it; versions before 1.27 know one name only.\nWith `--cluster` the revisions that run count.\nIt is also found where the authority is not istiod ([a certificate authority of your own](isolation.md#a-certificate-authority-of-your-own)), and `verify` also compares the revisions that run, and names pods whose root does not exist.",
    "cni-version": "Only meshes whose sidecars rely on istio-cni (`pilot.cni.enabled`, up to Istio 1.21 `istio_cni.enabled`) are compared with it, whichever mesh installs it.",
    "used-twice": "The variable is `PILOT_ENABLE_AMBIENT`, up to Istio 1.21 `PILOT_ENABLE_AMBIENT_CONTROLLERS`.",
    "gateway-name": "The name is `<gateway>-<class>`, so the class `istio-affirmed` leaves 48 characters; for waypoints and agentgateways it is that of the Gateway.\n`verify` finds it too.\nSee [profile.md](profile.md#names-that-cannot-work).",
    "token-audience": "`multimesh values` writes an audience of the mesh, which is right without ambient mode.\nThe profile `ambient` of the charts sets `PILOT_ENABLE_AMBIENT`.\nSee [gateway-api.md](gateway-api.md#what-meshes-share).",
    "route-mesh": "For example: HTTPRoute/nginx-affirmed/web names Gateway/nginx-blue/ingress of mesh blue.\nThe label of the namespace says which mesh a Gateway belongs to.\nSee [gateway-api.md](gateway-api.md#what-meshes-share).",
    "no-owner": "Manifests with CRDs count as an owner, and so do CRDs in the cluster.",
    "stock-name": "From 1.24 on the release of an istiod with a revision contains no stock name: there the finding means that selectors of the rewrite are missing.\nSee [upgrades.md](upgrades.md): Helm does not remember a post-renderer.",
    "namespace-outside-profile": "Shared resources of the owner, such as istio-cni, may be in any namespace.\nThe rule is [namespaces](rules.md#namespaces).",
    "identity-lost": "It needs `--previous`.\nA Service of type LoadBalancer counts too, since its address changes.",
    "immutable-selector": "It needs `--previous`.\nThe fields are `spec.selector` of workloads and `roleRef` of bindings.",
    "crd-deleted": "It needs `--previous`.\nThe report of `render` lists the CRDs that are left out, as findings of severity info.\nSee [upgrades.md](upgrades.md).",
    "namespace-label": "With Istio 1.5 a namespace that has the label and is in no profile is an error, since Citadel serves only the namespaces in its flags.",
    "revision-unserved": "For example: the namespace \"nginx-affirmed\" has istio.io/rev=affirmed, which no control plane of mesh affirmed serves, nor its Gateways: web.\nA namespace without Gateways that has an injection label is a warning.\nRevision tags count: their webhook configurations, and their Services beside the control plane.\nSee [gateway-api.md](gateway-api.md).",
    "gateway-class": "For example: Gateway/shop/web has the class istio-affirmed, whose controller is istio.io/gateway-controller-affirmed: no control plane of mesh blue serves it.\nClasses of other programs are no finding.\nSee [gateway-api.md](gateway-api.md).",
    "control-plane-down": "For example: no control plane runs in \"istio-affirmed\".",
    "ca-bundle": "For example: the webhook \"rev.namespace.sidecar-injector.istio.io\" has no caBundle.\n`verify --settle 30` reads the cluster twice, 30 seconds apart, and names every webhook configuration, root and revocation list that was written meanwhile.\nThe rule is [ca-bundle](rules.md#ca-bundle).",
    "pod-mesh": "For example: Pod/nginx-affirmed/web-1 has 2 sidecars.",
    "certificate": "For example: ServiceAccount/nginx-affirmed/default has no certificate, although its pods may say 2/2.\nThe rule is [citadel-scope](rules.md#citadel-scope).",
    "admission-policy": "For example: the admission policy multimesh-roots-affirmed is missing.\nA mesh without any policy has no such finding.\n`check --cluster` reports the same as an info.\nSee [isolation.md](isolation.md).",
    "left-behind": "With `verify --removed`: ConfigMap/nginx-affirmed/istio-ca-root-cert is still there.\nWithout it only what was made for a Gateway of another class than it has now: Deployment/shop/web-istio-affirmed is still there, and Gateway/shop/web has the class istio-blue now.\nSee [gateway-api.md](gateway-api.md#after-a-move).",
    "unused-ignore": "A finding of another command, such as one of `verify` while `check` runs, is said to be unused, too.",
    "unreadable": "A mesh configuration that is not YAML is reported too.\nWith `--cluster` and in `verify` the message names the resources that you have no permission to read, and what was not checked.\n`--strict` makes it an error.\n[Who may read](operations.md#who-may-read) lists the permissions.",
}  # fmt: skip

#: The section about .multimesh.yaml.
SETTINGS_NOTE = """\
## Ignore findings

The file `.multimesh.yaml` belongs beside the profiles, under version control:

```yaml
ignore:
  - finding: trust-domain              # an id of the table below
    mesh: blue                         # optional: only findings that concern this mesh
    reason: both meshes share one CA on purpose, see TICKET-12
  - finding: cluster-scoped-name
    resource: ClusterRole/grafana-*    # optional: Kind/name or Kind/namespace/name; * is any text
    reason: installed by the platform team, removed with the next release
severity:
  no-owner: error                      # error, warning or info, for all findings of this id
strict: true                           # as --strict
```

`check` and `verify` look for it in the directory of each profile and in the one above, which holds the directories of several meshes, and if there is none, in the working directory.
`--config FILE` names another one, and if two profiles have different ones, it is required.

- An entry needs a `reason`, which is printed with every finding that it ignores. Ignored findings are counted in the summary line, and do not change the exit code.
- In JSON they are in the list `ignored`; in SARIF they are results with `suppressions`, which code scanning services show as dismissed; in JUnit their case is skipped.
- An entry that ignores nothing is the finding [unused-ignore](#unused-ignore).
- `unreadable` cannot be ignored, and its severity can only be `error`: what could not be read is never called sound.
- An unknown key or id is an error, with the nearest known one.
"""
