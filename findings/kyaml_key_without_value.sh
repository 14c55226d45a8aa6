#!/bin/sh
# A key without a value in a flow mapping is null in YAML. Seen: kyaml v0.21.2, with which Helm 4.3.2 writes manifests
# anew, makes `{a: '', b: c}` of `{a: , b: c}`, so that an empty text is installed; Helm 3 reads null.
set -eu
directory=$(mktemp -d)
trap 'chmod -R u+w "$directory"; rm -rf "$directory"' EXIT
cd "$directory"
cat >main.go <<'GO'
package main

import (
	"fmt"

	v2 "go.yaml.in/yaml/v2"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

func read(text string) any {
	var found map[string]any
	if err := v2.Unmarshal([]byte(text), &found); err != nil {
		panic(err)
	}
	return found["a"]
}

func main() {
	text := "{a: , b: c}"
	written := yaml.MustParse(text).MustString()
	fmt.Printf("%#v, %q, %#v\n", read(text), written, read(written))
}
GO
go mod init example.com/finding 2>/dev/null
go get go.yaml.in/yaml/v2@v2.4.4 sigs.k8s.io/kustomize/kyaml/yaml@v0.21.2 2>/dev/null
found=$(go run .)
printf "%s\n" "$found"
test "$found" = '<nil>, "{a: '"''"', b: c}\n", ""'
