#!/bin/sh
# scipy.optimize.minimize(method="SLSQP") took a float32 starting point and gradient in SciPy 1.11; in 1.15 and 1.17 it raises an error,
# another one in each. Programs that hand over the float32 values of a network's variables stop there.
# Answered by docs/tutorial/tensorflow-1.md: ScipyOptimizerInterface gives SciPy float64.
. "$(dirname "$0")/lib/finding.sh"
cat > "$FOLDER/minimize.py" <<'END'
import numpy as np
import scipy
from scipy.optimize import minimize


def function(x):
    return float((x ** 2).sum()), 2 * x


for dtype in "float64", "float32":
    try:
        result = minimize(function, np.ones(2, dtype), jac=True, method="SLSQP",
                          constraints=[{"type": "ineq", "fun": lambda x: x[0] - 0.5, "jac": lambda x: np.array([1, 0], x.dtype)}])
        print("scipy {}: {} gives {}".format(scipy.__version__, dtype, np.round(result.x, 3).tolist()))
    except Exception as error:
        print("scipy {}: {} raises an error".format(scipy.__version__, dtype))
        print("#", type(error).__name__, error)
END
for version in 1.11.4 1.15.3 1.17.1; do
    environment "scipy-$version" "scipy==$version" numpy==1.26.4
    observe "scipy-$version" < "$FOLDER/minimize.py"
done
expect <<'END'
scipy 1.11.4: float64 gives [0.5, 0.0]
scipy 1.11.4: float32 gives [0.5, 0.0]
scipy 1.15.3: float64 gives [0.5, 0.0]
scipy 1.15.3: float32 raises an error
scipy 1.17.1: float64 gives [0.5, 0.0]
scipy 1.17.1: float32 raises an error
END
