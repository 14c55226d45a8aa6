"""What nodes are called in annotations; imported by type checkers only.

Nodes come on three roads (`multimesh/yamltext/parser.py`), and have the same attributes but no class in common: `id`, `tag`,
`value`, `start_mark`, `end_mark`, and `style` or `flow_style`. `is_mapping` and its like tell them apart.
"""

from typing import Any, TypeAlias

Node: TypeAlias = Any
ScalarNode: TypeAlias = Any
SequenceNode: TypeAlias = Any
MappingNode: TypeAlias = Any
