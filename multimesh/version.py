"""The version and the address of the program, in a module that imports nothing, so that every layer may import it."""

__version__ = "0.1.0"

#: The home of the API group `multimesh.dev`, to which mesh profiles belong; the only address that the project uses for
#: itself. It identifies the JSON Schemas, which nothing loads, and links of SARIF and of the wheel's description are
#: paths of the repository below it. No command opens it.
HOME = "https://multimesh.dev"
