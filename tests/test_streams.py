"""What happens when the streams, files and names of a command are not what they should be: one line, exit code 2."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlsplit.cli import main

CONFIG = """\
[trainer]
[inference]
[orchestrator]
[[orchestrator.train.source]]
env.taskset.id = "a"
[[orchestrator.train.source]]
env.taskset.id = "b"
"""

FULL = Path("/dev/full")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("rl.toml").write_text(CONFIG, encoding="utf-8")
    Path("bad.toml").write_text("x = 1\n", encoding="utf-8")
    return tmp_path


def shell(line: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHON": sys.executable}
    command = line.replace("rlsplit", '"$PYTHON" -m rlsplit')
    return subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "words", ["render rl.toml", "split rl.toml", "explain rl.toml", "rules", "schema", "--help", "render --help",
              "validate rl.toml --report json", "diff rl.toml bad.toml", "completion bash"]
)  # fmt: skip
def test_a_full_disk(words: str) -> None:
    done = shell(f"rlsplit {words} > /dev/full")
    assert (done.returncode, done.stderr) == (2, "rlsplit: cannot write the output: No space left on device\n")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize("words", ["validate bad.toml", "render rl.toml", "nonsense"])
def test_a_full_disk_for_everything(words: str) -> None:
    done = shell(f"rlsplit {words} > /dev/full 2>&1")
    assert done.returncode == 2


@pytest.mark.parametrize(
    "words",
    [
        "render rl.toml -o out",
        "render rl.toml --format html -o out",
        "split rl.toml -o out",
        "init -o new.toml",
        "init platform -o new.toml",
        "migrate old.toml",
        "validate --report json=new.json rl.toml",
    ],
)
def test_a_disk_that_fills_up(words: str, here: Path) -> None:
    """Of a file that there is no room for nothing stands there: neither half of it nor an empty one."""
    Path("old.toml").write_text(CONFIG.replace("train.source", "train.env"), encoding="utf-8")
    before = {path: path.read_bytes() for path in here.iterdir()}
    done = shell(f"ulimit -f 0; rlsplit {words}")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("rlsplit: cannot write ")
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("words", ["render rl.toml -o out", "split rl.toml -o out"])
def test_a_folder_that_was_left_half_written_is_written_again(words: str) -> None:
    """Whatever could be written is known as written: it is neither foreign nor changed by somebody."""
    assert shell(f"rlsplit {words}").returncode == 0
    whole = files(Path("out"))
    Path("rl.toml").write_text(f"{CONFIG}name = 'c'\nenv.taskset.args.x = '{'x' * 9000}'\n", encoding="utf-8")
    assert shell(f"ulimit -f 8; rlsplit {words}").returncode == 2
    Path("rl.toml").write_text(CONFIG, encoding="utf-8")
    done = shell(f"rlsplit {words}")
    assert done.returncode == 0, done.stderr
    assert files(Path("out")) == whole


@pytest.mark.parametrize(("mask", "mode"), [("022", 0o644), ("077", 0o600)])
def test_new_files_are_as_private_as_those_of_other_programs(mask: str, mode: int) -> None:
    assert shell(f"umask {mask}; rlsplit render rl.toml -o out").returncode == 0
    assert {path.stat().st_mode & 0o777 for path in Path("out").iterdir()} == {mode}


@pytest.mark.parametrize("words", [["migrate", "old.toml", "-o"], ["migrate", "old.toml", "bad.toml", "-o"]])
def test_a_pipe_that_is_named_as_output_stays_one(words: list[str]) -> None:
    Path("old.toml").write_text(f"{CONFIG}\n[trainer.model]\nattn = 'sdpa'\n", encoding="utf-8")
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        code = main([*words, "pipe"])
        assert Path("pipe").is_fifo()
        assert code == (0 if len(words) == 3 else 2)
        assert (b"[trainer.model]" in os.read(reader, 1 << 16)) == (code == 0)
    finally:
        os.close(reader)


def test_the_output_may_be_named_as_a_file(here: Path) -> None:
    line = "rlsplit validate rl.toml --report json=/dev/stdout"
    assert shell(f"{line} | cat").stdout == shell(f"{line} > kept; cat kept").stdout == "[]\n"


def test_a_file_whose_folder_is_closed_is_written_to(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "report.json").write_text("before", encoding="utf-8")
    monkeypatch.setattr(
        os, "access", lambda path, mode: Path(path) != here
    )  # tests may run as root, whom nothing stops
    assert main(["validate", "rl.toml", "--report", "json=report.json"]) == 0
    assert (here / "report.json").read_text(encoding="utf-8") == "[]\n"


def test_closed_streams() -> None:
    done = shell("rlsplit render rl.toml >&-")
    assert done.returncode == 2
    assert done.stderr.startswith("rlsplit: cannot write the output: ")
    assert done.stderr.count("\n") == 1
    assert shell("rlsplit validate rl.toml >&-").returncode == 0
    done = shell("rlsplit validate bad.toml 2>&-")
    assert (done.returncode, done.stdout) == (1, "")
    done = shell("rlsplit validate - <&-")
    assert (done.returncode, done.stderr) == (2, "rlsplit: standard input is closed\n")


def test_a_reader_that_goes_away() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "rlsplit", "diff", "rl.toml", "rl.toml"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (2, b"rlsplit: the reader of the output went away\n")


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Commands that take an interrupt, even where the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt() -> None:
    os.mkfifo("slow.toml")  # nobody writes: the command waits for it
    command = [sys.executable, "-m", "rlsplit", "validate", "slow.toml"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as running:
        try:
            # Opening waits for the reader: the command is at its file then.
            with Path("slow.toml").open("wb"):
                running.send_signal(signal.SIGINT)
                _, told = running.communicate(timeout=30)
        finally:
            running.kill()
    assert (running.returncode, told) == (2, b"rlsplit: interrupted\n")


def test_an_interrupt_while_it_is_loaded() -> None:
    Path("tomli.py").write_text("raise KeyboardInterrupt\n", encoding="utf-8")
    Path("argparse.py").write_text("raise KeyboardInterrupt\n", encoding="utf-8")
    for name in ("tomli", "argparse"):
        code = (
            f"import sys; sys.modules.pop({name!r}, None); sys.path.insert(0, ''); from rlsplit.cli import run; run()"
        )
        command = [sys.executable, "-c", code, "validate", "rl.toml"]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (2, b"rlsplit: interrupted\n")


@pytest.mark.parametrize("name", [b"\xff\xfe.toml", b"a\x1bb.toml", b"\xed\xa0\x80.toml"])
@pytest.mark.parametrize(
    "words", [["validate"], ["render"], ["explain"], ["migrate"], ["validate", "--fix"], ["own", "--uid", "x"]]
)
def test_odd_names(name: bytes, words: list[str]) -> None:
    for content in (CONFIG.encode(), b"max_stepz = \x80", None):
        if content is None:
            os.unlink(name)
        else:
            Path(os.fsdecode(name)).write_bytes(content)
        command = [sys.executable, "-m", "rlsplit", *words, name]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        assert b"Traceback" not in done.stderr
        done.stdout.decode("utf-8")
        done.stderr.decode("utf-8")
        if content is None:
            assert done.returncode == 2
            assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("name", ["a\x00b", "\ud800", "x" * 300, "."])
@pytest.mark.parametrize(
    "words", [["validate"], ["render", "rl.toml", "--platform"], ["render", "rl.toml", "-o"], ["migrate"]]
)
def test_impossible_names(name: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = main([*words, name])
    assert code == (0 if words[-1] == "-o" and name == "." else 2)
    assert capsys.readouterr().err.count("\n") <= 1


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name[0] != "."}


@pytest.mark.parametrize("words", [["render", "rl.toml", "-o", "out"], ["split", "rl.toml", "-o", "out"]])
def test_a_folder_holds_what_was_written_last(words: list[str]) -> None:
    out = Path("out")
    assert main(words) == 0
    first = files(out)
    (out / "mine.yaml").write_text("a: 1\n", encoding="utf-8")
    Path("rl.toml").write_text(
        CONFIG.partition('[[orchestrator.train.source]]\nenv.taskset.id = "b"')[0], encoding="utf-8"
    )
    assert main(words) == 0
    second = files(out)
    assert main([*words[:-1], "fresh"]) == 0
    assert second == files(Path("fresh")) | {"mine.yaml"}
    assert first - second


def test_a_part_of_a_run_takes_nothing_away() -> None:
    out = Path("out")
    assert main(["render", "rl.toml", "-o", "out"]) == 0
    first = files(out)
    assert main(["render", "rl.toml", "-o", "out", "--component", "trainer"]) == 0
    assert files(out) >= first


def test_a_file_that_was_changed_since_is_not_removed(capsys: pytest.CaptureFixture[str]) -> None:
    out = Path("out")
    assert main(["split", "rl.toml", "-o", "out"]) == 0
    changed = out / "envs" / "train" / "b.toml"
    changed.write_text("# mine\n", encoding="utf-8")
    Path("rl.toml").write_text(CONFIG.replace('"b"', '"c"'), encoding="utf-8")
    before = files(out)
    assert main(["split", "rl.toml", "-o", "out"]) == 2
    assert "b.toml is no longer part, and was changed since it was written" in capsys.readouterr().err
    assert files(out) == before


@pytest.mark.parametrize("name", ["../victim", "/etc/victim", "", "."])
def test_a_list_leads_nowhere_else(name: str, here: Path) -> None:
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (here / "victim").write_text("", encoding="utf-8")
    (here / "out").mkdir()
    (here / "out" / ".rlsplit-split").write_text(f"{digest}  {name}\n", encoding="utf-8")
    assert main(["split", "rl.toml", "-o", "out"]) == 0
    assert (here / "victim").exists()
