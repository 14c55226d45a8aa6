"""The version and the address of the program, in a module that imports nothing, so that every layer may import it."""

__version__ = "0.1.0"

#: The address of the project: it identifies the JSON Schema, and results in SARIF link to the pages below it.
HOME = "https://multimesh.dev"
