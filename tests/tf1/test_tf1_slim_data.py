"""`slim.data`: records of files through queues, decoded into items."""
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tf1._tensorflow.contrib import slim

decoder = slim.tfexample_decoder


def feature(values):
    if isinstance(values, (bytes, str)) or isinstance(values[0], bytes):
        values = [values] if isinstance(values, (bytes, str)) else values
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[tf.compat.as_bytes(each) for each in values]))
    if isinstance(values[0], float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def example(**features):
    named = {name.replace("__", "/"): feature(values) for name, values in features.items()}
    return tf.train.Example(features=tf.train.Features(feature=named)).SerializeToString()


def decode(serialized, features, handlers, items=None):
    tensors = decoder.TFExampleDecoder(features, handlers).decode(tf.constant(serialized), items)
    with tf.Session() as sess:
        sess.run(tf.tables_initializer())
        return sess.run(tensors)


INTS, TEXT = tf.VarLenFeature(tf.int64), tf.FixedLenFeature((), tf.string)


def test_tensors_get_their_shape():
    serialized = example(a=[1, 2, 3, 4, 5, 6], rows=[2], size=[3, 2], text="x")
    features = {"a": INTS, "rows": tf.FixedLenFeature((), tf.int64), "size": tf.FixedLenFeature([2], tf.int64), "text": TEXT}
    items = {
        "flat": decoder.Tensor("a"), "fixed": decoder.Tensor("a", shape=[2, 3]),
        "by_size": decoder.Tensor("a", shape_keys="size"),
        "text": decoder.Tensor("text", shape=[1]), "callback": decoder.ItemHandlerCallback(
            ["a", "rows"], lambda t: tf.sparse_tensor_to_dense(t["a"])[t["rows"]])}
    found = dict(zip(["flat", "fixed", "by_size", "text", "callback"], decode(
        serialized, features, items, ["flat", "fixed", "by_size", "text", "callback"])))
    assert found["flat"].tolist() == [1, 2, 3, 4, 5, 6]
    assert found["fixed"].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert found["by_size"].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert found["text"].tolist() == [b"x"] and found["callback"] == 3
    assert decoder.TFExampleDecoder(features, items).list_items() == list(items)


def test_boxes_stand_in_rows():
    serialized = example(b__ymin=[0.1, 0.5], b__xmin=[0.2, 0.6], b__ymax=[0.3, 0.7], b__xmax=[0.4, 0.8])
    features = {"b/" + side: tf.VarLenFeature(tf.float32) for side in ("ymin", "xmin", "ymax", "xmax")}
    boxes, = decode(serialized, features, {"box": decoder.BoundingBox(prefix="b/")})
    np.testing.assert_allclose(boxes, [[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]])


def test_sparse_tensors_tables_and_backups():
    serialized = example(ids=[1, 4], weights=[0.5, 2.0], names=[b"b", b"z"], none=[7])
    features = {"ids": INTS, "weights": tf.VarLenFeature(tf.float32), "names": tf.VarLenFeature(tf.string),
                "empty": INTS, "none": tf.FixedLenFeature([1], tf.int64)}
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["a", "b"], [0, 1], tf.string, tf.int32), -1)
    found = decode(serialized, features, {
        "sparse": decoder.SparseTensor("ids", "weights", shape=[6], densify=True),
        "looked_up": decoder.LookupTensor("names", table),
        "first": decoder.BackupHandler(decoder.Tensor("ids"), decoder.Tensor("none")),
        "second": decoder.BackupHandler(decoder.Tensor("empty"), decoder.Tensor("none")),
    })
    assert [each.tolist() for each in found] == [[0, 0.5, 0, 0, 2, 0], [1, -1], [1, 4], [7]]


@pytest.mark.parametrize("image_format", ["png", "jpeg", "raw"])
def test_images_are_decoded(image_format):
    image = np.arange(8 * 6 * 3, dtype="uint8").reshape(8, 6, 3)
    with tf.Session() as sess:
        encoded = image.tobytes() if image_format == "raw" else sess.run(getattr(tf.image, "encode_" + image_format)(image))
    serialized = example(image__encoded=encoded, image__format=image_format)
    features = {"image/encoded": TEXT, "image/format": TEXT}
    found, = decode(serialized, features, {"image": decoder.Image(shape=[8, 6, 3])})
    assert found.dtype == "uint8"
    np.testing.assert_allclose(found.astype(int), image, atol=20 if image_format == "jpeg" else 0)


def test_repeated_images_are_stacked():
    images = np.random.RandomState(0).randint(0, 255, [3, 4, 5, 1]).astype("uint8")
    with tf.Session() as sess:
        encoded = [sess.run(tf.image.encode_png(each)) for each in images]
    serialized = example(many=encoded, image__format="png")
    features = {"many": tf.FixedLenFeature([3], tf.string), "image/format": TEXT}
    found, = decode(serialized, features, {"images": decoder.Image("many", channels=1, repeated=True, dtype=tf.float32)})
    np.testing.assert_array_equal(found, images)


