"""The example chart with the real Helm 3 and Helm 4: the results and the errors that users see."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import oracle
import pytest
import versions
from helms import CHART, EVERYTHING, PROGRAM, RELEASE, ROOT, Helm, by_key, sources, stage, write_chart
from program import profile, render, run

MESHES = ("affirmed", "blue")
PROFILES = ROOT / "charts-values"
ANNOTATION = "postrenderer.helm.sh"
EMPTY = "multimesh: <stdin>: is empty: Helm sent no manifest"

HOOK = """\
# keeps its comment
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: kiali   # at the end of a line
  annotations:
    helm.sh/hook: pre-install
rules: []
"""
ROLE = HOOK.replace("  annotations:\n    helm.sh/hook: pre-install\n", "")
UNKNOWN = ROLE.replace("name: kiali ", "name: company-reader ")
LIST = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: first}
---
apiVersion: v1
kind: List
items:
- apiVersion: rbac.authorization.k8s.io/v1
  kind: ClusterRole
  metadata:
    name: kiali # inside a list
  rules: []
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: second}
"""


def piped(text: str, mesh: str) -> str:
    """Rewrite the output of `helm template` in a pipe."""
    done = run(text.encode(), "--profile", str(PROFILES / mesh))
    assert done.code == 0, done.err
    return done.out.decode()


def through(helm: Helm, mesh: str, *values: str) -> str:
    """Render the example chart through the post-renderer."""
    done = helm.post_render(CHART, mesh, *values)
    assert done.code == 0, done.err
    assert done.err == ""
    return done.out


def refused(helm: Helm, done: tuple[int, str, str]) -> str:
    """Return our message as Helm shows it, quoted if it is; assert that no manifest is printed with it."""
    code, out, err = done
    assert code == 1
    assert "apiVersion:" not in out
    if helm.major == 3:
        _, _, shown = err.partition("error output:\n")
        return shown.partition("\n: exit status 2")[0]
    line = next(line for line in err.splitlines() if line.startswith('"multimesh: '))
    return json.loads(line)


# --- the output ----------------------------------------------------------------------------------


@pytest.mark.parametrize("major", [3, 4])
def test_the_helm_that_runs_is_the_one_that_is_meant(major: int, request: pytest.FixtureRequest) -> None:
    """Packages have contained another version than they say, so the binary is asked for its version."""
    oldest, newest = versions.helms(major)
    helm = request.getfixturevalue(f"helm{major}")
    assert helm.run("version", "--template={{.Version}}").out == f"v{oldest}"
    # One that Go builds from its module knows no more than its minor version.
    helm = request.getfixturevalue(f"newest_helm{major}")
    assert helm.run("version", "--template={{.Version}}").out == f"v{newest.rpartition('.')[0]}"


@pytest.mark.parametrize("values", [(), EVERYTHING], ids=["default", "everything"])
def test_two_meshes_share_nothing_of_the_cluster(helm: Helm, values: tuple[str, ...]) -> None:
    """The stock chart conflicts with itself in two namespaces: names, embedded names, injection, validation, Citadel."""
    stock = [oracle.load(helm.template(CHART, mesh, *values).out) for mesh in MESHES]
    meshes = [oracle.load(through(helm, mesh, *values)) for mesh in MESHES]
    assert {"C1", "C2", "C5", "C10"} <= {finding[0] for finding in oracle.collisions(*stock)}
    assert oracle.errors(oracle.collisions(*meshes)) == set()
    for before, after in zip(stock, meshes):
        assert oracle.dangling(after) <= oracle.dangling(before)
        assert len(after) == len(before)


@pytest.mark.parametrize("mesh", MESHES)
@pytest.mark.parametrize("values", [(), EVERYTHING], ids=["default", "everything"])
def test_helm_3_prints_what_a_pipe_prints_and_its_hooks(helm3: Helm, mesh: str, values: tuple[str, ...]) -> None:
    """Helm 3 does not send hooks to a post-renderer, and adds them as the chart wrote them."""
    manifest = helm3.template(CHART, mesh, "--no-hooks", *values).out
    whole = helm3.template(CHART, mesh, *values).out
    assert whole.startswith(manifest)
    hooks = whole[len(manifest) :]
    assert "helm.sh/hook" in hooks
    assert through(helm3, mesh, *values) == piped(manifest, mesh) + hooks


