#!/usr/bin/env python3
"""Run multimesh as a command of Helm: `helm mesh COMMAND`.

Packages of the interpreter come before those of the directory `vendor`, since its PyYAML may be the faster one.
"""

import os
import sys

if sys.version_info < (3, 10):  # noqa: UP036 - whichever python3 is first on the PATH
    sys.stderr.write("multimesh: python3 is " + sys.version.split()[0] + ", and 3.10 or later is required\n")
    sys.stderr.write("  Put a later one first in PATH.\n")
    raise SystemExit(2)

ROOT = os.path.dirname(os.path.realpath(__file__))


def read_flags_of_helm() -> None:
    """Set the variables of flags that Helm reads itself and does not pass on.

    These are --namespace and -n, and --kube-context. Without the flag, HELM_NAMESPACE is the namespace of kubectl's
    context, or `default`, which is nobody's choice for a control plane.
    """
    namespace = os.environ.get("HELM_NAMESPACE", "")
    if namespace and (namespace != "default" or sys.argv[1:2] != ["init"]):
        os.environ.setdefault("MULTIMESH_NAMESPACE", namespace)
    context = os.environ.get("HELM_KUBECONTEXT", "")
    if context:
        os.environ.setdefault("MULTIMESH_CONTEXT", context)


if __name__ == "__main__":
    # Not the directory of the plugin: what contains the package is the post-renderer to `render`.
    sys.path[:0] = [os.path.join(ROOT, "lib")]
    sys.path.append(os.path.join(ROOT, "vendor"))
    read_flags_of_helm()

    from multimesh.cli import main

    raise SystemExit(main())
