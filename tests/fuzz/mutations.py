"""Change values, keys and shapes of YAML nodes: neighbours of whatever a rule knows, and of what the charts have."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import yaml

STR = "tag:yaml.org,2002:str"

#: Values and keys that rules know.
KNOWN = """\
istio-reader istio-multi kiali kiali-viewer prometheus istio-galley istio-sidecar-injector istio-ingressgateway
istio-egressgateway istio-ilbgateway istio-ingressgateway-service-account istio-ingressgateway-sds istio-policy
istio-ingressgateway-certs istio-ingressgateway-ca-certs istio.istio-ingressgateway-service-account istiocoredns
istiod-default-validator stable-channel-default-policy.istio.io sidecar-injector.istio.io pilot.validation.istio.io
mixer.validation.istio.io rev.validation.istio.io validation.istio.io rev.namespace.sidecar-injector.istio.io
namespace.sidecar-injector.istio.io object.sidecar-injector.istio.io enabled disabled istio-injection istio.io/rev
istio.io/tag multimesh.dev/mesh default istio-system istio-affirmed istio-blue affirmed blue enabled-affirmed
enabled-blue istiod istiod-affirmed istiod-blue istio-pilot istio-citadel istio-cni ztunnel istio-operator certmanager
letsencrypt letsencrypt-staging cluster-admin view system:auth-delegator company-reader kube-system nginx-affirmed
ClusterRole ClusterRoleBinding Role RoleBinding MutatingWebhookConfiguration ValidatingWebhookConfiguration ConfigMap
List Deployment DaemonSet Service ServiceAccount CustomResourceDefinition Gateway EnvoyFilter MeshPolicy Namespace
Secret PodDisruptionBudget HorizontalPodAutoscaler ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding
--webhook-name=istio-galley --webhook-name --webhookName --webhookConfigName=istio-sidecar-injector --serviceCluster
--listened-namespaces=istio-system server galley discovery citadel sidecar-injector-webhook istio-proxy
INJECTION_WEBHOOK_CONFIG_NAME ISTIO_META_WORKLOAD_NAME ISTIO_META_OWNER ISTIO_METAJSON_LABELS REVISION
PILOT_SCOPE_GATEWAY_TO_NAMESPACE /var/run/sds gateways Tiller Helm keep http2 https tcp http-prometheus 31380 31390
31400 32090 Ignore Fail In NotIn Exists DoesNotExist v1 v1beta1 rbac.authorization.k8s.io/v1
""".split()

KEYS = """\
name namespace kind apiVersion metadata labels annotations webhooks clientConfig service caBundle namespaceSelector
objectSelector matchLabels matchExpressions key operator values failurePolicy rules subjects roleRef spec template
containers args command env value nodePort port ports items data selector app chart heritage istio.io/rev mesh
istio-injection volumes secret secretName hostPath path helm.sh/resource-policy rootNamespace url <<
""".split()

Mutation = Callable[[list[Any], list[str], Random], None]


def scalar(value: str, tag: str = STR) -> Any:
    """Return a scalar node."""
    return yaml.ScalarNode(tag, value)


def walk(node: Any) -> Iterator[tuple[Any, int, Any]]:
    """Yield every collection with the index of one of its children, and the child."""
    if isinstance(node, yaml.ScalarNode):
        return
    for index, part in enumerate(node.value):
        child = part[1] if isinstance(part, tuple) else part
        yield node, index, child
        yield from walk(child)


def _pick(roots: list[Any], rng: Random, wanted: Callable[[Any, Any], bool] = lambda _parent, _child: True) -> Any:
    """Choose a child of a collection that meets a condition: (parent, index, child)."""
    places = [place for place in walk(rng.choice(roots)) if wanted(place[0], place[2])]
    return rng.choice(places) if places else None


def _set(parent: Any, index: int, child: Any) -> None:
    part = parent.value[index]
    parent.value[index] = (part[0], child) if isinstance(part, tuple) else child


def neighbour(text: str, pool: list[str], rng: Random) -> str:
    """Return a text that is nearly the same, or another one that a rule or a chart knows."""
    other = rng.choice(KNOWN)
    return rng.choice((
        lambda: other, lambda: other, lambda: rng.choice(pool), lambda: f"{text}-x", lambda: f"x-{text}",
        lambda: f"{text}-affirmed", lambda: f"{text}-istio-blue", lambda: text.upper(), lambda: text.title(),
        lambda: text[:-1], lambda: text[1:], lambda: f" {text}", lambda: f"{text} ", lambda: f"{text}\n",
        lambda: f"{text}.", lambda: f"{text}.istio-system.svc", lambda: f"{text},{other}", lambda: f"{other}/{text}",
        lambda: text.replace("istio", "istio-affirmed"), lambda: text.replace("istio-affirmed", "istio-system"),
        lambda: text.replace("affirmed", "blue"), lambda: text.replace("-", "_"), lambda: "", lambda: f"{text}{text}",
        lambda: text.replace("o", "о"), lambda: f"{text}\u200b", lambda: f"{text}😀", lambda: f"é{text}",
        lambda: f"{text}={other}", lambda: f"{text}\t{other}",
    ))()  # fmt: skip


def value(roots: list[Any], pool: list[str], rng: Random) -> None:
    """Give a scalar a neighbour's value."""
    if found := _pick(roots, rng, lambda _, child: isinstance(child, yaml.ScalarNode)):
        parent, index, child = found
        _set(parent, index, scalar(neighbour(child.value, pool, rng)))


