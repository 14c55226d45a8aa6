#!/bin/sh
# A tag that a comma follows in a flow mapping is read in two ways. Seen: libyaml (PyYAML 6.0.3, CSafeLoader) reads an
# empty value and a second key. go.yaml.in/yaml/v2 v2.4.4 (Helm's reader) takes the comma for a part of the tag, so that
# the second key is the value. PyYAML's own SafeLoader does so too, and then refuses the tag, which it does not know.
set -eu
directory=$(mktemp -d)
trap 'chmod -R u+w "$directory"; rm -rf "$directory"' EXIT
python3 -m venv "$directory/venv"
"$directory/venv/bin/pip" install --quiet --disable-pip-version-check pyyaml==6.0.3
"$directory/venv/bin/python" - <<'PYTHON'
import yaml

text = "{name: !!str, other}"
assert yaml.__version__ == "6.0.3", yaml.__version__
found = yaml.load(text, Loader=yaml.CSafeLoader)
print("libyaml", found)
assert found == {"name": "", "other": None}, found
try:
    raise SystemExit(f"PyYAML reads {yaml.load(text, Loader=yaml.SafeLoader)}")
except yaml.YAMLError as error:
    print("PyYAML", str(error).splitlines()[0])
PYTHON
cd "$directory"
cat >main.go <<'GO'
package main

import (
	"fmt"

	"go.yaml.in/yaml/v2"
)

func main() {
	var found map[string]string
	if err := yaml.Unmarshal([]byte("{name: !!str, other}"), &found); err != nil {
		panic(err)
	}
	fmt.Println(found)
}
GO
go mod init example.com/finding 2>/dev/null
go get go.yaml.in/yaml/v2@v2.4.4 2>/dev/null
found=$(go run .)
echo "go.yaml.in/yaml/v2 $found"
test "$found" = "map[name:other]"
