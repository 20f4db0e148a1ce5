"""The matrix of the programs that read exported models, printed at the end; its cells are properties of the tests.

Imported by the conftest of all tests, since the process that prints runs no tests itself when they run in several.
"""
import platform


def pytest_terminal_summary(terminalreporter):
    rows, tensorflow = {}, None
    for outcome in ("passed", "skipped", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            properties = dict(getattr(report, "user_properties", []))
            if "cell" in properties:
                rows[tuple(properties["cell"])] = _cell_text(outcome, report)
                tensorflow = properties["tensorflow"]
    if not rows:
        return
    columns = sorted({(exporter, model) for _, _, exporter, model in rows}, key=lambda c: (c[0], c[1]))
    table = [["format", "read by"] + ["{} of TF {}".format(model, exporter) for exporter, model in columns]]
    notes = []
    for row in sorted({cell[:2] for cell in rows}):
        table.append(list(row) + [rows.get(row + column, "-") for column in columns])
    for line in table[1:]:
        for i, text in enumerate(line):
            if text.startswith("skipped: "):
                line[i] = "skipped"
                notes.append("skipped: {} by {}: {}".format(line[0], line[1], text[len("skipped: "):]))
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    terminalreporter.section("max |difference| to OfflinePredictor / max |value|, read on Python {}, TensorFlow {}".format(
        platform.python_version(), tensorflow))
    for line in table:
        terminalreporter.write_line("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())
    for note in sorted(set(notes)):
        terminalreporter.write_line(note)


def _cell_text(outcome, report):
    if outcome == "skipped":
        return str(report.longrepr[2]).replace("Skipped: ", "skipped: ")
    return "{:.0e}".format(dict(report.user_properties)["error"]) if outcome == "passed" else outcome.upper()
