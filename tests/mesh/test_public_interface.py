"""The public Python interface: three names of the package, safe for a program that embeds them.

Only these three names are called here, as other programs call them; `program` runs `postrender.py` for comparison.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import program
import pytest
from pages import ROOT, blocks

import multimesh

GOLDEN = ROOT / "tests/golden"
PROFILE = program.profile("blue", "istio-blue", ("shop",))
STOCK = b"""\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: kiali
"""
WEBHOOK = b"""\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: istio-validator-istio-blue
  labels:
    istio.io/rev: blue
webhooks:
  - name: rev.validation.istio.io
    clientConfig:
      service:
        name: istiod
        namespace: istio-blue
        path: /validate
    rules:
      - apiGroups: ["networking.istio.io"]
        operations: [CREATE]
        apiVersions: ["*"]
        resources: ["*"]
    failurePolicy: Ignore
    objectSelector:
      matchExpressions:
        - {key: istio.io/rev, operator: In, values: [blue]}
"""


def python(code: str, *, isolated: bool = False) -> str:
    """Run Python in a new process, in which nothing has been imported, and return its output."""
    flags = ["-I"] if isolated else []
    done = subprocess.run(
        [sys.executable, *flags, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_names_the_whole_interface() -> None:
    assert sorted(multimesh.__all__) == ["MultimeshError", "load_profile", "render_manifest"]


def test_dir_lists_names_that_are_not_imported_yet() -> None:
    code = "import multimesh; print({*multimesh.__all__, '__version__'} <= {*dir(multimesh)})"
    assert python(code) == "True\n"


def test_import_loads_nothing_before_a_name_is_asked_for() -> None:
    code = "import sys, multimesh; print(sorted(name for name in sys.modules if name.startswith('multimesh')))"
    assert python(code) == "['multimesh']\n"


def test_star_import_gives_the_interface() -> None:
    code = "from multimesh import *; print(callable(load_profile), callable(render_manifest), MultimeshError.__name__)"
    assert python(code) == "True True MultimeshError\n"


def test_a_name_is_imported_once() -> None:
    assert multimesh.load_profile is multimesh.load_profile
    assert "load_profile" in vars(multimesh)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'multimesh' has no attribute 'render_everything'$"):
        multimesh.render_everything  # noqa: B018 - reading it is the test


def test_types_are_shipped() -> None:
    assert (ROOT / "multimesh/py.typed").exists()


CASES = sorted(
    path.name
    for path in GOLDEN.iterdir()
    if not (path / "stderr.txt").read_bytes()
    and "ResourceList" not in (path / "input.yaml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", CASES)
def test_output_is_what_postrender_writes(name: str) -> None:
    case = GOLDEN / name
    profile = multimesh.load_profile((case / "profile.yaml").read_text(encoding="utf-8"), where="profile.yaml")
    upgrade = "--upgrade" in (case / "arguments").read_text(encoding="utf-8")
    rendering = multimesh.render_manifest((case / "input.yaml").read_bytes(), profile, upgrade=upgrade)
    assert rendering.output == (case / "stdout.yaml").read_bytes()
    assert type(rendering.output) is bytes


def test_dropped_names_title_rule_and_line() -> None:
    stock = (
        b"kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n---\n"
        b"kind: CustomResourceDefinition\napiVersion: apiextensions.k8s.io/v1\nmetadata:\n"
        b"  name: sidecars.networking.istio.io\n  annotations: {helm.sh/resource-policy: keep}\n"
    )
    rendering = multimesh.render_manifest(stock, multimesh.load_profile(PROFILE))
    assert [(title, rule, int(line)) for title, rule, line in rendering.dropped] == [
        ("CustomResourceDefinition/sidecars.networking.istio.io", "shared-resources", 5)
    ]


def test_upgrade_holds_for_one_call() -> None:
    profile = multimesh.load_profile(PROFILE)
    first = multimesh.render_manifest(WEBHOOK, profile).output
    upgrade = multimesh.render_manifest(WEBHOOK, profile, upgrade=True).output
    assert (b"failurePolicy" in first, b"failurePolicy" in upgrade) == (True, False)
    assert multimesh.render_manifest(WEBHOOK, profile).output == first
    assert upgrade == program.render(WEBHOOK, PROFILE, "--upgrade").out
    assert first == program.render(WEBHOOK, PROFILE).out


def test_profile_stays_as_it_was() -> None:
    profile = multimesh.load_profile(PROFILE, where="blue.yaml")
    before = {name: getattr(profile, name) for name in type(profile).__slots__}
    multimesh.render_manifest(WEBHOOK, profile, upgrade=True)
    assert {name: getattr(profile, name) for name in type(profile).__slots__} == before


def test_a_wrong_profile_is_one_error_with_every_mistake() -> None:
    with pytest.raises(multimesh.MultimeshError) as caught:
        multimesh.load_profile(
            PROFILE.replace("blue", "Blue").replace("spec:", "spec:\n  nodePort: auto"), where="b.yaml"
        )
    assert str(caught.value).count("multimesh: b.yaml:") == 3


def test_a_refused_manifest_is_an_error_that_names_the_manifest() -> None:
    with pytest.raises(multimesh.MultimeshError) as caught:
        multimesh.render_manifest(b"kind: A\n\nkind: B\n", multimesh.load_profile(PROFILE))
    assert caught.value.where.startswith("<manifest>:")


def test_text_that_is_not_yaml_is_an_error() -> None:
    with pytest.raises(multimesh.MultimeshError, match="not YAML"):
        multimesh.render_manifest(b"a: [\n", multimesh.load_profile(PROFILE))
    with pytest.raises(multimesh.MultimeshError, match="<profile>:"):
        multimesh.load_profile("a: [\n")


def test_deep_nesting_is_an_error() -> None:
    with pytest.raises(multimesh.MultimeshError, match="nest"):
        multimesh.render_manifest(b"a: " + b"[" * 6_000 + b"]" * 6_000, multimesh.load_profile(PROFILE))


def test_recursion_in_a_rule_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def recursive(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr("multimesh.interface.render", recursive)
    with pytest.raises(multimesh.MultimeshError, match=r"^multimesh: <manifest>: a document is nested too deeply\n"):
        multimesh.render_manifest(STOCK, multimesh.load_profile(PROFILE))


def test_an_empty_manifest_gives_an_empty_output() -> None:
    assert multimesh.render_manifest(b"", multimesh.load_profile(PROFILE)).output == b""


def test_text_instead_of_bytes_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"^manifest must be bytes, not str$"):
        multimesh.render_manifest(STOCK.decode(), multimesh.load_profile(PROFILE))  # type: ignore[arg-type]


RENDER = f"""
import multimesh
profile = multimesh.load_profile({PROFILE!r})
output = multimesh.render_manifest({STOCK!r}, profile).output
"""


@pytest.mark.parametrize("code", [f"import yaml\n{RENDER}", f"{RENDER}\nimport yaml"], ids=["before", "after"])
def test_yaml_works_in_the_same_process(code: str) -> None:
    """Both `import yaml` and the rendering work, in either order."""
    more = """
