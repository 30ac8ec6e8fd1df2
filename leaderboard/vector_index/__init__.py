"""The nearest vectors of collections that no memory holds: exactly, shard by shard, or by an index on disk.

``exact`` reads every shard, ``building`` makes an index and measures its recall, ``store`` is the only module that
knows the library behind it, ``opening`` gives either way the same form.
"""
