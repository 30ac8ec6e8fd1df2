"""A model of the Hub -> its entry in models.yaml: ``hub_facts -> networks -> guessing -> entry_text -> models_file``.

What is known is read (the Hub's metadata, small JSON files, the header of the weights), what follows from it is
written with its reason, and what does not is said. Nothing large is fetched, and no code of a repository runs.
"""
