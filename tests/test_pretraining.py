"""Pretraining from study file to table: a stage that others start from, with and without it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from transfer_study.analysis.doubt.pretraining import pretraining_comparisons, pretraining_table
from transfer_study.analysis.effects.tables import tables
from transfer_study.cli import main
from transfer_study.data.encoders.hash import fingerprint_encoder
from transfer_study.data.streams import stream
from transfer_study.data.texts import read_texts
from transfer_study.data.tokens.encode import IGNORED
from transfer_study.data.tokens.masking import Masker, pieces_of
from transfer_study.data.tokens.tokenizer import load_tokenizer
from transfer_study.data.tokens.vocabulary import SPECIAL_TOKENS, learn_vocabulary
from transfer_study.errors import EncoderError
from transfer_study.execute import materials as materials_module
from transfer_study.execute import run_stage as run_stage_module
from transfer_study.execute import start as start_module
from transfer_study.execute.cost import SecondsEstimate, work
from transfer_study.execute.in_process import InProcess
from transfer_study.execute.run_stage import StageFailed, run_stage
from transfer_study.learn import pretrain as pretrain_module
from transfer_study.learn.models.model import build_model
from transfer_study.report.tables.edge_files import write_table
from transfer_study.session.places import Places
from transfer_study.session.plans import make_plan
from transfer_study.session.report import write_report
from transfer_study.session.run import Session, execute
from transfer_study.session.stored import failed_stages, missing
from transfer_study.store.compact import CompactAnswers
from transfer_study.store.recorded import recorded_plan
from transfer_study.store.store import Store
from transfer_study.study.encoder import Encoder
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import Plan
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.stage import Stage, StageKind
from transfer_study.study.tasks.texts import Texts

STUDY = """\
name: lifted
encoder:
  name: small-bert
  scratch: {vocabulary_size: 400, hidden_size: 32, layers: 1, heads: 2, max_length: 32}
pretrain: {texts: tasks, epochs: 3, learning_rate: 0.005, max_length: 24, precision: float32}
tasks:
  - name: colour
    kind: classification
    labels: [red, blue]
    source: {format: tsv, folder: colour}
  - name: people
    kind: tagging
    labels: [Person]
    source: {format: conll, folder: people, columns: {text: 0, label: 1}}
    limits: {max_train: 10}
