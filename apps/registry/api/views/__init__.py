"""The JSON door of the registry, by what a call is about."""
