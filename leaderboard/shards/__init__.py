"""Collections too large for one file: images anywhere -> Parquet shards of vectors, on one machine or on many.

``sources -> plan -> worker (one shard) -> engines (who runs the workers) -> manifest``. A shard is the unit of
everything: of work, of retrying, of resuming. What a shard holds depends on the plan alone, so it does not matter who
computes it, in which order, or how often.
"""
