"""Any text at all is a scenario or is refused; never another error, never without bound, and nothing in it runs."""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rfgen.scenario import Scenario, load_scenario, parse_scenario, resolved_yaml, scenario_names
from rfgen.yamlsource import InputError, compose, nearest, resolve_scalar, suggestion

SHIPPED = {
    name: (files("rfgen") / "scenarios" / f"{name}.yaml").read_text(encoding="utf-8") for name in scenario_names()
}
SOUND = """\
title: Sound
device: bench
treatment: {target_c: 60, hold_s: 30}
plant: {wall: {distance_mm: 12}}
"""
KEYS = (
    *Scenario.model_fields,
    "profile",
    "target_c",
    "hold_s",
    "steps",
    "limits",
    "at",
    "kind",
    "channel",
    "size",
    "for",
)
WORDS = (
    "bench",
    "nan",
    ".inf",
    "-1",
    "1e400",
    "~",
    "[]",
    "{}",
    "yes",
    "70 C",
    "hold + 3 s",
    "<<",
    "*a",
    "&a x",
    "!!int 3",
)


def read_or_refused(text: str) -> Scenario | None:
    """The scenario, or None where it was refused with at least one problem that says something."""
    try:
        return parse_scenario(text, "any.yaml")
    except InputError as error:
        refused = error
    assert refused.problems
    assert all(p.message and p.file for p in refused.problems)
    assert len(refused.problems) <= 250
    assert len(str(refused)) < 250_000
    assert str(refused).replace("\n", "").isprintable()
    return None


@settings(deadline=None, max_examples=250)
@given(st.text(max_size=300))
@example("\ud800")
@example("title: \ufeff\x00")
@example("? [a]\n: b\n")
@example("- &a [*a]\n")
@example("a: *b\n")
@example("%YAML 9.9\n---\na: 1\n")
@example("device: {profile: {}}")
@example("device: {profile: 3}\ntreatment: 3")
@example("treatment: {steps: 3, hold_s: 3}")
def test_any_text_is_a_scenario_or_is_refused(text: str) -> None:
    read_or_refused(text)


_plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from([*WORDS, *KEYS, *scenario_names()]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=6), inner, max_size=6)
    ),
    max_leaves=25,
)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from(KEYS), _plain, max_size=10))
def test_any_yaml_is_a_scenario_or_is_refused(tree: dict[str, object]) -> None:
    """The right keys with anything in them."""
    text = yaml.safe_dump({"title": "t", "device": "bench", **tree}, allow_unicode=True)
    read_or_refused(text)


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """A shipped scenario with a few characters, words or lines deleted, inserted, replaced or doubled."""
    text = SHIPPED[draw(st.sampled_from(scenario_names()))]
    for _ in range(draw(st.integers(1, 4))):
        if draw(st.booleans()):
            lines = text.splitlines(keepends=True) or [""]
            at = draw(st.integers(0, len(lines) - 1))
            change = draw(st.sampled_from(("delete", "double", "swap", "indent", "replace")))
            if change == "delete":
                del lines[at]
            elif change == "double":
                lines.insert(at, lines[at])
            elif change == "swap":
                lines[at], lines[-1] = lines[-1], lines[at]
            elif change == "indent":
                lines[at] = draw(st.sampled_from((" ", "  ", "- ", "\t"))) + lines[at]
            else:
                lines[at] = f"{draw(st.sampled_from(KEYS))}: {draw(st.sampled_from(WORDS))}\n"
            text = "".join(lines)
        else:
            start = draw(st.integers(0, len(text)))
            end = min(len(text), start + draw(st.integers(0, 4)))
            insert = draw(st.sampled_from(("", *WORDS, "-", ".", ":", "#", "[", "}", '"', "\n")) | st.text(max_size=3))
            text = text[:start] + insert + text[end:]
    return text


