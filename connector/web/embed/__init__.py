"""Pages for agents: shown in a frame of the contact centre, or opened by a link on its cards and tickets."""
