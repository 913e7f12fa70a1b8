"""What the product does, one file a capability; matching, rules and rendering are pure decisions they share."""
