"""Kubernetes objects: kinds, resources in a text, containers, label selectors."""
