#!/bin/sh
# Istio (main of 2026-08-27) ignores a CRD of the Gateway API whose bundle is older than it wants, by kind.
# Seen: TLSRoute from bundle 1.5.0 on, TCPRoute from 1.6.0 on, BackendTLSPolicy from 1.4.0 on, GRPCRoute from 1.1.0 on.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
cat > go.mod <<'GO'
module example.com/finding

go 1.26.0

require istio.io/istio v0.0.0-20260827124520-eed52ebb66ad
GO
cat > main.go <<'GO'
package main

import (
	"fmt"
	"slices"

	"istio.io/istio/pkg/config/schema/gatewayapi"
)

func main() {
	var lines []string
	for name, version := range gatewayapi.MinimumCRDVersions {
		lines = append(lines, fmt.Sprintf("%s %s", name, version))
	}
	slices.Sort(lines)
	for _, line := range lines {
		fmt.Println(line)
	}
}
GO
GOFLAGS=-mod=mod go run . > minimum
cat minimum
diff - minimum <<'TEXT'
backendtlspolicies.gateway.networking.k8s.io 1.4.0
grpcroutes.gateway.networking.k8s.io 1.1.0
tcproutes.gateway.networking.k8s.io 1.6.0
tlsroutes.gateway.networking.k8s.io 1.5.0
TEXT