@pytest.mark.parametrize("mesh", MESHES)
@pytest.mark.parametrize("values", [(), EVERYTHING], ids=["default", "everything"])
def test_helm_4_prints_the_objects_that_a_pipe_prints(helm4: Helm, mesh: str, values: tuple[str, ...]) -> None:
    """Helm 4 serialises the YAML of the chart again before the post-renderer, so objects are compared, not bytes."""
    stock = helm4.template(CHART, mesh, *values).out
    assert by_key(through(helm4, mesh, *values)) == by_key(piped(stock, mesh))


@pytest.mark.parametrize("values", [(), EVERYTHING], ids=["default", "everything"])
def test_helm_3_and_helm_4_give_the_same_mesh(helm3: Helm, helm4: Helm, values: tuple[str, ...]) -> None:
    """The two streams are written differently, but contain the same objects."""
    assert by_key(through(helm3, "affirmed", *values)) == by_key(through(helm4, "affirmed", *values))


def test_source_comments_stay_on_helm_3(helm3: Helm) -> None:
    """Helm 3 uses the comment to find the file of a document."""
    assert sources(through(helm3, "affirmed")) == sources(helm3.template(CHART, "affirmed").out)


def test_helm_4_knows_the_file_of_every_document(helm4: Helm) -> None:
    """The post-renderer keeps the annotation with the file name, and Helm removes it afterwards."""
    out = through(helm4, "affirmed")
    stock = helm4.template(CHART, "affirmed").out
    # Helm does not send a template that renders to its comment only.
    full = [document for document in stock.split("---\n") if "\nkind: " in document]
    assert set(sources(out)) == {name for document in full for name in sources(document)}
    assert ANNOTATION not in out


@pytest.mark.parametrize("mesh", MESHES)
def test_one_template_is_shown_rewritten(helm: Helm, mesh: str) -> None:
    """`--show-only` selects documents of the rewritten stream by file name."""
    done = helm.post_render(CHART, mesh, "--show-only", "templates/kiali.yaml")
    assert done.code == 0, done.err
    assert f"name: kiali-{mesh}\n" in done.out
    assert set(sources(done.out)) == {"istio/templates/kiali.yaml"}


def test_hooks_are_rewritten_on_helm_4_only(helm: Helm, tmp_path: Path) -> None:
    """Helm 3 sends no hooks to post-renderers, so hooks keep their stock names there."""
    chart = write_chart(tmp_path / "chart", hook=HOOK, other=ROLE.replace("name: kiali ", "name: kiali-viewer "))
    done = helm.post_render(chart, "blue")
    assert done.code == 0, done.err
    names = {obj["metadata"]["name"] for obj in oracle.load(done.out)}
    assert names == {"kiali" if helm.major == 3 else "kiali-blue", "kiali-viewer-blue"}


def test_comments_of_the_chart_survive(helm: Helm, tmp_path: Path) -> None:
    """A comment on the line of a changed value is kept."""
    done = helm.post_render(write_chart(tmp_path / "chart", role=ROLE), "blue")
    assert "  name: kiali-blue   # at the end of a line\n".split() == next(
        line.split() for line in done.out.splitlines() if "kiali" in line
    )
    assert "# keeps its comment" in done.out


def test_a_list_inside_a_template_is_rewritten(helm: Helm, tmp_path: Path) -> None:
    """Helm 3 never splits a List, Helm 4.1 only if it is the only document of its file, and Helm 4.3 always."""
    chart = write_chart(tmp_path / "chart", many=LIST)
    done = helm.post_render(chart, "blue")
    assert done.code == 0, done.err
    is_split = helm.run("version", "--template={{.Version}}").out == "v4.3"
    assert ("kind: List\n" in done.out) is not is_split
    assert "  name: kiali-blue # inside a list\n" in done.out
    names = ["ConfigMap/first", "ClusterRole/kiali-blue", "ConfigMap/second"]
    found = [str(oracle.key(obj)) for obj in oracle.load(done.out)]
    # Helm sorts what it has split by kind.
    assert (sorted(found) == sorted(names)) if is_split else (found == names)


