"""What a beginner does to layers: images that are not floats, and names that are used twice."""
import pytest

from tensorpack import (
    BatchNorm,
    BNReLU,
    Conv2D,
    FullyConnected,
    GlobalAvgPooling,
    InstanceNorm,
    LinearWrap,
    PReLU,
    argscope,
    layer_register,
    models,
    tfv1,
)
from tensorpack.models.batch_norm import BatchRenorm
from tensorpack.tfutils.tower import TowerContext

tf = tfv1

OF_FLOATS = {
    "AvgPooling": lambda x: models.AvgPooling("layer", x, 2),
    "BNReLU": lambda x: models.BNReLU("layer", x),
    "BatchNorm": lambda x: models.BatchNorm("layer", x),
    "BatchRenorm": lambda x: BatchRenorm("layer", x, rmax=1.5, dmax=0.5),
    "Conv2D": lambda x: models.Conv2D("layer", x, 4, 3),
    "Conv2DTranspose": lambda x: models.Conv2DTranspose("layer", x, 4, 3),
    "Dropout": lambda x: models.Dropout("layer", x),
    "FullyConnected": lambda x: models.FullyConnected("layer", x, 4),
    "GlobalAvgPooling": lambda x: models.GlobalAvgPooling("layer", x),
    "InstanceNorm": lambda x: models.InstanceNorm("layer", x),
    "LayerNorm": lambda x: models.LayerNorm("layer", x),
    "PReLU": lambda x: models.PReLU("layer", x),
}


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool"])
@pytest.mark.parametrize("name", sorted(OF_FLOATS))
def test_integers_are_refused_by_the_name_of_the_layer(name, dtype):
    image = tf.placeholder(dtype, [None, 8, 8, 3], "image")
    with TowerContext("", is_training=True), pytest.raises(
            TypeError, match=r"the input must hold floats; got {} .*the tensor 'image:0'; cast it first, as in "
                             r"tf.cast\(x, tf.float32\)".format(dtype)) as info:
        OF_FLOATS[name](image)
    assert str(info.value).startswith("BatchNorm 'layer/bn': " if name == "BNReLU" else name + " 'layer': ")
    assert not tf.global_variables()


def test_layers_that_only_pick_take_integers():
    image = tf.placeholder(tf.uint8, [None, 8, 8, 4], "image")
    for y in (models.MaxPooling("pool", tf.cast(image, tf.int32), 2), models.Maxout("maxout", image, 2)):
        assert y.dtype.is_integer


TWICE = {
    "Conv2D": (lambda name, x: Conv2D(name, x, 4, 3), "Conv2D 'twice': "),
    "with BNReLU": (lambda name, x: Conv2D(name, x, 4, 3, activation=BNReLU), "Conv2D 'twice': "),
    "FullyConnected": (lambda name, x: models.FullyConnected(name, x, 4), "FullyConnected 'twice': "),
    "BatchNorm": (BatchNorm, "BatchNorm 'twice': "),
    "PReLU": (PReLU, "PReLU 'twice': "),
    "LinearWrap": (lambda name, x: LinearWrap(x).Conv2D(name, 4, 3)(), "Conv2D 'twice': "),
}


@pytest.mark.parametrize("name", sorted(TWICE))
def test_a_name_that_is_used_twice_is_named(name):
    call, start = TWICE[name]
    x = tf.placeholder(tf.float32, [None, 8, 8, 4])
    with TowerContext("", is_training=True), argscope(BatchNorm, training=True):
        call("twice", x)
        with pytest.raises(ValueError, match="^{}each layer must have a name of its own; one of this name already "
                                             "exists.*choose another name.*reuse=True".format(start)) as info:
            call("twice", x)
        assert info.value.__suppress_context__
        with tf.variable_scope("other"):
            call("twice", x)
        with tf.variable_scope(tf.get_variable_scope(), reuse=True):  # as the message says
            call("twice", x)


def test_the_same_holds_for_layers_of_ones_own_with_the_whole_scope():
    @layer_register()
    def Scale(x):
        return x * tf.get_variable("scale", [])

    x = tf.zeros([2])
    with tf.variable_scope("block"):
        Scale("scale", x)
        with pytest.raises(ValueError, match="^Scale 'block/scale': each layer must have a name of its own"):
            Scale("scale", x)


