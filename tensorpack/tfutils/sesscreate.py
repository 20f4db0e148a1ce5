"""Session creators: objects whose `create_session()` returns a session that is ready to run, its graph not finalized."""
from __future__ import annotations

from typing import Any, Callable, List, Optional, Sequence

from .. import compat
from ..compat import tfv1 as tf
from ..utils import logger
from ..utils._arguments.functions import check_function
from ..utils._process.fork import NO_TENSORFLOW, is_forked_after_tensorflow
from ..utils._text.keywords import KeywordsTold
from .common import get_default_sess_config
from .dependency import ancestors, dependency_of_targets

__all__ = ["NewSessionCreator", "ReuseSessionCreator", "SessionCreatorAdapter"]

# An operation that waits for somebody else to send data; an initialiser that depends on one may never return.
_BLOCKING = ("Dequeue", "Enqueue", "Unstage")
_BLOCKING_TYPES = ("ZMQPull",)


class NewSessionCreator(KeywordsTold, tf.train.SessionCreator):
    """Makes a session on the default graph and initialises global variables, local variables and tables, in this order.

    Resources (`tf.GraphKeys.RESOURCES`, `LOCAL_RESOURCES`) are made with the variables of their kind.

    Args:
        target: as of `tf.Session`.
        config: a `tf.ConfigProto`; default: `get_default_sess_config()`. Whether it was given is the attribute
            `user_provided_config`.
    """

    def __init__(self, target: str = "", config: Optional[tf.ConfigProto] = None):
        self.target = target
        self.user_provided_config = config is not None
        if config is None:
            config = get_default_sess_config()
        elif compat.has_gpu():
            logger.warning("NewSessionCreator(config=): options of the GPU have no effect if TensorFlow has already "
                           "initialised it in this process, for example by listing devices or by an earlier session.")
        self.config = config

    def create_session(self) -> tf.Session:
        """A new session whose variables and tables are initialised.

        Raises:
            RuntimeError: this process was forked after TensorFlow had run, and the session would wait for ever.
        """
        return self._create_session(())

    def _create_session(self, without: Sequence[Any]) -> tf.Session:
        """The same, but for some global variables, which are about to be given values."""
        if is_forked_after_tensorflow() and not self.config.use_per_session_threads:
            raise RuntimeError("{}: {}, or fork before the first session".format(type(self).__name__, NO_TENSORFLOW))
        # All are made before any runs: TF 2.x warns when an operation gets a new consumer after it ran.
        initialized = [each for each in tf.global_variables() if not any(each is one for one in without)]
        initializers = [
            tf.variables_initializer(initialized, "init"), *_make_resources(tf.GraphKeys.RESOURCES),
            tf.local_variables_initializer(), *_make_resources(tf.GraphKeys.LOCAL_RESOURCES), tf.tables_initializer()]
        sess = tf.Session(target=self.target, config=self.config)
        try:
            for initializer in initializers:
                _warn_if_it_may_hang(initializer)
                sess.run(initializer)
        except BaseException:
            sess.close()
            raise
        return sess


class ReuseSessionCreator(KeywordsTold, tf.train.SessionCreator):
    """Returns an existing session as it is.

    Args:
        sess: the session.
    """

    def __init__(self, sess: tf.Session):
        self.sess = sess

    def create_session(self) -> tf.Session:
        """The session; nothing is initialised."""
        return self.sess


class SessionCreatorAdapter(KeywordsTold, tf.train.SessionCreator):
    """Applies a function to the session of another creator, for example to wrap it in a debugger.

    Args:
        session_creator: the other creator.
        func: session -> session.
    """

    def __init__(self, session_creator: tf.train.SessionCreator, func: Callable[[tf.Session], tf.Session]):
        check_function(self, "func", func, "of a session, one argument")
        self.session_creator = session_creator
        self.func = func

    def create_session(self) -> tf.Session:
        """What the function returns for the other creator's session."""
        return self.func(self.session_creator.create_session())


def owns_session(creator: Any) -> bool:
    """Whether a session of this creator belongs to the one who asked for it, who then has to close it."""
    while isinstance(creator, SessionCreatorAdapter):
        creator = creator.session_creator
    return not isinstance(creator, ReuseSessionCreator)


def _make_resources(collection: str) -> List[tf.Operation]:
    return [resource.create for resource in tf.get_collection(collection)]


def initialize_from_restored(sess: tf.Session) -> None:
    """Compute again, after restoring, the local variables of the session's graph whose initial values global ones give."""
    local = sess.graph.get_collection(tf.GraphKeys.LOCAL_VARIABLES)
    restored = {variable.op for variable in sess.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)}
    initializers = [variable.initializer for variable in local if not restored.isdisjoint(ancestors([variable.initializer]))]
    if initializers:
        sess.run(initializers)


def _warn_if_it_may_hang(initializer: tf.Operation) -> None:
    for op in initializer.graph.get_operations():
        blocking = op.type in _BLOCKING_TYPES or any(word in op.type for word in _BLOCKING)
        if blocking and dependency_of_targets((initializer,), op):
            logger.warning("Initialising variables runs %s (%s), which may wait forever for data; "
                           "initialise variables from values that are there at the start.", op.name, op.type)