def test_crds_of_the_chart_stay_with_the_mesh_that_owns_them(helm3: Helm) -> None:
    """With `--include-crds` Helm 3 sends them: the owner gives them the annotation keep, and another mesh refuses them with a remedy."""
    kept = helm3.post_render(CHART, "affirmed", "--include-crds")
    assert kept.code == 0, kept.err
    crds = oracle.of_kind(oracle.load(kept.out), "CustomResourceDefinition")
    assert crds
    assert {crd["metadata"]["annotations"]["helm.sh/resource-policy"] for crd in crds} == {"keep"}
    message = refused(helm3, helm3.post_render(CHART, "blue", "--include-crds"))
    assert "[shared-resources]" in message
    assert "--skip-crds" in message


def test_helm_4_adds_crds_behind_the_post_renderer(helm4: Helm) -> None:
    """Helm 4 never sends the files of `crds/`, so they are printed unchanged."""
    done = helm4.post_render(CHART, "blue", "--include-crds")
    assert done.code == 0, done.err
    stock = (CHART / "crds" / "istio.yaml").read_text(encoding="utf-8")
    assert all(document.strip() in done.out for document in stock.split("\n---\n"))


# --- how Helm finds the program ------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["./postrender.py", "checkout/postrender.py", str(PROGRAM)], ids=["here", "below", "absolute"]
)
def test_helm_3_takes_a_path(helm3: Helm, tmp_path: Path, path: str) -> None:
    """A relative path is relative to the working directory of the caller."""
    (tmp_path / "checkout").symlink_to(ROOT)
    done = helm3.template(
        CHART,
        "affirmed",
        *("--post-renderer", path, f"--post-renderer-args=--profile={PROFILES}/affirmed"),
        cwd=ROOT if path.startswith("./") else tmp_path,
    )
    assert done.code == 0, done.err
    assert done.out == through(helm3, "affirmed")


@pytest.mark.parametrize("target", [str(PROGRAM), "chain"], ids=["link", "link to a link"])
def test_helm_3_takes_a_link(helm3: Helm, tmp_path: Path, target: str) -> None:
    """A link on PATH or next to the charts needs no installation."""
    (tmp_path / "chain").symlink_to(PROGRAM)
    (tmp_path / "multimesh").symlink_to(target)
    flags = ("--post-renderer", tmp_path / "multimesh", f"--post-renderer-args=--profile={PROFILES}/affirmed")
    assert helm3.template(CHART, "affirmed", *flags).out == through(helm3, "affirmed")


