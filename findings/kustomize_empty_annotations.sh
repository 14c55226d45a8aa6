#!/bin/sh
# kustomize 5.8.2 drops `annotations: {}` and `annotations: null` of a resource before it applies patches.
# Seen: a JSON 6902 `test` that /metadata/annotations is {} fails, and the output has no annotations.
set -eu
directory=$(mktemp -d)
trap 'chmod -R u+w "$directory"; rm -rf "$directory"' EXIT
GOBIN="$directory" go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.2
cd "$directory"
for empty in '{}' 'null'; do
  printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations: %s\n' "$empty" > resource.yaml
  printf 'resources: [resource.yaml]\n' > kustomization.yaml
  ./kustomize build . > out
  printf 'annotations: %s becomes:\n' "$empty"
  cat out
  if grep -q annotations out; then exit 1; fi
done
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations: {}\n' > resource.yaml
printf 'resources: [resource.yaml]\npatches:\n- target: {kind: ConfigMap}\n  path: patch.json\n' > kustomization.yaml
printf '[{"op": "test", "path": "/metadata/annotations", "value": {}}]\n' > patch.json
if ./kustomize build . > out 2> err; then exit 1; fi
tail -n 1 err
