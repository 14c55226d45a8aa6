"""Refuse YAML that libyaml and Go's readers take for different things.

Helm parses with go.yaml.in/yaml/v2 (v2.4.4), Helm 4 with the parser of kyaml before that. Text of another meaning to
them must not be edited.
"""

from __future__ import annotations

from multimesh.errors import MultimeshError
from multimesh.yamltext.nodes import BINARY_TAG, KEY_TAGS, MERGE_TAG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import AnyStr

    from multimesh.yamltext.line import Line
    from multimesh.yamltext.nodes import Node

_BYTE_ORDER_MARK = "\ufeff"

#: The line breaks of YAML 1.1.
_BREAKS = "\r\n\x85\u2028\u2029"

#: What may precede a tag.
_BEFORE_TAG = " \t[]{},:?-" + _BREAKS


def check_text(text: str, where: str, line: int | Line) -> None:
    """Refuse a byte order mark at the beginning of a line.

    libyaml skips it there (scanner.c, yaml_parser_scan_to_next_token). To Go it is a part of the key that follows.
    """
    at = find_after(text, _BYTE_ORDER_MARK, _BREAKS)
    if at >= 0:
        raise MultimeshError(
            f"{where}:{line + text.count(chr(10), 0, at)}",
            "a byte order mark (U+FEFF) at the beginning of a line",
            "Helm takes it for a part of what follows it. Remove it.",
        )


def has_tags(text: str) -> bool:
    """Return whether there may be a tag in a text; never wrongly False."""
    return find_after(text, "!", _BEFORE_TAG) >= 0


def check_directives(text: str, where: str, line: int | Line) -> None:
    """Refuse the directive `%TAG` in a text that has tags.

    Helm cuts the stream at `---`, which follows every directive, so the document is read without it: a tag means
    something else there, `!!binary` for example (helm 4.3.2 pkg/kube/client.go, Build, and kyaml's kio.ByteReader).
    """
    at = find_after(text, "%TAG", _BREAKS)
    if at >= 0:
        raise MultimeshError(
            f"{where}:{line + text.count(chr(10), 0, at)}",
            "the directive %TAG: Helm reads the document after it without it",
            "Remove it, and write the tags in full: !<tag:example.com,2000:a>.",
        )


def find_after(text: AnyStr, word: AnyStr, before: AnyStr) -> int:
    """Return where a word first occurs at the beginning of a text or after one of the characters; -1 if nowhere."""
    at = text.find(word)
    while at > 0 and text[at - 1] not in before:
        at = text.find(word, at + 1)
    return at


def check_tags(root: Node, text: str, where: str, line: int | Line) -> None:
    """Refuse tags in a document of `text` that give a key or an item of a list another value than its text.

    Go decodes `!!binary` in keys too, and `! "<<"` is a merge key for Helm 3 and a common key for Helm 4.
    """
    seen: set[int] = set()
    nodes = [root]
    while nodes:
        node = nodes.pop()
        if node.id == "scalar" or id(node) in seen:
            continue
        seen.add(id(node))
        if node.id == "sequence":
            nodes += node.value
            for item in node.value:
                if item.tag == BINARY_TAG:
                    raise _refused(item, "an item of a list", where, line)
                _check_comma(item, text, where, line)
                _check_plain(item, text, where, line)
            continue
        for key, value in node.value:
            nodes.append(value)
            _check_comma(key, text, where, line)
            _check_comma(value, text, where, line)
            _check_plain(value, text, where, line)
            if key.tag not in KEY_TAGS and not (key.tag == MERGE_TAG and key.value == "<<"):
                raise _refused(key, "a key", where, line)
            # libyaml does not report the tag `!`, but its marks include it.
            if key.value == "<<" and key.tag in KEY_TAGS[:2] and text[key.start_mark.index] in "!&":
                raise MultimeshError(
                    f"{where}:{line + key.start_mark.line}",
                    'the key "<<" has a tag or an anchor: it can be a merge key for Helm 3, and none for Helm 4',
                    "Write << without a tag or an anchor, or write the keys themselves.",
                )


def _check_comma(node: Node, text: str, where: str, line: int | Line) -> None:
    """Refuse a tag that a comma follows: to libyaml its value is empty, and to Go the comma is a part of the tag."""
    if node.id != "scalar" or node.value or node.style:
        return
    written = text[node.start_mark.index : node.end_mark.index + 1]
    if written.endswith(",") and "!" in written:
        raise MultimeshError(
            f"{where}:{line + node.start_mark.line}",
            f'a comma follows the tag "{written[written.index("!") : -1]}", and Helm takes it for a part of the tag',
            "Write the value after the tag, or leave out the tag.",
        )


def _check_plain(node: Node, text: str, where: str, line: int | Line) -> None:
    """Refuse a number, boolean or null with the tag `!`: to Go it is text, and libyaml does not report the tag."""
    if node.id != "scalar" or node.tag not in KEY_TAGS[:2] or node.style:
        return
    # A value that is absent may be at the end of the text.
    written = text[node.start_mark.index : node.end_mark.index]
    if written.startswith(("!", "&")) and "!" in written.split()[:2]:
        from multimesh.yamltext.plain import scalar

        if type(scalar(node)) is not str:
            raise MultimeshError(
                f"{where}:{line + node.start_mark.line}",
                f'"{node.value}" has the tag "!", by which Helm reads it as text',
                "Write it in quotes, or without the tag.",
            )


def _refused(node: Node, what: str, where: str, line: int | Line) -> MultimeshError:
    tag = node.tag.replace("tag:yaml.org,2002:", "!!")
    return MultimeshError(
        f"{where}:{line + node.start_mark.line}",
        f'{what} has the tag "{tag}", so its text is not its value',
        "Write the value itself, without the tag.",
    )
