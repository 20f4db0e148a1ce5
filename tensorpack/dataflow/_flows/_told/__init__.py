"""What flows tell about datapoints and passes: where an error came from, what was dropped, what has no end, what is no flow."""
