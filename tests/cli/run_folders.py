"""Log directories as runs leave them, written by hand: stats.json and log.log."""
import json

ARGUMENTS = "train.py --gpu 0"
VARIABLES = "name    shape      #elements\n------  -------  -----------\nfc/W    [8, 4]            32"


def epochs(count, scale=1.0):
    """Records of a run of that many epochs of 20 steps."""
    return [{"cost": scale * 2 / epoch, "train_error": 0.5 / epoch, "validation_error": 0.4 / epoch + abs(epoch - 5) / 50,
             "learning_rate": 0.1 if epoch < 4 else 0.001, "epoch_num": epoch, "global_step": 20 * epoch}
            for epoch in range(1, count + 1)]


def log_of(first, last, arguments=ARGUMENTS):
    """The log of a start that trained these epochs."""
    lines = ["Argv: " + arguments, "Versions: tensorpack 1, TensorFlow 2", "List of Trainable Variables: \n" + VARIABLES]
    for epoch in range(first, last + 1):
        lines += ["Start Epoch {} ...".format(epoch),
                  "Epoch {} (global_step {}) finished, time:{}.".format(epoch, 20 * epoch, "1 minute 40 seconds" if epoch == 2
                                                                        else "4 seconds"),
                  "QueueInput/input_queue was {}% full on average, 2 ms of the DataFlow for a datapoint: {}.".format(
                      *((3, "data-bound, the model waits") if epoch % 2 else (90, "compute-bound, the model is slower")))]
    lines += ["[ScheduledHyperParamSetter] At global_step=60, learning_rate changes from 0.100000 to 0.001000.",
              "Model at global_step=100 with minimum validation_error=0.08 saved.",
              "WRN Step 3 of epoch {} (global step 43) has been running for 60 seconds.\n  File x".format(last),
              "ERR Something <b>went</b> wrong"]
    return "".join("[1129 08:48:52 @base.py:229] {}\n".format(line) for line in lines)


def make_run(folder, records=None, logs=None):
    """A directory with these records and the logs of its starts; the last one is log.log."""
    folder.mkdir(parents=True, exist_ok=True)
    records = epochs(6) if records is None else records
    (folder / "stats.json").write_text(json.dumps(records))
    logs = [log_of(1, len(records))] if logs is None else logs
    for number, text in enumerate(logs):
        name = "log.log" if number == len(logs) - 1 else "log.log.1128-12000{}".format(number)
        (folder / name).write_text(text)
    return str(folder)
