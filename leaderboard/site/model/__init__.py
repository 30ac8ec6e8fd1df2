"""A page per model: where it stands, genus by genus, what it confuses and finds, where its figures come from."""
