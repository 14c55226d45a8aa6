"""What YAML readers disagree on, and what must come out: one table, by item.

Each case is a stock stream with the right answer. `REFUSED` means: exit 2 and nothing on stdout. A list of strings:
refused, or what Helm reads holds none of them. A list of patterns is weaker than a model on purpose: it names what must
not be installed, whatever the mend is. `WHOLE`: not refused, and Helm reads the same objects as in the stock stream but
for what the model says (see `right`). `OPEN` are the items that fail today; when an item is mended, take it out.
"""

from __future__ import annotations

from typing import NamedTuple

PROFILE = """\
metadata: {name: affirmed}
spec: {namespace: istio-affirmed, workloadNamespaces: [nginx-affirmed], sharedResources: own}
"""


class Case(NamedTuple):
    """One stream: the item, its name, the text, and what is right."""

    item: int
    name: str
    text: str
    #: Never in what Helm reads of the output.
    never: tuple[str, ...] = ()
    #: Always in what Helm reads of the output.
    always: tuple[str, ...] = ()
    #: Whether a refusal is right as well.
    may_refuse: bool = True
    #: The profile, where it is not PROFILE.
    profile: str = PROFILE


ROLE = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n"
CM = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: quiet\n  namespace: istio-affirmed\n"
BINDING = """\
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: istio-multi}, \
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: istio-reader}, subjects: []}"""
STOCK = '"name":"istio-reader"'
MULTI = '"name":"istio-multi"'
VALIDATOR = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: istio-validator-affirmed-istio-affirmed
  labels:
    istio.io/rev: affirmed
webhooks:
"""
ENTRY = """\
clientConfig: {service: {name: istiod-affirmed, namespace: istio-affirmed, path: /validate}}
  rules: []
  sideEffects: None
  admissionReviewVersions: [v1]
  name: rev.validation.istio.io
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: edge
  namespace: istio-affirmed
  labels: {chart: gateways, heritage: Tiller, release: istio}
spec:
  ports:
  - name: http2
    port: 80
    nodePort: %s
"""
INJECTOR = """\
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata:
  name: istio-sidecar-injector
  labels: {app: sidecarInjectorWebhook, chart: sidecarInjectorWebhook, heritage: Tiller, release: istio}
webhooks:
%s- name: sidecar-injector.istio.io
  clientConfig:
    %s
  rules: []
  failurePolicy: Fail
  namespaceSelector:
    matchLabels:
      istio-injection: enabled
"""
GALLEYS = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: istio-galley}
webhooks:
%s- name: pilot.validation.istio.io
  clientConfig: {%s}
  rules: [{operations: [CREATE], apiGroups: [networking.istio.io], apiVersions: ["*"], resources: ["*"]}]
"""
OTHER = "- {name: a.example.com, clientConfig: {url: https://example.com/a}, rules: []}\n"
MODERN = """\
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata:
  name: istio-sidecar-injector-affirmed
  labels: {istio.io/rev: affirmed}
webhooks:
- name: rev.namespace.sidecar-injector.istio.io
  clientConfig:
    service: {name: istiod-affirmed, namespace: istio-affirmed, path: /inject, port: %s}
    caBundle: ""
  sideEffects: None
  rules: [{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: %s}]
  timeoutSeconds: %s
  namespaceSelector:
    matchLabels: {istio.io/rev: affirmed}
    matchExpressions: [{key: istio-injection, operator: DoesNotExist}]
"""
GALLEY = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: istio-galley, namespace: istio-affirmed}
spec:
  template:
    spec:
      containers:
      - name: galley
        command: [/usr/local/bin/galley, server]
        args: %s
