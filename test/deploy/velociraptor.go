// Holds artifacts to what Velociraptor itself takes: its loader, and its static analysis of the queries, as
// `velociraptor artifacts verify` does. Built by scripts/velociraptor.mjs.
package main

import (
	"context"
	"fmt"
	"os"

	artifacts_proto "www.velocidex.com/golang/velociraptor/artifacts/proto"
	config_proto "www.velocidex.com/golang/velociraptor/config/proto"
	"www.velocidex.com/golang/velociraptor/services"
	"www.velocidex.com/golang/velociraptor/services/launcher"
	"www.velocidex.com/golang/velociraptor/services/repository"
)

func main() {
	failed := false
	for _, path := range os.Args[1:] {
		text, err := os.ReadFile(path)
		if err == nil {
			repo := &repository.Repository{Data: map[string]*artifacts_proto.Artifact{}}
			var artifact *artifacts_proto.Artifact
			artifact, err = repo.LoadYaml(string(text), services.ArtifactOptions{ValidateArtifact: true})
			if err == nil {
				state := launcher.NewAnalysisState(artifact.Name)
				launcher.VerifyArtifact(context.Background(), &config_proto.Config{}, repo, artifact, state)
				for _, w := range state.Warnings {
					fmt.Printf("%v: warning: %v\n", path, w)
				}
				for _, e := range state.Errors {
					fmt.Printf("%v: error: %v\n", path, e)
					failed = true
				}
				fmt.Printf("%v: %v, permissions %v\n", path, artifact.Name, state.Permissions)
			}
		}
		if err != nil {
			fmt.Printf("%v: error: %v\n", path, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}
