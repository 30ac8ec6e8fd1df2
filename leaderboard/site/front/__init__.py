"""The front page: a table per data set to search, filter and sort, a scatter of what quality costs; how to read it."""
