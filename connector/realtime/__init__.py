"""The live line: what it says, and which lines an agent has open."""
