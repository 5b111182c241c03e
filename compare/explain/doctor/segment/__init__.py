"""Why the code of one segment differs: the settings read, the suspects tried, the numbers fitted."""
