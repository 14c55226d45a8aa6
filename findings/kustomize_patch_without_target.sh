#!/bin/sh
# kustomize 5.8.2 accepts a patch whose target selects no resource, without a message: a chart that renames a resource
# loses its patches. Seen: exit code 0, nothing on stderr, the resource as it was.
set -eu
directory=$(mktemp -d)
trap 'chmod -R u+w "$directory"; rm -rf "$directory"' EXIT
GOBIN="$directory" go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.2
cd "$directory"
cat > resource.yaml <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {a: b}
YAML
build() { # build KIND PATCH TITLE: build with one patch
  printf 'resources: [resource.yaml]\npatches:\n- target: {kind: %s, name: a}\n  path: patch.json\n' "$1" \
    > kustomization.yaml
  printf '%s\n' "$2" > patch.json
  code=0
  ./kustomize build . > out 2> err || code=$?
  printf '%s: exit code %s, stderr: %s\n' "$3" "$code" "$(tail -n 1 err)"
}

build Secret '[{"op": "replace", "path": "/data/a", "value": "c"}]' 'no such target'
[ "$code" = 0 ]
[ ! -s err ]
grep -q 'a: b' out
