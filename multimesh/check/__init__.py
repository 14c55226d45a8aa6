"""Would these meshes step on each other? What `multimesh check` and `multimesh verify` know.

    files, profiles, a cluster -> objects -> meshes -> findings -> text, JSON, SARIF

`objects` reads manifests, `meshes` tells which of them are one mesh, `between` holds every pair of meshes against each
other, `inside` each mesh against itself and its profile, `overlap` decides whether two webhooks can meet.
Nothing here is on the path of `render`.
"""
