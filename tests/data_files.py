"""Files as their origins publish them, small and made up, for the tests of the loaders."""

import gzip
import io
import json
import struct

import numpy as np

GREY = np.random.default_rng(0).integers(0, 256, (60, 6, 5), dtype=np.uint8)
LABELS = np.arange(60, dtype=np.uint8) % 3


def idx_folder(
  folder, parts=("train", "t10k"), pack=gzip.compress, ending=".gz", x=GREY, label=LABELS
):
  for part in parts:
    for kind, values in (("images-idx3", x), ("labels-idx1", label)):
      head = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
      (folder / f"{part}-{kind}-ubyte{ending}").write_bytes(pack(head + values.tobytes()))


def tfds_folder(
  folder, sizes, name="toy", shape=(4, 5, 3), top=255, attributes=(), given=None
):
  """A set as TensorFlow Datasets prepares it: PNG in tf.train.Example in array_record.

  Pictures are drawn, of two classes in turn, or `given` as split -> (x, label) of ten classes.
  """
  import PIL.Image
  import tensorflow_datasets
  from array_record.python import array_record_module
  from tensorflow_datasets.proto import tf_example_generated_pb2

  folder = folder / name / "1.0.0"
  folder.mkdir(parents=True)
  tensorflow_datasets.features.FeaturesDict(
    {
      "image": tensorflow_datasets.features.Image(shape=shape),
      "label": tensorflow_datasets.features.ClassLabel(
        names=[*"0123456789"] if given else ["cat", "dog"]
      ),
    }
    | ({"attributes": dict.fromkeys(attributes, np.bool_)} if attributes else {})
  ).save_config(str(folder))
  made, draw = {}, np.random.default_rng(1)
  for split, n in sizes.items():
    made[split] = draw.integers(0, top + 1, (n, *shape), dtype=np.uint8)
    labels = np.arange(n) % 2
    if given:
      made[split], labels = given[split]
    path = folder / f"{name}-{split}.array_record-00000-of-00001"
    writer = array_record_module.ArrayRecordWriter(str(path), "group_size:1")
    for i, x in enumerate(made[split]):
      png, example = io.BytesIO(), tf_example_generated_pb2.Example()
      PIL.Image.fromarray(x[..., 0] if x.shape[-1] == 1 else x).save(png, "PNG")
      example.features.feature["image"].bytes_list.value.append(png.getvalue())
      example.features.feature["label"].int64_list.value.append(int(labels[i]))
      for place, attribute in enumerate(attributes):
        key = f"attributes/{attribute}"
        example.features.feature[key].int64_list.value.append(int(i % (place + 2) == 0))
      writer.write(example.SerializeToString())
    writer.close()
  splits = [
    {
      "name": split,
      "shardLengths": [str(n)],
      "numBytes": "1",
      "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
    }
    for split, n in sizes.items()
  ]
  info = {"name": name, "version": "1.0.0", "fileFormat": "array_record", "splits": splits}
  (folder / "dataset_info.json").write_text(json.dumps(info))
  return made


def sheets(folder, images=12):
  """CIFAR-10 as sheets, an image a row; those from 50 are of the test set."""
  import PIL.Image

  folder.mkdir(parents=True)
  draw = np.random.default_rng(2)
  made = {}
  for number in (0, 1, 50):
    made[number] = draw.integers(0, 256, (images, 32 * 32, 3), dtype=np.uint8)
    PIL.Image.fromarray(made[number]).save(folder / f"cifar10_batch_{number}.png")
  return made


def pictures(folder, size=(9, 7), each=20, classes=("a/old", "b"), ending="png", seed=3):
  """Folders of pictures that differ, one for each class; what was drawn, by path."""
  import PIL.Image

  draw, made = np.random.default_rng(seed), {}
  for name in classes:
    (folder / name).mkdir(parents=True)
    for number in range(each):
      x = draw.integers(0, 256, size, dtype=np.uint8)
      made[f"{name}/{number}.{ending}"] = x
      PIL.Image.fromarray(x).save(folder / name / f"{number}.{ending}")
  return made


def connection(word="tcp", kind="normal", seconds=0):
  """A row of NSL-KDD."""
  cells = [str(seconds), word, "http", "SF", *["0"] * 37]
  return ",".join([*cells, kind, "20"])


def nsl_kdd(folder):
  """Thirty normal connections to train on, and two to tell apart."""
  folder.mkdir(parents=True, exist_ok=True)
  train = [connection(seconds=second) for second in range(30)]
  (folder / "KDDTrain+_20Percent.txt").write_text("\n".join(train))
  test = [connection(), connection("udp", "smurf")]
  (folder / "KDDTest+.txt").write_text("\n".join(test))


def features(folder):
  """Codes [N, 2 L + 1] of another run: means, standard deviations and the label."""
  rng = np.random.default_rng(2)
  for split, n in (("train", 30), ("valid", 5), ("test", 5)):
    rows = rng.random((n, 5)).astype(np.float32)
    rows[:, -1] = np.arange(n) % 2
    np.save(folder / f"features_{split}.npy", rows)
  return {"path": str(folder), "resample": False}


def config_of(name, folder):
  """A configuration of any dataset that loads, with its files made where it needs some."""
  if name == "arrays":
    np.savez(folder / "own.npz", x=GREY, label=LABELS)
    return {"path": "own.npz"}
  if name == "idx":
    idx_folder(folder)
  if name == "tfds":
    tfds_folder(folder / "tfds", {"train": 20, "test": 6})
    return {"set": "toy"}
  if name == "nsl_kdd":
    nsl_kdd(folder / "raw" / "nsl_kdd")
  if name == "images" and not (folder / "own").is_dir():
    pictures(folder / "own")
  if name == "images":
    return {"path": "own", "side": 6}
  if name == "faces" and not (folder / "raw").is_dir():
    pictures(folder / "raw" / "smiles_faces", classes=("negatives/n7", "positives/p7"))
  if name == "faces":
    return {"side": 8}
  if name == "patches":
    sheets(folder / "raw" / "cifar10_subset")
  if name == "sounds":
    return {"count": 60, "frames": 16, "bins": 16, "size": 128, "hop": 48}
  if name == "videos":
    return {"count": 60, "frames": 4, "side": 8}
  if name == "interactions":
    return {"users": 200, "items": 80, "length": 10}
  if name == "shapes":
    return {"count": 30, "points": 8, "pool": 16}
  if name == "features":
    return features(folder)
  if name == "sprites":
    return {"side": 16, "scales": 2, "orientations": 5, "positions": 4}
  return {}
