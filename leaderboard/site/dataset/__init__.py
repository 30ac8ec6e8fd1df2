"""A page per data set: what it is, what its images can tell, what is hard in it, which labels to look at again."""
