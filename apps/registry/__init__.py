"""The inventory: use cases, models, versions bound to content, environments, deployments, and who did what."""
