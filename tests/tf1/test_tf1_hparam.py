"""`tf.contrib.training.HParams` and `parse_values`."""
import pytest

from tensorpack.compat import VERSION
from tensorpack.tf1._tensorflow.contrib.training import HParams, parse_values

TYPES = {"a": int, "b": float, "c": str, "d": bool, "e.f": int}

TEXTS = {
    "a=3": {"a": 3}, "a=-3,b=1e-3": {"a": -3, "b": 1e-3}, "b=3": {"b": 3.0}, "c=": {"c": ""},
    "c= x y ,a=1": {"c": "x y ", "a": 1},
    "a=[1,2 3]": {"a": [1, 2, 3]}, "a=[]": {"a": []}, "c=[x,y]": {"c": ["x", "y"]},
    "d=true": {"d": True}, "d=False": {"d": False},
    "d=0": {"d": False}, "d=[1,0]": {"d": [True, False]}, "a[1]=5": {"a": {1: 5}}, "a[1]=5, a[ 0 ]=6": {"a": {1: 5, 0: 6}},
    "e.f=1": {"e.f": 1}, "": {},
}
BAD_TEXTS = ["a", "a=3.5", "b=x", "d=yes", "z=1", "a=1,a=2", "a=1,a[0]=2", "a[0]=1,a=2", "a[0]=[1]", "a[0]=1,a[0]=2", "a=[1,2",
             "1a=2", "a=[x]", "=3"]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text or "empty")
def test_text_is_parsed_by_types(text):
    assert parse_values(text, TYPES) == TEXTS[text]


@pytest.mark.parametrize("text", BAD_TEXTS)
def test_bad_text_is_refused(text):
    with pytest.raises(ValueError):
        parse_values(text, TYPES)


def test_unknown_names_are_passed_over_when_asked():
    assert parse_values("a=1,z=2", TYPES, ignore_unknown=True) == {"a": 1}


@pytest.mark.skipif(VERSION >= (2, 0), reason="TensorFlow 2 has no contrib")
def test_tensorflow_parses_alike():
    from tensorflow.contrib.training import parse_values as of_tensorflow

    for text, values in TEXTS.items():
        assert of_tensorflow(text, TYPES) == values
    for text in BAD_TEXTS:
        with pytest.raises(ValueError):
            of_tensorflow(text, TYPES)


def make():
    return HParams(rate=0.1, units=[3, 4], name="net", is_training=True)


def test_values_are_attributes():
    params = make()
    assert (params.rate, params.units, params.name) == (0.1, [3, 4], "net")
    assert params.values() == {"rate": 0.1, "units": [3, 4], "name": "net", "is_training": True}
    assert "rate" in params and "other" not in params
    assert params.get("rate") == 0.1 and params.get("other") is None and params.get("other", 5) == 5
    assert repr(params) == "HParams([('is_training', True), ('name', 'net'), ('rate', 0.1), ('units', [3, 4])])"


def test_values_are_set_from_text_json_and_dict():
    assert make().parse("rate=2,units=[5],is_training=false").values() == {
        "rate": 2.0, "units": [5], "name": "net", "is_training": False}
    params = make()
    assert make().parse_json(params.parse("name=x").to_json()).name == "x"
    assert make().override_from_dict({"rate": 3}).set_from_map({"name": "y"}).values()["rate"] == 3.0
    params.add_hparam("other", [1.5])
    params.set_hparam("other", [2, 3])
    assert params.other == [2.0, 3.0]
    params.del_hparam("other")
    assert not hasattr(params, "other")
    params.set_model_structure({"x": 1})
    assert params.get_model_structure() == {"x": 1}


@pytest.mark.parametrize("name, value", [("rate", "x"), ("rate", True), ("rate", [1.0]), ("units", 3), ("units", [1.5]),
                                         ("name", 3), ("is_training", 1), ("units", (1, 2))])
def test_a_value_keeps_its_type(name, value):
    with pytest.raises(ValueError):
        make().set_hparam(name, value)
    if name in ("rate", "units"):
        with pytest.raises(ValueError):
            make().get(name, value)


def test_bad_definitions_are_refused():
    with pytest.raises(ValueError, match="reserved"):
        HParams(parse=1)
    with pytest.raises(ValueError, match="reserved"):
        make().add_hparam("rate", 1)
    with pytest.raises(ValueError, match="empty"):
        HParams(units=[])
    with pytest.raises(ValueError, match="parse_json"):
        HParams(hparam_def=b"x")
    with pytest.raises(KeyError):
        make().set_hparam("other", 1)
