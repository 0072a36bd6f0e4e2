"""Governed data: datasets, their versions and fields, under which terms and for which purposes they may be used."""
