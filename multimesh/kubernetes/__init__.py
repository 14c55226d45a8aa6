"""Kubernetes objects: resources in a text, containers, label selectors."""
