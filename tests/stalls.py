"""What the log tells of calls that hang."""

SECONDS = 0.4  # after which it is told, in tests


def reports(records):
    return [r.getMessage() for r in records if "has been running for" in r.getMessage()]


def report_of(records, *words):
    """The report that has these words; on a busy machine other calls may take long enough for one, too."""
    found = [report for report in reports(records) if all(word in report for word in words)]
    assert len(found) == 1, reports(records)
    return found[0]
