"""What each command does; `rfgen.cli` reads the command line. Imported only when the command is given, so that help
stays quick."""
