"""Start the program: from any directory, by any command, with any Python and any PyYAML."""

from __future__ import annotations

import ast
import json
import os
import py_compile
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import module_from_spec
from pathlib import Path
from typing import NamedTuple

import oracle
import pytest
import yaml
from helms import CHART, PROGRAM, ROOT, stage
from program import Result, profile
from pythons import bare_python

from multimesh.bootstrap import PackageFinder

BLUE = profile("blue", "istio-blue", ("nginx-blue",))
STREAM = b"""\
---
# Source: istio/templates/kiali.yaml
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: kiali # stock
rules: []
"""
RENDERED = STREAM.replace(b"kiali #", b"kiali-blue #")
VERSION = "python{}.{}".format(*sys.version_info[:2])


def start(command: list[object], *, cwd: Path = ROOT, stream: bytes = STREAM, **environment: str) -> Result:
    """Run a command with the stream on stdin, in an environment with these variables only."""
    environment = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"} | environment
    done = subprocess.run(
        [str(word) for word in command],
        input=stream,
        capture_output=True,
        cwd=cwd,
        env=environment,
        timeout=60,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr.decode())


def assert_rendered(done: Result) -> None:
    assert (done.code, done.err) == (0, "")
    assert done.out == RENDERED


@pytest.fixture
def blue(tmp_path: Path) -> Path:
    """Write the profile of mesh blue."""
    file = tmp_path / "blue.yaml"
    file.write_text(BLUE, encoding="utf-8")
    return file


# --- from any directory ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["./postrender.py", "checkout/postrender.py", "../here/checkout/postrender.py"])
def test_it_starts_from_any_working_directory(tmp_path: Path, blue: Path, path: str) -> None:
    """The package is found from the path of the file, not from the working directory."""
    here = tmp_path / "here"
    here.mkdir()
    (here / "checkout").symlink_to(ROOT)
    cwd = ROOT if path.startswith("./") else here
    assert_rendered(start([path, "--profile", blue], cwd=cwd))


def test_it_starts_from_the_root_directory(blue: Path) -> None:
    """`/` is a working directory too."""
    assert_rendered(start([str(PROGRAM).removeprefix("/"), "--profile", blue], cwd=Path("/")))


@pytest.mark.parametrize("relative", [False, True], ids=["absolute", "relative"])
@pytest.mark.parametrize("interpreter", [[], ["python3"]], ids=["sh", "python3"])
def test_it_starts_through_links(tmp_path: Path, blue: Path, relative: bool, interpreter: list[str]) -> None:
    """A link, a link to a link, and a link into a linked directory lead to the checkout."""
    target = Path(os.path.relpath(PROGRAM, tmp_path) if relative else PROGRAM)
    (tmp_path / "one").symlink_to(target)
    (tmp_path / "two").symlink_to("one" if relative else tmp_path / "one")
    (tmp_path / "directory").symlink_to(target.parent)
    (tmp_path / "three").symlink_to("directory/postrender.py" if relative else tmp_path / "directory" / "postrender.py")
    for link in ("one", "two", "three"):
        assert_rendered(start([*interpreter, tmp_path / link, "--profile", blue]))
        assert_rendered(start([*interpreter, f"./{link}", "--profile", blue], cwd=tmp_path))


def test_it_starts_by_its_bare_name_from_the_directory_that_holds_it(blue: Path) -> None:
    """`python3 postrender.py` contains no directory."""
    assert_rendered(start(["python3", "postrender.py", "--profile", blue]))


def test_it_starts_from_path(tmp_path: Path, blue: Path) -> None:
    """A link in a directory of PATH is a command."""
    (tmp_path / "multimesh-render").symlink_to(PROGRAM)
    path = f"{tmp_path}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    assert_rendered(start(["sh", "-c", f"multimesh-render --profile {blue}"], PATH=path))


def test_it_starts_from_a_path_with_spaces_and_quotes(tmp_path: Path, blue: Path) -> None:
    """The checkout, a link to it and the profile are in directories whose names need quoting."""
    checkout = stage(tmp_path / 'it\'s a "mesh"' / "multi mesh ü")
    named = checkout / "a profile.yaml"
    shutil.copy(blue, named)
    (tmp_path / "a link").symlink_to(checkout / "postrender.py")
    for program in (checkout / "postrender.py", tmp_path / "a link"):
        assert_rendered(start([program, "--profile", named]))
        assert_rendered(start(["python3", program, f"--profile={named}"]))


