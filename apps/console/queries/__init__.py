"""What the console's pages read. Rows and small dataclasses; no page asks once per row."""