@settings(deadline=None, max_examples=250)
@given(mutations())
def test_any_mutation_of_a_shipped_scenario_is_read_or_refused(text: str) -> None:
    scenario = read_or_refused(text)
    if scenario is not None:
        again = parse_scenario(resolved_yaml(scenario), "resolved.yaml")
        assert again.model_copy(update={"device": scenario.device}) == scenario
        assert resolved_yaml(again) == resolved_yaml(scenario)


def bomb() -> str:
    """Nine to the twelfth values in a few lines."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{k}: &{k} [{', '.join([f'*{chr(ord(k) - 1)}'] * 9)}]" for k in "bcdefghijklm"]
    return "\n".join(lines)


def in_device(what: str) -> str:
    return SOUND.replace("device: bench", f"device: {{profile: bench, {what}}}")


HOSTILE: dict[str, tuple[Callable[[], str], str]] = {
    "aliases of aliases": (bomb, "holds more than 20000 values"),
    "an alias within itself": (lambda: "a: &a [*a]\n", "stands inside what it refers to"),
    "lists 100,000 deep": (lambda: "[" * 100_000, "is nested more than 32 deep"),
    "mappings 100,000 deep": (lambda: "{a: " * 100_000, "is nested more than 32 deep"),
    "blocks 1,000 deep": (lambda: "".join(" " * n + "a:\n" for n in range(1_000)), "is nested more than 32 deep"),
    "dashes": (lambda: "- " * 100_000, "is nested more than 32 deep"),
    "over a megabyte": (lambda: "a: " + "x" * 1_000_000, "is over 1000000 bytes"),
    "over a megabyte in UTF-8 alone": (lambda: "a: " + "é" * 500_000, "is over 1000000 bytes"),
    "a long title": (lambda: SOUND.replace("Sound", "x" * 900_000), "is too long; at most 200 characters"),
    "a long number": (lambda: SOUND + "seed: " + "9" * 900_000, "is not a whole number"),
    "a long key": (lambda: SOUND + f'"{"x" * 900}": 1\n', "is not known here"),
    "100,000 comments": (lambda: "#\n" * 100_000, "is empty"),
    "100,000 keys": (lambda: "".join(f"k{n}: 1\n" for n in range(100_000)), "holds more than 20000 values"),
    "20,000 times one key": (lambda: "a: 1\n" * 9_000, "is given twice"),
    "9,000 unknown keys": (lambda: SOUND + "".join(f"k{n}: 1\n" for n in range(9_000)), "is not known here"),
    "9,000 unknown limits": (
        lambda: in_device("limits: {" + ", ".join(f"limit_{n}_c: 1" for n in range(9_000)) + "}"),
        "is no limit",
    ),
    "9,000 sources of nothing": (
        lambda: in_device("sources: {" + ", ".join(f"stage.n{n}: x" for n in range(9_000)) + "}"),
        "names no figure",
    ),
    "15,000 modes": (lambda: in_device("modes: [" + ", ".join(["steam"] * 15_000) + "]"), "is not known"),
    "15,000 interlocks": (
        lambda: SOUND + "expect: {tripped: [" + ", ".join(["OVER_TEMPP"] * 15_000) + "]}",
        "is no interlock",
    ),
    "a tag that would run a command": (
        lambda: SOUND + "x: !!python/object/apply:os.mkdir [RAN]\n",
        "tag 'tag:yaml.org,2002:python/object/apply:os.mkdir' is not used here; remove it",
    ),
    "a tag on a number": (lambda: SOUND.replace("30", "!!float 30"), "tag 'tag:yaml.org,2002:float' is not used here"),
    "a tag of one's own": (lambda: "!secret\n" + SOUND, "tag '!secret' is not used here"),
    "a merge key": (
        lambda: "x: &x {target_c: 60, hold_s: 30}\n" + SOUND.replace("{target_c: 60, hold_s: 30}", "{<<: *x}"),
        "merge keys are not used here; write the keys out",
    ),
    "a mapping for a key": (lambda: "{a: 1}: 2\n", "a mapping or list stands where a key should"),
    "an alias for a key": (lambda: "a: &a b\n*a : 2\n", "an alias stands where a key should"),
    "two documents": (lambda: SOUND + "---\n" + SOUND, "a second document begins here"),
    "a zero byte": (lambda: "title: \0\n", "is not text"),
}


@pytest.fixture(params=["libyaml", "Python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both of PyYAML's parsers: the quick one is not built in everywhere."""
    if request.param == "Python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    return str(request.param)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_yaml_is_refused_in_bounded_time(
    name: str, parser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = HOSTILE[name][0]()
    began = time.process_time()
    with pytest.raises(InputError) as refused:
        parse_scenario(text, "theirs.yaml")
    assert time.process_time() - began < 4.0
    assert HOSTILE[name][1] in str(refused.value)
    assert len(refused.value.problems) <= 250
    assert len(str(refused.value)) < 250_000
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["aliases of aliases", "lists 100,000 deep", "9,000 unknown keys", "over a megabyte"])
def test_hostile_yaml_is_refused_in_bounded_memory(name: str) -> None:
    text = HOSTILE[name][0]()
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            parse_scenario(text, "theirs.yaml")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 50_000_000