# --- by any command --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        [PROGRAM],
        ["sh", PROGRAM],
        ["python3", PROGRAM],
        ["python3", "-I", "-S", PROGRAM],
        ["python3", "-E", "-s", "-S", PROGRAM],
        ["python3", "-O", "-B", PROGRAM],
        ["python3", "-m", "multimesh", "render"],
        ["python3", "-m", "postrender"],
        ["python3", "-m", "cProfile", "-o", os.devnull, "postrender.py"],
    ],
    ids=lambda command: " ".join(Path(word).name for word in command),
)
def test_every_command_gives_the_same_bytes(blue: Path, command: list[str]) -> None:
    """The program is the same as Helm, Python and the console script start it."""
    assert_rendered(start([*command, "--profile", blue]))


def test_the_console_script_is_the_same_program(tmp_path: Path, blue: Path) -> None:
    """The script that pip writes calls the function that pyproject.toml names."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    [(module, function)] = re.findall(r'(?m)^multimesh = "([\w.]+):(\w+)"$', text)
    script = tmp_path / "multimesh"
    script.write_text(
        f"#!/usr/bin/env python3\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n",
        encoding="utf-8",
    )
    script.chmod(0o755)
    assert_rendered(start([script, "render", "--profile", blue], PYTHONPATH=str(ROOT)))
    done = start([script, "render", "--profile", "absent"], cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert (done.code, done.out) == (2, b"")


def test_a_module_that_stands_in_the_working_directory_is_not_imported(tmp_path: Path, blue: Path) -> None:
    """Helm is called in directories of charts, whose files do not belong to the program."""
    for name in ("yaml.py", "json.py", "multimesh.py"):
        (tmp_path / name).write_text("raise SystemExit('imported from the working directory')\n", encoding="utf-8")
    assert_rendered(start([PROGRAM, "--profile", blue], cwd=tmp_path))


@pytest.mark.parametrize("locale", [{}, {"LANG": "C.UTF-8"}, {"LC_ALL": "de_DE.ISO-8859-1"}], ids=str)
def test_a_path_beyond_ascii_is_named_as_it_is_in_every_locale(tmp_path: Path, locale: dict[str, str]) -> None:
    """Input and output are UTF-8 in every locale."""
    done = start([PROGRAM, "--profile", tmp_path / "größe.yaml"], **locale)
    assert (done.code, done.out) == (2, b"")
    assert f'cannot read the mesh profile "{tmp_path}/größe.yaml": No such file or directory' in done.err


def test_what_the_environment_says_to_python_is_not_heard(tmp_path: Path, blue: Path) -> None:
    """Helm passes its whole environment on, with variables that were set for other programs."""
    (tmp_path / "yaml.py").write_text("raise SystemExit('imported from PYTHONPATH')\n", encoding="utf-8")
    environment = {"PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1", "PYTHONOPTIMIZE": "2", "PYTHONHOME": "/nowhere"}
    assert_rendered(start([PROGRAM, "--profile", blue], cwd=tmp_path, **environment))


# --- with any Python -------------------------------------------------------------------------------


def test_a_missing_python_is_said_by_the_shell(tmp_path: Path) -> None:
    """Without a python3 only the first lines of the program can run."""
    done = start([PROGRAM], PATH=str(tmp_path))
    assert (done.code, done.out) == (2, b"")
    assert done.err == (
        "multimesh: python3 is not on the PATH\n  Install Python 3.10 or later, or put its directory first in PATH.\n"
    )


def test_a_missing_python_is_seen_through_helm_4(tmp_path: Path) -> None:
    """Helm 4 shows a JSON string on stdout, and does not show stderr."""
    done = start([PROGRAM], PATH=str(tmp_path), HELM_PLUGIN_DIR=str(ROOT))
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out).startswith("multimesh: python3 is not on the PATH\n  Install Python")
    assert start([PROGRAM], PATH=str(tmp_path), HELM_PLUGIN_DIR=str(tmp_path)).code == 2


@pytest.mark.parametrize(
    "file", ["postrender.py", "multimesh/__init__.py", "multimesh/__main__.py", "multimesh/too_old.py"]
)
def test_an_old_python_can_read_what_tells_it_so(file: str) -> None:
    """A Python before 3.10 can run these files up to the message that it is too old: Python 2 too, as far as is known.

    It has no f-strings, annotations or `from __future__ import annotations`.
    """
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"), feature_version=(3, 4))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert [one.name for one in functions if one.returns or any(word.annotation for word in one.args.args)] == []
    assert [node for node in ast.walk(tree) if isinstance(node, ast.AnnAssign | ast.JoinedStr)] == []
    assert [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "__future__"] == []


@pytest.mark.parametrize("name", ["python2.7", "python2", "python3.6", "python3.9"])
@pytest.mark.parametrize("helm_4", [False, True], ids=["by hand", "helm4"])
def test_a_python_that_is_old_says_so(name: str, helm_4: bool) -> None:
    """One that is installed: the program, and the package, by which the exit code is that of an error."""
    found = next((path for path in _pythons(name) if subprocess.run([path, "-c", ""], check=False).returncode == 0), "")
    if not found:
        pytest.skip(f"{name} is not installed")
    env = {"HELM_PLUGIN_DIR": str(ROOT)} if helm_4 else {}
    for command in ([found, "-B", str(PROGRAM)], [found, "-B", "-m", "multimesh", "version"]):
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        said = json.loads(done.stdout) + "\n" if helm_4 else done.stderr
        assert re.fullmatch(
            r"multimesh: python3 is [23]\.\d+\.\d+, and 3\.10 or later is required\n  Put a later one first in PATH\.\n",
            said,
        )
        assert done.returncode == (0 if helm_4 else 2)


def _pythons(name: str) -> list[str]:
    """Return the paths at which a Python may be: on the PATH, and among those of pyenv."""
    version = name.removeprefix("python")
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}*/bin/{name}"))
    on_path = shutil.which(name)
    # A shim of pyenv starts whichever version is chosen, or none.
    return [str(path) for path in pyenv] + ([on_path] if on_path and ".pyenv/shims" not in on_path else [])


TOO_OLD = "multimesh: python3 is 3.8.18, and 3.10 or later is required\n  Put a later one first in PATH.\n"


@pytest.mark.parametrize("helm_4", [False, True], ids=["by hand", "helm4"])
def test_an_old_python_is_named_with_its_version(tmp_path: Path, helm_4: bool) -> None:
    """The message comes before the import of anything that it cannot parse."""
    code = (
        "import runpy, sys; sys.version_info = (3, 8, 18); sys.version = '3.8.18 (made up)'\n"
        f"runpy.run_path('{PROGRAM}', run_name='__main__')\n"
    )
    done = start(["python3", "-I", "-c", code], cwd=tmp_path, **({"HELM_PLUGIN_DIR": str(ROOT)} if helm_4 else {}))
    assert done.code == (0 if helm_4 else 2)
    said = json.loads(done.out) + "\n" if helm_4 else done.err
    assert said == TOO_OLD


def test_the_console_script_names_an_old_python_too() -> None:
    """The exit code is that of an error: 1 would mean a finding."""
    code = (
        "import runpy, sys; sys.version_info = (3, 8, 18); sys.version = '3.8.18 (made up)'\n"
        "runpy.run_module('multimesh', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", TOO_OLD)


# --- with any PyYAML -------------------------------------------------------------------------------


class Python(NamedTuple):
    """An interpreter with only the packages that a test installs, and a copy of the checkout."""

    prefix: Path
    checkout: Path
    blue: Path

    @property
    def packages(self) -> Path:
        """Return the directory of its packages."""
        return self.prefix / "lib" / VERSION / "site-packages"

    def render(self, *, first: Path | None = None, stream: bytes = STREAM, **environment: str) -> Result:
        """Run the program as Helm does, with this interpreter or another one first on PATH."""
        path = f"{first or self.prefix / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"
        environment = {"PATH": path, "HOME": str(self.prefix / "home")} | environment
        return start([self.checkout / "postrender.py", "--profile", self.blue], stream=stream, **environment)

    def venv(self, name: str = "venv") -> Path:
        """Create a virtual environment with it."""
        command = [self.prefix / "bin" / "python3", "-m", "venv", "--without-pip", self.prefix / name]
        done = start(command, PATH="/usr/bin:/bin")
        assert done.code == 0, done.err
        return self.prefix / name


def put_pyyaml(directory: Path, *, libyaml: bool = True) -> None:
    """Copy PyYAML into a directory, with or without the C extension with libyaml."""
    leave_out = [] if libyaml else ["_yaml*"]
    source = Path(yaml.__file__).parent
    shutil.copytree(source, directory / "yaml", ignore=shutil.ignore_patterns("__pycache__", *leave_out))


@pytest.fixture
def bare(tmp_path: Path, blue: Path) -> Python:
    """Create an interpreter without packages: a copy of this one and its standard library in a directory of its own."""
    prefix = bare_python(tmp_path / "bare")
    return Python(prefix, stage(tmp_path / "checkout"), blue)


def in_site_packages(python: Python) -> dict[str, str]:
    put_pyyaml(python.packages)
    return {}


def in_user_site(python: Python) -> dict[str, str]:
    put_pyyaml(python.prefix / "home" / ".local" / "lib" / VERSION / "site-packages")
    return {}


def in_pythonuserbase(python: Python) -> dict[str, str]:
    put_pyyaml(python.prefix / "base" / "lib" / VERSION / "site-packages")
    return {"PYTHONUSERBASE": str(python.prefix / "base")}


def in_pythonpath(python: Python) -> dict[str, str]:
    put_pyyaml(python.prefix / "some where")
    return {"PYTHONPATH": f"{python.prefix}/absent{os.pathsep}{python.prefix}/some where"}


def in_the_checkouts_venv(python: Python) -> dict[str, str]:
    put_pyyaml(python.checkout / ".venv" / "lib" / VERSION / "site-packages")
    return {}


def in_a_venv_of_another_python(python: Python) -> dict[str, str]:
    put_pyyaml(python.checkout / ".venv" / "lib" / "python3.99" / "site-packages", libyaml=False)
    return {}


def by_a_pth_file(python: Python) -> dict[str, str]:
    put_pyyaml(python.prefix / "elsewhere")
    (python.packages / "elsewhere.pth").write_text(f"{python.prefix}/elsewhere\n", encoding="utf-8")
    return {}


@pytest.mark.parametrize(
    "place",
    [
        in_site_packages,
        in_user_site,
        in_pythonuserbase,
        in_pythonpath,
        in_the_checkouts_venv,
        in_a_venv_of_another_python,
        by_a_pth_file,
    ],
    ids=lambda place: place.__name__.replace("_", " "),
)
def test_pyyaml_is_found(bare: Python, place: Callable[[Python], dict[str, str]]) -> None:
    """It may be in any place where the user's python3 looks, or in the `.venv` of the checkout."""
    environment = place(bare)
    assert_rendered(bare.render(**environment))


