"""Parts of the tool `predict`: `examples` reads what to predict on, `results` writes what comes out."""
