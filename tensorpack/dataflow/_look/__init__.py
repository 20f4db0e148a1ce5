"""The first datapoints of a flow for people: what their components are, which of them can be drawn, and the drawings."""