def test_pyyaml_is_found_in_a_venv_that_is_first_on_path(bare: Python) -> None:
    """`source .venv/bin/activate` is enough."""
    venv = bare.venv()
    put_pyyaml(venv / "lib" / VERSION / "site-packages")
    assert_rendered(bare.render(first=venv / "bin"))


def test_a_venv_without_pyyaml_falls_back_on_the_interpreter_it_was_made_from(bare: Python) -> None:
    """An active virtual environment of another project does not stop the program."""
    venv = bare.venv()
    put_pyyaml(bare.packages)
    assert_rendered(bare.render(first=venv / "bin"))


def test_a_venv_without_pyyaml_falls_back_on_the_checkouts_own(bare: Python) -> None:
    """The `.venv` that `make` creates works with any python3."""
    venv = bare.venv()
    put_pyyaml(bare.venv("made") / "lib" / VERSION / "site-packages")
    (bare.checkout / ".venv").symlink_to(bare.prefix / "made")
    assert_rendered(bare.render(first=venv / "bin"))


def test_the_interpreters_own_pyyaml_comes_before_the_checkouts(bare: Python) -> None:
    """An outdated .venv has no effect."""
    put_pyyaml(bare.packages)
    stale = bare.checkout / ".venv" / "lib" / VERSION / "site-packages" / "yaml"
    stale.mkdir(parents=True)
    (stale / "__init__.py").write_text("raise SystemExit('the stale one')\n", encoding="utf-8")
    assert_rendered(bare.render())


