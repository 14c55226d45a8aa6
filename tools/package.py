#!/usr/bin/env python3
"""Write everything that a release consists of into dist/.

    python3 tools/package.py                          writes it, unsigned
    python3 tools/package.py --key secret.asc         signs the plugins with an OpenPGP key, and writes its public half
    python3 tools/package.py --only plugins           plugins, python, zipapp, manual

`make package` installs what this needs. Two runs from one commit write the same bytes, except for signatures: every
file has the time of SOURCE_DATE_EPOCH, else that of the commit.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from archives import Files, oci_layout, provenance, tar_gz, zip_file  # noqa: E402 - the path above comes first

from multimesh.version import __version__  # noqa: E402 - the path above comes first

PARTS = ("plugins", "python", "zipapp", "manual")

#: The endings of files of the package. What an editor leaves in the checkout is not packaged.
ENDINGS = (".py", ".json", ".j2", "py.typed")

#: What `render` imports beyond the standard library, and what all commands import.
RENDER_NEEDS = {"pyyaml": "yaml"}
ALL_NEED = RENDER_NEEDS | {"jinja2": "jinja2", "markupsafe": "markupsafe", "shtab": "shtab"}

#: Earlier times cannot be written in a zip archive.
FIRST_TIME = 315532800


class PackageFailed(Exception):
    """Something cannot be packaged; the message says what to do."""


def main() -> int:
    """Write the parts, and print their names."""
    parser = argparse.ArgumentParser(description="Write what a release consists of.")
    parser.add_argument("--output", default=str(ROOT / "dist"), help="the directory; default: dist")
    parser.add_argument("--key", default=os.environ.get("MULTIMESH_SIGNING_KEY", ""), help="the file of a secret key")
    parser.add_argument("--only", choices=PARTS, action="append", help="write only these; may be repeated")
    options = parser.parse_args()
    output = Path(options.output)
    output.mkdir(parents=True, exist_ok=True)
    time = source_date()
    os.environ["SOURCE_DATE_EPOCH"] = str(time)
    try:
        made = [path for part in options.only or PARTS for path in WRITERS[part](output, time, options.key)]
    except PackageFailed as error:
        print(f"multimesh: {error}", file=sys.stderr)
        return 2
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made if path.is_file())
    (output / "SHA256SUMS").write_text(sums, encoding="utf-8")
    for path in (*made, output / "SHA256SUMS"):
        print(path)
    if not options.key and "plugins" in (options.only or PARTS):
        print(
            "The plugins are not signed: make package KEY=<file of a secret OpenPGP key>\n"
            "  Helm 4 installs them with --verify=false only.",
            file=sys.stderr,
        )
    return 0


def source_date() -> int:
    """Return the time that all files have: SOURCE_DATE_EPOCH, else the time of the commit, else that of the changelog."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return max(int(given), FIRST_TIME)
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        # A source distribution has no commit, and its files keep their time.
        found = str(int((ROOT / "CHANGELOG.md").stat().st_mtime))
    return max(int(found), FIRST_TIME)


# The plugins.


def plugins(output: Path, time: int, key: str) -> list[Path]:
    """Write the archives of all plugins, their OCI layouts, and with a key their signatures and its public half."""
    made = []
    secret = Path(key).read_bytes() if key else b""
    for name, kind, files in (
        ("multimesh", 4, post_renderer()),
        ("multimesh-cli", 4, command("cli.yaml")),
        ("multimesh-helm3", 3, command("helm3.yaml")),
    ):
        archive = output / f"{name}-{__version__}.tgz"
        # Helm 4 wants the files in a directory with the name of the plugin, Helm 3 at the root of the archive.
        archive.write_bytes(tar_gz(files, time, name if kind == 4 else ""))
        made.append(archive)
        if kind == 3:
            continue
        contents = {archive.name: archive.read_bytes()}
        if secret:
            signed = archive.with_name(f"{archive.name}.prov")
            signed.write_bytes(provenance(archive, files["plugin.yaml"][0], secret))
            made.append(signed)
            contents[signed.name] = signed.read_bytes()
        layout = output / f"{name}-{__version__}.oci"
        oci_layout(layout, contents, __version__, time)
        made.append(layout)
    return made + (public_key(output, secret) if secret else [])


def post_renderer() -> Files:
    """Return the files of the post-renderer for Helm 4."""
    files = {name: ((ROOT / name).read_bytes(), name == "postrender.py") for name in ("plugin.yaml", "postrender.py")}
    return files | licence() | package("multimesh") | vendored(RENDER_NEEDS, "vendor")


def command(metadata: str) -> Files:
    """Return the files of the plugin that adds the command `helm mesh`."""
    files = {
        "plugin.yaml": ((ROOT / "plugins" / metadata).read_bytes(), False),
        "mesh.py": ((ROOT / "plugins" / "mesh.py").read_bytes(), True),
    }
    return files | licence() | package("lib/multimesh") | vendored(ALL_NEED, "vendor")


def licence() -> Files:
    """Return the licence of multimesh."""
    return {"LICENSE": ((ROOT / "LICENSE").read_bytes(), False)}