print(yaml.safe_load(output)["metadata"]["name"], yaml.load("a: 1", yaml.CSafeLoader if yaml.__with_libyaml__
      else yaml.SafeLoader), yaml.compose("a: 1").value[0][1].tag)
"""
    assert python(code + more) == "kiali-blue {'a': 1} tag:yaml.org,2002:int\n"


def test_settings_of_the_interpreter_stay_as_they_were() -> None:
    code = f"""
import gc, os, sys, signal
def state():
    return (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count(), sys.path[:], sys.flags, sys.meta_path[:],
            sys.path_hooks[:], sys.excepthook, sys.getrecursionlimit(), dict(os.environ), os.getcwd(), __import__,
            sys.stdin, sys.stdout, sys.stderr, signal.getsignal(signal.SIGPIPE))
before = state()
{RENDER}
print(state() == before)
"""
    assert python(code) == "True\n"


@pytest.mark.parametrize("block", [block for block in blocks("docs/python.md") if block.language == "python"])
def test_the_example_of_the_manual_runs(block: object, tmp_path: Path) -> None:
    """It is the program of the page, with a chart that was rendered to the file that it reads."""
    (tmp_path / "stock.yaml").write_bytes(STOCK)
    (tmp_path / "profile.yaml").write_text(PROFILE, encoding="utf-8")
    program_text = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{block.text}"  # type: ignore[attr-defined]
    done = subprocess.run(
        [sys.executable, "-c", program_text], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert b"kiali-blue" in (tmp_path / "mesh.yaml").read_bytes()