def test_without_pyyaml_the_message_says_which_command_brings_it(bare: Python) -> None:
    """The command names the interpreter that ran, which may not be the one that the user expects."""
    done = bare.render()
    assert (done.code, done.out) == (2, b"")
    python = bare.prefix / "bin" / "python3"
    assert done.err.startswith(
        f"multimesh: PyYAML is not installed for {python}\n  Run: {python} -m pip install pyyaml\n"
    )
    assert "Traceback" not in done.err


def test_without_pyyaml_the_message_is_seen_through_helm_4(bare: Python) -> None:
    """It is shown as any other error."""
    done = bare.render(HELM_PLUGIN_DIR=str(bare.checkout))
    assert (done.code, done.err) == (0, "")
    assert "-m pip install pyyaml" in json.loads(done.out)


def test_pyyaml_without_libyaml_gives_the_same_bytes(bare: Python) -> None:
    """Libyaml is only faster."""
    stream = (CHART / "crds" / "istio.yaml").read_bytes() + STREAM + many_styles()
    put_pyyaml(bare.packages)
    fast = bare.render(stream=stream)
    shutil.rmtree(bare.packages / "yaml")
    put_pyyaml(bare.packages, libyaml=False)
    slow = bare.render(stream=stream)
    assert (fast.code, fast.out, fast.err) == (slow.code, slow.out, slow.err)
    assert fast.code == 2
    stream = STREAM + many_styles()
    slow = bare.render(stream=stream)
    shutil.rmtree(bare.packages / "yaml")
    put_pyyaml(bare.packages)
    fast = bare.render(stream=stream)
    assert fast.code == 0, fast.err
    assert fast.out.count(b"kiali-blue") == 6
    assert (fast.code, fast.out, fast.err) == (slow.code, slow.out, slow.err)