def test_other_errors_of_a_layer_stay_as_they_are():
    @layer_register()
    def Fails(x):
        raise ValueError("its own words")

    with pytest.raises(ValueError, match="^its own words$"):
        Fails("fails", tf.zeros([2]))


MISTAKES = {
    "rank": (lambda x, flat: Conv2D("f", flat, 4, 3), ValueError, r"^Conv2D 'f': the input must be 4-D; got shape \(.*8\)"),
    "rank of a norm": (lambda x, flat: InstanceNorm("f", flat), ValueError, r"^InstanceNorm 'f': the input must be 4-D"),
    "rank of a pool": (lambda x, flat: GlobalAvgPooling("f", flat), ValueError, r"^GlobalAvgPooling 'f': the input must be"),
    "number": (lambda x, flat: Conv2D("f", x, 4.5, 3), ValueError, r"^Conv2D 'f': filters must be a whole number; got 4.5"),
    "split": (lambda x, flat: Conv2D("f", x, 4, 3, split=3), ValueError, r"^Conv2D\(split=3\) 'f': channels in and filters"),
    "padding": (lambda x, flat: Conv2D("f", x, 4, 3, padding="full"), ValueError, r"^Conv2D 'f': padding must be"),
    "positions": (lambda x, flat: Conv2D("f", x, 4, 3, 1, 1), ValueError, r"^Conv2D 'f': only these arguments may be posit"),
    "both spellings": (lambda x, flat: Conv2D("f", x, 4, 3, stride=2, strides=2), ValueError, r"^Conv2D 'f': 'stride' is the"),
    "no tensor": (lambda x, flat: FullyConnected("f", [[1.]], 3), ValueError, r"^FullyConnected 'f': the inputs must be.*\]$"),
    "swapped": (lambda x, flat: FullyConnected("f", 3, flat), ValueError,
                r"^FullyConnected 'f': the inputs must be a tensor.*; got 3; they come before all other arguments$"),
    "near keyword": (lambda x, flat: Conv2D("f", x, 4, 3, kernel_initialiser=None), TypeError,
                     r"^Conv2D 'f': got an unexpected keyword argument 'kernel_initialiser'; did you mean kernel_initializer"),
    "unknown keyword": (lambda x, flat: Conv2D("f", x, 4, 3, foo=3), TypeError,
                        r"^Conv2D 'f': got an unexpected keyword argument 'foo'; it takes inputs, filters, kernel_size, "),
    "without a name": (lambda x, flat: BNReLU(x, foo=3), TypeError, r"^BNReLU: got an unexpected keyword argument 'foo'; it"),
}


@pytest.mark.parametrize("kind", MISTAKES)
@pytest.mark.parametrize("scope", [None, "block"])
def test_errors_name_the_layer(kind, scope):
    call, error, words = MISTAKES[kind]
    x, flat = tf.placeholder(tf.float32, [None, 8, 8, 4]), tf.placeholder(tf.float32, [None, 8])
    with TowerContext("", is_training=True), tf.variable_scope(scope or tf.get_variable_scope()):
        with pytest.raises(error, match=words if scope is None else words.replace("'f'", "'block/f'")) as info:
            call(x, flat)
    assert type(info.value) is error


def test_a_keyword_of_an_argscope_that_the_layer_does_not_take_is_told():
    words = "^Conv2D 'f': .*'kernal_size'; did you mean kernel_size"
    with argscope(Conv2D, kernal_size=3), pytest.raises(TypeError, match=words):
        Conv2D("f", tf.zeros([1, 8, 8, 4]), 4, 3)


def test_an_activation_that_is_called_wrongly_is_not_taken_for_the_layer():
    with pytest.raises(TypeError, match="unexpected keyword argument 'foo'") as info:
        Conv2D("f", tf.zeros([1, 8, 8, 4]), 4, 3, activation=lambda x: (lambda y: y)(x, foo=1))
    assert not str(info.value).startswith("Conv2D")
