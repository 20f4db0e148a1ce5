"""The examples about sequences: characters, words, speech."""
import json
import wave
from argparse import Namespace

import numpy as np
import pytest
from example_models import example_globals, last_statistics
from example_runner import run_example

from tensorpack import FeedInput, SimpleTrainer, TowerContext, TrainConfig, launch_train_with_config, logger
from tensorpack import tfv1 as tf

pytestmark = pytest.mark.slow_on(1)  # the scripts are the same, and what they are made of is tested on both


def test_char_rnn_learns_and_writes_characters_that_it_knows(monkeypatch, tmp_path, capsys):
    run_example(monkeypatch, tmp_path, "Char-RNN/char-rnn.py", "--fake", "--logdir", "log")
    known = json.loads((tmp_path / "log" / "characters.json").read_text())
    assert last_statistics(tmp_path / "log")["bits_per_character"] < np.log2(len(known)) - 0.3
    capsys.readouterr()
    run_example(monkeypatch, tmp_path, "Char-RNN/char-rnn.py", "--sample", "--load", "log/checkpoint", "--start", "The quick",
                "--length", "30")
    text = capsys.readouterr().out.splitlines()[-1]  # after the log
    assert len(text) == len("The quick") + 30 and text.startswith("The quick") and set(text) <= set(known[1:])


def test_char_rnn_holds_out_the_last_tenth_of_each_file(monkeypatch, tmp_path):
    (tmp_path / "a").write_text("a" * 20)
    (tmp_path / "b").write_text("b" * 10)
    example = example_globals(monkeypatch, "Char-RNN/char-rnn.py")
    assert example["split"]([str(tmp_path / "a"), str(tmp_path / "b")]) == ("a" * 18 + "b" * 9, "aab")
    alphabet = example["Alphabet"].of("abcabx")
    assert alphabet.characters[1:] == ["a", "b"] and alphabet.encode("bax").tolist() == [2, 1, 0]


def test_ptb_lstm_predicts_better_than_chance(monkeypatch, tmp_path):
    run_example(monkeypatch, tmp_path, "PennTreebank/PTB-LSTM.py", "--fake", "--logdir", "log")
    last = last_statistics(tmp_path / "log")
    assert last["validation_perplexity"] < 5000 and last["test_perplexity"] < 5000  # of 10000 words


def test_ptb_lstm_carries_its_state_from_batch_to_batch(monkeypatch):
    example = example_globals(monkeypatch, "PennTreebank/PTB-LSTM.py")
    size = example["SIZES"]["small"]._replace(units=8)
    words = np.arange(10, dtype="int32").reshape(2, 5)
    first, following = (tf.placeholder(tf.int32, (2, 5)) for _ in range(2))
    with TowerContext("", is_training=False):
        example["Model"](size, 20, 2).build_graph(first, following)
    with tf.Session() as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        sess.run([v.assign(v * 10) for v in tf.trainable_variables()])  # small weights: costs that may be equal when rounded
        costs = [sess.run("cost_per_word:0", {first: words, following: words}) for _ in range(2)]
        sess.run(example["initializer_of"]("lstm/inference_state"))
        assert sess.run("cost_per_word:0", {first: words, following: words}) == costs[0] != costs[1]


def test_ptb_batches_continue_each_other(monkeypatch, tmp_path):
    for part, text in [("train", " a b b <unk>\n c b\n"), ("valid", " b new\n"), ("test", " c\n")]:
        (tmp_path / "ptb.{}.txt".format(part)).write_text(text)
    ptb = example_globals(monkeypatch, "PennTreebank/ptb.py")
    (train, valid, test), num_words = ptb["read_ptb"](str(tmp_path))
    assert train.tolist() == [3, 0, 0, 2, 1, 4, 0, 1] and valid.tolist() == [0, 2, 1] and num_words == 5
    flow = ptb["PTBData"](np.arange(17), batch_size=2, num_steps=3)
    words, following = zip(*flow)
    assert len(flow) == 2 and np.hstack(words).tolist() == [[0, 1, 2, 3, 4, 5], [8, 9, 10, 11, 12, 13]]
    assert np.array_equal(np.hstack(following), np.hstack(words) + 1)
    with pytest.raises(ValueError, match="ptb.train.txt is missing"):
        ptb["read_ptb"](str(tmp_path / "nowhere"))


