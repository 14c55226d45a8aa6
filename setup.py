"""Build the package: what pyproject.toml cannot say.

The wheel contains the plugin for Helm 4, which in the checkout is the checkout itself. The links of the long
description are absolute.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from multimesh.commands.plugin_dir import IN_WHEEL, PLUGIN, ROOT_OF_WHEEL, SCRIPT, script  # noqa: E402
from multimesh.version import HOME  # noqa: E402


class BuildWithPlugin(build_py):
    """Add the plugin for Helm 4 to the files of the package."""

    def run(self) -> None:
        """Copy the package, then write the plugin beside it."""
        super().run()
        if not self.editable_mode:
            directory = Path(self.build_lib, "multimesh", "plugins", "multimesh")
            directory.mkdir(parents=True, exist_ok=True)
            (directory / PLUGIN).write_bytes((ROOT / PLUGIN).read_bytes())
            (directory / SCRIPT).write_text(script(IN_WHEEL, ROOT_OF_WHEEL), encoding="utf-8", newline="\n")
            (directory / SCRIPT).chmod(0o755)


def with_absolute_links(page: str) -> str:
    """Return a page of the repository with absolute links to the others, as a package index needs them."""
    return re.sub(r"(\]\()(?![a-z]+:|#)([^)]+\))", rf"\1{HOME}/\2", page)


setup(
    cmdclass={"build_py": BuildWithPlugin},
    long_description=with_absolute_links((ROOT / "README.md").read_text(encoding="utf-8")),
    long_description_content_type="text/markdown",
)