def many_styles() -> bytes:
    """Return one object in all styles of YAML."""
    role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: {}\nrules: []\n"
    names = ("'kiali'", '"kiali"', '"k\\u0069ali"', "!!str kiali", "&anchor kiali # ü 😀")
    return "".join(f"---\n{role.format(name)}" for name in names).encode()


# --- arguments and environment variables ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--profil=x"], 'unknown argument "--profil=x"'),
        (["-p", "x"], 'unknown argument "-p"'),
        (["render"], 'unknown argument "render"'),
        ([""], 'unknown argument ""'),
        (["--profile"], "--profile needs a value"),
        (["--allow-empty=maybe"], '--allow-empty is "maybe"'),
        (["--upgrade=2"], '--upgrade is "2"'),
    ],
    ids=str,
)
def test_an_argument_that_is_not_known_is_an_error(arguments: list[str], message: str) -> None:
    """The message quotes it and lists the known ones, or the allowed values."""
    done = start([PROGRAM, *arguments])
    assert (done.code, done.out) == (2, b"")
    assert done.err.startswith(f"multimesh: {message}\n  ")


@pytest.mark.parametrize("twin", ["MULTIMESH_ALLOW_EMPTY", "MULTIMESH_UPGRADE"])
def test_a_switch_of_the_environment_that_is_neither_on_nor_off_is_an_error(twin: str) -> None:
    """It is an error for every program, since Helm passes its whole environment on."""
    done = start([PROGRAM], **{twin: "maybe"})
    assert (done.code, done.out) == (2, b"")
    assert done.err == f'multimesh: {twin} is "maybe"\n  A switch is 1, true, yes, or 0, false, no.\n'


@pytest.mark.parametrize("value", ["1", "true", "Yes"])
def test_a_switch_is_turned_on_by_its_environment_twin(blue: Path, value: str) -> None:
    """The values are 1, true and yes, in any case."""
    done = start([PROGRAM, "--profile", blue], stream=b"", MULTIMESH_ALLOW_EMPTY=value)
    assert (done.code, done.out, done.err) == (0, b"# multimesh: nothing was rendered\n", "")


@pytest.mark.parametrize("value", ["0", "false", "NO", ""])
def test_a_switch_is_off_by_its_environment_twin(blue: Path, value: str) -> None:
    """The values are 0, false, no, or empty; a flag on the command line still turns it on."""
    command = [PROGRAM, "--profile", blue]
    assert start(command, stream=b"", MULTIMESH_ALLOW_EMPTY=value).code == 2
    assert start([*command, "--allow-empty"], stream=b"", MULTIMESH_ALLOW_EMPTY=value).code == 0
    assert start([*command, f"--allow-empty={value}"], stream=b"", MULTIMESH_ALLOW_EMPTY="1").code == 2


def test_every_flag_of_render_has_its_environment_twin_in_the_help() -> None:
    """The help needs no stream, and names both."""
    from multimesh.commands.render import RENDER_FLAGS

    for command in ([PROGRAM, "--help"], [PROGRAM, "-h"], ["python3", "-m", "multimesh", "render", "--help"]):
        done = start(command, stream=b"")
        assert (done.code, done.err) == (0, "")
        text = done.out.decode()
        for flag in RENDER_FLAGS:
            twin = "MULTIMESH_" + flag[2:].upper().replace("-", "_")
            assert re.search(rf"(?m)^  {flag}\b.*\({twin}\)$", text), flag


@pytest.mark.parametrize("how", ["value", "two tokens", "environment"])
def test_a_directory_means_its_profile_yaml_in_every_spelling(tmp_path: Path, blue: Path, how: str) -> None:
    """Users name a directory of charts-values/."""
    (tmp_path / "mesh").mkdir()
    shutil.copy(blue, tmp_path / "mesh" / "profile.yaml")
    arguments = {"value": ["--profile=mesh/"], "two tokens": ["--profile", "mesh"], "environment": []}[how]
    environment = {"MULTIMESH_PROFILE": "./mesh"} if how == "environment" else {}
    assert_rendered(start([PROGRAM, *arguments], cwd=tmp_path, **environment))


