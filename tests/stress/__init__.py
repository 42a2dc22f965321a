"""Programs that load, disturb and mislead the library, for as long as one likes.

``python -m stress`` runs them (see ``make stress``); ``test_stress.py`` runs a short version of
each.
"""
