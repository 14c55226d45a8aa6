"""What a mesh is: which objects belong to it, and what can be read from its workloads and webhooks."""
