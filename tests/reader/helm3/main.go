// Command helm3 answers which objects Helm 3 installs from what a post-renderer wrote.
//
// Helm 3 keeps the post-rendered text as the manifest of the release (pkg/action/action.go, renderResources) and gives
// it to kube.Client.Build (pkg/action/install.go). Hooks never pass through a post-renderer.
package main

import (
	"bytes"

	"helm.sh/helm/v3/pkg/kube"
	"k8s.io/cli-runtime/pkg/resource"
	"multimesh.dev/reader/common"
)

func main() {
	client := &kube.Client{Factory: common.Factory{}, Namespace: "release", Log: func(string, ...any) {}}
	common.Serve(func(manifest []byte) ([]*resource.Info, error) {
		return client.Build(bytes.NewReader(manifest), true)
	})
}