def package(to: str) -> Files:
    """Return the files of the package, in this directory of an archive."""
    directory = ROOT / "multimesh"
    return {
        f"{to}/{path.relative_to(directory).as_posix()}": (path.read_bytes(), False)
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name.endswith(ENDINGS) and "__pycache__" not in path.parts
    }


def vendored(needs: dict[str, str], to: str) -> Files:
    """Return the pure Python files of libraries, as pip installed them here, and their licences.

    Extension modules are left out: they are for one version of Python on one system.
    """
    found: Files = {}
    for distribution, module in needs.items():
        try:
            installed = importlib.metadata.distribution(distribution)
        except importlib.metadata.PackageNotFoundError:
            raise PackageFailed(
                f"{distribution} is not installed for {sys.executable}\n  Run 'make package'."
            ) from None
        licences = {}
        for file in installed.files or []:
            inside = file.as_posix()
            content = Path(str(installed.locate_file(file)))
            if inside.startswith(f"{module}/") and inside.endswith((".py", ".typed")):
                found[f"{to}/{inside}"] = (content.read_bytes(), False)
            elif ".dist-info/" in inside and file.name.upper().startswith(("LICENSE", "LICENCE", "COPYING")):
                licences[f"{to}/licences/{module}-{installed.version}-{file.name}"] = (content.read_bytes(), False)
        if not licences:
            raise PackageFailed(f"{distribution} {installed.version} has no licence among its files")
        found |= licences
    return found


def public_key(output: Path, secret: bytes) -> list[Path]:
    """Write the public half of a key in both forms: Helm 4.1 reads only the binary one."""
    import pysequoia

    public = pysequoia.Tsk.from_bytes(secret).extract_certificate()
    binary, armored = output / "multimesh.gpg", output / "multimesh.asc"
    binary.write_bytes(bytes(public))
    armored.write_text(str(public), encoding="utf-8")
    return [binary, armored]


# What is not for Helm.


def python(output: Path, time: int, _key: str) -> list[Path]:
    """Write the wheel and the source distribution."""
    with tempfile.TemporaryDirectory() as directory:
        # In a copy: setuptools writes into the directory that it builds from.
        source = Path(directory, "source")
        ignored = shutil.ignore_patterns(
            ".git", ".venv*", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".ready"
        )
        shutil.copytree(ROOT, source, ignore=ignored, symlinks=True)
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", directory, str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PackageFailed(f"the wheel cannot be built\n{done.stdout}{done.stderr}")
        (wheel,) = Path(directory).glob("*.whl")
        (sdist,) = Path(directory).glob("*.tar.gz")
        shutil.copy(wheel, output)
        # setuptools writes the time and owner of files on this machine into a source distribution.
        (output / sdist.name).write_bytes(tar_gz(unpacked(sdist.read_bytes()), time, ""))
        return [output / wheel.name, output / sdist.name]


def unpacked(archive: bytes) -> Files:
    """Return the files of a compressed tar archive."""
    import tarfile

    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        members = [member for member in tar.getmembers() if member.isfile()]
        return {member.name: (tar.extractfile(member).read(), bool(member.mode & 0o100)) for member in members}  # type: ignore[union-attr]


def zipapp(output: Path, time: int, _key: str) -> list[Path]:
    """Write the program as one file, with the libraries that it needs."""
    start = b"import sys\n\nfrom multimesh.cli import main\n\nsys.exit(main())\n"
    files = {"__main__.py": (start, False)} | package("multimesh") | licence() | vendored(ALL_NEED, "")
    files["multimesh/plugins/multimesh/plugin.yaml"] = ((ROOT / "plugin.yaml").read_bytes(), False)
    path = output / f"multimesh-{__version__}.pyz"
    path.write_bytes(b"#!/usr/bin/env python3\n" + zip_file({name.lstrip("/"): files[name] for name in files}, time))
    path.chmod(0o755)
    return [path]


def manual(output: Path, _time: int, _key: str) -> list[Path]:
    """Write the man page, and the scripts that complete commands in shells."""
    import shtab
    from argparse_manpage.manpage import Manpage

    from multimesh.cli import parser
    from multimesh.commands.completion import SHELLS

    # argparse breaks lines at the width of the terminal.
    os.environ["COLUMNS"] = "100"
    top = parser()
    manpage = Manpage(top)
    manpage.description = "run several independent Istio meshes in one Kubernetes cluster"
    manpage.source, manpage.manual = f"multimesh {__version__}", "multimesh"
    page = output / "multimesh.1"
    page.write_text(f"{manpage}\n", encoding="utf-8")
    made = [page]
    names = {"bash": "multimesh.bash", "zsh": "_multimesh", "fish": "multimesh.fish"}
    for shell in SHELLS:
        made.append(output / names[shell])
        made[-1].write_text(f"{shtab.complete(top, shell=shell).rstrip()}\n", encoding="utf-8")
    return made


WRITERS = {"plugins": plugins, "python": python, "zipapp": zipapp, "manual": manual}


if __name__ == "__main__":
    raise SystemExit(main())
