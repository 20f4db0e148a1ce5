"""What the library tells: lines of the log, and notes of errors."""


def messages(records, level):
    """The messages among the records of `log_records` that have this level, such as "WARNING"."""
    return [record.getMessage() for record in records if record.levelname == level]


def notes(error, records):
    """The notes of an error; of Python before 3.11, which has none, the lines of the log that stand for them."""
    return getattr(error, "__notes__", []) + messages(records, "ERROR")
