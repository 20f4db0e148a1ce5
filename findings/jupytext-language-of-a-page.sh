#!/bin/sh
# The language of a notebook that jupytext makes of a Markdown page is that of most blocks in it. Where blocks of the shell outnumber those
# of Python, they become plain cells, and the Python blocks cells with %%python, which run in a process each and share no variables.
# No warning tells; one block more turns a tutorial around. A kernelspec in the head of the page settles it.
# Answered by docs/conf.py, which gives each page a kernelspec before it makes a notebook of it.
. "$(dirname "$0")/lib/finding.sh"
environment python jupytext==1.19.6
observe python <<'END'
import importlib.metadata

import jupytext

print("jupytext", importlib.metadata.version("jupytext"))
shell, python = "```bash\nls\n```\n\n", "```python\nx = 1\n```\n\n"
head = "---\njupyter:\n  kernelspec:\n    display_name: Python 3\n    language: python\n    name: python3\n---\n\n"
for name, page in {"as many": shell + python, "more Python": shell + 2 * python, "more shell": 2 * shell + python,
                   "more shell, kernelspec": head + 2 * shell + python}.items():
    cells = jupytext.reads(page, "md").cells
    print("{}: {}".format(name, [(cell.cell_type, cell.source) for cell in cells]))
END
expect <<'END'
jupytext 1.19.6
as many: [('code', '%%bash\nls'), ('code', 'x = 1'), ('markdown', '')]
more Python: [('code', '%%bash\nls'), ('code', 'x = 1'), ('code', 'x = 1'), ('markdown', '')]
more shell: [('code', 'ls'), ('code', 'ls'), ('code', '%%python\nx = 1'), ('markdown', '')]
more shell, kernelspec: [('code', '%%bash\nls'), ('code', '%%bash\nls'), ('code', 'x = 1'), ('markdown', '')]
END
