// Command helm4 answers which objects Helm 4 installs from what a post-renderer wrote.
//
// Helm 4 takes the text apart by splitAndDeannotate, sorts manifests from hooks (pkg/action/action.go, renderResources),
// and gives the manifests, and each hook by itself, to kube.Client.Build (pkg/action/install.go and hooks.go).
//
// splitAndDeannotate is not exported. The linker is told its name, so that the function itself runs and not a copy:
// the exported way to it, action.Install, renders a chart each time and takes ten times as long.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	_ "unsafe" // for go:linkname

	_ "helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/kube"
	"helm.sh/helm/v4/pkg/release/v1/util"
	"k8s.io/cli-runtime/pkg/resource"
	"multimesh.dev/reader/common"
)

//go:linkname splitAndDeannotate helm.sh/helm/v4/pkg/action.splitAndDeannotate
func splitAndDeannotate(postrendered, fallbackPrefix string) (map[string]string, error)

func main() {
	// Helm notes hooks that it does not know, which generated streams are full of.
	slog.SetLogLoggerLevel(slog.LevelError)
	client := &kube.Client{Factory: common.Factory{}, Namespace: "release"}
	common.Serve(func(manifest []byte) ([]*resource.Info, error) {
		// renderResources looks at nothing else before it splits; the plugin runner refuses empty answers
		// (pkg/postrenderer/postrenderer.go).
		if strings.TrimSpace(string(manifest)) == "" {
			return nil, errors.New("post-renderer produced empty output")
		}
		files, err := splitAndDeannotate(string(manifest), "")
		if err != nil {
			return nil, fmt.Errorf("error while parsing post rendered output: %w", err)
		}
		hooks, manifests, err := util.SortManifests(files, nil, util.InstallOrder)
		if err != nil {
			return nil, err
		}
		var text bytes.Buffer
		for _, one := range manifests {
			fmt.Fprintf(&text, "---\n# Source: %s\n%s\n", one.Name, one.Content)
		}
		found, err := client.Build(&text, true)
		if err != nil {
			return nil, err
		}
		for _, hook := range hooks {
			more, err := client.Build(bytes.NewBufferString(hook.Manifest), true)
			if err != nil {
				return nil, err
			}
			found = append(found, more...)
		}
		return found, nil
	})
}
