#!/usr/bin/env python3
"""Write the software bill of materials of the wheel in dist/, in the format of CycloneDX.

The wheel is installed into an environment of its own, and what is there is listed. `make sbom` installs what it needs.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: The wheel's own file: its version, and the rest of its name.
WHEEL = re.compile(r"multimesh-(?P<version>[^-]+)-py3-none-any\.whl")


def main(directory: Path = ROOT / "dist") -> int:
    """Write the file beside the wheel, and print its name. Returns 2 if there is no wheel, or more than one."""
    wheels = [path for path in directory.glob("*.whl") if WHEEL.fullmatch(path.name)]
    if len(wheels) != 1:
        print(f"multimesh: {directory} has {len(wheels)} wheels, not one\n  Run make package first.", file=sys.stderr)
        return 2
    (wheel,) = wheels
    file = directory / f"multimesh-{wheel.name.split('-')[1]}.cdx.json"
    with tempfile.TemporaryDirectory(prefix="multimesh-sbom-") as name:
        venv.create(name, with_pip=False)
        python = Path(name, "bin", "python")
        pip = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        subprocess.run([*pip, str(wheel)], check=True)
        command = [sys.executable, "-m", "cyclonedx_py", "environment", str(python)]
        command += ["--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--output-file", str(file)]
        subprocess.run(command, env=os.environ | {"PYTHONWARNINGS": "ignore"}, check=True)
    print(file)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
