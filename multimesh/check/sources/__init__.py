"""Where objects come from: manifests, and clusters read through kubectl."""
