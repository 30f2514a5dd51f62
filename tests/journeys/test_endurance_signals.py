"""Signals, closed pipes and closed terminals: no traceback, a status that says which, and the same command goes on."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commandline import PROGRAM, QUICK, RUN_FILES, USUAL, assert_done, at_a_save, contents, goodfit

SLOW = ("--target", "age", "--recipe", "l2=0.001, dropout=0.2, early_stopping=30")
SAID = "interrupted; what was saved is kept, and the same command goes on from there\n"
slow = pytest.mark.slow
STATUSES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
MOST = [signal.SIGTERM, *(pytest.param(number, marks=slow) for number in (signal.SIGINT, signal.SIGHUP))]


@pytest.mark.parametrize("number", MOST, ids=lambda number: number.name)
def test_a_signal_is_said_in_a_line_and_leaves_the_state(number: signal.Signals, csv: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = at_a_save(4, f"os.kill(os.getpid(), {int(number)})", "fit", csv, *SLOW, "--out", run)
    assert (done.status, done.out) == (STATUSES[number], "")
    assert done.err == f"goodfit fit: {SAID}"
    assert contents(run).keys() == {"unfinished.safetensors"}


@pytest.mark.parametrize("second", MOST, ids=lambda number: number.name)
def test_a_second_signal_ends_it_at_once(second: signal.Signals, csv: Path, tmp_path: Path) -> None:
    """While the first is being heeded, as by a hand that is impatient."""
    run = tmp_path / "run"
    what = f"""
import signal
try:
    os.kill(os.getpid(), signal.SIGINT)
finally:
    os.kill(os.getpid(), {int(second)})
"""
    done = at_a_save(4, what, "fit", csv, *SLOW, "--out", run)
    assert (done.status, done.out, done.err) == (STATUSES[second], "", f"goodfit: {SAID}")
    assert_done(goodfit("fit", csv, "--target", "age", *QUICK, "--out", run))
    assert contents(run).keys() == RUN_FILES


@slow
def test_an_interruption_that_python_cannot_raise_is_heard(csv: Path, tmp_path: Path) -> None:
    what = """
class Cleared:
    def __del__(self):
        os.kill(os.getpid(), 15)
        sum(range(100))
Cleared()
"""
    done = at_a_save(4, what, "fit", csv, *SLOW, "--out", tmp_path / "run")
    assert (done.status, done.err) == (143, f"goodfit: {SAID}")


@slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_while_it_starts(number: signal.Signals, csv: Path, tmp_path: Path) -> None:
    """As soon as anything of goodfit's runs, while its libraries are imported."""
    code = f"""
import os, sys
from goodfit import start
class Finder:
    def find_spec(self, name, *_):
        if name == "torch":
            sys.meta_path.remove(self)
            os.kill(os.getpid(), {int(number)})
sys.meta_path.insert(0, Finder())
start.main()
"""
    command = [sys.executable, "-c", code, "fit", csv, *SLOW, "--out", tmp_path / "run"]
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (STATUSES[number], "")
    assert ended.stderr.endswith(SAID)
    assert len(ended.stderr.splitlines()) == 1
    assert contents(tmp_path) == {}


def test_an_import_is_ended_and_not_interrupted(tmp_path: Path) -> None:
    """An exception in the midst of torch's import ends now and then in C++, by an abort without a word of ours."""
    (tmp_path / "library.py").write_text("""
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
except BaseException:
    print("interrupted")
""")
    program = "from goodfit.stopping import watching\nwith watching():\n    import library"
    ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", f"goodfit: {SAID}")


@slow
@pytest.mark.parametrize("number", STATUSES, ids=lambda number: number.name)
def test_at_random_moments_twice_in_quick_succession(number: signal.Signals, csv: Path, tmp_path: Path) -> None:
    """Python's own start before anything of goodfit's apart, which takes its first tenth of a second."""
    for place in range(10):
        command = [str(PROGRAM), *map(str, ("fit", csv, *SLOW, "--out", tmp_path / "run"))]
        process = subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=USUAL)
        time.sleep(0.5 + 0.35 * place)
        for _ in range(2):
            process.send_signal(number)
            time.sleep(0.01)
        out, told = process.communicate()
        assert "Traceback" not in told
        assert process.returncode in {STATUSES[number], 0, -number}
        assert process.returncode == 0 or out == ""
        assert len(told.splitlines()) <= 2
    assert_done(goodfit("fit", csv, *SLOW, "--out", tmp_path / "run"))


def test_what_nohup_ignores_stays_ignored() -> None:
    program = """
import os, signal
from goodfit.stopping import watching
signal.signal(signal.SIGHUP, signal.SIG_IGN)
with watching() as watch:
    os.kill(os.getpid(), signal.SIGHUP)
    print(watch.number)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_whoever_reads_the_output_may_stop_reading(csv: Path, tmp_path: Path) -> None:
    """As `goodfit fit --json | head -1`; the run is written."""
    command = [str(PROGRAM), *map(str, ("fit", csv, "--target", "left", *QUICK, "--json", "--out", tmp_path / "run"))]
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=USUAL) as process:
        process.stdout.close()
        told = process.stderr.read()
    assert (process.wait(), told) == (0, "")
    assert contents(tmp_path / "run").keys() == RUN_FILES


@slow
def test_a_warning_that_nobody_can_read_stops_nothing(csv: Path, tmp_path: Path) -> None:
    """Standard error is a closed pipe, as in `goodfit fit 2>&1 | head -1`: the run is written all the same."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "unfinished.safetensors").write_bytes(b"damaged, which is said")
    command = [str(PROGRAM), *map(str, ("fit", csv, "--target", "left", *QUICK, "--out", tmp_path / "run"))]
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=write, env=USUAL, check=False)
    os.close(write)
    assert ended.returncode == 0
    assert b"report:" in ended.stdout
    assert contents(tmp_path / "run").keys() == RUN_FILES


@slow
def test_a_terminal_that_is_closed(csv: Path, tmp_path: Path) -> None:
    """The system says so by SIGHUP to whom the terminal belongs."""
    pid, terminal = pty.fork()
    arguments = [str(PROGRAM), *map(str, ("fit", csv, *SLOW, "--out", tmp_path / "run"))]
    if pid == 0:
        os.execv(PROGRAM, arguments)
    shown = b""
    while b"networks training" not in shown:
        shown += os.read(terminal, 4096)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 129
    assert_done(goodfit("fit", csv, *SLOW, "--out", tmp_path / "run"))


@slow
def test_a_terminal_that_is_closed_while_its_signal_is_ignored(csv: Path, tmp_path: Path) -> None:
    """As after `disown`: there is nobody to show a bar to, and the run is written."""
    pid, terminal = pty.fork()
    arguments = [str(PROGRAM), *map(str, ("fit", csv, *SLOW, "--out", tmp_path / "run"))]
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.execv(PROGRAM, arguments)
    shown = b""
    while b"networks training" not in shown:
        shown += os.read(terminal, 4096)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) in {0, 2}  # 2: what was found couldn't be printed
    assert contents(tmp_path / "run").keys() == RUN_FILES
