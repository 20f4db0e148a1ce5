"""Sessions on a server of TensorFlow's own distributed runtime."""
from __future__ import annotations

from ..compat import tfv1 as tf
from ..utils._text.spec import shown

__all__ = ["get_distributed_session_creator"]


def get_distributed_session_creator(server: tf.train.Server) -> tf.train.SessionCreator:
    """A session creator for one worker of a cluster; to be called when the graph is complete.

    The chief, task 0 of the job 'worker', initialises the global variables; the others wait until it has. Each initialises its
    local variables and tables. Sessions get the server's own configuration.

    Args:
        server: a `tf.train.Server`. The operations are made now, in the default graph.
    """
    if not isinstance(server, tf.train.Server):
        raise TypeError("get_distributed_session_creator(server): must be a tf.train.Server; got {}".format(shown(server)))
    return _DistributedSessionCreator(server)


class _DistributedSessionCreator(tf.train.SessionCreator):
    def __init__(self, server: tf.train.Server):
        definition = server.server_def
        self._target = server.target
        self._config = definition.default_session_config
        self._is_chief = definition.job_name == "worker" and definition.task_index == 0
        self._init_op = tf.global_variables_initializer()
        self._manager = tf.train.SessionManager(
            local_init_op=tf.group(tf.local_variables_initializer(), tf.tables_initializer()),
            ready_op=tf.report_uninitialized_variables(),
            ready_for_local_init_op=tf.report_uninitialized_variables(tf.global_variables()),
            graph=tf.get_default_graph(), recovery_wait_secs=1)

    def create_session(self) -> tf.Session:
        """A session whose variables are initialised; a worker other than the chief waits for that, and TensorFlow logs it."""
        if self._is_chief:
            return self._manager.prepare_session(self._target, init_op=self._init_op, config=self._config)
        tf.logging.set_verbosity(tf.logging.INFO)
        try:
            return self._manager.wait_for_session(self._target, config=self._config)
        finally:
            tf.logging.set_verbosity(tf.logging.WARN)
