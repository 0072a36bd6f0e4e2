"""Models in PMML 4.x, read and run by hand, because what is not understood has to be refused, never passed over.

Source: DMG, PMML 4.4.1, https://dmg.org/pmml/v4-4-1/GeneralStructure.html. Runs in a process of its own, see `child`.
"""