def test_a_closed_stdin_is_an_error_of_its_own(blue: Path) -> None:
    """The output is one message."""
    done = start(["sh", "-c", f"'{PROGRAM}' --profile '{blue}' <&-"])
    assert (done.code, done.out) == (2, b"")
    assert done.err.startswith("multimesh: <stdin>: cannot be read: ")


def test_a_reader_that_has_gone_is_an_error(blue: Path) -> None:
    """A manifest that was written in part must not look complete."""
    stream = STREAM + b"".join(b"---\n# %d\n" % number + b"#" * 1000 for number in range(200)) + b"\n"
    script = f"{{ '{PROGRAM}' --profile '{blue}'; echo \"code $?\" >&2; }} | true"
    done = start(["sh", "-c", script], stream=stream)
    assert "multimesh: <stdout>: cannot be written: " in done.err
    assert "code 2" in done.err


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_an_error_that_nobody_can_read_is_an_exit_code(closed: str) -> None:
    """There is no traceback, whichever stream is closed."""
    script = f"{{ '{PROGRAM}' --profile /absent; echo \"code $?\" >&3; }} {closed}"
    done = start(["sh", "-c", f"exec 3>&2; {script}"], HELM_PLUGIN_DIR="" if closed == "2>&-" else str(ROOT))
    assert done.out == b""
    assert "Traceback" not in done.err
    assert done.err.endswith("code 2\n")


# --- the report -------------------------------------------------------------------------------------


@pytest.mark.parametrize("twin", [False, True], ids=["flag", "environment"])
def test_the_report_says_what_was_rewritten_and_dropped(tmp_path: Path, blue: Path, twin: bool) -> None:
    """Each has its resource, its rule and its line in the stream, since Helm shows none of it."""
    crd = (
        b"---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n"
        b"  name: gateways.networking.istio.io\n  annotations: {helm.sh/resource-policy: keep}\n"
    )
    file = tmp_path / "report.json"
    command = [PROGRAM, "--profile", blue]
    if twin:
        done = start(command, stream=STREAM + crd, MULTIMESH_REPORT=str(file))
    else:
        done = start([*command, f"--report={file}"], stream=STREAM + crd)
    assert_rendered(done)
    report = json.loads(file.read_text(encoding="utf-8"))
    (deletion,) = report.pop("findings")
    assert (deletion["id"], deletion["severity"]) == ("crd-deleted", "info")
    assert "Helm deletes each whose live object has no helm.sh/resource-policy: keep" in deletion["why"]
    page, _, anchor = deletion["docs"].partition("#")
    assert f"\n## {anchor.replace('-', ' ')}\n" in (ROOT / page).read_text(encoding="utf-8").lower()
    crd_side = {"resource": "CustomResourceDefinition/gateways.networking.istio.io", "line": 9}
    assert deletion["sides"] == [{"mesh": "blue", "file": "<stdin>", **crd_side}]
    assert report == {
        "multimesh": "0.1.0",
        "mesh": "blue",
        "profile": str(blue),
        "resources": 2,
        "rewritten": [
            {"resource": "ClusterRole/kiali", "path": "metadata/name", "rule": "cluster-scoped-names", "line": 6},
        ],
        "dropped": [
            {
                "resource": "CustomResourceDefinition/gateways.networking.istio.io",
                "rule": "shared-resources",
                "line": 9,
            }
        ],
    }


def test_a_report_that_cannot_be_written_stops_the_rendering(tmp_path: Path, blue: Path) -> None:
    """A user who wants a report must know of the error before anything is installed."""
    done = start([PROGRAM, "--profile", blue, "--report", tmp_path / "absent" / "report.json"])
    assert (done.code, done.out) == (2, b"")
    assert done.err.startswith(f"multimesh: {tmp_path}/absent/report.json: cannot write the report: ")


def test_no_report_is_written_of_an_error(tmp_path: Path, blue: Path) -> None:
    """Law 5: an error leaves no output."""
    done = start([PROGRAM, "--profile", blue, "--report", tmp_path / "report.json"], stream=b"kind: Widget\n")
    assert done.code == 2
    assert not (tmp_path / "report.json").exists()


# --- KRM functions ----------------------------------------------------------------------------------

RESOURCES = """\
apiVersion: config.kubernetes.io/v1
kind: ResourceList
{config}items: # of one package
- apiVersion: kpt.dev/v1
  kind: Kptfile
  metadata:
    name: kiali # the package
- apiVersion: multimesh.dev/v1alpha1
  kind: MeshProfile
  metadata: {{name: green}}
  spec: {{namespace: istio-green}}
- apiVersion: rbac.authorization.k8s.io/v1
  kind: ClusterRole
  metadata:
    name: kiali
    annotations:
      config.kubernetes.io/local-config: "true"
- apiVersion: rbac.authorization.k8s.io/v1
  kind: ClusterRole
  metadata:
    name: kiali # the stock one
    annotations:
      config.kubernetes.io/index: '0'
      config.kubernetes.io/path: 'roles.yaml'
  rules: []
"""
CONFIG = "functionConfig:\n" + "".join(f"  {line}\n" for line in BLUE.splitlines())


