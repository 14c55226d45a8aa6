#!/bin/sh
# The reader of manifests in Helm 3 and kubectl drops the last line of a stream if the line has 4096 bytes, or a multiple
# of that, and no line feed ends it (k8s.io/apimachinery 0.37.0, util/yaml, LineReader and YAMLReader). There is no error:
# a ConfigMap in one line of JSON is missing, or the last value of one in YAML. Seen: what is read of both, with and
# without the line feed, and with one byte more.
set -eu
directory=$(mktemp -d)
trap 'chmod -R u+w "$directory"; rm -rf "$directory"' EXIT
cd "$directory"
cat > go.mod <<'MOD'
module example.com/finding

go 1.25.0

require k8s.io/cli-runtime v0.37.0
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/resource"
)

// The builder that kubectl and Helm 3 (pkg/kube/client.go, Build) read streams with, without an API server.
func read(stream string) string {
	infos, err := resource.NewLocalBuilder().Unstructured().Stream(strings.NewReader(stream), "stream").Flatten().Do().Infos()
	if err != nil {
		return err.Error()
	}
	var found []string
	for _, info := range infos {
		data, _, _ := unstructured.NestedMap(info.Object.(*unstructured.Unstructured).Object, "data")
		keys := "no data"
		if len(data) > 0 {
			keys = fmt.Sprint(len(data), " keys")
		}
		found = append(found, info.Name+" with "+keys)
	}
	return strings.Join(found, ", ")
}

func main() {
	first := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: first}\n"
	for _, size := range []int{4095, 4096, 4097, 8192} {
		json := `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "last"}, "data": {"a": "`
		json += strings.Repeat("x", size-len(json)-3) + `"}}`
		value := "  a: " + strings.Repeat("x", size-5)
		yaml := strings.Replace(first, "first", "last", 1) + "data:\n" + value
		for _, end := range []string{"", "\n"} {
			fmt.Printf("%d %q JSON: %s\n", size, end, read(first+"---\n"+json+end))
			fmt.Printf("%d %q YAML: %s\n", size, end, read(first+"---\n"+yaml+end))
		}
	}
}
GO
go mod tidy > tidy.log 2>&1 || { cat tidy.log; exit 1; }
go run . > seen
cat seen
whole='first with no data, last with 1 keys'
for size in 4095 4096 4097 8192; do
  for form in JSON YAML; do
    grep -qxF "$size \"\\n\" $form: $whole" seen
  done
done
for size in 4095 4097; do
  for form in JSON YAML; do
    grep -qxF "$size \"\" $form: $whole" seen
  done
done
for size in 4096 8192; do
  grep -qxF "$size \"\" JSON: first with no data" seen
  grep -qxF "$size \"\" YAML: first with no data, last with no data" seen
done
