"""The pages of the manual that need no files: of a finding, of a rule, and of a key of the profile."""

from __future__ import annotations

import difflib
import re
import textwrap

from multimesh.check.catalogue import CATALOGUE
from multimesh.check.notes import NOTES
from multimesh.errors import MultimeshError
from multimesh.mesh.definitions import PROFILE
from multimesh.mesh.manual import Key, keys

#: Columns of a paragraph.
_WIDTH = 100


#: What has a page, as the first word of the page says.
PAGES = ("finding", "rule", "key")


def page(word: str, what: str = "") -> str:
    """Return all pages about a finding, a rule or a key of the profile; with `what`, one of PAGES, only that kind.

    Raises MultimeshError if there is none.
    """
    from multimesh.rules import RULES

    rules = {rule.ID: rule for rule in RULES}
    known = keys(PROFILE)
    found = {
        "finding": _finding(word) if word in CATALOGUE else "",
        "rule": f"rule {word}\n\n{(rules[word].__doc__ or '').strip()}\n" if word in rules else "",
        "key": "\n".join(_key(key) for key in known if _is_about(key, word)),
    }
    names = {
        "finding": [*CATALOGUE],
        "rule": [*rules],
        "key": [*(key.path for key in known), *(key.path.rpartition(".")[2] for key in known)],
    }
    wanted = [what] if what else PAGES
    if not any(found[one] for one in wanted):
        near = difflib.get_close_matches(word, [name for one in wanted for name in names[one]], n=3)
        hint = f"Did you mean {' or '.join(dict.fromkeys(near))}?\n" if near else ""
        hint += "For an object write: namespace NS, pod NAME -n NS, or KIND/NAME -n NS."
        label = {"key": "key of the profile"}.get(what, what) or "finding, rule or key of the profile"
        raise MultimeshError("", f'no {label} is called "{word}"', hint)
    return "\n".join(found[one] for one in wanted if found[one])


def _finding(name: str) -> str:
    """Return the page of a finding: what it means, what to do, and the notes, a paragraph for each sentence."""
    entry = CATALOGUE[name]
    notes = [_filled(_without_links(note)) for note in NOTES[name].split("\n")]
    parts = [f"finding {name} ({entry.severity})", _filled(entry.why), _filled(f"What to do: {entry.remedy}"), *notes]
    return "\n\n".join(parts) + "\n"


def _without_links(note: str) -> str:
    """Return Markdown with links as text: rules have a page of their own here, other pages are those of docs/.

    >>> _without_links("The rule is [node-ports](rules.md#node-ports). See [upgrades.md](upgrades.md).")
    "The rule is node-ports ('multimesh explain node-ports'). See docs/upgrades.md."
    """
    note = re.sub(r"\[([^]]+)\]\(rules\.md#([^)]+)\)", r"\1 ('multimesh explain \2')", note)
    note = re.sub(r"\[(\S+\.md)\]\(\1\)", r"docs/\1", note)
    return re.sub(r"\[([^]]+)\]\(([^)#]+)[^)]*\)", r"\1 (docs/\2)", note)


def _is_about(key: Key, word: str) -> bool:
    """Return whether a word is the path of a key, the end of it, or the path of a key above it."""
    path, wanted = f".{key.path.replace('[]', '')}.", f".{word.replace('[]', '')}."
    return wanted in path


def _key(key: Key) -> str:
    required = "; required" if key.required else ""
    kinds = key.kinds.replace("`", "")
    parts = [f"key {key.path} ({kinds}{required})", *(_filled(text) for text in (key.description, key.refused) if text)]
    return "\n\n".join(parts) + "\n"


def _filled(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
