"""One module per verb: plan() and execute(), where planning and effects meet."""
