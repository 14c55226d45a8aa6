#!/bin/sh
# PyYAML 6.0.3 refuses a document that defines an anchor twice, with libyaml and without, although YAML 1.1 and 1.2 allow
# it ("an alias node refers to the most recent preceding node having the same anchor").
# Seen: ComposerError, "found duplicate anchor 'a'". Go's readers of Helm take the later definition.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 -m venv "$directory/venv"
"$directory/venv/bin/pip" install --quiet --disable-pip-version-check pyyaml==6.0.3
"$directory/venv/bin/python" - <<'PYTHON'
import yaml

text = "first: &a one\nsecond: *a\nthird: &a two\nfourth: *a\n"
assert yaml.__version__ == "6.0.3", yaml.__version__
for loader in (yaml.SafeLoader, yaml.CSafeLoader):
    try:
        found = yaml.load(text, Loader=loader)
    except yaml.composer.ComposerError as error:
        print(loader.__name__, "refuses it:", str(error).splitlines()[0])
        assert "found duplicate anchor" in str(error), error
    else:
        raise SystemExit(f"{loader.__name__} reads it now: {found}")
PYTHON