def test_timit_is_written_to_lmdb_and_trained_on(monkeypatch, tmp_path):
    pytest.importorskip("lmdb")
    run_example(monkeypatch, tmp_path, "CTC-TIMIT/create-lmdb.py", "--fake", "--output", "speech.lmdb")
    example = example_globals(monkeypatch, "CTC-TIMIT/train-timit.py")
    with pytest.raises(ValueError, match="create-lmdb.py"):
        example["get_data"](Namespace(fake=False, train="speech.lmdb", test="none.lmdb"))
    _, test = example["get_data"](Namespace(fake=False, train="speech.lmdb", test="speech.lmdb"))
    test.reset_state()
    (features, lengths, indices, values, shape), second = [dp for dp in test]
    assert features.shape == (64, lengths.max(), 39) and tuple(shape) == (64, indices[:, 1].max() + 1) and len(second[0]) == 16
    assert len(values) == len(indices) and (features[lengths.argmin(), lengths.min():] == 0).all()


def test_train_timit_begins_to_learn(monkeypatch, tmp_path):
    run_example(monkeypatch, tmp_path, "CTC-TIMIT/train-timit.py", "--fake", "--logdir", "log")
    last = last_statistics(tmp_path / "log")
    assert last["validation_cost"] < last["cost"] and 0 < last["validation_label_error_rate"] <= 1.5


@pytest.mark.slow
def test_train_timit_recognises_an_imitation_of_speech(monkeypatch, tmp_path):
    example = example_globals(monkeypatch, "CTC-TIMIT/train-timit.py")
    with tf.Graph().as_default():
        logger.set_logger_dir(str(tmp_path / "long"))
        launch_train_with_config(TrainConfig(
            model=example["Model"](), data=FeedInput(example["batch_for_ctc"](example["FakeSpeech"](64, num_phonemes=6), 8)),
            steps_per_epoch=60, max_epoch=1), SimpleTrainer())
    assert last_statistics(tmp_path / "long")["label_error_rate"] < 0.6


def test_timit_reads_sphere_and_riff(monkeypatch, tmp_path):
    timit = example_globals(monkeypatch, "CTC-TIMIT/timitdata.py")
    samples = (np.sin(np.arange(8000) * 2 * np.pi * 1000 / 16000) * 8000).astype("<i2")
    speaker = tmp_path / "TRAIN" / "DR1" / "FABC0"
    speaker.mkdir(parents=True)
    header = "NIST_1A\n   1024\nchannel_count -i 1\nsample_rate -i 16000\nsample_byte_format -s2 01\nend_head\n"
    (speaker / "SI1.WAV").write_bytes(header.encode().ljust(1024) + samples.tobytes())
    with wave.open(str(speaker / "SX2.WAV"), "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(16000)
        w.writeframes(samples.tobytes())
    for name in ("SI1", "SX2", "SA1"):
        (speaker / (name + ".PHN")).write_text("0 4000 h#\n4000 8000 sh\n")
    (speaker / "SA1.WAV").write_bytes(b"left out")
    flow = timit["Timit"](str(tmp_path), "train")
    (sphere, phonemes), (riff, _) = list(flow)
    assert len(flow) == 2 and np.array_equal(sphere, riff) and sphere.shape == (48, 39) and sphere.dtype == np.float32
    assert [timit["PHONEMES"][k] for k in phonemes] == ["h#", "sh"] and len(timit["PHONEMES"]) == 61
    with pytest.raises(ValueError, match="LDC93S1"):
        timit["Timit"](str(tmp_path), "test")


def test_mfcc_filters_cover_their_frequencies(monkeypatch):
    timit = example_globals(monkeypatch, "CTC-TIMIT/timitdata.py")
    filters = timit["_mel_filters"](16000, 26, 512)
    peaks = filters.argmax(1)
    assert filters.shape == (26, 257) and (np.diff(peaks) > 0).all() and 0.5 < filters.max() <= 1
