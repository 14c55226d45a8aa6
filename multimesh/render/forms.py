"""Refuse rewritten streams that Helm reads otherwise than the stock stream because of their form."""

from __future__ import annotations

import json

from multimesh.errors import MultimeshError


def check_forms(stock: str, result: str, where: str) -> None:
    """Refuse a rewritten stream of a form that Helm reads otherwise than the form of the stock one.

    `stock` and `result` are whole streams, which the rewriting has changed. Raises MultimeshError.
    """
    if result.startswith("---") and _is_last_line(result) and not _is_last_line(stock):
        # Helm 4 cuts only at lines that end (kyaml v0.21.2 kio/byteio_reader.go, splitDocuments), so in the stock
        # stream it does not see this document. Helm 3 reports it.
        raise MultimeshError(
            where,
            "the rest was left out, and the document that remains is on the line of its ---, which no line feed ends",
            "Helm 4 did not read it in the stock stream. Write it on the next line.",
        )
    if "\n..." in result and _is_json(result) and not _is_json(stock):
        # Helm 3 reads a stream as JSON that begins with an object (apimachinery v0.37.0 util/yaml/decoder.go).
        raise MultimeshError(
            where,
            "an object in braces becomes JSON by the rewriting, and a line that begins with ... follows",
            "Helm 3 cannot read JSON before such a line. Remove the line.",
        )


def _is_last_line(text: str) -> bool:
    """Return whether a stream is one line without a line feed."""
    return "\n" not in text


def _is_json(text: str) -> bool:
    """Return whether a stream begins with an object that is JSON."""
    try:
        return isinstance(json.JSONDecoder().raw_decode(text.lstrip())[0], dict)
    except ValueError:
        return False
