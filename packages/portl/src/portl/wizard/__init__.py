"""What `portl init` thinks: facts about a source and a destination → a proposal → the text of a job. It asks nobody."""
