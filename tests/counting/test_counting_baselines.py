"""Counts of the baselines themselves."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import typer
from typer.testing import CliRunner

from liafbench.baselines import BASELINES, backbones, build
from liafbench.baselines.engines import ENGINES
from liafbench.baselines.errors import UsageError
from liafbench.bench.cli.count import count as count_command
from liafbench.bench.costs import cost as costs
from liafbench.bench.costs import table as suite
from liafbench.bench.costs import trained_columns as means
from liafbench.bench.costs.cost import cost
from liafbench.bench.counting import METRICS, count, count_trained
from liafbench.bench.results import load

app = typer.Typer()
app.command("count")(count_command)
app.callback()(lambda: None)
RESULTS = Path(__file__).resolve().parents[2] / "results"
SPIKING = ("lif-snn", "liaf-net", "klif")


def counted(baseline: str, task: str, backbone: str, **options: Any) -> Any:
    return cost(baseline, task, backbone, **options)[1]


@pytest.mark.parametrize(
    ("task", "backbone"),
    [
        ("digits-dvs", "small"),
        ("dvs128-gesture", "liaf"),
        ("mnist", "plif"),
        ("babi-qa1", "tokens"),
    ],
)
def test_spiking_nets_of_equal_topology_cost_alike(task: str, backbone: str) -> None:
    lif, liaf, klif = (counted(name, task, backbone) for name in SPIKING)
    for name in ("weights", "synapses", "neurons", "mac_dense", "neuron_updates", "adds"):
        assert getattr(lif, name) == getattr(liaf, name) == getattr(klif, name), name
    layers = sum(n == "neuron" for n in (path[-6:] for path in lif.by_layer.index))
    assert lif.parameters == liaf.parameters == klif.parameters - layers
    assert lif.muls < liaf.muls


def test_the_gesture_network_by_hand() -> None:
    """2x32x32: 64C3-N-128C3-N-AP2-128C3-N-AP2-FC256-N-FC11-N over 60 steps."""
    counts = counted("liaf-net", "dvs128-gesture", "liaf")
    convs = [1024 * 2 * 64 * 9, 1024 * 64 * 128 * 9, 256 * 128 * 128 * 9]
    dense = [8192 * 256, 256 * 11]
    assert counts.mac_dense == 60 * (sum(convs) + sum(dense))
    assert counts.weights == (2 * 64 + 64 * 128 + 128 * 128) * 9 + sum(dense)
    in_bounds = {32: (32 + 31 + 31) ** 2, 16: (16 + 15 + 15) ** 2}
    synapses = (2 * 64 + 64 * 128) * in_bounds[32] + 128 * 128 * in_bounds[16]
    assert counts.synapses == synapses + sum(dense)
    assert counts.neurons == 1024 * 64 + 1024 * 128 + 256 * 128 + 256 + 11
    assert counts.neuron_updates == 60 * counts.neurons


def test_a_weight_that_begins_at_zero_is_a_synapse_of_the_cost_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = counted("liaf-net-recurrent", "babi-qa1", "tokens")

    def zeroed(*arguments: Any) -> Any:
        net = build(*arguments)
        if not next(net.parameters()).is_meta:
            torch.nn.utils.vector_to_parameters(
                torch.zeros(sum(p.numel() for p in net.parameters())), net.parameters()
            )
        return net

    monkeypatch.setattr(costs, "build", zeroed)
    assert counted("liaf-net-recurrent", "babi-qa1", "tokens").synapses == usual.synapses


def test_conv_lstm_and_conv3d_by_hand() -> None:
    """The same places filled: gates of 4 x channels fed by input and state; 3x3x3 kernels."""
    lstm = counted("conv-lstm", "dvs128-gesture", "liaf").by_layer
    assert lstm.mac_dense["conv1.input.0"] == 60 * 1024 * 2 * 256 * 9
    assert lstm.mac_dense["conv1.recurrent"] == 60 * 1024 * 64 * 256 * 9
    assert lstm.neurons["conv1"] == 64 * 1024
    # 9 operations of gates and states, and the join of input and recurrent gates (4).
    assert lstm.elementwise["conv1"] == 60 * 64 * 1024 * 13
    volume = counted("conv3d", "dvs128-gesture", "liaf").by_layer
    convs = volume[volume.index.str.startswith("conv") & (volume.mac_dense > 0)]
    assert convs.mac_dense.iloc[0] == 60 * 1024 * 2 * 64 * 27
    assert convs.synapses.iloc[0] == 2 * 64 * 3 * (32 + 31 + 31) ** 2


@pytest.mark.parametrize("name", BASELINES)
def test_shapes_and_values_give_the_same_dense_counts(name: str) -> None:
    task = "babi-sim" if BASELINES[name].serves("digits-dvs", "small") else "digits-dvs"
    backbone = backbones.names(task)[0]
    net = build(name, task, backbone)
    by_value, by_shape = count(net, net.backbone.example()), counted(name, task, backbone)
    for metric in ("mac_dense", "elementwise", "weights", "neurons", "parameters", "adds"):
        assert getattr(by_value, metric) == getattr(by_shape, metric), metric


def test_loops_over_time_cost_the_same_at_every_step() -> None:
    net = build("conv-lstm", "digits-dvs", "small")
    shape = net.backbone.sample_shape
    two, three, seven = (
        count(net, torch.empty(steps, 1, *shape, device="meta")) for steps in (2, 3, 7)
    )
    assert seven.mac_dense - three.mac_dense == 4 * (three.mac_dense - two.mac_dense)
    assert two.synapses == three.synapses == seven.synapses


@pytest.mark.parametrize("name", SPIKING)
def test_engines_count_alike(name: str) -> None:
    found = {}
    for engine in ENGINES:
        torch.manual_seed(0)
        try:
            # snntorch has no reset with a gradient for LIAF
            net = build(name, "digits-dvs", "small", engine=engine, detach_reset=True)
        except UsageError:
            assert (name, engine) == ("klif", "snntorch")
            continue
        x = (net.backbone.example() < 0.3).float()
        counts = count(net, x)
        found[engine] = {metric: getattr(counts, metric) for metric in METRICS}
    assert len(found) >= 3
    assert all(counts == found["native"] for counts in found.values())


@pytest.mark.parametrize("name", ["lstm", "gru", "liaf-net", "klif-recurrent", "bag-of-words"])
def test_padding_of_a_story_costs_nothing(name: str) -> None:
    net = build(name, "babi-qa1")
    story = torch.tensor([[3], [4], [5]])
    padded = torch.cat((torch.zeros(4, 1, dtype=torch.int64), story))
    assert count_trained(net, [padded]) == count_trained(net, [story])


def test_equal_budget_costs_are_those_of_networks_of_equal_size() -> None:
    liaf = counted("liaf-net", "mnist-dvs", "liaf")
    for name in ("lstm", "gru", "conv-lstm", "conv3d"):
        counts = counted(name, "mnist-dvs", "liaf", budget="liaf-net")
        assert abs(counts.parameters / liaf.parameters - 1) <= 0.05


def test_the_suites_tables(tmp_path: Path) -> None:
    some = [
        suite.Place(task, "small", budget, name)
        for task in ("digits-dvs", "mnist")
        for budget in (suite.EQUAL_BACKBONE, suite.EQUAL_BUDGET)
        for name in ("liaf-net", "lstm", "conv3d", "liaf-net-recurrent")
    ]
    records = pd.DataFrame(
        [("digits-dvs", "small", "equal-backbone", "liaf-net", "ac", v) for v in (10.0, 30.0)],
        columns=["task", "backbone", "budget", "baseline", "metric", "value"],
    )
    table = suite.costs(iter(some), records)
    row = table.iloc[0]
    assert (row["baseline"], row["ac"], row["trained_runs"], row["T"]) == ("liaf-net", 20, 2, 10)
    assert row["mac_dense"] == counted("liaf-net", "digits-dvs", "small").mac_dense
    assert table["ac"].notna().sum() == 1
    refused = table[table["baseline"] == "liaf-net-recurrent"]
    assert refused["why_not"].str.contains("token").all()
    assert refused["mac_dense"].isna().all()
    assert "n/a" in suite.markdown(table)


def _trained_row(**columns: list[Any]) -> dict[str, Any]:
    """The cost row of LIAF-Net on digits-dvs from two records of AC, 10 and 30."""
    place = suite.Place("digits-dvs", "small", suite.EQUAL_BACKBONE, "liaf-net")
    usual = {"suite": "a", "machine": "m", "data": "", "options": "", "engine": "native",
             "status": "current", "metric": "ac"}  # fmt: skip
    records = pd.DataFrame({key: getattr(place, key) for key in suite.KEYS} | usual, index=[0, 1])
    records["value"] = [10.0, 30.0]
    return suite.costs(iter([place]), records.assign(**columns)).iloc[0].to_dict()


@pytest.mark.parametrize(
    ("column", "other"), [("status", "stale"), ("options", "layers=2"), ("engine", "portable")]
)
def test_only_current_runs_of_the_usual_network_are_counted(column: str, other: str) -> None:
    assert _trained_row()["ac"] == 20.0
    row = _trained_row(**{column: [means.USUAL[column], other]})
    assert (row["ac"], row["trained_runs"]) == (10.0, 1)


@pytest.mark.parametrize("column", ["machine", "data"])
def test_networks_of_two_machines_or_data_sets_have_no_mean(column: str) -> None:
    row = _trained_row(**{column: ["", "b"]})
    assert pd.isna(row["ac"])
    assert pd.isna(row["trained_runs"])
    assert row["trained_why_not"] == f"trained with more than one {column}: b, default"


def _records(**suites: list[tuple[str, str, float]]) -> pd.DataFrame:
    """Records of baselines on digits-dvs, (baseline, metric, value) by suite."""
    place = {"task": "digits-dvs", "backbone": "small", "budget": suite.EQUAL_BACKBONE}
    return pd.DataFrame(
        [
            place | {"suite": name, "baseline": baseline, "metric": metric, "value": value}
            for name, rows in suites.items()
            for baseline, metric, value in rows
        ]
    )


def test_trained_columns_of_a_task_are_of_one_suite() -> None:
    """The one with most baselines; what only another one has is named and left out."""
    records = _records(
        large=[("liaf-net", "ac", 1.0), ("liaf-net", "ac", 3.0), ("lstm", "mac_dense", 7.0)],
        many=[("gru", "ac", 90.0)] * 9,
    )
    places = [
        suite.Place("digits-dvs", "small", suite.EQUAL_BACKBONE, name)
        for name in ("liaf-net", "lstm", "gru")
    ]
    table = suite.costs(iter(places), records).set_index("baseline")
    assert (table["ac"]["liaf-net"], table["trained_runs"]["liaf-net"]) == (2.0, 2)
    assert table["trained_suite"][["liaf-net", "lstm"]].tolist() == ["large", "large"]
    assert table["trained_mac_dense"]["lstm"] == 7.0
    assert table["mac_dense"]["lstm"] == counted("lstm", "digits-dvs", "small").mac_dense
    assert table["trained_why_not"]["gru"] == "trained in many, the others in large"
    assert pd.isna(table["ac"]["gru"])


def test_the_committed_trained_columns_are_those_of_the_committed_runs() -> None:
    found = means.trained_means(load(RESULTS).records)
    table = pd.read_csv(RESULTS / "counting" / "costs.csv").set_index(means.KEYS)
    columns = [*means.TRAINED.values(), *means.ABOUT]
    table = table[columns]
    shown = table[table.notna().any(axis="columns")]
    assert len(shown) > 100
    expected = pd.DataFrame(
        [found[place] for place in shown.index], index=shown.index, columns=columns
    )
    pd.testing.assert_frame_equal(shown, expected, check_dtype=False, rtol=1e-12)
    missed = [place for place in found if place in table.index and place not in shown.index]
    assert not missed


def test_the_suite_writes_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = [
        suite.Place(task, backbone, suite.EQUAL_BACKBONE, "liaf-net")
        for task, backbone in suite.PAPER_TASKS
    ]
    monkeypatch.setattr(suite, "places", lambda: iter(few))
    seen: list[suite.Place] = []
    written = suite.run(tmp_path, on_row=seen.append)
    assert seen == few
    assert {path.name for path in written} == {
        f"{name}.{ending}" for name in ("costs", "ratios", "counters") for ending in ("csv", "md")
    } | {"versions.json"}
    assert all(path.parent == tmp_path / "counting" and path.stat().st_size for path in written)
    table = pd.read_csv(tmp_path / "counting" / "costs.csv")
    assert list(table["mac_dense"]) == [
        counted(p.baseline, p.task, p.backbone).mac_dense for p in few
    ]


def test_every_task_and_backbone_has_its_rows() -> None:
    wanted = list(suite.places())
    assert {(p.task, p.backbone) for p in wanted} == {
        (task, name) for task in backbones.tasks() for name in backbones.names(task)
    }
    assert {p.reference for p in wanted if p.backbone == "plif"} == {None, "klif"}


def test_ratios_are_against_liaf_net() -> None:
    places = [
        suite.Place(task, backbone, suite.EQUAL_BACKBONE, name)
        for task, backbone in suite.PAPER_TASKS
        for name in ("liaf-net", "gru")
    ]
    table = suite.ratios(suite.costs(iter(places)))
    own = table[table["baseline"] == "liaf-net"]
    assert (own[[c for c in own if c.endswith("ratio")]] == 1).all(axis=None)
    gesture = table[(table["task"] == "dvs128-gesture") & (table["baseline"] == "gru")].iloc[0]
    gru = 3 * 512 * (2048 + 512) + 512 * 11
    assert gesture["weights ratio"] == pytest.approx(gru / 2322304)


def test_the_command_prints_one_document() -> None:
    result = CliRunner().invoke(app, ["count", "klif", "--task", "digits-dvs", "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["backbone"] == backbones.names("digits-dvs")[0]
    assert document["mac_dense"] == sum(row["mac_dense"] for row in document["by_layer"])
    assert document["ac"] is None
    assert document["units"]["mac_dense"] == "1/sample"


def test_the_command_shows_layers_and_refuses_plainly(tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["count", "lstm", "--task", "digits-dvs"])
    assert "total" in shown.stdout
    assert "mac_dense 3,278,080" in shown.stdout
    for arguments, word in (
        (["count", "lstn", "--task", "digits-dvs"], "lstm"),
        (["count", "lstm", "--task", "digits-dvs", "--run", "0123"], "no run of that id"),
        (["count", "lstm", "--task", "digits-dvs", "--run", "x.json"], "no such file"),
    ):
        result = CliRunner().invoke(app, arguments)
        assert isinstance(result.exception, UsageError)
        assert word in str(result.exception)


def test_a_run_is_counted_from_its_checkpoint(tmp_path: Path) -> None:
    from liafbench.bench.runfiles import SCHEMA, Run
    from liafbench.bench.runs.cells import training_cells
    from liafbench.bench.runs.store import Store
    from liafbench.bench.suites import load as load_suite

    text = """
    name = "t"
    title = "t"
    seeds = [0]
    [[group]]
    tasks = ["digits-dvs"]
    backbone = "small"
    baselines = ["lif-snn"]
    engine = "native"
    budgets = ["equal-backbone"]
    [group.recipe]
    optimizer = "adam"
    learning_rate = 1e-3
    epochs = 1
    batch_size = 32
    """
    (tmp_path / "t.toml").write_text(text)
    cell = next(training_cells(load_suite(str(tmp_path / "t.toml"))))
    net = build("lif-snn", "digits-dvs", "small")
    store = Store(tmp_path / "t" / "machine")
    store.prepare()
    store.save_weights(cell.run_id, net.state_dict())
    store.write(
        Run(schema=SCHEMA, run_id=cell.run_id, suite="t", kind="train", status="done",
            config=cell.config())
    )  # fmt: skip
    asked = ["count", "lif-snn", "--task", "digits-dvs", "--run", cell.run_id, "--samples", "3",
             "--results", str(tmp_path), "--json"]  # fmt: skip
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.exception
    document = json.loads(result.stdout)
    assert (document["samples"], document["run"]) == (3, cell.run_id)
    assert document["mac_effective"] > 0
    assert set(document["estimated_energy"]) >= {"energy_45nm_fp32", "energy_dense_45nm_fp32"}
    energy = document["estimated_energy"]["energy_45nm_fp32"]
    assert document["spread"]["mac_effective"] > 0
    assert energy["spread"] > 0

    shown = CliRunner().invoke(app, asked[:-1]).stdout
    assert re.search(r"^mac_effective [\d,.]+ ± [1-9][\d,.]* per sample$", shown, re.MULTILINE)
    assert f"energy_45nm_fp32 {energy['value']:.4g} ± " in shown
    alone = [*asked[:6], "--samples", "1", *asked[8:]]
    one = json.loads(CliRunner().invoke(app, alone).stdout)
    assert one["spread"] == {}
    assert one["estimated_energy"]["energy_45nm_fp32"]["spread"] is None
    assert "±" not in CliRunner().invoke(app, alone[:-1]).stdout
    asked[1] = "lstm"
    wrong = CliRunner().invoke(app, asked)
    assert "trained lif-snn on digits-dvs" in str(wrong.exception)
    store.checkpoint(cell.run_id).write_bytes(b"damaged")
    broken = CliRunner().invoke(app, ["count", "lif-snn", *asked[2:]])
    assert isinstance(broken.exception, UsageError)
    assert "damaged, or of another network" in str(broken.exception)
