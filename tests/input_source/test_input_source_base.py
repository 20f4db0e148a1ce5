import pytest

from tensorpack.callbacks.base import Callback, CallbackFactory
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.common import RepeatedData
from tensorpack.dataflow.raw import DataFromList
from tensorpack.input_source import FeedfreeInput, FeedInput, InputSource, PlaceholderInput, QueueInput, remap_input_source
from tensorpack.input_source.input_source_base import (
    ProxyInputSource,
    build_or_reuse_placeholder,
    get_sublist_by_names,
    get_tensors_inputs,
)

SIGNATURE = [tf.TensorSpec([None, 3], "float32", "image"), tf.TensorSpec([], "float32", "scale"),
             tf.TensorSpec([None], "int32", "label")]


class Constants(InputSource):
    """Counts what it is asked for."""

    def __init__(self):
        self.resets = 0
        self.signature = None
        self.own_callback = Callback()

    def _setup(self, input_signature):
        self.signature = input_signature

    def _get_input_tensors(self):
        return [tf.zeros([2 if n is None else n for n in spec.shape.as_list()], spec.dtype) for spec in self.signature]

    def _get_callbacks(self):
        return [self.own_callback]

    def _reset_state(self):
        self.resets += 1


def test_setup_passes_the_signature_on_and_returns_the_callbacks():
    source = Constants()
    assert not source.setup_done()
    callbacks = source.setup(tuple(SIGNATURE))
    assert source.setup_done()
    assert source.signature == SIGNATURE
    assert callbacks[1:] == [source.own_callback]


def test_callbacks_are_always_the_same_and_a_change_of_the_list_stays_outside():
    source = Constants()
    first = source.setup(SIGNATURE)
    first.append("mine")
    second = source.get_callbacks()
    assert second == first[:-1] and second[0] is first[0]


def test_callbacks_run_on_every_process():
    assert [cb.chief_only for cb in Constants().setup(SIGNATURE)] == [False, False]


def test_first_callback_resets_the_state_before_training():
    source = Constants()
    callback = source.setup(SIGNATURE)[0]
    assert type(callback) is CallbackFactory
    assert source.resets == 0
    callback.before_train()
    assert source.resets == 1


def test_second_setup_is_refused():
    source = Constants()
    source.setup(SIGNATURE)
    with pytest.raises(RuntimeError, match="Constants.setup: .* once"):
        source.setup(SIGNATURE)


def test_callbacks_need_a_setup():
    with pytest.raises(RuntimeError, match=r"call Constants.setup\(input_signature\) first"):
        Constants().get_callbacks()


def test_input_without_a_name_is_refused():
    with pytest.raises(ValueError, match="TensorSpec with a name"):
        Constants().setup([tf.TensorSpec([], "float32")])


def test_size_is_unknown_by_default():
    with pytest.raises(NotImplementedError):
        Constants().size()


def test_cached_name_scope_is_entered_again():
    source, other = Constants(), Constants()
    with source.cached_name_scope():
        assert tf.zeros([], name="a").op.name == "Constants/a"
    with tf.name_scope("elsewhere"), source.cached_name_scope() as scope:
        assert scope == "Constants/"
        assert tf.zeros([], name="a").op.name == "Constants/a_1"
    with other.cached_name_scope():
        assert tf.zeros([], name="a").op.name == "Constants_1/a"


def test_get_tensors_inputs_replaces_by_name():
    placeholders = [build_or_reuse_placeholder(spec) for spec in SIGNATURE]
    first, last = tf.zeros([2, 3]), tf.zeros([2], "int32")
    inputs = get_tensors_inputs(placeholders, [last, first], ["label", "image"])
    assert [a is b for a, b in zip(inputs, [first, placeholders[1], last])] == [True] * 3
    assert inputs is not placeholders


def test_get_sublist_by_names_follows_the_order_of_the_names():
    assert get_sublist_by_names(SIGNATURE, ["label", "image"]) == [SIGNATURE[2], SIGNATURE[0]]
    placeholders = [build_or_reuse_placeholder(spec) for spec in SIGNATURE]
    assert get_sublist_by_names(placeholders, ["scale"])[0] is placeholders[1]


@pytest.mark.parametrize("call", [
    lambda: get_sublist_by_names(SIGNATURE, ["image", "imagee"]),
    lambda: get_tensors_inputs(SIGNATURE, [None], ["imagee"]),
    lambda: remap_input_source(Constants(), ["imagee"]).setup(SIGNATURE),
], ids=["sublist", "inputs", "remap"])
def test_unknown_name_is_logged_and_raised(call, log_records):
    with pytest.raises(ValueError, match="'imagee'.*'image', 'scale', 'label'"):
        call()
    assert any(r.levelname == "ERROR" and "imagee" in r.getMessage() for r in log_records)


def test_number_of_tensors_must_match_the_names():
    with pytest.raises(ValueError, match="one tensor for each name"):
        get_tensors_inputs(SIGNATURE, [], ["image"])


