"""A user's network as the graph of what it computes, so that its steps are seen however they are written."""
