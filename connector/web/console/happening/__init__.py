"""What happens: the overview, events, what only a person decides, runs, deals."""
