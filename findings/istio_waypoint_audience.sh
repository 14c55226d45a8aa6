#!/bin/sh
# The charts of Istio (main of 2026-08-27) let `global.sds.token.aud` decide the audience of the tokens of
# sidecars, gateways and agentgateways, and write a constant for Envoy's waypoints and ztunnel. Seen: `istio-ca` in two
# templates, the value in all others. A control plane whose TOKEN_AUDIENCES lacks istio-ca gives those no certificate.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
printf 'module example.com/finding\n\ngo 1.24\n' > go.mod
go mod download -json istio.io/istio@v0.0.0-20260827124520-eed52ebb66ad > module.json
module=$(sed -n 's/^.*"Dir": "\(.*\)",$/\1/p' module.json)
cd "$module/manifests/charts"
grep -rn 'audience: ' istio-control/istio-discovery/files ztunnel/templates > "$directory/audiences"
cat "$directory/audiences"
grep -v 'Values.global.sds.token.aud' "$directory/audiences" | sed 's/:.*audience: / /' | sort > "$directory/constant"
printf 'istio-control/istio-discovery/files/waypoint.yaml istio-ca\nztunnel/templates/daemonset.yaml istio-ca\n' \
  | diff - "$directory/constant"
