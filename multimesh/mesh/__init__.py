"""The mesh profile and all names (stock names, and the names that a mesh gives them), and the table of kinds."""
