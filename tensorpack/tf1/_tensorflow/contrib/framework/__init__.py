"""`tf.contrib.framework`: scopes of default arguments, variables of models, checkpoints."""
from .....compat import deprecation as _deprecation
from .....compat import tfv1 as _tfv1
from ..._provide import provide as _provide
from . import nest
from ._arg_scope import add_arg_scope, arg_scope, arg_scoped_arguments, current_arg_scope, has_arg_scope
from ._assign import assign_from_checkpoint, assign_from_checkpoint_fn, assign_from_values, assign_from_values_fn
from ._checkpoints import init_from_checkpoint, list_variables, load_checkpoint, load_variable
from ._devices import VariableDeviceChooser
from ._global_step import (
    assert_global_step,
    assert_or_get_global_step,
    create_global_step,
    get_global_step,
    get_or_create_global_step,
)
from ._graphs import get_graph_from_inputs, prepend_name_scope, py_func, strip_name_scope
from ._tensors import (
    assert_same_float_dtype,
    assert_scalar,
    assert_scalar_int,
    convert_to_tensor_or_sparse_tensor,
    get_name_scope,
    get_placeholders,
    is_tensor,
    reduce_sum_n,
    remove_squeezable_dimensions,
    smart_cond,
    smart_constant_value,
    with_same_shape,
    with_shape,
)
from ._variables import (
    add_model_variable,
    filter_variables,
    get_local_variables,
    get_model_variables,
    get_trainable_variables,
    get_unique_variable,
    get_variable_full_name,
    get_variables,
    get_variables_by_name,
    get_variables_by_suffix,
    get_variables_to_restore,
    global_variable,
    local_variable,
    model_variable,
    variable,
)

__all__ = ["TensorSpec", "VariableDeviceChooser", "add_arg_scope", "add_model_variable", "arg_scope",
           "arg_scoped_arguments", "argsort", "assert_global_step", "assert_or_get_global_step",
           "assert_same_float_dtype", "assert_scalar", "assert_scalar_int", "assign_from_checkpoint",
           "assign_from_checkpoint_fn", "assign_from_values", "assign_from_values_fn",
           "convert_to_tensor_or_sparse_tensor", "create_global_step", "current_arg_scope", "deprecated",
           "deprecated_arg_values", "deprecated_args", "filter_variables", "get_global_step", "get_graph_from_inputs",
           "get_local_variables", "get_model_variables", "get_name_scope", "get_or_create_global_step",
           "get_placeholders", "get_trainable_variables", "get_unique_variable", "get_variable_full_name",
           "get_variables", "get_variables_by_name", "get_variables_by_suffix", "get_variables_to_restore",
           "global_variable", "has_arg_scope", "init_from_checkpoint", "is_tensor", "list_variables", "load_checkpoint",
           "load_variable", "local_variable", "model_variable", "nest", "prepend_name_scope", "py_func", "reduce_sum_n",
           "remove_squeezable_dimensions", "smart_cond", "smart_constant_value", "sort", "strip_name_scope", "variable",
           "with_same_shape", "with_shape"]

argsort, sort, TensorSpec = _tfv1.argsort, _tfv1.sort, _tfv1.TensorSpec
deprecated, deprecated_args, deprecated_arg_values = [
    getattr(_deprecation(), name) for name in ("deprecated", "deprecated_args", "deprecated_arg_values")]
__getattr__, __dir__, _ = _provide(__name__)
