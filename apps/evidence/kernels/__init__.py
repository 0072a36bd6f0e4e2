"""How checks compute: counts, intervals, fairness, explanations, patterns, drawings. The only home of heavy imports.

Pure: no Django, no network, no files. Everything that is counted is an integer, so a state is the same for any split and
any order of the rows; what is drawn at random is drawn from a seeded generator.
"""
