"""Values that match nothing, variables that may be missing, weights alone, and what is told about the rate."""
import numpy as np
import pytest

from tensorpack import (
    AutoResumeTrainConfig,
    Callback,
    DataFromList,
    ModelDesc,
    ModelSaver,
    QueueInput,
    RunUpdateOps,
    SimpleTrainer,
    TrainConfig,
    launch_train_with_config,
    tfv1,
)
from tensorpack.tfutils.sessinit import (
    DictRestore,
    SaverRestore,
    SaverRestoreRelaxed,
    SmartInit,
    get_model_loader,
)
from tensorpack.tfutils.varmanip import SessionUpdate, load_checkpoint_vars, save_checkpoint_vars

tf = tfv1
F = np.float32


def variable(name, shape=(2,), **kwargs):
    return tf.get_variable(name, list(shape), initializer=tf.zeros_initializer(), **kwargs)


def load(init):
    """Values of all global variables after `init` in a new session of the default graph."""
    variables = {v.op.name: v for v in tf.global_variables()}
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        init.init(sess)
        return {name: value.tolist() for name, value in sess.run(variables).items()}


def texts(records, *levels):
    return [r.getMessage() for r in records if r.levelname in levels]


KINDS = pytest.mark.parametrize("kind", ["checkpoint", "npz", "npy", "dict"])


def stored(kind, tmp_path, **values):
    """What to give to SmartInit."""
    values = {name.replace("__", "/"): value for name, value in values.items()}
    path = str(tmp_path / "m") + ("" if kind == "checkpoint" else "." + kind)
    if kind == "dict":
        return values
    np.save(path, values) if kind == "npy" else save_checkpoint_vars(values, path)
    return path


# ---- nothing matches


@KINDS
def test_values_that_match_nothing_are_an_error_with_the_nearest_names(tmp_path, kind):
    variable("fc/W"), variable("fc/b")
    init = SmartInit(stored(kind, tmp_path, FC__W=F([1, 2]), model__fc__b=F([3, 4]), other=F([5, 6])))
    with pytest.raises(ValueError, match="nearest to 'fc/W' is 'FC/W'; nearest to 'fc/b' is 'model/fc/b'.*allow_missing"):
        init._setup_graph()  # before any session is made


def variables_of_training():
    variable("fc/W"), variable("fc/W/Momentum"), variable("learning_rate", ()), variable("global_step", (), dtype=tf.int64)


COUNTERS = dict(global_step=np.int64(3), learning_rate=F(.5), fc__W__Momentum=F([1, 2]), beta1_power=F(.5))


@KINDS
def test_a_match_of_counters_alone_is_none(tmp_path, kind):
    """A training has them always, so that a file of another model would seem to fit."""
    variables_of_training()
    with pytest.raises(ValueError, match="no match but .*global_step.*nearest to 'fc/W' is 'FC/W'"):
        load(SmartInit(stored(kind, tmp_path, FC__W=F([1, 2]), **COUNTERS)))
    loaded = load(SmartInit(stored(kind, tmp_path, FC__W=F([1, 2]), **COUNTERS), allow_missing=True))
    assert loaded["global_step"] == 3 and loaded["fc/W"] == [0, 0]


@KINDS
def test_counters_alone_may_be_given(tmp_path, kind):
    variables_of_training()
    assert load(SmartInit(stored(kind, tmp_path, **COUNTERS)))["global_step"] == 3
    if kind == "checkpoint":
        path = stored(kind, tmp_path, FC__W=F([1, 2]), **COUNTERS)
        assert load(SaverRestore(path, ignore=["FC/W"]))["global_step"] == 3


@pytest.mark.parametrize("name, told", [
    ("fc/w", "did you mean 'fc/W'"), ("fc", "did you mean 'fc/W', 'fc/b'?"), ("fc/.*", "did you mean 'fc/W', 'fc/b'?"),
    ("model/fc/W:0", "did you mean 'fc/W'"), ("nothing_like_it", "no such name; ignore takes whole names"),
    ("fc/W", None), ("fc/b:0", None), ("only_in_the_graph", None)])
