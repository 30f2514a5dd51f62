"""Whatever bytes a file holds: a log, or an InputError ."""

from pathlib import Path

import pytest
from event_files import event, scalar_file, simple, start, tensor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goodfit import InputError, diagnose_log

BOUNDED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CSV = b"epoch,step,loss,val_loss\n0,1,0.5,\n0,1,,0.7\n1,2,nan,inf\n1,2,,1e400\n\n0,3,1,1\n"
LINES = (
    b'{"epoch": 1, "loss": 0.5}\n{"epoch": 1, "val": {"loss": NaN}}\n{"epoch": 2, "loss": [1], "val": {"loss": true}}\n'
)
STATE = b'{"log_history": [{"loss": 1, "epoch": 0.5, "step": 1}, {"eval_loss": 2, "epoch": 1.0, "step": 2}]}'
HISTORY = b'{"history": {"loss": [1, 2, 1e999], "val_loss": [3, null, 4]}, "epoch": [0, 1, 2]}'
EVENTS = (
    start() + event(1, simple("loss", 0.5), tensor("val_loss", b"\0\0\0\x3f", 1)) + scalar_file("val_loss", [(2, 1.0)])
)
WHOLE = [CSV, LINES, STATE, HISTORY, EVENTS]


def diagnosed(content: bytes, folder: Path) -> None:
    path = folder / "events.out.tfevents.log"
    for name in (path, folder / "log"):
        name.write_bytes(content)
        try:
            found = diagnose_log(name)
        except InputError:
            continue
        assert found.verdicts
        found.to_dict()


@BOUNDED
@given(content=st.binary(max_size=200))
def test_any_bytes(content: bytes, tmp_path: Path) -> None:
    diagnosed(content, tmp_path)


@BOUNDED
@given(content=st.text(alphabet='{}[]",:\n\t;-.0123456789eE lossvaltrainepochNnul"\\', max_size=120))
def test_any_text_like_a_log(content: str, tmp_path: Path) -> None:
    diagnosed(content.encode(), tmp_path)


@BOUNDED
@given(data=st.data(), whole=st.sampled_from(WHOLE))
def test_logs_cut_off_and_altered(data: st.DataObject, whole: bytes, tmp_path: Path) -> None:
    content = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 3))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    diagnosed(bytes(content), tmp_path)


@BOUNDED
@given(
    rows=st.lists(
        st.tuples(*[st.one_of(st.none(), st.integers(-3, 3), st.floats(), st.sampled_from([1e308, -1e308]))] * 4),
        max_size=40,
    )
)
def test_tables_of_any_numbers(rows: list[tuple[object, ...]], tmp_path: Path) -> None:
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
    diagnosed("\n".join(["epoch,step,loss,val_loss", *lines]).encode(), tmp_path)


@pytest.mark.parametrize("whole", WHOLE)
def test_what_is_altered_above_is_read_whole(whole: bytes, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(whole)
    assert diagnose_log(tmp_path / "log").keep
