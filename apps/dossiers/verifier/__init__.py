"""The offline verifier: standard library and the `openssl` program, no Django, no network, no database.

It shares no line with the server that made the bundle, so that one defect cannot hide in both. `single.source()` joins
its modules into the one file that travels in every bundle as `proof/verify.py`.
"""