def identity(roots: list[Any], pool: list[str], rng: Random) -> None:
    """Give a name, a kind or a label another value."""
    names = ("name", "kind", "namespace", "app", "chart", "heritage", "operator", "key", "nodePort", "istio.io/rev")
    root = rng.choice(roots)
    places = [
        (parent, index) for parent, index, child in walk(root)
        if isinstance(parent, yaml.MappingNode) and parent.value[index][0].value in names
        and isinstance(child, yaml.ScalarNode)
    ]  # fmt: skip
    if places:
        parent, index = rng.choice(places)
        _set(parent, index, scalar(neighbour(parent.value[index][1].value, pool, rng)))


def key(roots: list[Any], pool: list[str], rng: Random) -> None:
    """Give a key another name."""
    if found := _pick(roots, rng, lambda parent, _: isinstance(parent, yaml.MappingNode)):
        parent, index, child = found
        old = parent.value[index][0].value
        new = rng.choice(KEYS) if rng.random() < 0.5 else neighbour(str(old), pool, rng)
        parent.value[index] = (scalar(new), child)


def remove(roots: list[Any], _pool: list[str], rng: Random) -> None:
    """Take an entry or an item away."""
    if found := _pick(roots, rng):
        del found[0].value[found[1]]


def twice(roots: list[Any], pool: list[str], rng: Random) -> None:
    """Write an entry or an item twice, perhaps with another value."""
    if found := _pick(roots, rng):
        parent, index, child = found
        again = copy.deepcopy(child)
        if isinstance(again, yaml.ScalarNode) and rng.random() < 0.7:
            again = scalar(neighbour(again.value, pool, rng))
        part = parent.value[index]
        at = rng.choice((index, index + 1, len(parent.value)))
        parent.value.insert(at, (part[0], again) if isinstance(part, tuple) else again)


def add(roots: list[Any], pool: list[str], rng: Random) -> None:
    """Add a key that a rule knows."""
    if found := _pick(roots, rng, lambda _, child: isinstance(child, yaml.MappingNode)):
        new = rng.choice((
            scalar(rng.choice(KNOWN)), scalar(rng.choice(pool)), scalar("null", "tag:yaml.org,2002:null"),
            scalar("31380", "tag:yaml.org,2002:int"), scalar("true", "tag:yaml.org,2002:bool"),
            yaml.SequenceNode("tag:yaml.org,2002:seq", [scalar(rng.choice(KNOWN))]),
            yaml.MappingNode("tag:yaml.org,2002:map", [(scalar(rng.choice(KEYS)), scalar(rng.choice(KNOWN)))]),
        ))  # fmt: skip
        at = rng.randint(0, len(found[2].value))
        found[2].value.insert(at, (scalar(rng.choice(KEYS)), new))