def test_what_is_to_be_ignored_but_is_nowhere_is_told(tmp_path, log_records, name, told):
    variable("fc/W"), variable("fc/b"), variable("only_in_the_graph")
    load(SaverRestore(stored("checkpoint", tmp_path, fc__W=F([1, 2]), fc__b=F([3, 4])), ignore=[name]))
    warned = [text for text in texts(log_records, "WARNING") if "ignores nothing" in text]
    assert [told in text and repr(name.split(":")[0]) in text for text in warned] == ([True] if told else [])


@pytest.mark.parametrize("prefix, told", [
    ("towerr", "did you mean 'tower'"), ("Tower/", "did you mean 'tower'"), ("nothing", "did you mean 'fc', 'tower'?"),
    ("tower/c", "'tower/conv'?"), ("tower", None), ("tower/conv/", None), ("", None), (None, None),
])
def test_a_prefix_that_is_the_scope_of_no_variable_is_told(tmp_path, log_records, prefix, told):
    variable("fc/W"), variable("tower/conv/W")
    path = stored("checkpoint", tmp_path, fc__W=F([1, 2]), W=F([5, 6]))
    assert load(SaverRestore(path, prefix=prefix))["fc/W"] == [1, 2]
    warned = [text for text in texts(log_records, "WARNING") if "changes nothing" in text]
    assert [told in text and repr(prefix) in text for text in warned] == ([True] if told else [])


ALLOWED = pytest.mark.parametrize("options", [
    dict(allow_missing=True), dict(allow_missing=".*"), dict(allow_missing=["fc/W", "fc/[bc]"]), dict(ignore_mismatch=True),
], ids=["True", "pattern", "list", "ignore_mismatch"])


@KINDS
@ALLOWED
def test_values_that_match_nothing_can_be_allowed(tmp_path, kind, options, log_records):
    variable("fc/W"), variable("fc/b")
    init = get_model_loader(stored(kind, tmp_path, FC__W=F([1, 2])), **options)
    assert load(init) == {"fc/W": [0, 0], "fc/b": [0, 0]}
    assert any("loaded 0, missing 2" in m for m in texts(log_records, "INFO"))
    assert any("FC/W" in m for m in texts(log_records, "WARNING"))


@pytest.mark.parametrize("make", [
    lambda path: SaverRestore(path, allow_missing=True), SaverRestoreRelaxed,
    lambda path: DictRestore(load_checkpoint_vars(path), True),
    lambda path: DictRestore(load_checkpoint_vars(path), allow_missing=["fc/W"]),
], ids=["saver", "relaxed", "dict-mismatch", "dict"])
def test_each_class_can_be_told_so(tmp_path, make):
    variable("fc/W")
    assert load(make(stored("checkpoint", tmp_path, FC__W=F([1, 2])))) == {"fc/W": [0, 0]}


@pytest.mark.parametrize("allow", [None, False, [], "fc", ["fc/W"], "fc/W/more"], ids=repr)
def test_what_is_not_allowed_is_an_error(tmp_path, allow):
    variable("fc/W"), variable("fc/b")
    with pytest.raises(ValueError, match="no match"):
        load(SmartInit(stored("dict", tmp_path, FC__W=F([1, 2])), allow_missing=allow))


@pytest.mark.parametrize("allow, error", [(3, TypeError), ([b"fc"], TypeError), ("fc/(", ValueError)], ids=repr)
def test_wrong_patterns_are_refused(allow, error):
    with pytest.raises(error, match=r"allow_missing.*got"):
        SmartInit({"a": 1.}, allow_missing=allow)


def test_each_part_of_a_list_must_match():
    variable("a")
    with pytest.raises(ValueError, match="nearest to 'a' is 'A'"):
        load(SmartInit([{"a": F([1, 2])}, {"A": F([3, 4])}]))
    assert load(SmartInit([{"a": F([1, 2])}, {"A": F([3, 4])}], allow_missing=True)) == {"a": [1, 2]}


