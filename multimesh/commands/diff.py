"""Show what `render` changes, as a unified diff from the stock manifest to the manifest of the mesh.

The diff is made from the planned edits, not by comparing two texts. The header of each hunk names the resources in it
and the rules that changed them. The program `patch` can apply the diff.

With --release the chart, rewritten for the mesh, is compared with the manifest of that installed release, which `helm
get manifest` prints with your rights. Objects are compared by their identity and fields: order of keys, comments, and
what Helm 4 writes in another form are not differences. Hooks are not part of a release, and neither are CRDs in the
directory crds/ of a chart, so leave --include-crds out. Values of Secrets are not shown.

    helm template istiod istio/istiod -n istio-affirmed -f charts-values/affirmed/istiod.yaml > stock.yaml
    multimesh diff --profile charts-values/affirmed < stock.yaml
    multimesh diff --profile charts-values/affirmed --release istiod < stock.yaml
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

from multimesh.commands.flags import (
    add_flag,
    add_joined,
    add_render_flags,
    add_switch,
    in_colour,
    names_in,
    render_flags,
)
from multimesh.commands.render import render_stdin
from multimesh.commands.stdio import DONE, FINDINGS, write_text
from multimesh.errors import MultimeshError
from multimesh.mesh.profile import Profile
from multimesh.render.rendering import Rendering
from multimesh.yamltext.edits import Edit, applied

HELP = "show what render changes, as a diff that names resources and rules"

#: Lines of context around a change, as in every unified diff.
CONTEXT = 3

_RED, _GREEN, _CYAN, _BOLD, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[36m", "\x1b[1m", "\x1b[0m"


class Change(NamedTuple):
    """Lines of the stock manifest that are replaced: from `start` up to but not including `end`, counted from 0."""

    start: int
    end: int
    new: list[str]
    reasons: list[str]


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the flags of the command."""
    add_render_flags(command)
    add_switch(command, "--exit-code", "exit with 1 if something differs")
    add_flag(command, "--release", "compare with this installed release instead of the stock manifest", metavar="NAME")
    add_flag(
        command,
        "--namespace",
        "the namespace of the release; default: that of the control plane",
        short="-n",
        metavar="NS",
    )
    add_switch(command, "--stat", "with --release: print one line for each resource")
    add_joined(command, "--only", "with --release: resources of these kinds", ",", metavar="KIND")
    add_flag(command, "--context", "with --release: the context of the kubeconfig", metavar="NAME")
    add_flag(command, "--kubeconfig", "with --release: the kubeconfig", metavar="FILE")
    add_flag(command, "--color", "when to use colours", default="auto", choices=("auto", "always", "never"))


def run(options: argparse.Namespace) -> int:
    """Read the stock manifest, print the diff, and return the exit code."""
    if not options.release and (options.stat or options.only):
        flag = "--stat" if options.stat else "--only"
        raise MultimeshError("", f"{flag} compares with an installed release", "Name it: --release NAME -n NAMESPACE.")
    rendering, mesh = render_stdin(render_flags(options))
    colour = in_colour(options.color)
    lines = _against_release(options, rendering, mesh) if options.release else unified(rendering, f"mesh {mesh.name}")
    write_text("".join(_coloured(line) if colour else line for line in lines))
    return FINDINGS if options.exit_code and lines else DONE


def _against_release(options: argparse.Namespace, rendering: Rendering, mesh: Profile) -> list[str]:
    """Return the lines that say how the rewritten chart differs from an installed release."""
    from multimesh.commands.release import compare, manifest_of, written

    namespace = options.namespace or mesh.namespace
    only = names_in("--only", options.only)
    live = manifest_of(options.release, namespace, options.context, options.kubeconfig)
    found, bare = compare(live, rendering.output.decode(), namespace, options.release, only)
    title = f'release {options.release} in "{namespace}"'
    return written(found, bare, title, f"chart for mesh {mesh.name}", stat=options.stat)


def unified(rendering: Rendering, name: str) -> list[str]:
    """Return the lines of the unified diff from the stock manifest to the rendered one; none if nothing differs."""
    stock = rendering.stock.decode().split("\n")
    open_end = stock[-1] != ""
    stock = [f"{line}\n" for line in (stock if open_end else stock[:-1])]
    found = sorted(changes(rendering), key=lambda change: change.start)
    if not found:
        return []
    if stock[0].startswith(_BOM) and found[0].start == 0:
        found[0] = _after_bom(stock, found[0])
    lines = ["--- stock\n", f"+++ {name}\n"]
    shift = 0
    for hunk in _hunks(found):
        start, end = max(hunk[0].start - CONTEXT, 0), min(hunk[-1].end + CONTEXT, len(stock))
        body: list[str] = []
        at = start
        for change in hunk:
            body += [" " + line for line in stock[at : change.start]]
            body += ["-" + line for line in stock[change.start : change.end]]
            body += ["+" + line for line in change.new]
            at = change.end
        body += [" " + line for line in stock[at:end]]
        grown = sum(len(change.new) - (change.end - change.start) for change in hunk)
        reasons = ", ".join(dict.fromkeys(reason for change in hunk for reason in change.reasons))
        lines.append(f"@@ -{_range(start, end - start)} +{_range(start + shift, end - start + grown)} @@ {reasons}\n")
        lines += _ended(body, open_end, not rendering.output.endswith(b"\n")) if end == len(stock) else body
        shift += grown
    return lines