def shape(roots: list[Any], _pool: list[str], rng: Random) -> None:
    """Give a value another shape: a list around it, the first item of it, null, nothing."""
    if found := _pick(roots, rng):
        parent, index, child = found
        new = rng.choice((
            lambda: yaml.SequenceNode("tag:yaml.org,2002:seq", [child]),
            lambda: yaml.MappingNode("tag:yaml.org,2002:map", [(scalar(rng.choice(KEYS)), child)]),
            lambda: scalar("null", "tag:yaml.org,2002:null"), lambda: scalar("", "tag:yaml.org,2002:null"),
            lambda: scalar("~", "tag:yaml.org,2002:null"), lambda: yaml.SequenceNode("tag:yaml.org,2002:seq", []),
            lambda: yaml.MappingNode("tag:yaml.org,2002:map", []), lambda: scalar("0", "tag:yaml.org,2002:int"),
            lambda: scalar(rng.choice(KNOWN)),
        ))()  # fmt: skip
        _set(parent, index, new)


def move(roots: list[Any], _pool: list[str], rng: Random) -> None:
    """Exchange two entries or items of one collection, or copy a subtree to another place."""
    if found := _pick(roots, rng, lambda _, child: not isinstance(child, yaml.ScalarNode) and len(child.value) > 1):
        child = found[2]
        if rng.random() < 0.7:
            rng.shuffle(child.value)
        elif other := _pick(roots, rng):
            _set(other[0], other[1], copy.deepcopy(child))


def number(roots: list[Any], _pool: list[str], rng: Random) -> None:
    """Spell a number, a boolean or a null otherwise."""
    if found := _pick(roots, rng, lambda _, child: isinstance(child, yaml.ScalarNode) and child.tag != STR):
        parent, index, child = found
        forms = ["null", "~", "yes", "off", "1_000", "0x1F", ".inf", "1e3", "017", "0o17", "12:30:45", "2001-01-01"]
        if child.value.isdecimal() and int(child.value) < 2**31:
            many = int(child.value)
            forms += [hex(many), f"+{many}", f"{many}.0", f"{many}e0", f"0{many:o}", f"0b{many:b}", f"{many:_}"]
        chosen = rng.choice(forms)
        _set(parent, index, scalar(chosen, "tag:yaml.org,2002:int") if rng.random() < 0.8 else scalar(chosen))


def nest(roots: list[Any], _pool: list[str], rng: Random) -> None:
    """Put a document into another: as an item, or as text of a ConfigMap."""
    if len(roots) > 1 and isinstance(roots[0], yaml.MappingNode):
        inner = roots.pop()
        if rng.random() < 0.5:
            roots[0].value.append((scalar("items"), yaml.SequenceNode("tag:yaml.org,2002:seq", [inner])))
        else:
            data = yaml.MappingNode("tag:yaml.org,2002:map", [(scalar("a.yaml"), scalar(yaml.serialize(inner)))])
            roots[0].value.append((scalar("data"), data))


def inside(roots: list[Any], _pool: list[str], rng: Random) -> None:
    """Change YAML that is a text: without some of its lines, without its last line break, or in another style."""
    found = _pick(roots, rng, lambda _, child: isinstance(child, yaml.ScalarNode) and "\n" in child.value)
    # The model knows JSON as text only.
    if not found or len(found[2].value) > 20_000 or found[2].value.lstrip()[:1] in ("{", "["):
        return
    lines = found[2].value.split("\n")
    for _ in range(rng.choice((0, 1, 2, 3, len(lines) // 2))):
        at = rng.randrange(len(lines) or 1)
        del lines[at : at + rng.choice((1, 1, 2, 5))]
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#") or rng.random() < 0.3)
    if rng.random() < 0.3:
        with contextlib.suppress(yaml.YAMLError, AttributeError, TypeError):
            text = yaml.safe_dump(yaml.safe_load(text), default_flow_style=rng.choice((None, True, False)))
    _set(found[0], found[1], scalar(text.rstrip("\n") if rng.random() < 0.5 else text))


MUTATIONS: tuple[Mutation, ...] = (
    value, value, identity, identity, identity, key, remove, twice, add, shape, move, number, nest, inside,
)  # fmt: skip
