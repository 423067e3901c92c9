"""Where the command `rfgen` begins: told to end while it is still being loaded, it ends with a line, not a traceback.

Nothing is imported here before that holds, and nothing is open yet that would have to be closed. Until `main` is
called the interpreter is Python's own (its start, `site`, the script that calls this: some 20 ms), and so is what it
does when interrupted.
"""


def main() -> None:
    """Entry point of the installed command."""
    try:
        import signal

        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # one that is ignored stays ignored
            signal.signal(signal.SIGINT, leave)
        from rfgen.cli import main as command
    except KeyboardInterrupt:
        leave()
    command()


def leave(number: int = 0, frame: object = None) -> None:
    """At once, as a handler of SIGINT: an exception might be swallowed, or only printed, by what is being imported."""
    import os

    try:
        os.write(2, b"interrupted\n")
    finally:
        os._exit(130)