arms: [single]
readings: [refine, finetune]
seeds: 2
refine: {epochs: 1, max_length: 24, precision: float32}
finetune: {epochs: 1, max_length: 24, precision: float32}
"""
PLACES = ("garden", "harbour", "market", "valley", "station")
SECRET = {"dev": "devonly", "test": "testonly"}


def lay_out(folder: Path, study: str = STUDY) -> Path:
    """A study and its corpora; every dev and test sentence has a word of its own."""
    for split, size in (("train", 60), ("dev", 6), ("test", 8)):
        random = stream("pretraining", split)
        rows, words = ["text\tlabel\n"], []
        for n in range(size):
            colour, place = random.choice(["red", "blue"]), random.choice(PLACES)
            extra = SECRET.get(split, f"number{n}")
            rows.append(f"the {colour} house near the {place} {extra}\t{colour}\n")
            name = random.choice(["anna", "bob"])
            words.append(f"we O\nmet O\n{name} B-Person\nin O\nthe O\n{place} O\n{extra} O\n\n")
        for task, text in (("colour", "".join(rows)), ("people", "".join(words))):
            (folder / task).mkdir(exist_ok=True)
            (folder / task / f"{split}.tsv").write_text(text, encoding="utf-8")
    path = folder / "study.yaml"
    path.write_text(study, encoding="utf-8")
    return path


@pytest.fixture
def study_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TRANSFER_STUDY_DATA", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    torch.set_num_threads(1)
    return lay_out(tmp_path)


@pytest.fixture
def plan(study_file: Path) -> Plan:
    return make_plan(read_study(study_file))


def replan(study_file: Path, *changes: str) -> Plan:
    return make_plan(read_study(study_file, changes))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def of_kind(plan: Plan, kind: StageKind) -> list[Stage]:
    return [stage for stage in plan if stage.kind is kind]


def pretraining(plan: Plan) -> Stage:
    (stage,) = of_kind(plan, StageKind.PRETRAIN)
    return stage


def ids(plan: Plan) -> set[str]:
    return {stage.id for stage in plan}


# --- the plan


def test_pretraining_is_one_stage_from_which_all_others_start_or_none(plan: Plan) -> None:
    first = pretraining(plan)
    assert (first.tasks, first.parents, first.seed) == ((), (), 0)
    assert first.name == f"pretrain-s0-{first.id}"

    def origin(stage: Stage) -> Stage:
        return origin(stage.parents[0]) if stage.parents else stage

    labels = {system.encoder for system in plan.systems}
    assert labels == {"small-bert", "small-bert+mlm"}
    for system in plan.systems:
        assert (origin(system.stage) == first) == (system.encoder == "small-bert+mlm")
    # Two tasks and seeds, with and without: refined, fine-tuned and the control.
    assert len(plan) == 1 + 2 * 2 * 2 * 3
    assert {system.seed for system in plan.systems} == {0, 1}


def test_without_the_comparison_only_pretrained_stages_are_planned(study_file: Path) -> None:
    both, only = replan(study_file), replan(study_file, "pretrain.compare=false")
    assert {system.encoder for system in only.systems} == {"small-bert+mlm"}
    assert ids(only) < ids(both)
    assert len(only) == 1 + 2 * 2 * 3


def test_a_study_gains_pretraining_without_losing_its_stages(tmp_path: Path) -> None:
    section = next(line for line in STUDY.splitlines() if line.startswith("pretrain"))
    tiny = STUDY.replace(section + "\n", "").replace("small-bert\n  scratch: ", "tiny\n  tiny: ")
    before = make_plan(read_study(lay_out(tmp_path, tiny), data=tmp_path))
    after = make_plan(read_study(lay_out(tmp_path, tiny + section), data=tmp_path))
    assert ids(before) < ids(after)


@pytest.mark.parametrize(
    "change",
    [
        "pretrain.epochs=4",
        "pretrain.learning_rate=0.001",
        "pretrain.masked=0.2",
        "pretrain.whole_word=true",
        "pretrain.held_out=0.1",
        "pretrain.seed=1",
        "pretrain.max_length=16",
    ],
)
def test_the_section_is_part_of_the_ids_of_what_is_pretrained(
    study_file: Path, plan: Plan, change: str
) -> None:
    kept = ids(replan(study_file, change)) & ids(plan)
    assert kept == {
        stage.id
        for s in plan.systems
        if s.encoder == "small-bert"
        for stage in (s.stage, *s.stage.parents)
    }


def test_limits_ration_labels_but_not_text(study_file: Path, plan: Plan) -> None:
    fewer = replan(study_file, "tasks.people.limits.max_train=5")
    assert pretraining(fewer).id == pretraining(plan).id
    assert pretraining(plan).masked_texts.content.n == 120


def test_another_text_changes_the_vocabulary_and_the_plan_says_so(
    study_file: Path, capsys: pytest.CaptureFixture[str], store: Store, plan: Plan
) -> None:
    from transfer_study.session.reasons import reasons
    from transfer_study.terminal.stages import print_plan

    for stage in (pretraining(plan), next(s for s in plan if s.kind == "refine")):
        run_stage(stage, store, keep_model=stage.kind == "pretrain")
    train = study_file.parent / "colour" / "train.tsv"
    train.write_text(train.read_text() + "a quite different zebra\tred\n", encoding="utf-8")
    after = make_plan(read_study(study_file))
    assert not ids(after) & ids(plan)
    why = reasons(after, store)
    assert "texts.content.n 120 → 121" in why[pretraining(after).id]
    refinement = next(s for s in after if s.kind == "refine")
    assert "its vocabulary follows the texts" in why[refinement.id]
    print_plan(after, Places(store.root))
    assert "pretrain an encoder" in capsys.readouterr().out


# --- texts


def test_dev_and_test_text_is_never_read_from(study_file: Path) -> None:
    # A sentence that stands in train and in another split is left out as well.
    train = study_file.parent / "colour" / "train.tsv"
    recurring = (study_file.parent / "colour" / "test.tsv").read_text().splitlines()[1]
    train.write_text(train.read_text() + recurring + "\n", encoding="utf-8")
    study = read_study(study_file)
    assert study.pretrain is not None
    texts = read_texts(study.pretrain.of(study.tasks))
    assert len(texts) == 120
    words = {word for text in texts for word in text.split()}
    assert words.isdisjoint(SECRET.values())
    assert {"number0", "number59", "anna", "red"} <= words
    (encoder,) = study.resolved_encoders
    assert not {piece for piece in load_tokenizer(encoder).get_vocab() if "only" in piece}


def test_files_are_read_a_text_a_line_and_their_order_means_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one  text\n\n  and another\none text\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("\ufeffa third", encoding="utf-8")
    files = (tmp_path / "a.txt", tmp_path / "b.txt")
    assert read_texts(Texts(files=files)) == ("a third", "and another", "one text")
    assert read_texts(Texts(files=files[::-1])) == read_texts(Texts(files=files))


def test_the_vocabulary_is_the_same_each_time() -> None:
    random = stream("vocabulary")
    letters = list("abcdefghijklmnopqrstuvwxyzäéβ0123456789-")
    words = ["".join(random.choice(letters, int(random.integers(2, 9)))) for _ in range(3000)]
    texts = tuple(" ".join(random.choice(words, 8)) for _ in range(500))
    first = learn_vocabulary(texts, 700)
    learn_vocabulary.cache_clear()
    second = learn_vocabulary(texts, 700)
    assert first == second == learn_vocabulary(texts[::-1], 700)
    assert first[: len(SPECIAL_TOKENS)] == SPECIAL_TOKENS
    assert len(first) == 700 == len(set(first))
    assert any(len(piece) > 3 for piece in first[len(SPECIAL_TOKENS) :])


def test_too_small_a_vocabulary_is_an_error() -> None:
    with pytest.raises(EncoderError, match=r"vocabulary_size is 10, but .* 3 different"):
        learn_vocabulary(("abc", "cab"), 10)


# --- masking


@pytest.mark.parametrize("whole_word", [False, True])
def test_masking_is_80_10_10_of_15_percent_and_never_special(whole_word: bool) -> None:
    rows, length = 2000, 50
    ids_ = np.tile(np.arange(100, 100 + length), (rows, 1))
    words = np.tile(np.arange(length) // 2, (rows, 1))  # words of two pieces
    words[:, [0, -1]] = -1
    masker = Masker(0.15, whole_word, 4, np.arange(1000, 2000))
    shown, targets = masker(ids_, words, stream("masking"))
    predicted = targets != IGNORED
    assert not predicted[:, [0, -1]].any()
    assert (shown == ids_)[~predicted].all()
    assert (targets == ids_)[predicted].all()
    assert predicted[:, 1:-1].mean() == pytest.approx(0.15, abs=0.005)
    assert (shown == 4)[predicted].mean() == pytest.approx(0.8, abs=0.01)
    assert (shown >= 1000)[predicted].mean() == pytest.approx(0.1, abs=0.01)
    assert (shown == ids_)[predicted].mean() == pytest.approx(0.1, abs=0.01)
    halves = predicted[:, 2:-2:2], predicted[:, 3:-1:2]
    assert (halves[0] == halves[1]).all() == whole_word


def test_whole_words_of_a_tokenizer_are_masked_with_all_their_pieces(study_file: Path) -> None:
    (encoder,) = read_study(study_file).resolved_encoders
    tokenizer = load_tokenizer(encoder)
    text = "the incomprehensibilities near unforeseeable stations"
    pieces = pieces_of([text] * 50, tokenizer, 64)
    ids_, words = pieces.padded(range(50))
    assert (np.bincount(words[0][words[0] >= 0]) > 1).any()
    masker = Masker(0.5, True, tokenizer.mask_token_id, np.arange(5, 100))
    _, targets = masker(ids_, words, stream("words"))
    predicted = targets != IGNORED
    assert predicted.any()
    for row in range(50):
        for word in range(words.max() + 1):
            assert len(set(predicted[row][words[row] == word])) == 1


def test_a_long_text_takes_several_rows_and_loses_nothing(study_file: Path) -> None:
    (encoder,) = read_study(study_file).resolved_encoders
    tokenizer = load_tokenizer(encoder)
    text = " ".join(PLACES * 9)
    whole, cut = (pieces_of([text], tokenizer, length) for length in (500, 16))
    assert len(whole.ids) == 1 < len(cut.ids)
    assert max(cut.lengths) <= 16
    joined = [i for row, w in zip(cut.ids, cut.words, strict=True) for i in row[w >= 0]]
    assert joined == list(whole.ids[0][1:-1])


# --- the stage


def test_the_loss_falls_and_the_stage_leaves_a_body_and_no_predictions(
    plan: Plan, store: Store
) -> None:
    stage = pretraining(plan)
    told: list[dict[str, Any]] = []
    run_stage(stage, store, keep_model=True, on_epoch=told.append)
    assert store.files(stage) == ("history.jsonl", "stage.json")
    history = [json.loads(line) for line in store.read(stage, "history.jsonl").splitlines()]
    assert history == told
    losses = [epoch["dev"]["masked_lm"] for epoch in history]
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    assert losses[-1] < np.log(400) - 1
    record = store.record(stage)
    assert record.handed_on_epoch == 1 + int(np.argmin(losses))
    assert record.pre_image == json.loads(json.dumps(stage.pre_image))
    start = build_model(stage.encoder, None, (), 0, Recipe()).encoder.state_dict()
    learned = load_file(store.checked_model(stage) / "model.safetensors")
    assert set(learned) == set(start)
    same = {name for name, tensor in learned.items() if torch.equal(tensor, start[name])}
    assert same == {"pooler.dense.weight", "pooler.dense.bias"}


def test_children_start_from_what_was_learned(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pretraining(plan)
    child = next(s for s in plan if s.parents == (first,) and s.kind is StageKind.REFINE)
    with pytest.raises(StageFailed, match=r"holds no model\.json"):
        run_stage(child, store, keep_model=False)
    run_stage(first, store, keep_model=True)
    starts: list[dict[str, torch.Tensor]] = []
    build = start_module.build_model

    def watch(*args: Any) -> Any:
        model = build(*args)
        starts.append({n: t.clone() for n, t in model.encoder.state_dict().items()})
        return model

    monkeypatch.setattr(start_module, "build_model", watch)
    run_stage(child, store, keep_model=False)
    learned = load_file(store.root / "models" / first.name / "model.safetensors")
    assert all(torch.equal(starts[0][name], tensor) for name, tensor in learned.items())


def test_the_weights_wanted_again_are_the_same(plan: Plan, store: Store, tmp_path: Path) -> None:
    stage = pretraining(plan)
    once = Store(tmp_path / "once")
    run_stage(stage, once, keep_model=True)
    run_stage(stage, store, keep_model=False)
    assert not store.has_model(stage)
    run_stage(stage, store, keep_model=True)
    weights = [s.checked_model(stage) / "model.safetensors" for s in (once, store)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


@pytest.mark.parametrize(("change", "agrees"), [(1e-5, True), (0.1, False)])
def test_weights_that_learned_otherwise_are_kept_as_another_attempt(
    plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch, change: float, agrees: bool
) -> None:
    stage = pretraining(plan)
    run_stage(stage, store, keep_model=False)
    learn = pretrain_module.pretrain

    def otherwise(*args: Any) -> Any:
        model, learned = learn(*args)
        learned.history[0]["dev"]["masked_lm"] += change
        return model, learned

    monkeypatch.setattr(pretrain_module, "pretrain", otherwise)
    run_stage(stage, store, keep_model=True)
    others = 1 - 1 / stage.recipe.epochs
    alike = {} if agrees else {"masked_lm": pytest.approx(others)}
    assert store.weights(stage).alike == alike


def test_changed_texts_are_not_learned_as_those_planned(
    study_file: Path, plan: Plan, store: Store
) -> None:
    run_stage_module._texts.cache_clear()
    materials_module._verified.cache_clear()
    train = study_file.parent / "people" / "train.tsv"
    train.write_text("other O\nwords O\n\n", encoding="utf-8")
    with pytest.raises(StageFailed, match="not those that the study was planned with"):
        run_stage(pretraining(plan), store, keep_model=True)


# --- the whole study


def test_an_encoder_from_scratch_takes_every_stabiliser(
    study_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variants = """\
