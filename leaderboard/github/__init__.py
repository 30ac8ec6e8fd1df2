"""What talks to GitHub, or reads what came from there: artifacts of strangers, one comment, one issue."""