_BOM = "\ufeff"


def _after_bom(stock: list[str], first: Change) -> Change:
    """Return the first change with the byte order mark, which is kept, before its new lines."""
    end, new = first.end, first.new
    if not new and end < len(stock):
        end, new = end + 1, [stock[end]]
    return first._replace(end=end, new=[_BOM + line for line in new[:1]] + new[1:])


#: What a diff says after a line that no line feed ends.
_OPEN = "\\ No newline at end of file\n"


def _ended(body: list[str], stock_open: bool, mesh_open: bool) -> list[str]:
    """Return the lines of the last hunk, with a mark after the last line of each side that no line feed ends."""
    old = max((number for number, line in enumerate(body) if line[0] in " -"), default=-1)
    new = max((number for number, line in enumerate(body) if line[0] in " +"), default=-1)
    shared = min(old, new)
    if old != new and shared >= 0 and body[shared][0] == " " and (stock_open if shared == old else mesh_open):
        # The last line of one side has no line feed, and the same line of the other side has one.
        line, rest = body[shared][1:], body[shared + 1 :]
        body = [
            *body[:shared],
            f"-{line}",
            *(rest if shared == new else ()),
            f"+{line}",
            *(rest if shared == old else ()),
        ]
        return _ended(body, stock_open, mesh_open)
    marked = ({old} if stock_open else set()) | ({new} if mesh_open else set())
    return [part for number, line in enumerate(body) for part in ((line, _OPEN) if number in marked else (line,))]


def _range(start: int, length: int) -> str:
    """Return a range of lines as a hunk header writes it; the start of an empty range is the line before it."""
    return f"{start + 1 if length else start},{length}"


def changes(rendering: Rendering) -> list[Change]:
    """Return the changed lines of the whole stream, with the resources and rules that changed them."""
    found = []
    for first, text, edits in rendering.edited:
        for group in _by_lines(text, edits):
            start, end = _line_start(text, group[0].start), _line_end(text, group)
            moved = [Edit(e.start - start, e.end - start, e.text, e.subject, e.rule, e.path, e.depth) for e in group]
            line = first - 1 + text.count("\n", 0, start)
            reasons = [f"{edit.subject} [{rule}]" for edit in group for rule, _ in edit.reasons]
            found.append(_trimmed(line, _lines(text[start:end]), _lines(applied(text[start:end], moved)), reasons))
    return found


def _lines(text: str) -> list[str]:
    """Return lines with their line feed, also where that of the last line belongs to the marker that follows."""
    return [f"{line}\n" for line in text.removesuffix("\n").split("\n")] if text else []


def _trimmed(line: int, old: list[str], new: list[str], reasons: list[str]) -> Change:
    """Return the change of these lines without the lines that are the same at its beginning and end."""
    while old and new and old[0] == new[0]:
        old, new, line = old[1:], new[1:], line + 1
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    return Change(line, line + len(old), new, reasons)


def _by_lines(text: str, edits: list[Edit]) -> list[list[Edit]]:
    """Return the edits, ordered by position, in groups that change the same lines."""
    groups: list[list[Edit]] = []
    for edit in edits:
        if (groups and _line_start(text, edit.start) < _line_end(text, groups[-1])) or (
            groups and edit.start == edit.end == groups[-1][-1].end
        ):
            groups[-1].append(edit)
        else:
            groups.append([edit])
    return groups


def _line_start(text: str, index: int) -> int:
    """Return the offset at which the line of an offset begins."""
    return text.rfind("\n", 0, index) + 1


def _line_end(text: str, group: list[Edit]) -> int:
    """Return the end of the last line that a group of edits changes; inserting whole lines changes none."""
    start, end = group[0].start, group[-1].end
    if end == _line_start(text, end) and (end > start or all(edit.text.endswith("\n") for edit in group)):
        return end
    found = text.find("\n", end)
    return len(text) if found < 0 else found + 1


def _hunks(found: list[Change]) -> list[list[Change]]:
    """Return the changes in groups whose context lines overlap or touch: one hunk for each."""
    hunks: list[list[Change]] = []
    for change in found:
        if hunks and change.start - hunks[-1][-1].end <= 2 * CONTEXT:
            hunks[-1].append(change)
        else:
            hunks.append([change])
    return hunks


def _coloured(line: str) -> str:
    """Return a line of the diff in its colour for a terminal."""
    if line.startswith(("---", "+++")):
        return f"{_BOLD}{line.rstrip()}{_PLAIN}\n"
    colour = {"-": _RED, "+": _GREEN, "@": _CYAN}.get(line[:1], "")
    return f"{colour}{line.rstrip()}{_PLAIN}\n" if colour else line