"""
CM_TEXT = CM + "data: {a: b}\n"

CASES = (
    # 1. Merge keys.
    Case(1, "merge after the key", ROLE + "metadata: {name: reader-affirmed, <<: {name: istio-reader}}\n", (STOCK,)),
    Case(1, "second merge", ROLE + "metadata: {<<: {labels: {a: b}}, <<: {name: istio-reader}}\n", (STOCK,)),
    Case(1, "merge before the key", ROLE + "metadata: {<<: {name: x-affirmed}, name: istio-reader}\n", (STOCK,)),
    Case(1, "non-specific tag", ROLE + 'metadata: {name: reader-affirmed, ! "<<": {name: istio-reader}}\n', (STOCK,)),
    Case(1, "merge tag", ROLE + 'metadata: {name: reader-affirmed, !!merge "<<": {name: istio-reader}}\n', (STOCK,)),
    Case(1, "text tag", ROLE + "metadata: {name: istio-reader, !!str <<: {name: reader-affirmed}}\n", (STOCK,)),
    Case(1, "list of merges", ROLE + "metadata: {name: r-affirmed, <<: [{name: istio-reader}, {a: b}]}\n", (STOCK,)),
    Case(
        1,
        "merge at the root",
        ROLE.replace("kind: ClusterRole\n", "kind: Role\n")
        + "metadata: {name: istio-reader, namespace: istio-affirmed}\n<<: {kind: ClusterRole}\n",
        ('"kind":"ClusterRole","metadata":{"name":"istio-reader"',),
    ),
    # 2. Keys in Base64.
    Case(
        2,
        "key",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n!!binary a2luZA==: ClusterRole\n"
        "metadata: {name: istio-reader}\n",
        (STOCK,),
    ),
    Case(2, "name", ROLE + "metadata: {name: reader-affirmed, !!binary bmFtZQ==: istio-reader}\n", (STOCK,)),
    Case(2, "literal merge", ROLE + "metadata: {!!binary PDw=: {name: istio-reader}, name: a-affirmed}\n", (STOCK,)),
    Case(
        2,
        "tag before a comma",
        "{" + ROLE.strip().replace("\n", ", ") + ", metadata: {name: !!str, istio-reader}}\n",
        (STOCK,),
    ),
    Case(
        2,
        "tag before a comma in a selector",
        MODERN.replace("{istio.io/rev: affirmed}\n  ", "{istio.io/rev: affirmed, istio-injection: !x, enabled}\n  ")
        % (443, "[pods]", 10),
        ('"istio-injection":"enabled"',),
    ),
    Case(
        2,
        "another meaning by a directive",
        CM
        + "...\n%TAG !! tag:example.com,2000:\n---\n"
        + (INJECTOR % ("", "url: https://example.com/inject"))
        .replace("istio-sidecar-injector", "a-affirmed")
        .replace("sidecar-injector.istio.io", "a.example.com")
        .replace("enabled", "!!binary ZW5hYmxlZA=="),
        ('"istio-injection":"enabled"',),
    ),
    Case(2, "flag", GALLEY % "[!!binary LS13ZWJob29rLW5hbWU9aXN0aW8tZ2FsbGV5]", ("--webhook-name=istio-galley",)),
    # 3. Items in any kind.
    Case(3, "config map", CM + "items:\n- " + BINDING + "\n", (MULTI,)),
    Case(
        3,
        "nested",
        CM + "items:\n- {apiVersion: v1, kind: Secret, metadata: {name: s}, items: [" + BINDING + "]}\n",
        (MULTI,),
    ),
    Case(
        3,
        "in a List",
        "apiVersion: v1\nkind: List\nitems:\n- " + CM.replace("\n", "\n  ").rstrip() + "\n  items: [" + BINDING + "]\n",
        (MULTI,),
    ),
    Case(
        3,
        "in a List, role",
        "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, items: ["
        + BINDING
        + "]}]\n",
        (MULTI,),
    ),
    Case(3, "no kind", "apiVersion: v1\nitems:\n- " + BINDING + "\n", (MULTI,)),
    # 4. Explicit first key.
    Case(
        4,
        "validator",
        VALIDATOR
        + "- ? name\n  : rev.validation.istio.io\n  "
        + ENTRY.replace("  name: rev.validation.istio.io\n", ""),
        (),
        ('"multimesh.dev/mesh"',),
    ),
    Case(
        4,
        "validator, nothing else",
        VALIDATOR + "- ? failurePolicy\n  : Ignore\n  " + ENTRY,
        (),
        ('"namespaceSelector":{"matchExpressions":[{"key":"multimesh.dev/mesh"',),
    ),
    Case(
        4,
        "removed explicit key",
        (SERVICE % "1").replace("    nodePort: 1\n", "    ? nodePort\n    : 31380\n    targetPort: 80\n"),
        ('"nodePort":31380',),
        ('"targetPort":80',),
    ),
    # 5. A byte order mark inside the stream.
    Case(
        5,
        "before a key",
        ROLE + "metadata:\n  name: reader-affirmed\n\ufeffmetadata:\n  name: istio-reader\n",
        (STOCK,),
    ),
    Case(5, "before metadata", ROLE + "\ufeffmetadata:\n  name: istio-reader\n", (STOCK,)),
    Case(
        5,
        "before a selector",
        VALIDATOR.replace("webhooks:\n", "webhooks: [{")
        + ENTRY.replace("\n  ", ",\n  ").strip()
        + ",\n\ufeffnamespaceSelector: {matchExpressions: [{key: multimesh.dev/mesh, operator: In, values: [affirmed]}]}}]\n",
        (),
        ('"namespaceSelector":{"matchExpressions":[{"key":"multimesh.dev/mesh"',),
    ),
    Case(
        5,
        "before items",
        "{apiVersion: v1, kind: ConfigMapList,\n\ufeffitems: [], metadata: {name: a}, items: [" + BINDING + "]}\n",
        (MULTI,),
    ),
    Case(
        5,
        "before kind",
        "apiVersion: v1\n\ufeffkind: ConfigMap\nkind: ClusterRole\nmetadata: {name: istio-reader}\n",
        (STOCK,),
    ),
    # 6. Node ports.
    *(
        Case(6, port, SERVICE % port, ('"nodePort":31380',), ('"port":80',))
        for port in (
            "0x7A94",
            "31_380",
            "31380.0",
            "3.138e4",
            "075224",
            "+31380",
            "0o75224",
            "0b111101010010100",
            '!!int "31380"',
            "!!float 31380",
            "0x7a94",
            "31380.",
            "0.3138e5",
        )
    ),
    # 7. Recognition.
    Case(7, "url", INJECTOR % ("", "url: https://example.com/inject"), ('"istio-injection":"enabled"',)),
    Case(
        7,
        "another service",
        INJECTOR % ("", "service: {name: mine, namespace: istio-affirmed}"),
        ('"istio-injection":"enabled"',),
    ),
    Case(
        7,
        "another entry first",
        INJECTOR
        % (
            "- {name: a.example.com, clientConfig: {service: {name: a, namespace: istio-affirmed}}, rules: []}\n",
            "service: {name: istio-sidecar-injector, namespace: istio-affirmed}",
        ),
        ('"istio-injection":"enabled"',),
    ),
    Case(
        7,
        "revisioned entry",
        MODERN.replace(
            "{istio.io/rev: affirmed}\n    matchExpressions: [{key: istio-injection, operator: DoesNotExist}]\n",
            "{istio-injection: enabled}\n",
        )
        % (443, "[pods]", 10),
        ('"istio-injection":"enabled"}',),
    ),
    Case(
        7,
        "another name of the entry",
        (INJECTOR % ("", "service: {name: istio-sidecar-injector, namespace: istio-affirmed}")).replace(
            "sidecar-injector.istio.io", "injector.example.com"
        ),
        ('"istio-injection":"enabled"',),
    ),
    *(
        Case(
            7,
            f"galley {name}",
            GALLEYS % (before, called),
            ('"metadata":{"name":"istio-galley"', '"namespaceSelector":{}'),
            ('"matchLabels":{"multimesh.dev/mesh":"affirmed"}',),
        )
        for name, before, called in (
            ("by url", "", "url: https://example.com/validate"),
            ("of another service", "", "service: {name: mine, namespace: istio-affirmed}"),
            ("after another entry", OTHER, "service: {name: istio-galley, namespace: istio-affirmed}"),
        )
    ),
    # 8. Flags.
    Case(8, "flag in args", GALLEY % "[--webhook-name=istio-galley]", ("--webhook-name=istio-galley",)),
    Case(8, "flag in two words", GALLEY % "[--webhook-name, istio-galley]", ('"--webhook-name","istio-galley"',)),
    Case(
        8,
        "one dash",
        GALLEY.replace("server]", "server, --a=b]") % "[--insecure=true, --webhook-name=istio-galley]",
        ("--webhook-name=istio-galley",),
    ),
    # 9. A shared name that the profile renames.
    Case(
        9,
        "istio-cni",
        ROLE
        + "metadata: {name: istio-cni}\n---\n"
        + BINDING.replace("istio-reader", "istio-cni").replace("istio-multi", "x-affirmed")
        + "\n",
        ('"name":"istio-cni-affirmed"},"subjects"',),
        profile=PROFILE.replace("own}", 'own, renameNames: ["ClusterRole/istio-cni"]}'),
    ),
    # 10. Line breaks.
    *(
        Case(10, name, ROLE.replace("\n", sign) + f"metadata:{sign}  name: istio-reader{sign}---\n" + CM_TEXT, (STOCK,))
        for name, sign in (("CR", "\r"), ("NEL", "\x85"), ("LS", "\u2028"), ("PS", "\u2029"))
    ),
    *(
        Case(
            10,
            f"{name} after the marker",
            f"---{sign}" + ROLE + "metadata: {name: istio-reader}\n---\n" + CM_TEXT,
            (STOCK,),
            ('"name":"quiet"',),
        )
        for name, sign in (("CR", "\r"), ("NEL", "\x85"), ("LS", "\u2028"), ("PS", "\u2029"))
    ),
    *(
        Case(
            10,
            f"{name} after metadata",
            f"---\n{ROLE}metadata:{sign}  name: istio-reader\n---\n" + CM_TEXT,
            (STOCK,),
            ('"name":"quiet"',),
        )
        for name, sign in (("CR", "\r"), ("NEL", "\x85"), ("LS", "\u2028"), ("PS", "\u2029"))
    ),
    *(
        Case(
            10,
            f"{name} at an insertion",
            VALIDATOR.replace("\n", sign) + "- " + ENTRY.replace("\n", sign) + "---\n" + CM_TEXT,
            (),
            ('"multimesh.dev/mesh"', '"name":"quiet"'),
        )
        for name, sign in (("CR", "\r"), ("NEL", "\x85"), ("LS", "\u2028"), ("PS", "\u2029"))
    ),
    *(
        Case(
            10,
            f"{name} after a list",
            VALIDATOR + "- " + ENTRY.replace("None\n", f"None{sign}") + "---\n" + CM_TEXT,
            (),
            ('"multimesh.dev/mesh"', '"name":"quiet"'),
        )
        for name, sign in (("CR", "\r"), ("NEL", "\x85"), ("LS", "\u2028"), ("PS", "\u2029"))
    ),
    *(
        Case(
            10,
            f"{name} at the end",
            (VALIDATOR + "- " + ENTRY).rstrip() + f"{sign}---\n" + CM_TEXT,
            (),
            ('"multimesh.dev/mesh"', '"name":"quiet"'),
        )
        for name, sign in (("CR", "\r"), ("NEL", "\x85"), ("LS", "\u2028"), ("PS", "\u2029"))
    ),
    *(
        Case(
            10,
            f"{name} in a container",
            (GALLEY % "[]").replace("server]\n", f"server]{sign}") + "---\n" + CM_TEXT,
            (),
            ("--webhook-name=istio-affirmed-galley", '"name":"quiet"'),
        )
        for name, sign in (("CR", "\r"), ("NEL", "\x85"), ("LS", "\u2028"), ("PS", "\u2029"))
    ),
    *(
        Case(
            10,
            f"{name} after a literal block",
            (GALLEY % "[]")
            .replace("istio-galley", "istio-ingressgateway")
            .replace("affirmed}", "affirmed, labels: {chart: gateways, heritage: Tiller}}", 1)
            .replace("name: galley", "name: istio-proxy")
            + "        env:\n        - name: ISTIO_METAJSON_LABELS\n          value: |\n            "
            + '{"app":"istio-ingressgateway"} '
            + f"{sign}\n---\n"
            + CM_TEXT,
            (),
            ('"name":"quiet"',),
        )
        for name, sign in (("CR", "\r"), ("NEL", "\x85"), ("LS", "\u2028"), ("PS", "\u2029"))
    ),
    *(
        Case(
            10,
            f"{name} ends a literal block",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: istio-affirmed, "
            "labels: {chart: gateways, heritage: Helm}}\nspec:\n  template:\n    spec:\n      containers:\n"
            "      - name: istio-proxy\n        env:\n        - name: ISTIO_METAJSON_LABELS\n          value: |\n"
            '            {"app":"istio-ingressgateway","chart":"gateways","heritage":"Helm"} '
            f"{sign}        - name: ISTIO_META_CLUSTER_ID\n",
            ('"app":"istio-ingressgateway"', 'app\\":\\"istio-ingressgateway'),
            ("ISTIO_META_CLUSTER_ID",),
        )
        for name, sign in (("CR", "\r"), ("NEL", "\x85"), ("LS", "\u2028"), ("PS", "\u2029"))
    ),
    *(
        Case(
            10,
            f"{name} in an embedded document",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: istio-security-custom-resources\ndata:\n"
            '  custom-resources.yaml: |-\n    kind: "MeshPolicy"\n    metadata:\n      labels:\n        release: istio'
            f"{sign}\n    spec:\n      peers:\n      - mtls:\n",
            ('"MeshPolicy"',),
            ("PeerAuthentication",),
        )
        for name, sign in (("CR", "\r"), ("NEL", "\x85"), ("LS", "\u2028"), ("PS", "\u2029"))
    ),
    Case(10, "another document after CR", CM_TEXT + "\r---\n" + ROLE + "metadata: {name: istio-reader}\n", (STOCK,)),
    Case(10, "another document after ...", CM_TEXT + "...\n" + ROLE + "metadata: {name: istio-reader}\n", (STOCK,)),
    # 11. The copied entry.
    Case(
        11,
        "no value in braces",
        (MODERN % (443, "[pods]", 10)).replace("path: /inject,", "path: , "),
        ('"path":""}',),
    ),
    Case(11, "null in a list", MODERN % (443, "[pods, null]", 10), ('"none"', '"None"]')),
    Case(
        11,
        "merge",
        (MODERN % (443, "[pods]", 10)).replace("  sideEffects: None\n", "  <<: {sideEffects: None}\n"),
        ('"<<"',),
    ),
    Case(11, "float", MODERN % (443, "[pods]", "1.5e1"), ('"timeoutSeconds":"',)),
    Case(11, "tagged number", MODERN % ('!!int "443"', "[pods]", 10), ('"port":"443"',)),
    Case(11, "hexadecimal", MODERN % ("0x1BB", "[pods]", 10), ('"port":"',)),
    Case(11, "underscore", MODERN % ("4_43", "[pods]", 10), ('"port":"',)),
    # 12. Output that Helm cannot read.
    Case(
        12,
        "anchor and block list",
        VALIDATOR.replace("webhooks:\n", "webhooks: &w\n# text\n\n")
        + "- "
        + ENTRY.replace(
            "  rules: []\n",
            "  namespaceSelector:\n    matchExpressions: &m\n    # text\n\n    - {key: a, operator: Exists}\n  rules: []\n",
        ),
        (),
        ('"multimesh.dev/mesh"',),
    ),
    Case(
        12,
        "tag and block list",
        VALIDATOR
        + "- "
        + ENTRY.replace(
            "  rules: []\n",
            "  namespaceSelector:\n    matchExpressions: !!seq\n    # text\n\n    - {key: a, operator: Exists}\n  rules: []\n",
        ),
        (),
        ('"multimesh.dev/mesh"',),
    ),
    Case(
        12,
        "dropped before a directive",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        "metadata: {name: a.istio.io, annotations: {helm.sh/resource-policy: keep}}\n...\n%YAML 1.1\n---\n" + CM_TEXT,
        (),
        ('"name":"quiet"',),
        profile=PROFILE.replace("own}", "leave}"),
    ),
    Case(
        12,
        "dropped before a directive, CRLF",
        (
            CM_TEXT
            + "...\n%YAML 1.1\n# text\n---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
            "metadata: {name: a.istio.io, annotations: {helm.sh/resource-policy: keep}}\n"
        ).replace("\n", "\r\n"),
        (),
        ('"name":"quiet"',),
        may_refuse=False,
        profile=PROFILE.replace("own}", "leave}"),
    ),
    Case(
        12,
        "a document on the line of the last marker that becomes the first one",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        "metadata: {name: a.istio.io, annotations: {helm.sh/resource-policy: keep}}\n"
        "--- {apiVersion: v1, kind: Secret, metadata: {name: a, namespace: istio-affirmed}}",
        ('"name":"a"',),
        profile=PROFILE.replace("own}", "leave}"),
    ),
    Case(
        10,
        "two carriage returns before a line feed",
        CM.replace("quiet", "istio-grafana-custom-resources").replace("\n", "\r\n")
        + "data:\r\n  run.sh: |\r\n    kubectl get validatingwebhookconfiguration istio-galley 2>x\r\r\n    b\r\n",
        ("\\n\\nb",),
    ),
    Case(
        12,
        "an object that becomes JSON, before the end of a document",
        '{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "ki\n\\  ali"}}\n...\n',
        ('"name":"kiali"',),
    ),
    Case(
        12,
        "a List that remains, with an alias across its items",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        "metadata: {name: a.istio.io, annotations: {helm.sh/resource-policy: keep}}\n---\n"
        "apiVersion: v1\nkind: List\nitems:\n"
        "- {apiVersion: v1, kind: &k Service, metadata: {name: a, namespace: istio-affirmed}}\n"
        "- {apiVersion: v1, kind: *k, metadata: {name: b, namespace: istio-affirmed}}\n",
        (),
        ('"name":"a"', '"name":"b"'),
        profile=PROFILE.replace("own}", "leave}"),
    ),
    Case(
        12,
        "a List that remains, with an alias inside an item",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        "metadata: {name: a.istio.io, annotations: {helm.sh/resource-policy: keep}}\n---\n"
        "apiVersion: v1\nkind: List\nitems:\n"
        "- {apiVersion: v1, kind: Service, metadata: {name: a, namespace: istio-affirmed, labels: {a: &l b, c: *l}}}\n",
        (),
        ('"name":"a"',),
        may_refuse=False,
        profile=PROFILE.replace("own}", "leave}"),
    ),
    Case(12, "anchor used elsewhere", ROLE + "metadata: {name: &n istio-reader, labels: {a: *n}}\n", (STOCK,)),
    Case(12, "anchor in a removed key", (SERVICE % "&p 31380") + "    targetPort: *p\n", ('"nodePort":31380',)),
    Case(
        12,
        "rules as a mapping",
        ROLE + "metadata: {name: istio-security-post-install-istio-affirmed}\nrules: {a: b}\n",
        (),
    ),
    # 13. Tracebacks.
    Case(13, "caBundle", (MODERN % (443, "[pods]", 10)).replace('    caBundle: ""\n', '    <<: {caBundle: ""}\n'), ()),
    Case(
        13,
        "clientConfig",
        VALIDATOR + "- <<: {clientConfig: {service: {name: istiod, namespace: istio-affirmed}, caBundle: ''}}\n"
        "  name: rev.validation.istio.io\n",
        (),
    ),
    Case(
        13,
        "nodePort",
        (SERVICE % "1").replace("    nodePort: 1\n", "    <<: {nodePort: 31380}\n"),
        ('"nodePort":31380',),
    ),
    *(
        Case(
            13,
            f"functionConfig {text[:24]}",
            "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nfunctionConfig: " + text + "\nitems: []\n",
            (),
        )
        for text in (
            "null",
            "[]",
            "1",
            "text",
            "{}",
            "{kind: MeshProfile}",
            "{? [a] : b}",
            "{<<: {a: b}}",
            "!!binary aaaa",
            "{kind: [a]}",
            "{data: 1}",
            "{metadata: null, spec: null}",
            "{metadata: [a], spec: b}",
            "{kind: ConfigMap, data: [a]}",
        )
    ),
    # 14. Names of namespaces: the second run.
    *(
        Case(
            14,
            namespace,
            SERVICE.replace("edge", "istio-ingressgateway").replace("istio-affirmed", namespace) % 31380
            + "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: istio-ingressgateway, namespace: "
            + namespace
            + ", labels: {app: istio-ingressgateway, chart: gateways, heritage: Tiller, release: istio}}\nspec: {}\n",
            ('"nodePort":31380',),
            profile=PROFILE.replace("istio-affirmed", namespace).replace("own", "leave"),
        )
        for namespace in (
            "ztunnel-a",
            "istio-cni-a",
            "istio-operator-a",
            "ztunnel",
            "istio-cni",
            "istio-init-a",
            "istio-crd-a",
        )
    ),
    # 15. No YAML in the middle.
    Case(
        15,
        "middle",
        CM_TEXT + "---\n" + CM + "data: {a: b\n---\n" + ROLE + "metadata: {name: istio-reader}\n",
        (STOCK,),
    ),
    Case(
        15,
        "middle, bad indent",
        CM_TEXT + "---\n" + CM + "data:\n   a: b\n  c: d\n---\n" + ROLE + "metadata: {name: istio-reader}\n",
        (STOCK,),
    ),
    Case(
        15,
        "middle, a tab",
        CM_TEXT + "---\n" + CM + "data:\n\ta: b\n---\n" + ROLE + "metadata: {name: istio-reader}\n",
        (STOCK,),
    ),
    # 16. What must not be refused.
    Case(
        16,
        "surrogate pair",
        '{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "istio-reader",'
        ' "annotations": {"a": "\\ud83d\\ude00"}}}\n',
        (STOCK,),
        ('"name":"istio-reader-affirmed"',),
        may_refuse=False,
    ),
    Case(
        16,
        "anchor twice",
        ROLE + "metadata: {name: istio-reader, labels: {a: &x b, c: &x d, e: *x}}\n",
        (STOCK,),
        ('"name":"istio-reader-affirmed"', '"e":"d"'),
        may_refuse=False,
    ),
    Case(
        16,
        "quoted null",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        "metadata: {name: a.istio.io, annotations: !!null 'null'}\n",
        (),
        ('"helm.sh/resource-policy":"keep"',),
        may_refuse=False,
    ),
    Case(
        16,
        "merge in labels",
        ROLE + "metadata: {name: istio-reader, labels: {<<: {a: b}, c: d}}\n",
        (STOCK,),
        ('"name":"istio-reader-affirmed"',),
    ),
    Case(16, "merge in a selector", (MODERN % (443, "[pods]", 10)).replace("{istio.io/rev: affirmed}\n  ", "{}\n"), ()),
)

#: Cases that fail today, by item: what is mended is taken out, and the test then holds it.
OPEN: frozenset[tuple[int, str]] = frozenset()