def test_an_endless_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "sparse.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InputError, match="is over 1000000 bytes"):
        load_scenario(str(path))


@settings(deadline=None, max_examples=60)
@given(mutations())
def test_both_parsers_read_the_same(text: str) -> None:
    """Where both read it: of broken YAML each says its own, and an empty value they place differently."""
    found = []
    quick = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with pytest.MonkeyPatch.context() as patch:
        for loader in (quick, yaml.SafeLoader):
            patch.setattr(yaml, "CSafeLoader", loader, raising=False)
            try:
                node, problems = compose(text, "any.yaml")
            except InputError:
                return
            found.append((node.plain(), [(p.line, p.field, p.message) for p in problems]))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-0", 0),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("٣", "٣"),
        ("yes", True),
        ("Off", False),
        ("", None),
        ("~", None),
        ("yEs", "yEs"),
        (".inf", float("inf")),
        ("inf", "inf"),
    ],
)
def test_what_an_unquoted_scalar_means(text: str, value: object) -> None:
    found = resolve_scalar(text)
    assert (type(found), found) == (type(value), value)


@settings(deadline=None)
@given(st.text(max_size=200), st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=30))
def test_a_suggestion_is_a_known_word_or_names_some(word: str, known: list[str]) -> None:
    close = nearest(word, known)
    told = suggestion(word, known)
    if close is None:
        assert told.startswith("one of ")
        assert sorted(known)[0] in told
    else:
        assert close in known
        assert told == f"did you mean {close!r}?"


@pytest.mark.parametrize(
    ("word", "close"),
    [
        ("flow_ml_mn", "flow_ml_min"),
        ("hold", "hold_s"),
        ("treatmnet", "treatment"),
        ("target", "target_c"),
        ("oprator", "operator"),
        ("zzz", None),
        ("", None),
        ("x" * 100_000, None),
    ],
)
def test_the_nearest_known_key(word: str, close: str | None) -> None:
    assert nearest(word, ["flow_ml_min", "hold_s", "treatment", "target_c", "operator", "seed"]) == close


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(list(Scenario.model_fields)), st.integers(0, 30), st.sampled_from("abcdefghij_"))
def test_one_letter_too_many_in_a_key_is_told_with_the_key(key: str, at: int, letter: str) -> None:
    wrong = key[:at] + letter + key[at:]
    if wrong in Scenario.model_fields or len(key) < 4:
        return
    with pytest.raises(InputError) as refused:
        parse_scenario(f"{SOUND}{wrong}: 1\n", "my.yaml")
    assert str(refused.value) == f"my.yaml:5: {wrong}: is not known here; did you mean {key!r}?"
