#!/bin/sh
# `import tensorflow` (2.21, Keras 3) imports all of Keras, and that scikit-learn with pandas and SciPy's statistics wherever they
# are installed, for wrappers that hardly any program uses: each process that starts pays for libraries it never asked for.
# TF_USE_LEGACY_KERAS=1 leaves Keras 3 and them out.
# Answered by docs/tutorial/performance-tuning.md.
. "$(dirname "$0")/lib/finding.sh"
environment python tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6 scikit-learn==1.9.1 scipy==1.17.1 pandas==3.1.1
observe python <<'END'
import os
import subprocess
import sys

LOOK = """
import sys, time
import tensorflow as tf
print(sorted({name.split(".")[0] for name in sys.modules} & {"keras", "sklearn", "pandas"}), "scipy.stats" in sys.modules)
print(time.process_time(), file=sys.stderr)
"""
for name, value in (("by itself", "0"), ("with TF_USE_LEGACY_KERAS=1", "1")):
    done = subprocess.run([sys.executable, "-c", LOOK], env=dict(os.environ, TF_USE_LEGACY_KERAS=value), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    print("import tensorflow", name, "loads", done.stdout.strip())
    print("# CPU seconds:", done.stderr.strip().splitlines()[-1])
END
expect <<'END'
import tensorflow by itself loads ['keras', 'pandas', 'sklearn'] True
import tensorflow with TF_USE_LEGACY_KERAS=1 loads [] False
END