def resource_list(config: str) -> bytes:
    """Return a ResourceList with a functionConfig."""
    return RESOURCES.format(config=config).encode()


def expected(stream: bytes, mesh: str) -> bytes:
    """Return the list with a new name for the one role that the mesh installs."""
    return stream.replace(b"name: kiali # the stock one", f"name: kiali-{mesh} # the stock one".encode())


def test_a_function_config_beats_flag_and_environment(tmp_path: Path) -> None:
    """The rest of the list is unchanged: comments, local configuration, and the profile itself."""
    stream = resource_list(CONFIG)
    done = start([PROGRAM, f"--profile={ROOT}/charts-values/affirmed"], stream=stream, MULTIMESH_PROFILE="/absent")
    assert (done.code, done.err) == (0, "")
    assert done.out == expected(stream, "blue")
    assert start([PROGRAM], cwd=tmp_path, stream=stream).out == done.out


def test_a_function_config_may_be_a_config_map_that_names_the_profile(tmp_path: Path, blue: Path) -> None:
    """Tools that pass flags to functions write one; its path is relative to the working directory."""
    config = f"functionConfig:\n  apiVersion: v1\n  kind: ConfigMap\n  data: {{profile: {blue.name}}}\n"
    stream = resource_list(config)
    done = start([PROGRAM, f"--profile={ROOT}/charts-values/affirmed"], cwd=tmp_path, stream=stream)
    assert (done.code, done.err) == (0, "")
    assert done.out == expected(stream, "blue")


def test_a_resource_list_without_function_config_takes_the_flag(blue: Path) -> None:
    """The profile is then that of the flag or the environment."""
    stream = resource_list("")
    done = start([PROGRAM, "--profile", blue], stream=stream)
    assert (done.code, done.err) == (0, "")
    assert done.out == expected(stream, "blue")


def test_a_resource_list_may_be_json() -> None:
    """A list on one line stays on one line."""
    [document] = yaml.safe_load_all(resource_list(CONFIG))
    done = start([PROGRAM], stream=json.dumps(document).encode())
    assert (done.code, done.err) == (0, "")
    assert done.out == json.dumps(document).encode().replace(
        b'"name": "kiali", "annotations": {"config.kubernetes.io/index"',
        b'"name": "kiali-blue", "annotations": {"config.kubernetes.io/index"',
    )
    assert len(oracle.documents(done.out)) == 1


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("functionConfig: {kind: Widget}\n", '<stdin>:3: the functionConfig is of the kind "Widget"'),
        (
            "functionConfig: {kind: ConfigMap, data: {mesh: blue}}\n",
            "<stdin>:3: the functionConfig is a ConfigMap without data.profile",
        ),
        ("functionConfig: {spec: {}}\n", "<stdin>:3: the functionConfig has no kind"),
        ("functionConfig: blue\n", '<stdin>:3: the functionConfig is the text "blue", and not an object'),
        ("functionConfig: [blue]\n", "<stdin>:3: the functionConfig is a list"),
        (CONFIG.replace("namespace:", "namspace:"), '<stdin>:9: unknown key "spec.namspace"'),
    ],
    ids=["another kind", "no profile", "no kind", "text", "a list", "a misspelt key"],
)
def test_a_function_config_that_is_no_profile_is_an_error(config: str, message: str) -> None:
    """The profile of the flag must not be used instead."""
    done = start([PROGRAM, f"--profile={ROOT}/charts-values/affirmed"], stream=resource_list(config))
    assert (done.code, done.out) == (2, b"")
    assert message in done.err


def test_a_function_config_that_is_null_is_absent(blue: Path) -> None:
    done = start([PROGRAM, "--profile", blue], stream=resource_list("functionConfig: null\n"))
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ("items: text\n", '<stdin>:3: items of the ResourceList is "text", and not a list'),
        ("items: {a: b}\n", "<stdin>:3: items of the ResourceList is a mapping, and not a list"),
        ("", "<stdin>:1: a ResourceList has no items"),
        ("items: [text]\n", '<stdin>:3: a document is not a Kubernetes object: "text"'),
    ],
)
def test_items_that_are_no_list_of_objects_are_called_so(items: str, message: str, blue: Path) -> None:
    """They are not an unknown kind, which a CRD or the profile would make known."""
    stream = f"apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n{items}".encode()
    done = start([PROGRAM, "--profile", blue], stream=stream)
    assert (done.code, done.out) == (2, b"")
    assert message in done.err
    assert "keepNames" not in done.err
    assert "helm template" not in done.err


