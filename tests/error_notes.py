"""What the library says beside an error."""


def notes(error, log_records):
    """The notes of an error; of Python before 3.11, which has none, the lines of the log that stand for them."""
    return getattr(error, "__notes__", []) + [r.getMessage() for r in log_records if r.levelname == "ERROR"]