def test_proxy_forwards_everything():
    inner = QueueInput(DataFromList([[1]] * 7))
    proxy = ProxyInputSource(inner)
    callbacks = proxy.setup([tf.TensorSpec([], "int32", "x")])
    assert inner.setup_done()
    assert callbacks[1:] == inner.get_callbacks()
    assert proxy.size() == 7
    assert proxy.get_input_tensors()[0].op.name == "QueueInput/input_deque"


def test_proxy_resets_what_it_wraps():
    inner = Constants()
    proxy = ProxyInputSource(inner)
    proxy.setup(SIGNATURE)
    proxy.reset_state()
    assert inner.resets == 1


def test_proxy_wraps_input_sources_only():
    with pytest.raises(TypeError, match="must be an InputSource"):
        ProxyInputSource(DataFromList([[1]]))


def test_remapped_source_gives_the_named_inputs_and_placeholders_for_the_rest():
    inner = Constants()
    source = remap_input_source(inner, ["label", "image"])
    source.setup(SIGNATURE)
    assert [spec.name for spec in inner.signature] == ["label", "image"]
    image, scale, label = source.get_input_tensors()
    assert (image.dtype, image.op.type) == (tf.float32, "Const")
    assert (scale.op.name, scale.op.type) == ("scale", "Placeholder")
    assert (label.dtype, label.op.type) == (tf.int32, "Const")
    assert [op.name for op in tf.get_default_graph().get_operations() if op.type == "Placeholder"] == ["scale"]


def test_remapped_source_is_an_instance_of_the_original_class():
    inner = QueueInput(DataFromList([[1, 2]]))
    source = remap_input_source(inner, ["label", "scale"])
    assert type(source).__name__ == "RemappedQueueInput"
    assert isinstance(source, QueueInput) and isinstance(source, FeedfreeInput) and isinstance(source, ProxyInputSource)
    assert source.ds is inner.ds
    source.setup([tf.TensorSpec([], "int32", "label"), tf.TensorSpec([], "int32", "scale")])
    assert source.queue is inner.queue and source.thread is inner.thread
    assert source.refill_queue.__self__ is inner
    assert source.size() == 1
    with pytest.raises(AttributeError, match="no_such_thing"):
        source.no_such_thing  # noqa: B018


def test_remapped_source_resets_what_it_wraps():
    inner = Constants()
    source = remap_input_source(inner, ["image"])
    source.setup(SIGNATURE)
    source.reset_state()
    assert inner.resets == 1


def test_remapped_source_can_be_remapped():
    inner = Constants()
    source = remap_input_source(remap_input_source(inner, ["image", "scale"]), ["label", "scale"])
    with pytest.raises(ValueError, match="'image'"):
        source.setup(SIGNATURE)
    inner = Constants()
    source = remap_input_source(remap_input_source(inner, ["image"]), ["label", "image"])
    source.setup(SIGNATURE)
    assert [t.op.type for t in source.get_input_tensors()] == ["Const", "Placeholder", "Placeholder"]


@pytest.mark.parametrize("source, names", [
    (DataFromList([[1]]), ["x"]),
    (PlaceholderInput(), "x"),
    (PlaceholderInput(), [0]),
], ids=["dataflow", "bare_name", "position"])
def test_remap_refuses_wrong_arguments(source, names):
    with pytest.raises(TypeError, match="remap_input_source"):
        remap_input_source(source, names)


def test_placeholder_input_gives_root_placeholders_each_time_the_same():
    source = PlaceholderInput()
    with tf.name_scope("somewhere"):
        callbacks = source.setup(SIGNATURE)
    assert len(callbacks) == 1
    tensors = source.get_input_tensors()
    assert [t.name for t in tensors] == ["image:0", "scale:0", "label:0"]
    assert [t.shape.as_list() for t in tensors] == [[None, 3], [], [None]]
    assert all(a is b for a, b in zip(tensors, source.get_input_tensors()))


@pytest.mark.parametrize("make", [PlaceholderInput, lambda: FeedInput(DataFromList([[1]])),
                                  lambda: QueueInput(DataFromList([[1]])),
                                  lambda: remap_input_source(QueueInput(DataFromList([[1]])), ["x"])],
                         ids=["PlaceholderInput", "FeedInput", "QueueInput", "remapped"])
def test_tensors_need_a_setup(make):
    with pytest.raises(RuntimeError, match=r"setup\(input_signature\) first"):
        make().get_input_tensors()


@pytest.mark.parametrize("cls", [FeedInput, QueueInput])
def test_size_is_that_of_the_dataflow(cls):
    ds = DataFromList([[1]] * 5)
    assert cls(ds).size() == 5
    with pytest.raises(NotImplementedError):
        cls(RepeatedData(ds, -1)).size()


@pytest.mark.parametrize("cls", [FeedInput, QueueInput])
def test_only_a_dataflow_is_taken(cls):
    with pytest.raises(ValueError, match="{}: ds must be a DataFlow; got list of 1".format(cls.__name__)):
        cls([[1]])