def test_helm_3_finds_it_on_path(helm3: Helm, tmp_path: Path) -> None:
    """A name without a slash is looked up on PATH, as for every command."""
    (tmp_path / "multimesh-render").symlink_to(PROGRAM)
    flags = ("--post-renderer", "multimesh-render", f"--post-renderer-args=--profile={PROFILES}/affirmed")
    done = helm3.template(CHART, "affirmed", *flags, PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert done.out == through(helm3, "affirmed")


def test_a_path_with_spaces_is_taken_by_both(helm: Helm, tmp_path: Path) -> None:
    """The paths of the checkout and of the profile may contain spaces."""
    checkout = stage(tmp_path / "my plugins" / "multi mesh")
    shutil.copy(PROFILES / "blue" / "profile.yaml", checkout / "my profile.yaml")
    name = checkout / "postrender.py" if helm.major == 3 else "multimesh"
    flags = ("--post-renderer", name, f"--post-renderer-args=--profile={checkout}/my profile.yaml")
    plugins = {"HELM_PLUGINS": str(checkout.parent)} if helm.major == 4 else {}
    done = helm.template(CHART, "blue", *flags, **plugins)
    assert done.code == 0, done.err
    assert done.out == through(helm, "blue")


def test_helm_4_finds_the_checkout_beside_a_directory_that_is_missing(helm4: Helm, tmp_path: Path) -> None:
    """HELM_PLUGINS is a list, and directories in it that do not exist are ignored."""
    stage(tmp_path / "any-name")
    flags = ("--post-renderer", "multimesh", f"--post-renderer-args=--profile={PROFILES}/affirmed")
    done = helm4.template(CHART, "affirmed", *flags, HELM_PLUGINS=f"{tmp_path}/absent{os.pathsep}{tmp_path}")
    assert done.code == 0, done.err
    assert done.out == through(helm4, "affirmed")


def installed(helm: Helm, home: Path, source: Path, *flags: str) -> tuple[Helm, str]:
    """Install a plugin into a Helm with a home directory of its own; return that Helm and its list of plugins."""
    fresh = helm._replace(home=home)
    done = fresh.run("plugin", "install", source, *flags)
    assert done.code == 0, done.err
    return fresh, fresh.run("plugin", "list").out


def test_helm_4_installs_the_checkout_as_a_link(helm4: Helm, tmp_path: Path) -> None:
    """Helm installs a directory as a link to it, and errors are still shown."""
    fresh, plugins = installed(helm4, tmp_path, ROOT)
    assert "multimesh" in plugins
    [link] = (tmp_path / "data" / "plugins").iterdir()
    assert link.is_symlink()
    assert link.resolve() == ROOT
    template = partial(fresh.template, CHART, "affirmed", "--post-renderer", "multimesh")
    done = template(f"--post-renderer-args=--profile={PROFILES}/affirmed")
    assert done.code == 0, done.err
    assert done.out == through(helm4, "affirmed")
    assert "[namespaces]" in refused(fresh, template(f"--post-renderer-args=--profile={PROFILES}/blue"))


def test_helm_4_installs_the_package(helm4: Helm, tmp_path: Path) -> None:
    """The package is complete: the manifest, the program, and its Python package."""
    staged = stage(tmp_path / "staged")
    done = helm4.run("plugin", "package", "--sign=false", staged, "-d", tmp_path)
    assert done.code == 0, done.err
    [tarball] = tmp_path.glob("multimesh-*.tgz")
    shutil.rmtree(staged)
    fresh, plugins = installed(helm4, tmp_path / "home", tarball, "--verify=false")
    assert "unsigned" in plugins
    template = partial(fresh.template, CHART, "blue", "--post-renderer", "multimesh")
    done = template(f"--post-renderer-args=--profile={PROFILES}/blue")
    assert done.code == 0, done.err
    assert done.out == through(helm4, "blue")
    assert "no mesh profile is given" in refused(fresh, template())


# --- the profile ------------------------------------------------------------------------------------


def test_the_profile_comes_as_one_argument_as_two_or_from_the_environment(helm: Helm) -> None:
    """All three spellings of the flag mean the same."""
    template = partial(helm.template, CHART, "affirmed", *helm.post_renderer())
    two = ("--post-renderer-args", "--profile", "--post-renderer-args", f"{PROFILES}/affirmed")
    assert template(*two, **helm.plugins()).out == through(helm, "affirmed")
    assert template(MULTIMESH_PROFILE=f"{PROFILES}/affirmed", **helm.plugins()).out == through(helm, "affirmed")


def test_the_flag_beats_the_environment(helm: Helm) -> None:
    """A flag on the command line takes precedence over the environment variable."""
    done = helm.post_render(CHART, "affirmed", MULTIMESH_PROFILE=str(PROFILES / "blue"))
    assert done.out == through(helm, "affirmed")


@pytest.mark.parametrize("named", ["meshes/affirmed", "./meshes/affirmed/profile.yaml"])
def test_a_relative_profile_is_relative_to_where_helm_was_called(helm: Helm, tmp_path: Path, named: str) -> None:
    """It is relative neither to the chart nor to the plugin."""
    (tmp_path / "meshes").symlink_to(PROFILES)
    done = helm.post_render(CHART, "affirmed", profile=named, cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.out == through(helm, "affirmed")


# --- empty streams ----------------------------------------------------------------------------------


def test_output_dir_is_refused_on_helm_3(helm3: Helm, tmp_path: Path) -> None:
    """Helm 3 writes the stock files and sends nothing; the message says what to do instead."""
    done = helm3.post_render(CHART, "affirmed", "--output-dir", tmp_path)
    assert done.code == 1
    assert EMPTY in done.err
    assert "With Helm 3 --output-dir bypasses post-renderers: redirect stdout to a file instead." in done.err


def test_output_dir_works_on_helm_4(helm4: Helm, tmp_path: Path) -> None:
    """Every file contains what stdout would contain."""
    done = helm4.post_render(CHART, "affirmed", "--output-dir", tmp_path)
    assert done.code == 0, done.err
    text = "".join(f"{file.read_text(encoding='utf-8')}\n" for file in sorted(tmp_path.rglob("*.yaml")))
    assert by_key(text) == by_key(through(helm4, "affirmed"))


def test_a_chart_that_renders_nothing_is_refused_unless_that_is_allowed(helm: Helm, tmp_path: Path) -> None:
    """An empty stdin is usually a mistake, so it needs `--allow-empty`."""
    chart = write_chart(tmp_path / "chart", nothing="{{- if false }}kind: ConfigMap{{ end }}\n")
    message = refused(helm, helm.post_render(chart, "blue"))
    assert message.startswith(EMPTY)
    assert "MULTIMESH_ALLOW_EMPTY=1" in message
    for done in (
        helm.post_render(chart, "blue", MULTIMESH_ALLOW_EMPTY="1"),
        helm.post_render(chart, "blue", "--post-renderer-args=--allow-empty"),
    ):
        assert done.code == 0, done.err
        assert oracle.load(done.out) == []


def test_a_chart_of_hooks_alone_is_empty_on_helm_3(helm3: Helm, tmp_path: Path) -> None:
    """Helm 3 sends nothing, and prints the hooks itself if an empty stdin is allowed."""
    chart = write_chart(tmp_path / "chart", hook=HOOK)
    assert "nothing but hooks" in refused(helm3, helm3.post_render(chart, "blue"))
    done = helm3.post_render(chart, "blue", MULTIMESH_ALLOW_EMPTY="1")
    assert done.code == 0, done.err
    assert [obj["metadata"]["name"] for obj in oracle.load(done.out)] == ["kiali"]


def test_a_chart_of_hooks_alone_is_rewritten_on_helm_4(helm4: Helm, tmp_path: Path) -> None:
    """Helm 4 sends hooks in the same way as manifests."""
    done = helm4.post_render(write_chart(tmp_path / "chart", hook=HOOK), "blue")
    assert done.code == 0, done.err
    assert [obj["metadata"]["name"] for obj in oracle.load(done.out)] == ["kiali-blue"]


def test_a_chart_whose_every_object_is_left_out_renders_to_nothing(helm: Helm, tmp_path: Path) -> None:
    """Both Helms accept an output of one comment line."""
    crd = (CHART / "crds" / "istio.yaml").read_text(encoding="utf-8").split("\n---\n")[0]
    crd = crd.replace("metadata:\n", "metadata:\n  annotations: {helm.sh/resource-policy: keep}\n", 1)
    done = helm.post_render(write_chart(tmp_path / "chart", crd=crd), "blue")
    assert done.code == 0, done.err
    assert oracle.load(done.out) == []


# --- errors that the user must see ---------------------------------------------------------------


def test_a_missing_profile_is_named_with_the_path_that_was_tried(helm: Helm, tmp_path: Path) -> None:
    """The message has the absolute path, since a wrong working directory is the usual cause."""
    message = refused(helm, helm.post_render(CHART, "affirmed", profile="meshes/absent", cwd=tmp_path))
    assert message.startswith(f'multimesh: {tmp_path}/meshes/absent: cannot read the mesh profile "meshes/absent": ')


def test_no_profile_at_all_is_an_error(helm: Helm) -> None:
    """The message gives the flag in the form that is safe with Helm."""
    done = helm.template(CHART, "affirmed", *helm.post_renderer(), **helm.plugins())
    assert "--post-renderer-args=--profile=charts-values/<mesh>" in refused(helm, done)


def test_another_namespace_than_the_mesh_has_is_refused(helm: Helm) -> None:
    """A release in the wrong namespace would put two control planes into one namespace."""
    message = refused(helm, helm.post_render(CHART, "blue", profile=str(PROFILES / "affirmed")))
    assert 'metadata/namespace is "istio-blue", which is not a namespace of mesh affirmed [namespaces]' in message
    assert "-n istio-affirmed" in message


def test_a_cluster_scoped_name_that_no_table_knows_is_refused(helm: Helm, tmp_path: Path) -> None:
    """The message offers two keys of the profile, and each of them works."""
    chart = write_chart(tmp_path / "chart", role=UNKNOWN)
    message = refused(helm, helm.post_render(chart, "blue"))
    assert "ClusterRole/company-reader" in message
    assert "keepNames" in message
    assert "renameNames" in message
    for key, name in (("keepNames", "company-reader"), ("renameNames", "company-reader-blue")):
        file = tmp_path / f"{key}.yaml"
        file.write_text(profile("blue", "istio-blue", **{key: ["ClusterRole/company-reader"]}), encoding="utf-8")
        done = helm.post_render(chart, "blue", profile=str(file))
        assert done.code == 0, done.err
        assert [obj["metadata"]["name"] for obj in oracle.load(done.out)] == [name]


def test_an_unknown_argument_is_an_error(helm: Helm) -> None:
    """A misspelt flag is not ignored."""
    done = helm.post_render(CHART, "affirmed", "--post-renderer-args=--alow-empty")
    assert 'unknown argument "--alow-empty"' in refused(helm, done)


def test_nothing_is_installed_after_an_error(helm4: Helm) -> None:
    """`install` fails as `template` does."""
    flags = (*helm4.post_renderer(), f"--post-renderer-args=--profile={PROFILES}/blue", "--dry-run=client")
    done = helm4.run("install", RELEASE, CHART, "-n", "istio-affirmed", *flags, **helm4.plugins())
    assert "[namespaces]" in refused(helm4, done)
    assert "INSTALLATION FAILED" in done.err


def test_helm_4_finds_its_plugin_through_a_link(helm4: Helm, tmp_path: Path) -> None:
    """The plugin directory that Helm passes is a link here, and the message is still written to stdout."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "relative").symlink_to(ROOT)
    (tmp_path / "plugins" / "mesh").symlink_to("../relative")
    flags = ("--post-renderer", "multimesh", "--post-renderer-args=--profile=/absent")
    done = helm4.template(CHART, "affirmed", *flags, HELM_PLUGINS=str(tmp_path / "plugins"))
    assert "cannot read the mesh profile" in refused(helm4, done)


@pytest.mark.parametrize("plugin", ["other", "absent", ""])
def test_the_directory_of_another_plugin_does_not_pass_for_helm_4(helm3: Helm, tmp_path: Path, plugin: str) -> None:
    """Helm 3 passes variables of another plugin on: a string on stdout would then be installed as a manifest."""
    (tmp_path / "other").mkdir()
    inherited = {"HELM_PLUGIN_NAME": "diff", "HELM_PLUGIN_DIR": str(tmp_path / plugin) if plugin else ""}
    message = refused(helm3, helm3.post_render(CHART, "affirmed", profile="/absent", **inherited))
    assert "cannot read the mesh profile" in message


def test_our_own_directory_passes_for_helm_4_whatever_its_spelling(tmp_path: Path) -> None:
    """With a final slash, through a link or with `..` it is the same directory, and the message is one JSON string on stdout."""
    (tmp_path / "link").symlink_to(ROOT)
    for directory in (f"{ROOT}/", f"{ROOT}/tests/..", str(tmp_path / "link")):
        done = run(b"kind: one\nkind: ]\n", "--profile", str(PROFILES / "blue"), HELM_PLUGIN_DIR=directory)
        assert done.code == 0
        assert done.err == ""
        assert json.loads(done.out).startswith("multimesh: <stdin>:2: not YAML: ")
        assert done.out.count(b"\n") == 1


# --- install ----------------------------------------------------------------------------------------


def api(stock: str) -> dict[str, object]:
    """Return what a cluster answers about the kinds that exist: every kind of the stream does."""
    groups: dict[str, dict[tuple[str, bool], None]] = {}
    for obj in oracle.load(stock):
        groups.setdefault(obj["apiVersion"], {})[obj["kind"], obj["kind"] not in oracle.CLUSTER_SCOPED] = None
    answers: dict[str, object] = {
        "/version": {"major": "1", "minor": "32", "gitVersion": "v1.32.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [
                {"name": version.partition("/")[0], "versions": [found], "preferredVersion": found}
                for version in groups
                if "/" in version
                for found in [{"groupVersion": version, "version": version.partition("/")[2]}]
            ],
        },
    }
    for version, kinds in groups.items():
        answers[f"/apis/{version}" if "/" in version else f"/api/{version}"] = {
            "kind": "APIResourceList",
            "groupVersion": version,
            "resources": [
                {"name": f"{kind.lower()}s", "kind": kind, "namespaced": namespaced, "verbs": ["get"]}
                for kind, namespaced in kinds
            ],
        }
    return answers


@pytest.fixture
def cluster(tmp_path: Path, helm3: Helm) -> Iterator[str]:
    """Serve the part of the API that a dry run needs; yield the path of its kubeconfig."""
    answers = api(helm3.template(CHART, "affirmed").out)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path.partition("?")[0])
            body = json.dumps(answer or {"kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound"})
            self.send_response(200 if answer else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        config = tmp_path / "kubeconfig"
        config.write_text(
            f"""\
apiVersion: v1
kind: Config
clusters: [{{name: test, cluster: {{server: "http://127.0.0.1:{server.server_port}"}}}}]
contexts: [{{name: test, context: {{cluster: test, user: ""}}}}]
current-context: test
""",
            encoding="utf-8",
        )
        yield str(config)
        server.shutdown()
        thread.join()


def test_install_dry_run_shows_the_rewritten_manifest(helm: Helm, cluster: str) -> None:
    """`install` would send the same manifest that `template` prints."""
    flags = (*helm.post_renderer(), f"--post-renderer-args=--profile={PROFILES}/affirmed", "--dry-run=client")
    flags += ("--disable-openapi-validation", "--skip-crds")
    done = helm.run("install", RELEASE, CHART, "-n", "istio-affirmed", *flags, KUBECONFIG=cluster, **helm.plugins())
    assert done.code == 0, done.err
    _, _, shown = done.out.partition("\nHOOKS:\n")
    hooks, _, manifest = shown.partition("\nMANIFEST:\n")
    assert by_key(f"{hooks}\n{manifest}") == by_key(through(helm, "affirmed"))


def test_a_dry_run_that_hides_secrets_is_rendered(helm: Helm, tmp_path: Path, cluster: str) -> None:
    """A hidden Secret is a comment in the stream, which is not refused."""
    chart = write_chart(tmp_path / "chart", hidden="apiVersion: v1\nkind: Secret\nmetadata: {name: one}\n", role=ROLE)
    flags = (*helm.post_renderer(), f"--post-renderer-args=--profile={PROFILES}/blue", "--dry-run=client")
    flags += ("--hide-secret", "--disable-openapi-validation")
    done = helm.run("install", RELEASE, chart, "-n", "istio-blue", *flags, KUBECONFIG=cluster, **helm.plugins())
    assert done.code == 0, done.err
    assert "kiali-blue" in done.out
    assert "kind: Secret" not in done.out


# --- streams of both Helms, without Helm ---------------------------------------------------------


def test_the_annotations_of_helm_4_pass_through_us() -> None:
    """Helm itself removes them, and without them it could not name the file of a document."""
    stream = ROLE.replace(
        "rules: []", f"  annotations:\n    {ANNOTATION}/postrender-filename: 'c/templates/a.yaml'\nrules: []"
    )
    done = render(stream.encode(), profile("blue", "istio-blue"))
    assert done.code == 0, done.err
    assert done.out.decode() == stream.replace("name: kiali ", "name: kiali-blue ")
