"""The YAML editing engine: parse, find, plan edits, write text. It knows neither Istio nor Kubernetes."""
