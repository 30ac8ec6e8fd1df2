"""The page that holds any two models of a data set against one another."""