def test_bad_handlers_are_refused():
    for build, message in ((lambda: decoder.BoundingBox(["a"]), "4 names"),
                           (lambda: decoder.BackupHandler(1, 2), "ItemHandler"),
                           (lambda: decoder.Tensor("a", ["b"], [1]), "only one of")):
        with pytest.raises(ValueError, match=message):
            build()


@pytest.fixture
def records(tmp_path):
    """Two files of three examples, each of one number."""
    for name, numbers in (("a-0", [0, 1, 2]), ("a-1", [3, 4, 5])):
        with tf.python_io.TFRecordWriter(str(tmp_path / name)) as writer:
            for number in numbers:
                writer.write(example(number=[number]))
    return str(tmp_path / "a-*")


def numbers_of(records, **kwargs):
    dataset = slim.dataset.Dataset(
        records, tf.TFRecordReader, decoder.TFExampleDecoder(
            {"number": tf.FixedLenFeature((), tf.int64)}, {"number": decoder.Tensor("number")}), 6, {"number": "a number"},
        extra=1)
    assert dataset.extra == 1 and dataset.items_to_descriptions == {"number": "a number"}
    return slim.dataset_data_provider.DatasetDataProvider(dataset, num_epochs=1, **kwargs)


def all_of(tensors):
    found = []
    with tf.Session() as sess:
        sess.run([tf.local_variables_initializer(), tf.global_variables_initializer()])
        with slim.queues.QueueRunners(sess):
            with pytest.raises(tf.errors.OutOfRangeError):
                while len(found) < 100:
                    found.append(sess.run(tensors))
    return found


def test_all_samples_of_a_data_set_are_provided(records):
    provider = numbers_of(records, num_readers=2, common_queue_capacity=8, common_queue_min=2)
    assert set(provider.list_items()) == {"number", "record_key"} and provider.num_samples() == 6
    found = all_of(provider.get(["number", "record_key"]))
    assert sorted(number for number, _ in found) == [0, 1, 2, 3, 4, 5]
    assert len({key for _, key in found}) == 6
    for items, message in ((["other"], "no item"), ("number", "list or tuple")):
        with pytest.raises(ValueError, match=message):
            provider.get(items)


def test_samples_keep_their_order_when_asked(records):
    assert [number for number, in all_of(numbers_of(records, shuffle=False).get(["number"]))] == [0, 1, 2, 3, 4, 5]


def test_record_keys_have_a_name_of_their_own(records):
    with pytest.raises(ValueError, match="record_key"):
        numbers_of(records, record_key="number")


def test_files_are_read_once_and_in_order(records):
    key, value = slim.parallel_reader.single_pass_read(records, tf.TFRecordReader)
    assert len({key for key, _ in all_of([key, value])}) == 6


def test_parallel_readers_count(records):
    files = tf.train.string_input_producer(slim.parallel_reader.get_data_files(records), num_epochs=1)
    queue = tf.FIFOQueue(100, [tf.string, tf.string], [[], []])
    reader = slim.parallel_reader.ParallelReader(tf.TFRecordReader, queue, num_readers=3)
    keys, _ = reader.read_up_to(files, 6)
    assert reader.num_readers == 3 and reader.common_queue is queue
    assert len(all_of([keys])[0][0]) in range(1, 7)
    assert reader.num_records_produced().shape.as_list() == reader.num_work_units_completed().shape.as_list() == []
    with pytest.raises(TypeError, match="tf.string"):
        slim.parallel_reader.ParallelReader(tf.TFRecordReader, tf.FIFOQueue(1, [tf.int32]))


def test_files_are_found_by_patterns(records, tmp_path):
    files = slim.parallel_reader.get_data_files
    assert len(files(records)) == 2 and files("x") == ["x"] and files([records, ["x", "y"]])[2:] == ["x", "y"]
    with pytest.raises(ValueError, match="found none"):
        files(str(tmp_path / "b?"))


@pytest.mark.parametrize("as_given", ["list", "dict"])
def test_prefetched_batches_come_in_order(as_given):
    number = tf.train.input_producer([1, 2, 3], num_epochs=1, shuffle=False).dequeue()
    tensors = [number, number * 2] if as_given == "list" else {"a": number, "b": number * 2}
    queue = slim.prefetch_queue.prefetch_queue(tensors, capacity=2)
    found = all_of(queue.dequeue())
    assert [list(each.values()) if as_given == "dict" else each for each in found] == [[1, 2], [2, 4], [3, 6]]


def test_prefetched_samples_are_padded():
    number = tf.train.input_producer([1, 3], num_epochs=1, shuffle=False).dequeue()
    queue = slim.prefetch_queue.prefetch_queue([tf.range(number)], dynamic_pad=True)
    found, = all_of([queue.dequeue_many(2)])
    assert found[0].tolist() == [[0, 0, 0], [0, 1, 2]]
