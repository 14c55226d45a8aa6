"""Judge one rendering by what Helm reads of it."""

from __future__ import annotations

import json
from typing import Any

import engine
from cases import Case


def canonical(objects: list[Any]) -> str:
    """Write objects as one line of JSON, keys sorted."""
    return json.dumps(objects, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def render(case: Case) -> tuple[bytes | None, str]:
    """Return the output and nothing, or None and the refusal; a defect of the program is a text that begins with !."""
    try:
        profile = engine.load_profile(case.profile, where="profile.yaml")
        return engine.render_manifest(case.text.encode(), profile).output, ""
    except engine.MultimeshError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001 (a traceback is what is looked for)
        return None, f"!traceback: {type(error).__name__}: {error}"


def faults(case: Case, readers: dict[str, Any]) -> list[str]:
    """List what is wrong with one case; nothing where it is right."""
    output, reason = render(case)
    if output is None:
        if reason.startswith("!"):
            return [reason]
        if case.may_refuse and "Helm could not" in reason:
            read = [name for name, reader in readers.items() if not reader.ask(case.text.encode()).error]
            return [f"the refusal says that Helm could not, but {', '.join(read)} can"] if read else []
        return [] if case.may_refuse else [f"refused: {reason.splitlines()[0]}"]
    found = []
    for name, reader in readers.items():
        stock, answer = reader.ask(case.text.encode()), reader.ask(output)
        if answer.error:
            if not stock.error:
                found.append(f"{name} cannot read the output: {answer.error[:160]}")
            continue
        text = canonical(answer.objects)
        found += [f"{name} installs {part}" for part in case.never if part in text]
        found += [f"{name} does not install {part}" for part in case.always if part not in text]
    again, why = render(case._replace(text=output.decode()))
    if again != output:
        found.append(f"the second run {'differs' if again is not None else 'refuses: ' + why.splitlines()[0]}")
    return found
