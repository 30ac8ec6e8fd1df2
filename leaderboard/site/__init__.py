"""The leaderboard as a static web site, from stored results alone: ``gathering`` -> ``material`` -> pages -> files.

``material.py`` is what all pages are made from. A kind of page is a folder (``front``, ``model``, ``dataset``,
``comparison``): what stands there, in plain records; a template of ``templates`` only shows them. Style sheets and
scripts lie in ``assets``. ``build.py`` lists all files, ``saving.py`` writes them. No page needs the network.
"""
