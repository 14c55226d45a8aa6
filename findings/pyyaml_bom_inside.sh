#!/bin/sh
# What PyYAML 6.0.3 makes of a byte order mark (U+FEFF) at the beginning of a line inside a stream depends on how it was
# built. Seen: with libyaml CSafeLoader refuses the block mapping, SafeLoader reads a key that begins with the mark.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 -m venv "$directory/venv"
"$directory/venv/bin/pip" install --quiet --disable-pip-version-check pyyaml==6.0.3
"$directory/venv/bin/python" - <<'PYTHON'
import yaml

text = "a: 1\n\ufeffb: 2\n"
assert yaml.__version__ == "6.0.3", yaml.__version__
keys = {}
for loader in (yaml.CSafeLoader, yaml.SafeLoader):
    try:
        keys[loader.__name__] = list(yaml.load(text, Loader=loader))
    except yaml.YAMLError as error:
        keys[loader.__name__] = str(error).splitlines()[0]
print(keys)
assert keys["CSafeLoader"] == "while parsing a block mapping", keys
assert keys["SafeLoader"] == ["a", "\ufeffb"], keys
PYTHON
