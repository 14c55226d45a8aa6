"""The pipeline: cut the stream, skip what no rule reads, parse, plan, write."""
