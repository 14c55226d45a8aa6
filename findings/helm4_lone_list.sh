#!/bin/sh
# Helm 4 reads what a post-renderer wrote with kyaml, which makes documents of the items of a List if the List is the only
# document of the stream, and not otherwise. An alias to an anchor in another item is then one to nothing: the same List is
# valid beside another document, and not alone. Seen: kyaml v0.21.2, as Helm 4.3.2 has it.
set -eu
directory=$(mktemp -d)
trap 'chmod -R u+w "$directory"; rm -rf "$directory"' EXIT
cd "$directory"
cat >main.go <<'GO'
package main

import (
	"bytes"
	"fmt"
	"strings"

	yamlv2 "go.yaml.in/yaml/v2"
	"sigs.k8s.io/kustomize/kyaml/kio"
)

const list = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: &kind Service
  metadata: {name: first}
- apiVersion: v1
  kind: *kind
  metadata: {name: second}
`

const other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n"

func read(name, stream string) {
	nodes, err := (&kio.ByteReader{Reader: bytes.NewBufferString(stream), OmitReaderAnnotations: true}).Read()
	if err != nil {
		panic(err)
	}
	var found []string
	for _, node := range nodes {
		text := node.MustString()
		var value map[string]any
		err := yamlv2.Unmarshal([]byte(text), &value)
		found = append(found, fmt.Sprintf("%v (%v)", value["kind"], err))
	}
	fmt.Printf("%s: %s\n", name, strings.Join(found, ", "))
}

func main() {
	read("alone", list)
	read("beside another", other+"---\n"+list)
}
GO
go mod init example.com/finding 2>/dev/null
go get go.yaml.in/yaml/v2@v2.4.4 sigs.k8s.io/kustomize/kyaml/kio@v0.21.2 2>/dev/null
go mod tidy 2>/dev/null
found=$(go run .)
printf "%s\n" "$found"
test "$found" = "alone: Service (<nil>), <nil> (yaml: unknown anchor 'kind' referenced)
beside another: ConfigMap (<nil>), List (<nil>)"
