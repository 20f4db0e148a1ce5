"""Initialisation of sessions by its old spellings."""
import numpy as np

from tensorpack import DictRestore, SaverRestore, SessionInit, tfv1
from tensorpack.tfutils import sessinit


def value_after(init):
    variable = tfv1.get_variable("v", shape=[2], initializer=tfv1.zeros_initializer())
    with tfv1.Session() as sess:
        sess.run(tfv1.global_variables_initializer())
        init.init(sess)
        return sess.run(variable)


def test_names_and_keywords(warnings):
    assert sessinit.ParamRestore is DictRestore and sessinit.NewSession is sessinit.JustCurrentSession
    chain = sessinit.ChainInit([sessinit.NewSession(), sessinit.ParamRestore(param_dict={"v": np.array([1., 2.])})],
                               new_session=True)
    np.testing.assert_array_equal(value_after(chain), [1, 2])
    for part in ("ParamRestore", "DictRestore(variable_dict=)", "ChainInit(new_session=)"):
        assert any(part in text for text in warnings())


def test_a_subclass_with_the_old_hook_is_called_with_the_session(warnings):
    class Mine(SessionInit):
        def _init(self, sess):
            sess.run(tfv1.assign(sess.graph.get_collection("variables")[0], [3., 4.]))

    np.testing.assert_array_equal(value_after(Mine()), [3, 4])
    assert "SessionInit._init is the spelling of an older tensorpack; today: SessionInit._run_init" in warnings()


def test_the_old_hook_of_a_parent_can_be_called(log_dir):
    class Mine(DictRestore):
        def _init(self, sess):
            super()._init(sess)
            self.done = True

    init = Mine({"v": np.array([5., 6.])})
    np.testing.assert_array_equal(value_after(init), [5, 6])
    assert init.done


def test_resuming_takes_the_checkpoint_of_the_log_directory(log_dir):
    assert isinstance(sessinit.TryResumeTraining(), sessinit.JustCurrentSession)
    with tfv1.Graph().as_default(), tfv1.Session() as sess:
        tfv1.get_variable("v", initializer=[7., 8.])
        sess.run(tfv1.global_variables_initializer())
        tfv1.train.Saver().save(sess, log_dir + "/model", global_step=3)
    init = sessinit.TryResumeTraining()
    assert isinstance(init, SaverRestore)
    np.testing.assert_array_equal(value_after(init), [7, 8])


def saved(log_dir, **variables):
    with tfv1.Graph().as_default(), tfv1.Session() as sess:
        for name, value in variables.items():
            tfv1.get_variable(name.replace("__", "/"), initializer=value)
        sess.run(tfv1.global_variables_initializer())
        return tfv1.train.Saver().save(sess, log_dir + "/model", global_step=1)


def test_another_checkpoint_for_a_restore_that_is_there(log_dir, warnings):
    first, second = saved(log_dir, v=[1., 1.]), saved(log_dir + "/../other", v=[2., 2.])
    init = SaverRestore(first)
    init.set_path(second)
    np.testing.assert_array_equal(value_after(init), [2, 2])
    assert any("set_path" in text for text in warnings())


def test_variables_of_the_first_tower_and_averages_of_statistics(log_dir, warnings):
    path = saved(log_dir, tower0__v=[3., 4.], tower0__cost__EMA=0.5, cost__EMA=0.5)
    np.testing.assert_array_equal(value_after(SaverRestore(path)), [3, 4])
    assert not any("cost/EMA" in text for text in warnings())


def test_a_variable_of_its_own_name_goes_before_that_of_the_first_tower(log_dir):
    path = saved(log_dir, v=[1., 2.], tower0__v=[3., 4.])
    np.testing.assert_array_equal(value_after(SaverRestore(path)), [1, 2])


def test_values_of_checkpoints(log_dir):
    from tensorpack.tfutils.varmanip import SessionUpdate, dump_chkpt_vars, get_checkpoint_path

    path = saved(log_dir, v=[1., 2.])
    values = dump_chkpt_vars(path, log_dir + "/dump.npy")
    np.testing.assert_array_equal(values["v"], [1, 2])
    np.testing.assert_array_equal(np.load(log_dir + "/dump.npy", allow_pickle=True).item()["v"], [1, 2])
    assert get_checkpoint_path(model_path=path) == path
    variable = tfv1.get_variable("w", shape=[1, 2])
    with tfv1.Session() as sess:
        sess.run(tfv1.global_variables_initializer())
        SessionUpdate.load_value_to_var(variable, np.array([5, 6], "float64"))
        np.testing.assert_array_equal(sess.run(variable), [[5, 6]])
