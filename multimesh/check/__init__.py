"""Find conflicts between meshes: everything that `multimesh check` and `multimesh verify` know.

    manifests, profiles, a cluster -> objects -> meshes -> findings -> text, JSON, SARIF

- `sources/` reads manifests and clusters, `objects` is what they become.
- `meshes/` decides which objects are one mesh, and reads its workloads and webhooks.
- `between/` compares several meshes, `inside/` checks one, `running/` checks one that runs, `upgrade` compares two
  manifests of one release.
- `catalogue` describes every finding once, `findings` is what a check yields, `formats/` writes findings.

`render` imports nothing of this package.
"""