variants:
  plain: {}
  frozen: {freeze_embeddings: true, freeze_layers: 1}
  slower: {layer_decay: 0.5}
  renewed: {reinit_layers: 1}
  uncorrected: {bias_correction: false}
"""
    study_file.write_text(STUDY + variants, encoding="utf-8")
    changes = ("readings=[refine]", "seeds=1", "refine.epochs=2", "pretrain.compare=false")
    plan = replan(study_file, *changes)
    refined = [s for s in plan if s.kind is StageKind.REFINE and s.task_names == ("colour",)]
    assert len(refined) == 5
    places = Places(tmp_path / "stages", tmp_path / "results", tmp_path / "plots")
    execute(plan, Session(places, InProcess()))
    store = Store(places.store)
    lasts = [store.read(stage, "history.jsonl").splitlines()[-1] for stage in refined]
    losses = {json.loads(last)["loss"]["colour"] for last in lasts}
    assert len(losses) == 5, "each learns in its own way"


def test_a_study_is_resumed_and_holds_one_against_the_other(
    study_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = replan(study_file, "readings=[refine]")
    places = Places(tmp_path / "store", tmp_path / "results", tmp_path / "plots", keep_weights=0)
    store = Store(places.store)
    learn = pretrain_module.pretrain

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pretrain_module, "pretrain", die)
    with pytest.raises(KeyboardInterrupt):
        execute(plan, Session(places, InProcess()))
    assert not store.is_done(pretraining(plan))
    assert len(missing(plan, store)) == len(plan)  # pretraining takes longest, and comes first
    monkeypatch.setattr(pretrain_module, "pretrain", learn)
    execute(plan, Session(places, InProcess()))
    assert not missing(plan, store).stages
    assert not failed_stages(plan, store)
    assert {s.name for s in plan if store.has_model(s)} == {pretraining(plan).name}
    estimate = SecondsEstimate(plan, store)
    assert estimate.measured == len(plan)
    assert estimate.seconds(pretraining(plan)) > 0 < work(pretraining(plan))

    write_report(plan, places)
    table = pd.read_csv(tmp_path / "results" / "lifted" / "pretraining.csv")
    assert list(table["target"]) == ["colour", "people"]
    assert set(table["encoder"]) == {"small-bert+mlm"}
    scores = pd.read_csv(tmp_path / "results" / "lifted" / "scores.csv")
    assert set(scores["encoder"]) == {"small-bert", "small-bert+mlm"}
    mean = scores[scores["metric"] == "entity_f1"].groupby("encoder")["value"].mean()
    people = table.iloc[1]
    assert people["delta"] == pytest.approx(mean["small-bert+mlm"] - mean["small-bert"], abs=2e-6)
    assert set(table["n_seeds"]) == {2}
    # From the compact predictions alone, without the store, the same tables follow.
    before = (tmp_path / "results" / "lifted" / "pretraining.csv").read_bytes()
    write_report(plan, Places(tmp_path / "nowhere", places.results, places.plots))
    assert (tmp_path / "results" / "lifted" / "pretraining.csv").read_bytes() == before


def test_every_pretrained_system_is_held_against_the_same_without(plan: Plan) -> None:
    table = pretraining_comparisons(plan)
    assert len(table) == len(plan.systems) / 2
    by_id = {stage.id: stage for stage in plan}
    for row in table.itertuples():
        stage, baseline = by_id[row.stage], by_id[row.baseline]
        assert (stage.kind, stage.tasks, stage.seed) == (
            baseline.kind,
            baseline.tasks,
            baseline.seed,
        )
        assert stage.id != baseline.id
    assert len(pretraining_comparisons(plan)) == len(table)


# --- bad input


def change(before: str, after: str) -> str:
    assert before in STUDY
    return STUDY.replace(before, after)


@pytest.mark.parametrize(
    ("study", "said"),
    [
        (change("texts: tasks", "texts: [nowhere.txt]"), "nowhere.txt: there is no such file"),
        (change("texts: tasks", "texts: [binary.txt]"), "is not UTF-8; save the file"),
        (change("texts: tasks", "texts: [blank.txt]"), "found 0 distinct texts"),
        (change("texts: tasks", "texts: [folder]"), "Is a directory"),
        (change("texts: tasks", "texts: []"), "pretrain"),
        (change("texts: tasks", "texts: words"), "'words'"),
        (change("texts: tasks, ", ""), "`texts` is missing"),
        (change("max_length: 24, precision: float32}\ntasks", "max_length: 99}\ntasks"), "only 32"),
        (change("epochs: 3", "epochs: 3, mixing: sqrt"), "'mixing' is unknown"),
        (change("epochs: 3", "epochs: 3, masked: 1.5"), "less than 1"),
        (change("heads: 2", "heads: 5"), "5 heads cannot share"),
        (change("heads: 2", "heads: 2, texts: {}"), "remove them"),
        (change("name: small-bert", "name: small-bert\n  source: tiny"), "remove one of them"),
        ("\n".join(x for x in STUDY.splitlines() if x[:8] != "pretrain"), "add that section"),
        (change("vocabulary_size: 400", "vocabulary_size: 301"), ""),
    ],
)
def test_bad_input_is_told_and_nothing_is_written(
    study_file: Path,
    study: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = study_file.parent
    (folder / "folder").mkdir()
    (folder / "binary.txt").write_bytes(b"\xff\xfe\x00")
    (folder / "blank.txt").write_text("\n \n", encoding="utf-8")
    study_file.write_text(study, encoding="utf-8")
    out = folder / "out"
    options = [f"--store={out}/s", f"--results={out}/r", f"--plots={out}/p"]
    verb = "run" if said else "plan"
    arguments = [verb, str(study_file), *(options if said else options[:1])]
    monkeypatch.setattr(sys, "argv", ["transfer-study", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    told = capsys.readouterr().err
    assert stopped.value.code == (2 if said else 0), told
    assert said in told
    assert "Traceback" not in told
    assert not out.exists()


def test_an_encoder_without_words_or_mask_is_refused(tmp_path: Path, study_file: Path) -> None:
    from tokenizers import Tokenizer, models
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    def folder(name: str, **special: str) -> Encoder:
        vocabulary = {"[PAD]": 0, "[UNK]": 1, "[MASK]": 2, "a": 3}
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]")),
            pad_token="[PAD]",
            unk_token="[UNK]",
            **special,
        )
        tokenizer.save_pretrained(tmp_path / name)
        size = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
        BertModel(BertConfig(vocab_size=4, intermediate_size=8, **size)).save_pretrained(
            tmp_path / name
        )
        return Encoder(name=name, source=str(tmp_path / name))

    words = folder("wordless", mask_token="[MASK]")
    assert fingerprint_encoder(words)
    pretrain_module.check_pretrainable(words, whole_word=False)
    with pytest.raises(EncoderError, match="does not divide texts into words"):
        pretrain_module.check_pretrainable(words, whole_word=True)
    with pytest.raises(EncoderError, match="no mask token"):
        pretrain_module.check_pretrainable(folder("maskless"), whole_word=False)


# --- the real study in the repository


def test_the_published_gains_follow_from_the_predictions(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[1]
    results = root / "results" / "pretrain"
    study = read_study(root / "experiments" / "pretrain.yaml", data=tmp_path)
    recorded = recorded_plan(study, results)
    assert recorded is not None, "the study's file says other inputs than its results"
    scored, _ = tables(recorded, CompactAnswers(results), failed=())
    gains = pretraining_table(recorded, scored.test_sets, failed=())
    write_table(gains, tmp_path / "pretraining")
    derived = (tmp_path / "pretraining.csv").read_bytes()
    assert derived == (results / "pretraining.csv").read_bytes()
    assert set(gains["n_seeds"]) == {3}
    assert len(gains) == 4
