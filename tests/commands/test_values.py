"""`multimesh values`: the Helm values that a mesh needs in addition to the rules."""

import subprocess
import sys
from pathlib import Path

import program
import pytest
import yaml

from multimesh.commands.values import CHARTS

ROOT = Path(__file__).resolve().parents[2]
MINORS = [f"1.{minor}" for minor in range(6, 32)]
SHIPPED = [("affirmed", ("base", "istiod", "gateway", "cni", "ztunnel")), ("blue", ("base", "istiod", "gateway"))]


def run(*arguments):
    """Run the command as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "multimesh", "values", *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )


def values(mesh, chart, istio="", *, options=None, **spec):
    """Return the values of one chart, parsed."""
    from multimesh.commands import values as command
    from multimesh.mesh.profile import load

    namespace = spec.pop("namespace", f"istio-{mesh}")
    text = yaml.safe_dump(
        {
            "apiVersion": "multimesh.dev/v1alpha1",
            "kind": "MeshProfile",
            "metadata": {"name": mesh},
            "spec": {"namespace": namespace, **spec},
        }
    )
    mesh = load(text, "profile.yaml")
    return yaml.safe_load(command.values(mesh, chart, command.version(istio, chart), **_options(options or {})))


def _options(options):
    """Return the options of the command as it passes them on."""
    from multimesh.commands import values as command

    return {key: command.version(value, "istiod") if key == "oldest" else value for key, value in options.items()}


@pytest.mark.parametrize(("mesh", "chart"), [(mesh, chart) for mesh, charts in SHIPPED for chart in charts])
def test_shipped_values_are_what_the_command_writes_for_1_30(mesh, chart):
    """The files in charts-values, except the profiles, are not written by hand."""
    expected = (ROOT / "charts-values" / mesh / f"{chart}.yaml").read_text()
    found = run("--profile", f"charts-values/{mesh}", "--chart", chart, "--istio", "1.30")
    assert (0, expected, "") == (found.returncode, found.stdout, found.stderr)


@pytest.mark.parametrize("mesh", ["affirmed", "blue"])
def test_shipped_values_of_1_5_are_what_the_command_writes(mesh):
    """The umbrella chart has one file."""
    found = run("--profile", f"charts-values/{mesh}", "--chart", "istio-1.5")
    assert (ROOT / "charts-values" / mesh / "istio-1.5.yaml").read_text() == found.stdout


def test_charts_values_hold_a_profile_and_values_and_nothing_else():
    """Each directory belongs to one mesh."""
    for mesh, charts in SHIPPED:
        expected = {"profile.yaml", "istio-1.5.yaml", *(f"{chart}.yaml" for chart in charts)}
        assert expected == {path.name for path in (ROOT / "charts-values" / mesh).iterdir()}


@pytest.mark.parametrize("istio", MINORS)
def test_every_minor_gets_the_revision_and_the_namespace(istio):
    """In every version two meshes differ in both."""
    found = values("affirmed", "istiod", istio)
    assert (found["revision"], found["global"]["istioNamespace"]) == ("affirmed", "istio-affirmed")


@pytest.mark.parametrize(
    ("first", "last", "path", "expected"),
    [
        ("1.6", "1.6", "global.configRootNamespace", "istio-blue"),
        ("1.7", "1.31", "meshConfig.rootNamespace", "istio-blue"),
        ("1.8", "1.31", "meshConfig.trustDomain", "blue.local"),
        ("1.8", "1.31", "global.sds.token.aud", "istio-ca-blue"),
        ("1.8", "1.31", "pilot.env.TOKEN_AUDIENCES", "istio-ca-blue"),
        ("1.10", "1.31", "meshConfig.discoverySelectors", [{"matchLabels": {"multimesh.dev/mesh": "blue"}}]),
        ("1.12", "1.21", "global.configValidation", True),
        ("1.16", "1.21", "pilot.env.ENABLE_ENHANCED_RESOURCE_SCOPING", "true"),
        ("1.20", "1.21", "pilot.env.PILOT_ENABLE_GATEWAY_API_GATEWAYCLASS_CONTROLLER", "false"),
        ("1.22", "1.31", "pilot.env.PILOT_GATEWAY_API_CONTROLLER_NAME", "istio.io/gateway-controller-blue"),
        ("1.22", "1.31", "pilot.env.PILOT_GATEWAY_API_DEFAULT_GATEWAYCLASS_NAME", "istio-blue"),
        ("1.27", "1.31", "global.trustBundleName", "istio-ca-root-cert-blue"),
        ("1.10", "1.11", "pilot.env.PILOT_ENABLED_SERVICE_APIS", "false"),
        ("1.6", "1.31", "meshConfig.ingressControllerMode", "OFF"),
    ],
)
def test_a_value_is_there_for_the_versions_that_know_it(first, last, path, expected):
    """A value is written exactly for the versions that need it; in others the chart would refuse or ignore it."""
    wanted = MINORS[MINORS.index(first) : MINORS.index(last) + 1]
    for istio in MINORS:
        found = values("blue", "istiod", istio)
        for key in path.split("."):
            found = found.get(key) if isinstance(found, dict) else None
        assert (expected if istio in wanted else None) == found, istio


def test_the_default_validator_follows_the_revision_from_1_12_on():
    """The chart base has no revision of its own."""
    assert "defaultRevision" not in values("blue", "base", "1.11")
    assert values("blue", "base", "1.12", revision="blue-next")["defaultRevision"] == "blue-next"


def test_only_a_mesh_that_leaves_crds_excludes_them():
    """The owner installs all of them."""
    assert len(values("blue", "base", "1.30")["base"]["excludedCRDs"]) == 15
    assert "base" not in values("blue", "base", "1.30", sharedResources="own")
    assert "base" not in values("blue", "base", "1.23")


@pytest.mark.parametrize("chart", ["cni", "ztunnel"])
def test_shared_charts_are_refused_to_a_mesh_that_does_not_own_them(chart):
    """The message names the key of the profile."""
    found = run("--profile", "charts-values/blue", "--chart", chart)
    assert (found.returncode, found.stdout) == (2, "")
    assert "spec.sharedResources: own" in found.stderr


def test_a_gateway_has_a_name_of_its_mesh_or_the_one_asked_for():
    """The labels that Gateway resources select are made of the name."""
    assert values("blue", "gateway") == {"name": "blue-ingressgateway", "revision": "blue"}
    found = run("--profile", "charts-values/blue", "--chart", "gateway", "--name", "edge")
    assert yaml.safe_load(found.stdout)["name"] == "edge"
    old = values("blue", "gateway", "1.9")["gateways"]["istio-ingressgateway"]
    assert old == {
        "name": "blue-ingressgateway",
        "labels": {"app": "blue-ingressgateway", "istio": "blue-ingressgateway"},
    }


def test_the_budget_that_selects_nothing_is_left_out():
    """The gateway of 1.6 selects a label that its pods have only in istio-system."""
    assert values("blue", "gateway", "1.6")["global"]["defaultPodDisruptionBudget"] == {"enabled": False}
    assert "defaultPodDisruptionBudget" not in values("blue", "gateway", "1.7")["global"]


def test_names_that_yaml_would_misread_are_quoted():
    """The mesh name `on` is text, not a boolean."""
    found = values("on", "istiod", namespace="123", gateways="keep")
    assert (found["revision"], found["global"]["istioNamespace"]) == ("on", "123")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--chart", "base", "--istio", "1.5"), "Istio 1.5 has no chart base"),
        (("--chart", "base", "--istio", "new"), '--istio is "new"'),
        (("--chart", "ztunnel", "--istio", "1.19"), "the chart ztunnel of Istio 1.19"),
        (("--chart", "istio-1.5", "--istio", "1.6"), "the chart istio-1.5 is Istio 1.5"),
        (("--chart", "istio"), "--chart"),
        (("--chart", "base", "--istio", "2.0"), "Istio 2.0 is not known"),
        (("--chart", "istiod", "--istio", "v10.1.3"), "Istio 10.1 is not known"),
        (("--chart", "istio-1.5", "--istio", "1.50"), "the chart istio-1.5 is Istio 1.5"),
        (("--chart", "gateway", "--name", "Foo_Bar"), '--name is "Foo_Bar", which is not a name of a gateway'),
        (("--chart", "gateway", "--name", "1a"), '--name is "1a", which is not a name of a gateway'),
        (("--chart", "gateway", "--name", "a" * 64), "which is not a name of a gateway"),
        (("--chart", "base", "--name", "edge"), '--name is "edge", and the chart base has no name'),
        (("--chart", "istio-1.5", "--name", "edge"), '--name is "edge", and the chart istio-1.5 has no name'),
    ],
)
def test_what_no_chart_has_is_refused(arguments, what):
    """Nothing is written, and the message lists what exists."""
    found = run("--profile", "charts-values/affirmed", *arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert what in found.stderr
    assert found.stderr.startswith("multimesh: ")


def test_a_default_name_that_no_service_can_have_is_refused(tmp_path):
    """A mesh name may begin with a digit, but the name of a Service must not."""
    path = tmp_path / "profile.yaml"
    path.write_text("metadata: {name: 1a}\nspec: {namespace: istio-1a}\n")
    found = run("--profile", str(path), "--chart", "gateway")
    assert (found.returncode, found.stdout) == (2, "")
    assert 'the default of --name is "1a-ingressgateway", which is not a name of a gateway' in found.stderr
    assert run("--profile", str(path), "--chart", "gateway", "--name", "edge").returncode == 0


def test_a_release_newer_than_all_known_ones_gets_the_newest_values():
    """Charts change slowly, and `render` refuses what does not fit."""
    assert values("blue", "istiod", "1.31") == values("blue", "istiod", "1.99.0-rc.1")


# Each branch of the code.


def written(chart, istio="", **spec):
    """Return the text of the values of one chart for a mesh called blue."""
    from multimesh.commands import values as command

    return command.values(profile(**spec), chart, command.version(istio, chart))


def profile(**spec):
    """Return the profile of a mesh called blue."""
    from multimesh.mesh.profile import load

    head = {"apiVersion": "multimesh.dev/v1alpha1", "kind": "MeshProfile", "metadata": {"name": "blue"}}
    return load(yaml.safe_dump({**head, "spec": {"namespace": "istio-blue", **spec}}), "profile.yaml")


@pytest.mark.parametrize(
    ("text", "chart", "expected"),
    [
        ("", "istiod", (1, 31)),
        ("newest", "base", (1, 31)),
        ("latest", "gateway", (1, 31)),
        ("1.6", "gateway", (1, 6)),
        ("v1.30.3", "istiod", (1, 30)),
        ("1.24.0-rc.1", "cni", (1, 24)),
        ("1.20", "ztunnel", (1, 20)),
        ("1.99", "istiod", (1, 99)),
        ("", "istio-1.5", (1, 5)),
        ("1.5", "istio-1.5", (1, 5)),
        ("v1.5.10", "istio-1.5", (1, 5)),
    ],
)
def test_a_version_is_parsed(text, chart, expected):
    """Only the minor version counts; it is printed as users write it."""
    from multimesh.commands.values import version

    found = version(text, chart)
    assert (found, str(found)) == (expected, f"{expected[0]}.{expected[1]}")


@pytest.mark.parametrize(
    ("text", "chart", "message"),
    [
        ("1.6", "istio-1.5", '--istio is "1.6", and the chart istio-1.5 is Istio 1.5\n  Leave --istio out.'),
        ("1", "base", '--istio is "1", which is not a version\n  Write it as 1.30 or 1.30.3.'),
        ("1.x", "base", '--istio is "1.x", which is not a version\n  Write it as 1.30 or 1.30.3.'),
        ("one.6", "base", '--istio is "one.6", which is not a version\n  Write it as 1.30 or 1.30.3.'),
        ("1.5", "istiod", "Istio 1.5 has no chart istiod\n  Istio 1.5 is one chart: --chart istio-1.5."),
        (
            "1.19",
            "ztunnel",
            (
                "the chart ztunnel of Istio 1.19 cannot belong to one of several meshes\n"
                "  No value of it names a control plane. Use 1.20 or later."
            ),
        ),
    ],
)
def test_a_version_that_a_chart_does_not_have_is_refused(text, chart, message):
    """The message quotes the version and says which one to use."""
    from multimesh.commands.values import version
    from multimesh.errors import MultimeshError

    with pytest.raises(MultimeshError) as caught:
        version(text, chart)
    assert str(caught.value) == f"multimesh: {message}"


@pytest.mark.parametrize(
    ("chart", "instead"),
    [
        ("cni", "A mesh that uses the CNI of another mesh sets pilot.cni.enabled in the values of istiod."),
        (
            "ztunnel",
            "Each node has only one ztunnel, and it serves its owner: only that mesh can use ambient mode.",
        ),
    ],
)
def test_the_message_says_what_a_mesh_does_instead(chart, instead):
    """The message says which mesh installs the chart."""
    from multimesh.errors import MultimeshError

    with pytest.raises(MultimeshError) as caught:
        written(chart)
    assert str(caught.value).splitlines() == [
        f"multimesh: profile.yaml: the chart {chart} exists once in a cluster, and mesh blue does not own shared resources",
        f"  Write its values for the mesh with spec.sharedResources: own, or set that in this profile. {instead}",
    ]


#: Each chart, minor version and kind of mesh that `values` accepts.
ACCEPTED = [
    (chart, istio, owner)
    for chart in ("base", "istiod", "gateway", "cni", "ztunnel")
    for istio in MINORS[MINORS.index("1.20") if chart == "ztunnel" else 0 :]
    for owner in (("own",) if chart in ("cni", "ztunnel") else ("own", "leave"))
]


@pytest.mark.parametrize(("chart", "istio", "owner"), ACCEPTED)
def test_values_are_yaml_without_repeated_keys_or_rests_of_the_template(chart, istio, owner):
    """Every template, for every minor version, for both kinds of meshes."""
    text = written(chart, istio, sharedResources=owner)
    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)
    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            assert len(keys) == len(set(keys))
            pending += [value for _, value in node.value]
    assert text.endswith("\n")
    assert "{{" not in text
    assert "{%" not in text
    assert istio in text.splitlines()[0]
    assert "for mesh blue" in text.splitlines()[0]


def test_base_says_where_its_crds_come_from():
    """Up to 1.23 no value leaves them out, so the comment names the flag of Helm."""
    assert "--skip-crds" in written("base", "1.23")
    assert "--skip-crds" not in written("base", "1.24")
    for istio in ("1.23", "1.24"):
        owned = written("base", istio, sharedResources="own")
        assert "This mesh owns the CRDs of the cluster" in owned
        assert "--skip-crds" not in owned


@pytest.mark.parametrize("istio", MINORS)
@pytest.mark.parametrize("owner", ["own", "leave"])
def test_the_gateway_class_of_the_cluster_belongs_to_the_owner(istio, owner):
    """Before a mesh can have its own GatewayClass, the others turn the controller off."""
    env = values("blue", "istiod", istio, sharedResources=owner).get("pilot", {}).get("env", {})
    minor = int(istio[2:])
    assert ("PILOT_ENABLE_GATEWAY_API" in env) == (owner == "leave" and 12 <= minor < 20)
    assert ("PILOT_ENABLE_GATEWAY_API_GATEWAYCLASS_CONTROLLER" in env) == (owner == "leave" and 20 <= minor < 22)
    assert ("PILOT_GATEWAY_API_CONTROLLER_NAME" in env) == (minor >= 22)


def test_istiod_before_1_8_has_its_namespaces_and_trust_domain_in_global():
    """The charts of these versions have other keys."""
    telemetry = ("telemetryNamespace", "prometheusNamespace", "policyNamespace")
    for istio in ("1.6", "1.7"):
        found = values("blue", "istiod", istio)["global"]
        assert {found[key] for key in telemetry} == {"istio-blue"}
        assert found["trustDomain"] == "blue.local"
    assert {*telemetry, "trustDomain"} & set(values("blue", "istiod", "1.8")["global"]) == set()
    assert "global.yaml" in written("istiod", "1.6")
    assert "global.yaml" not in written("istiod", "1.7")


def test_the_header_says_how_far_discovery_selectors_reach():
    """Up to 1.15 they apply to endpoints only, and before 1.10 there are none."""
    assert "cannot be restricted to namespaces" in written("istiod", "1.9")
    assert "reads endpoints in the namespaces of this mesh only" in written("istiod", "1.15")
    assert "reads resources in the namespaces of this mesh only" in written("istiod", "1.16")


def test_ztunnel_reads_the_root_of_its_control_plane():
    """The ConfigMap has the name that istiod gives it, from 1.27 on."""
    own = {"sharedResources": "own"}
    assert values("blue", "ztunnel", "1.26", **own) == {"revision": "blue", "istioNamespace": "istio-blue"}
    bundle = values("blue", "ztunnel", "1.27", **own)["global"]["trustBundleName"]
    assert bundle == values("blue", "istiod", "1.27")["global"]["trustBundleName"] == "istio-ca-root-cert-blue"


@pytest.mark.parametrize(("istio", "name"), [("1.23", "istio-cni"), ("1.24", "cni")])
def test_cni_has_the_name_of_its_chart(istio, name):
    """Istio 1.24 renamed the chart."""
    assert f'the Istio chart "{name}", {istio},' in written("cni", istio, sharedResources="own")
    assert values("blue", "cni", istio, sharedResources="own") == {
        "revision": "blue",
        "cni": {"excludeNamespaces": ["kube-system"]},
    }


def test_the_chart_1_5_gets_namespaces_and_trust_domain():
    """All values of the umbrella chart."""
    assert values("blue", "istio-1.5") == {
        "global": {
            "hub": "docker.io/istio",
            "tag": "1.5.0",
            "istioNamespace": "istio-blue",
            "configRootNamespace": "istio-blue",
            "trustDomain": "blue.local",
        },
        "sidecarInjectorWebhook": {"enableNamespacesByDefault": False},
    }


def test_a_gateway_of_1_6_needs_the_shared_values():
    """The comment names the file of the chart that has them."""
    assert "-f manifests/charts/global.yaml" in written("gateway", "1.6")
    assert "global.yaml" not in written("gateway", "1.7")
    assert "gateways" not in yaml.safe_load(written("gateway", "1.12"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "multimesh: --chart is missing\n  It may be: base, istiod, gateway, cni, ztunnel, istio-1.5.\n"),
        (["--chart="], "multimesh: --chart is missing\n  It may be: base, istiod, gateway, cni, ztunnel, istio-1.5.\n"),
        (
            ["--chart=istio"],
            'multimesh: --chart is "istio"\n  It may be: base, istiod, gateway, cni, ztunnel, istio-1.5.\n',
        ),
    ],
)
def test_the_chart_must_be_named(arguments, expected, capsys, monkeypatch):
    """The message lists the charts."""
    from multimesh.cli import main

    monkeypatch.delenv("MULTIMESH_CHART", raising=False)
    assert main(["values", f"--profile={ROOT}/charts-values/blue", *arguments]) == 2
    assert capsys.readouterr() == ("", expected)


def test_every_flag_can_come_from_the_environment(capsys, monkeypatch):
    """The command line takes precedence."""
    from multimesh.cli import main

    for flag, value in {"PROFILE": f"{ROOT}/charts-values/blue", "CHART": "gateway", "ISTIO": "1.30"}.items():
        monkeypatch.setenv(f"MULTIMESH_{flag}", value)
    monkeypatch.setenv("MULTIMESH_NAME", "edge")
    assert main(["values"]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == {"name": "edge", "revision": "blue"}
    assert main(["values", "--name=other", "--istio=1.9"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["gateways"]["istio-ingressgateway"]["name"] == "other"


@pytest.mark.parametrize("chart", ["istiod", "ztunnel"])
@pytest.mark.parametrize(
    ("canaries", "oldest", "root"),
    [
        ([], "", True),
        (["blue-next"], "", False),
        (["blue-next"], "1.24", False),
        (["blue-next"], "1.26", False),
        (["blue-next"], "1.27", True),
        ([], "1.26", False),
    ],
)
def test_all_revisions_of_a_mesh_have_one_root(chart, canaries, oldest, root):
    """One of them writes it for all: as long as one of them cannot name it, nobody does."""
    options = {"oldest": oldest} if oldest else {}
    found = values("blue", chart, "1.30", options=options, canaryRevisions=canaries, sharedResources="own")
    assert found.get("global", {}).get("trustBundleName") == ("istio-ca-root-cert-blue" if root else None)


def test_a_root_that_keeps_its_stock_name_has_a_comment_that_says_why():
    arguments = ("--profile", "charts-values/blue", "--chart", "istiod", "--istio", "1.30")
    assert "--oldest 1.27" in run(*arguments, "--oldest", "1.24").stdout
    assert "--oldest" not in run(*arguments).stdout
    assert run(*arguments, "--oldest", "new").returncode == 2


@pytest.mark.parametrize("chart", CHARTS)
def test_oldest_is_refused_where_it_has_no_effect(chart, tmp_path):
    """A flag that is ignored would look like an answer. The other charts do not name the root."""
    version = "1.5" if chart == "istio-1.5" else "1.30"
    written = [values("blue", chart, version, options={"oldest": it}, sharedResources="own") for it in ("1.24", "1.30")]
    is_rooted = written[0] != written[1]
    owner = tmp_path / "profile.yaml"
    owner.write_text(program.profile("blue", "istio-blue", (), sharedResources="own"))
    done = run("--profile", str(owner), "--chart", chart, "--istio", version, "--oldest", "1.24")
    assert (done.returncode, done.stdout == "") == ((0, False) if is_rooted else (2, True))
    if not is_rooted:
        assert f'--oldest is "1.24", and the values of the chart {chart} do not depend on it' in done.stderr


@pytest.mark.parametrize(
    ("flags", "istio"),
    [
        (("--chart", "istiod", "--istio", "1.30"), "1.30"), (("--all", "-o", "x", "--istio", "1.30.2"), "1.30"),
        (("--all", "-o", "x", "--istio", "1.5"), "1.5"),
    ],
)  # fmt: skip
def test_an_oldest_version_that_is_newer_than_the_values_is_refused(flags, istio, tmp_path):
    """The version of the values runs too once they are installed; nothing is written."""
    flags = [str(tmp_path / "x") if flag == "x" else flag for flag in flags]
    done = run("--profile", "charts-values/blue", *flags, "--oldest", "1.31")
    assert (done.returncode, done.stdout) == (2, "")
    assert f'--oldest is "1.31", which is newer than Istio {istio}' in done.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("istio", MINORS)
def test_with_an_authority_elsewhere_pods_ask_it_for_what_it_has(istio):
    """It writes the stock ConfigMap, and expects the stock audience."""
    found = values("blue", "istiod", istio, options={"ca": "external"})
    assert found["pilot"]["env"]["ENABLE_CA_SERVER"] == "false"
    assert "TOKEN_AUDIENCES" not in found["pilot"]["env"]
    assert found["global"]["caAddress"]
    assert not {"trustBundleName", "sds"} & found["global"].keys()


# Files and umbrella charts.


@pytest.mark.parametrize(("mesh", "charts"), SHIPPED)
def test_all_writes_the_values_of_every_chart_into_a_directory(mesh, charts, tmp_path):
    """The files are those that charts-values holds."""
    done = run("--profile", f"charts-values/{mesh}", "--all", "--istio", "1.30", "-o", str(tmp_path / "new"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "".join(f"written: {tmp_path}/new/{chart}.yaml\n" for chart in written_in_order(charts))
    for chart in charts:
        expected = (ROOT / "charts-values" / mesh / f"{chart}.yaml").read_text()
        assert (tmp_path / "new" / f"{chart}.yaml").read_text() == expected
    assert len(list((tmp_path / "new").iterdir())) == len(charts)


def written_in_order(charts):
    """Return charts in the order in which they are installed."""
    return [chart for chart in ("base", "istiod", "gateway", "cni", "ztunnel") if chart in charts]


def test_all_writes_one_file_for_1_5(tmp_path):
    """Its charts are one umbrella chart."""
    assert run("--profile", "charts-values/blue", "--all", "--istio", "1.5", "-o", str(tmp_path)).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["istio-1.5.yaml"]


def test_what_the_command_wrote_is_replaced_and_nothing_else(tmp_path):
    """The values of a new version take the place of the old ones; a file of somebody else stays, with all others."""
    flags = ("--profile", "charts-values/blue", "--all", "-o", str(tmp_path))
    assert run(*flags, "--istio", "1.24").returncode == 0
    old = (tmp_path / "istiod.yaml").read_text()
    assert run(*flags, "--istio", "1.30").returncode == 0
    new = (tmp_path / "istiod.yaml").read_text()
    assert old != new
    (tmp_path / "gateway.yaml").write_text("mine: true\n")
    done = run(*flags, "--istio", "1.24")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{tmp_path}/gateway.yaml: exists already, and multimesh must not replace it" in done.stderr
    assert (tmp_path / "istiod.yaml").read_text() == new
    assert (tmp_path / "gateway.yaml").read_text() == "mine: true\n"


def test_one_chart_goes_into_a_file_too(tmp_path):
    """-o works with --chart."""
    assert run("--profile", "charts-values/blue", "--chart", "base", "-o", str(tmp_path)).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["base.yaml"]


@pytest.mark.parametrize(("prefix", "keys"), [("istiod", ["istiod"]), ("platform.istio-d", ["platform", "istio-d"])])
@pytest.mark.parametrize("chart", ["base", "istiod", "gateway", "istio-1.5"])
def test_values_of_an_umbrella_chart_are_below_its_key(chart, prefix, keys):
    """They are the same values, one level down for each part of the prefix."""
    plain = run("--profile", "charts-values/blue", "--chart", chart)
    below = run("--profile", "charts-values/blue", "--chart", chart, "--under", prefix)
    assert (below.returncode, below.stderr) == (0, "")
    found = yaml.safe_load(below.stdout)
    for key in keys:
        assert list(found) == [key]
        found = found[key]
    assert found == yaml.safe_load(plain.stdout)


def test_a_key_that_yaml_reads_as_something_else_is_quoted():
    """A dependency may be called `on`."""
    done = run("--profile", "charts-values/blue", "--chart", "base", "--under", "on")
    assert list(yaml.safe_load(done.stdout)) == ["on"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--all"], "--all writes several files, and -o is missing"),
        (["--all", "--chart", "base", "-o", "{}"], "--all and --chart base contradict each other"),
        (["--all", "--under", "istiod", "-o", "{}"], '--under is "istiod", and --all writes one file for each chart'),
        (["--chart", "base", "--under", "a..b"], '--under is "a..b", which is not a key'),
        (["--chart", "base", "-o", "{}/file"], "is not a directory"),
    ],
)
def test_flags_that_contradict_each_other_are_refused(flags, message, tmp_path):
    """With a message, and without a file."""
    (tmp_path / "file").write_text("")
    done = run("--profile", "charts-values/blue", *(flag.format(tmp_path) for flag in flags))
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def offered(text):
    """Return the values of the revocation list, which are comments, as they are without the sign of a comment."""
    begin = text.index("# sidecarInjectorWebhook:")
    injector = text[begin : text.index("\n\n", begin)]
    [name] = [line for line in text.splitlines() if "# crlConfigMapName:" in line]
    return yaml.safe_load("\n".join(line.removeprefix("# ") for line in injector.splitlines())), yaml.safe_load(
        name.replace("# ", "")
    )


def test_a_revocation_list_gets_its_own_name_for_sidecars_and_control_plane_or_for_neither():
    """The charts do not pass the name to sidecars, and one that mounts another name checks no list."""
    text = run("--profile", "charts-values/blue", "--chart", "istiod", "--istio", "1.30").stdout
    found = yaml.safe_load(text)
    assert {"sidecarInjectorWebhook", "crlConfigMapName"}.isdisjoint({*found, *found["pilot"]})
    injector, pilot = offered(text)
    [volume] = yaml.safe_load(injector["sidecarInjectorWebhook"]["templates"]["mesh-crl"])["spec"]["volumes"]
    assert pilot == {"crlConfigMapName": "istio-ca-crl-blue"}
    assert volume == {"name": "istio-ca-crl", "configMap": {"name": "istio-ca-crl-blue", "optional": True}}
    assert injector["sidecarInjectorWebhook"]["defaultTemplates"] == ["sidecar", "mesh-crl"]


@pytest.mark.parametrize(
    ("arguments", "there"), [(["--istio", "1.28"], False), (["--istio", "1.29"], True), (["--ca", "external"], False)]
)
def test_the_name_of_the_revocation_list_is_offered_where_a_control_plane_reads_it(arguments, there):
    """From 1.29 on, and only where the control plane is the authority."""
    found = run("--profile", "charts-values/blue", "--chart", "istiod", *arguments).stdout
    assert ("crlConfigMapName" in found) is there
