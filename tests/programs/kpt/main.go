// kpt with its commands for functions: kpt fn render, kpt fn eval, kpt fn source, kpt fn sink.
//
// The commands, and how errors are printed, are those of kpt's own module. Its main package cannot be built from what the
// Go module proxy serves, since the rollouts commands import a module that the proxy refuses.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/kptdev/kpt/commands/fn"
	"github.com/kptdev/kpt/pkg/lib/errors"
	"github.com/kptdev/kpt/pkg/lib/errors/resolver"
	"github.com/kptdev/kpt/pkg/printer"
	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
)

func main() {
	// As in GetMain of run/run.go and runMain of main.go.
	command := &cobra.Command{Use: "kpt", SilenceUsage: true, SilenceErrors: true}
	command.PersistentFlags().BoolVar(&printer.TruncateOutput, "truncate-output", true, "")
	ctx := printer.WithContext(context.Background(), printer.New(command.OutOrStdout(), command.ErrOrStderr()))
	command.AddCommand(fn.GetCommand(ctx, "kpt"))
	if err := cli.RunNoErrOutput(command); err != nil {
		os.Exit(report(err))
	}
}

// report prints an error as handleErr of kpt's main.go does, and returns the exit code.
func report(err error) int {
	if found, resolved := resolver.ResolveError(err); resolved {
		if found.Message != "" {
			fmt.Fprintf(os.Stderr, "%s \n", found.Message)
		}
		return found.ExitCode
	}
	var own *errors.Error
	if errors.As(err, &own) {
		if inner, ok := errors.UnwrapErrors(own); ok {
			err = inner
		}
	}
	fmt.Fprintf(os.Stderr, "Error: %s \n", err)
	return 1
}
