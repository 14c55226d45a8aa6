// Package common holds what both readers share: how they are asked and answer, and a kubectl factory without a cluster.
//
// A request on stdin is four bytes, big-endian, with the length of a manifest, and the manifest.
// An answer on stdout is framed likewise and holds JSON: {"objects": [...]} or {"error": "..."}.
package common

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/kubectl/pkg/validation"
)

type answer struct {
	Objects []any  `json:"objects"`
	Error   string `json:"error,omitempty"`
}

// Reader returns the objects that Helm would install from a post-rendered manifest.
type Reader func(manifest []byte) ([]*resource.Info, error)

// Serve answers requests until stdin ends.
func Serve(read Reader) {
	in, out := bufio.NewReaderSize(os.Stdin, 1<<20), bufio.NewWriterSize(os.Stdout, 1<<20)
	var size [4]byte
	for {
		if in.Buffered() == 0 {
			must(out.Flush())
		}
		if _, err := io.ReadFull(in, size[:]); err != nil {
			if errors.Is(err, io.EOF) {
				return
			}
			must(err)
		}
		manifest := make([]byte, binary.BigEndian.Uint32(size[:]))
		_, err := io.ReadFull(in, manifest)
		must(err)
		body, err := json.Marshal(ask(read, manifest))
		if err != nil {
			body, err = json.Marshal(answer{Error: fmt.Sprintf("the objects are not JSON: %v", err)})
			must(err)
		}
		binary.BigEndian.PutUint32(size[:], uint32(len(body)))
		_, err = out.Write(size[:])
		must(err)
		_, err = out.Write(body)
		must(err)
	}
}

// ask turns a panic of the reader into an error, which is what the user of Helm would see.
func ask(read Reader, manifest []byte) (found answer) {
	defer func() {
		if reason := recover(); reason != nil {
			found = answer{Error: fmt.Sprintf("panic: %v", reason)}
		}
	}()
	infos, err := read(manifest)
	if err != nil {
		return answer{Error: err.Error()}
	}
	found.Objects = []any{}
	for _, info := range infos {
		found.Objects = append(found.Objects, info.Object)
	}
	return found
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Factory implements the Factory of both versions of Helm. It knows every kind, as cluster-scoped: so no namespace is
// added, and the objects are what the text says.
type Factory struct{}

func (Factory) ToRESTConfig() (*rest.Config, error)                { return &rest.Config{}, nil }
func (Factory) ToRawKubeConfigLoader() clientcmd.ClientConfig      { return nil }
func (Factory) DynamicClient() (dynamic.Interface, error)          { return nil, errors.New("no cluster") }
func (Factory) KubernetesClientSet() (*kubernetes.Clientset, error) { return nil, errors.New("no cluster") }

// Validator checks nothing: a current API server validates, and kubectl's factory then leaves it to the server.
func (Factory) Validator(string) (validation.Schema, error) { return validation.NullSchema{}, nil }

// NewBuilder returns the builder that Helm fills, with a mapper that knows every kind.
func (Factory) NewBuilder() *resource.Builder {
	return resource.NewFakeBuilder(
		func(schema.GroupVersion) (resource.RESTClient, error) { return (*rest.RESTClient)(nil), nil },
		func() (meta.RESTMapper, error) { return anyKind{}, nil },
		func() (restmapper.CategoryExpander, error) { return restmapper.SimpleCategoryExpander{}, nil },
	)
}

// anyKind maps every kind; the builder asks for RESTMapping only.
type anyKind struct{ meta.RESTMapper }

func (anyKind) RESTMapping(kind schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	version := ""
	if len(versions) > 0 {
		version = versions[0]
	}
	return &meta.RESTMapping{
		Resource:         schema.GroupVersionResource{Group: kind.Group, Version: version, Resource: kind.Kind},
		GroupVersionKind: kind.WithVersion(version),
		Scope:            meta.RESTScopeRoot,
	}, nil
}
