"""One module per command, each with the click command in ``command``; imported when the command is used."""
