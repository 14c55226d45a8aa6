// Apply the post-renderers of a Flux HelmRelease, with helm-controller's own code.
//
// The argument is a file with the field spec, or a part of it; the manifest is on stdin, and the result on stdout.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	v2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/fluxcd/helm-controller/internal/postrender"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	release := v2.HelmRelease{}
	if err := yaml.UnmarshalStrict(text, &release.Spec); err != nil {
		return err
	}
	manifest, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	// Without postrender.BuildPostRenderers, which adds the labels of Flux.
	for _, one := range release.Spec.PostRenderers {
		renderer := postrender.Kustomize{Patches: one.Kustomize.Patches}
		out, err := renderer.Run(bytes.NewBuffer(manifest))
		if err != nil {
			return err
		}
		manifest = out.Bytes()
	}
	_, err = os.Stdout.Write(manifest)
	return err
}