@pytest.mark.parametrize("init", [lambda: DictRestore({}), lambda: SmartInit({}), lambda: SmartInit([None, {}])],
                         ids=["dict", "smart", "list"])
def test_nothing_to_load_is_no_error(init):
    variable("a")
    assert load(init()) == {"a": [0, 0]}


# ---- keys


def test_keys_of_type_bytes_are_names(tmp_path):
    variable("a/b")
    values = {b"a/b:0": F([1, 2])}
    np.save(str(tmp_path / "x.npy"), values)
    for source in (values, str(tmp_path / "x.npy")):
        assert load(SmartInit(source)) == {"a/b": [1, 2]}
    save_checkpoint_vars(values, str(tmp_path / "m"))
    save_checkpoint_vars(values, str(tmp_path / "m.npz"))
    assert list(load_checkpoint_vars(str(tmp_path / "m"))) == list(load_checkpoint_vars(str(tmp_path / "m.npz"))) == ["a/b"]
    with tf.Session() as sess:
        assert SessionUpdate(sess, tf.global_variables()).update(values) == 1


@pytest.mark.parametrize("use", [
    lambda values, path: DictRestore(values), lambda values, path: save_checkpoint_vars(values, path),
    lambda values, path: (np.save(path + ".npy", values), SmartInit(path + ".npy")),
], ids=["dict", "save", "npy"])
def test_a_key_that_is_no_name_is_refused(tmp_path, use):
    with pytest.raises(TypeError, match="names of variables; got 3"):
        use({3: F([1, 2])}, str(tmp_path / "x"))


# ---- weights alone


class Model(ModelDesc):
    rate = .5
    is_rate_trainable = False

    def inputs(self):
        return [tf.TensorSpec((None, 2), tf.float32, "x")]

    def build_graph(self, x):
        w = tf.get_variable("fc/W", [2, 1], initializer=tf.ones_initializer())
        mean = tf.get_variable("bn/mean/EMA", [2], trainable=False, initializer=tf.zeros_initializer(),
                               collections=[tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.MODEL_VARIABLES])
        tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, tf.assign_add(mean, [1., 1.]).op)
        return tf.reduce_mean(tf.matmul(x - mean, w), name="cost")

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=self.rate, trainable=self.is_rate_trainable)
        return tf.train.AdamOptimizer(rate)


class Began(Callback):
    """The values with which a training began."""

    def _before_train(self):
        self.values = self.trainer.sess.run({v.op.name: v for v in tf.global_variables()})


def train(init=None, rate=.5, callbacks=()):
    """Two steps; returns the values of all variables before them."""
    with tf.Graph().as_default():
        model = Model()
        model.rate = rate
        began = Began()
        launch_train_with_config(TrainConfig(
            model=model, data=QueueInput(DataFromList([[np.full((3, 2), 7, "float32")]])),
            callbacks=[RunUpdateOps(), began] + list(callbacks), extra_callbacks=[], monitors=[], session_init=init,
            steps_per_epoch=2, max_epoch=1), SimpleTrainer())
    return began.values


@pytest.fixture
def trained(log_dir):
    train(rate=.25, callbacks=[ModelSaver()])
    return log_dir


def as_kind(kind, directory, tmp_path):
    values = load_checkpoint_vars(directory)
    return directory if kind == "checkpoint" else stored(kind, tmp_path, **values)


@KINDS
def test_weights_only_leaves_to_the_script_what_only_training_needs(trained, tmp_path, kind, log_records):
    source = as_kind(kind, trained, tmp_path)
    values = load_checkpoint_vars(trained)
    log_records.clear()
    began = train(SmartInit(source, weights_only=True), rate=.125)
    assert np.array_equal(began["fc/W"], values["fc/W"]) and began["bn/mean/EMA"].tolist() == [2, 2]
    assert began["learning_rate"] == .125 and began["global_step"] == 0 and not began["fc/W/Adam"].any()
    assert [m for m in texts(log_records, "WARNING") if "not found" in m or "leaves out" in m] == []
    assert any("loaded 2, missing 0, unused 0" in m for m in texts(log_records, "INFO"))
    assert not any("learning rate" in m for m in texts(log_records, "INFO"))


