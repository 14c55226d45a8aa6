"""The section of docs/findings.md about .multimesh.yaml."""

from __future__ import annotations

#: The section about .multimesh.yaml.
SETTINGS_NOTE = """\
## Ignore findings

The file `.multimesh.yaml` belongs beside the profiles, under version control:

```yaml
ignore:
  - finding: trust-domain              # an id of the table below
    mesh: blue                         # optional: only findings that concern this mesh
    reason: both meshes share one CA on purpose, see TICKET-12
  - finding: cluster-scoped-name
    resource: ClusterRole/grafana-*    # optional: Kind/name or Kind/namespace/name; * is any text
    reason: installed by the platform team, removed with the next release
severity:
  no-owner: error                      # error, warning or info, for all findings of this id
strict: true                           # as --strict
```

`check` and `verify` look for it in the directory of each profile and in the one above, which holds the directories of several meshes, and if there is none, in the working directory.
`--config FILE` names another one, and if two profiles have different ones, it is required.

- An entry needs a `reason`, which is printed with every finding that it ignores. Ignored findings are counted in the summary line, and do not change the exit code.
- In JSON they are in the list `ignored`; in SARIF they are results with `suppressions`, which code scanning services show as dismissed; in JUnit their case is skipped.
- An entry that ignores nothing is the finding [unused-ignore](#unused-ignore).
- [unreadable](#unreadable) is a warning by default. It cannot be ignored, and its severity can only be raised to `error`.
- An unknown key or id is an error, with the nearest known one.
- A finding with another severity than its own is printed with both, `error (warning by default)`, and has `defaultSeverity` in JSON.

`multimesh schema -o settings` prints a JSON Schema of the file, for editors: save it, and begin the file with `# yaml-language-server: $schema=settings.schema.json`.
"""
