"""What the log says."""


def warnings(log_records):
    """The warnings among the records of `log_records`."""
    return [record.getMessage() for record in log_records if record.levelname == "WARNING"]