@KINDS
def test_the_log_says_where_the_learning_rate_comes_from(trained, tmp_path, kind, log_records):
    began = train(SmartInit(as_kind(kind, trained, tmp_path)), rate=.125)
    assert began["learning_rate"] == .25 and began["global_step"] == 2 and began["fc/W/Adam"].any()
    said = [m for m in texts(log_records, "INFO") if "learning rate" in m]
    assert len(said) == 1 and "0.25 comes from the {} ".format("checkpoint" if kind == "checkpoint" else "dict") in said[0]
    assert ("m." + kind in said[0]) == (kind in ("npz", "npy"))
    assert "overwrites 0.125" in said[0] and "weights_only=True" in said[0]


@pytest.mark.parametrize("rate, is_told", [(.125, True), (.25, False)])
def test_a_training_that_goes_on_with_another_rate_than_the_scripts_says_so(trained, log_records, rate, is_told):
    assert train(AutoResumeTrainConfig.get_sessinit_resume(trained), rate=rate)["learning_rate"] == .25
    words = "overwrites 0.125, as the training goes on where it was; a HyperParamSetter"
    said = [m for m in texts(log_records, "INFO") if words in m]
    assert len(said) == is_told


def test_a_rate_that_counts_as_a_weight_is_warned_of(trained, monkeypatch, log_records):
    monkeypatch.setattr(Model, "is_rate_trainable", True)
    assert train(SmartInit(trained, weights_only=True), rate=.125)["learning_rate"] == .25
    said, = [m for m in texts(log_records, "WARNING") if "learning rate" in m]
    assert "in spite of weights_only=True: variable learning_rate is trainable" in said and "trainable=False" in said


def test_weights_only_needs_a_weight_to_match(tmp_path):
    variable("fc/W"), variable("learning_rate", (), trainable=False)
    source = stored("dict", tmp_path, learning_rate=F(.5), W=F([1, 2]))
    with pytest.raises(ValueError, match="trainable or model variable of the graph.*nearest to 'fc/W' is 'W'"):
        load(SmartInit(source, weights_only=True))
    assert load(SmartInit(source, weights_only=True, allow_missing=True)) == {"fc/W": [0, 0], "learning_rate": 0}


def test_weights_only_tells_what_it_leaves_out_though_a_model_may_need_it(tmp_path, log_records):
    variable("fc/W"), variable("bn/moving_mean", trainable=False), variable("fc/W/Momentum", trainable=False)
    values = dict(fc__W=F([1, 2]), bn__moving_mean=F([3, 4]), fc__W__Momentum=F([5, 6]))
    assert load(SmartInit(stored("dict", tmp_path, **values), weights_only=True))["bn/moving_mean"] == [0, 0]
    warning, = [m for m in texts(log_records, "WARNING") if "weights_only" in m]
    assert "'bn/moving_mean'" in warning and "Momentum" not in warning and "MODEL_VARIABLES" in warning


def test_weights_only_of_a_session_init_is_refused():
    with pytest.raises(ValueError, match="weights_only=True.*options of its own"):
        SmartInit(DictRestore({"a": 1.}), weights_only=True)
    with pytest.raises(ValueError, match="weights_only=True"):
        SmartInit([{"b": 1.}, DictRestore({"a": 1.})], weights_only=True)


# ---- a graph for inference


def test_what_only_training_needs_is_no_news_for_inference(trained, log_records):
    variable("fc/W", (2, 1)), variable("bn/mean/EMA", trainable=False)
    log_records.clear()
    load(SmartInit(trained))
    assert texts(log_records, "WARNING") == []
    assert any("loaded 2, missing 0, unused 0" in m for m in texts(log_records, "INFO"))
