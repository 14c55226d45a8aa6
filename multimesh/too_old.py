"""Report that this Python is too old to read the rest of the package, where the user of Helm reads it.

This ends the process. Every Python can read this file, Python 2 included.
"""

import json
import os
import sys

root = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
message = (
    "multimesh: python3 is " + sys.version.split()[0] + ", and 3.10 or later is required\n"
    "  Put a later one first in PATH."
)
directory = os.environ.get("HELM_PLUGIN_DIR")
if directory and os.path.realpath(directory) in (root, os.path.dirname(os.path.realpath(sys.argv[0]))):
    # Helm 4 discards stderr: see fail() in multimesh/commands/stdio.py.
    sys.stdout.write(json.dumps(message) + "\n")
    sys.exit(0)
sys.stderr.write(message + "\n")
sys.exit(2)
