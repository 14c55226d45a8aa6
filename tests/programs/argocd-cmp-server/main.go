// The plugin server of Argo CD, and a client that asks it for manifests as the repo server does.
//
//	argocd-cmp-server --config-dir-path DIRECTORY
//	argocd-cmp-server generate SOCKET REPOSITORY PATH NAME=VALUE...
//
// The client prints a JSON list of manifests.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/argoproj/argo-cd/v3/cmd/argocd-cmp-server/commands"
	"github.com/argoproj/argo-cd/v3/cmpserver/apiclient"
	"github.com/argoproj/argo-cd/v3/util/cmp"
)

func main() {
	var err error
	if len(os.Args) > 4 && os.Args[1] == "generate" {
		err = generate(os.Args[2], os.Args[3], os.Args[4], os.Args[5:])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	} else {
		err = commands.NewCommand().Execute()
	}
	if err != nil {
		os.Exit(1)
	}
}

// generate asks for the manifests of one application, as in reposerver/repository/repository.go.
func generate(socket, repository, path string, environment []string) error {
	ctx := context.Background()
	closer, client, err := apiclient.NewConfigManagementPluginClientSet(socket).NewConfigManagementPluginClient()
	if err != nil {
		return err
	}
	defer closer.Close()
	stream, err := client.GenerateManifest(ctx)
	if err != nil {
		return err
	}
	if err := cmp.SendRepoStream(ctx, filepath.Join(repository, path), repository, stream, environment, nil); err != nil {
		return err
	}
	answer, err := stream.CloseAndRecv()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(answer.Manifests)
}