def test_a_pipe_that_does_not_block_is_made_to(blue: Path) -> None:
    """Otherwise a slow reader would get a part of the chart, and an error."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    done = subprocess.run([PROGRAM, "--profile", blue], input=STREAM, stdout=writing, timeout=60, check=False)
    blocks = os.get_blocking(writing)
    os.close(writing)
    with open(reading, "rb") as pipe:
        assert (done.returncode, pipe.read(), blocks) == (0, RENDERED, True)


# --- compiled modules -------------------------------------------------------------------------------


def module(tmp_path: Path) -> tuple[Path, Path]:
    """Write a module, and compiled code that Python accepts as that of the module but that returns another value."""
    source = tmp_path / "multimesh" / "part.py"
    source.parent.mkdir()
    source.write_text("ANSWER = 2\n", encoding="utf-8")
    form = Path(py_compile.compile(str(source), doraise=True))
    times = source.stat().st_mtime
    source.write_text("ANSWER = 1\n", encoding="utf-8")
    os.utime(source, (times, times))
    return source, form


def answer(source: Path) -> int:
    """Load a module with the finder, and return its value: 2 from the compiled code, 0 if Python's own finder must look."""
    spec = PackageFinder(str(source.parent.parent)).find_spec(f"multimesh.{source.stem}")
    if spec is None:
        return 0
    assert (spec.origin, spec.has_location, spec.submodule_search_locations) == (str(source), True, None)
    loaded = module_from_spec(spec)
    spec.loader.exec_module(loaded)
    assert loaded.__file__ == str(source)
    return loaded.ANSWER


def test_the_compiled_form_of_a_module_is_used(tmp_path: Path) -> None:
    """It has the magic number of this Python, and the time and size of the source."""
    source, _ = module(tmp_path)
    assert answer(source) == 2


@pytest.mark.parametrize("break_", [
    lambda form: form.unlink(),
    lambda form: form.write_bytes(b""),
    lambda form: form.write_bytes(form.read_bytes()[:10]),
    lambda form: form.write_bytes(b"\0" + form.read_bytes()[1:]),
    lambda form: form.write_bytes(form.read_bytes()[:8] + b"\0\0\0\0" + form.read_bytes()[12:]),
    lambda form: form.write_bytes(form.read_bytes()[:12] + b"\1" + form.read_bytes()[13:]),
], ids=["absent", "empty", "cut off", "another Python", "another time", "another size"])  # fmt: skip
def test_a_compiled_form_that_does_not_belong_to_its_source_is_not_used(tmp_path: Path, break_) -> None:
    """Python's own finder and loader then compile the source."""
    source, form = module(tmp_path)
    break_(form)
    assert answer(source) == 0


@pytest.mark.parametrize("name", ["json", "part", "other.part", "multimesh.absent", "multimeshes.part"])
def test_nothing_but_the_modules_of_the_package_is_found(tmp_path: Path, name: str) -> None:
    """Python's own finder looks for everything else."""
    source, _ = module(tmp_path)
    assert PackageFinder(str(source.parent.parent)).find_spec(name) is None


def test_a_package_is_found_with_its_directory() -> None:
    """Its modules are found in it."""
    spec = PackageFinder(str(ROOT)).find_spec("multimesh.rules")
    assert spec is not None
    assert spec.origin == f"{ROOT}/multimesh/rules/__init__.py"
    assert spec.submodule_search_locations == [f"{ROOT}/multimesh/rules"]


def test_a_source_that_was_changed_is_compiled_anew(tmp_path: Path, blue: Path) -> None:
    """It works even if the compiled code cannot be written."""
    checkout = stage(tmp_path / "checkout")
    for _ in range(2):
        assert_rendered(start([checkout / "postrender.py", "--profile", blue]))
    naming = checkout / "multimesh" / "mesh" / "names.py"
    naming.write_text(naming.read_text(encoding="utf-8").replace('"kiali"', '"kiali-stock"'), encoding="utf-8")
    done = start([checkout / "postrender.py", "--profile", blue])
    assert done.code == 2
    assert "kiali" in done.err
    shutil.rmtree(checkout / "multimesh" / "mesh" / "__pycache__")
    (checkout / "multimesh" / "mesh" / "__pycache__").write_text("no directory", encoding="utf-8")
    assert start([checkout / "postrender.py", "--profile", blue]).code == 2
