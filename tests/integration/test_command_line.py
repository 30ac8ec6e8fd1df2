"""The command line: what is typed, printed and written, and with which exit code it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from leaderboard.__main__ import build_parser, main
from leaderboard.cache import load_embeddings
from leaderboard.commands import COMMANDS

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "palynomorphs-20.efficientnet-lite0.npz"


@pytest.fixture(autouse=True)
def inside(clone, monkeypatch) -> None:
    """Commands run in the miniature clone."""
    monkeypatch.chdir(clone.root)
    monkeypatch.setenv("LEADERBOARD_DATA", str(clone.data))
    monkeypatch.setenv("LEADERBOARD_CACHE", clone.environment["LEADERBOARD_CACHE"])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example_that_parses(command: str, capsys) -> None:
    """--help ends with a line that can be copied."""
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    example = capsys.readouterr().out.strip().splitlines()[-1].split()
    assert example[0] == "leaderboard"
    assert build_parser().parse_args(example[1:]).run is COMMANDS[command].run


def test_list_shows_models_and_where_the_data_is(clone, capsys) -> None:
    """One line each."""
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    assert "small" in printed
    assert str(clone.data / "grains") in printed


def test_evaluate_prints_the_golden_figures_and_writes_them_whole(tmp_path, capsys) -> None:
    """Six digits to read, all digits in the JSON."""
    out = tmp_path / "golden.json"
    assert main(["evaluate", str(GOLDEN), "--protocols", "knn,retrieval", "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "0.718179" in printed
    assert "0.398107" in printed
    golden = json.loads((ROOT / "tests" / "golden" / "scampi.json").read_text())
    metrics = json.loads(out.read_text())["metrics"]
    assert metrics["knn1.f1_macro"] == pytest.approx(golden["knn"]["knn1"]["f1_macro"], abs=1e-9)
    assert metrics["retrieval.pr_auc"] == pytest.approx(golden["retrieval"]["pr_auc"], abs=1e-9)
    assert not any(name.startswith("linear") for name in metrics)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_embed_then_evaluate_a_folder(clone, tmp_path, suffix: str, capsys) -> None:
    """The two commands of somebody with an own folder of images."""
    out = tmp_path / f"grains{suffix}"
    assert main(["embed", "--model", "small", "--images", str(clone.data / "grains"), "--out", str(out)]) == 0
    assert "30 vectors of 48 dimensions, 3 classes" in capsys.readouterr().out
    embeddings = load_embeddings(out)
    assert embeddings.classes == ("blue", "green", "grey")
    assert embeddings.files[0] == "blue/0.png"
    assert main(["evaluate", str(out)]) == 0


def test_embed_a_data_set_by_its_id(tmp_path) -> None:
    """The same vectors as from its folder."""
    out = tmp_path / "grains.npz"
    assert main(["embed", "--model", "small", "--dataset", "grains", "--out", str(out)]) == 0
    assert load_embeddings(out).vectors.shape == (30, 48)


def test_an_unlabelled_folder_can_be_embedded(clone, tmp_path, capsys) -> None:
    """Images without class folders give vectors; of them those figures are had that need no labels."""
    out = tmp_path / "blue.npz"
    assert main(["embed", "--model", "small", "--images", str(clone.data / "grains" / "blue"), "--out", str(out)]) == 0
    assert load_embeddings(out).vectors.shape == (10, 48)
    capsys.readouterr()
    assert main(["evaluate", str(out)]) == 0
    said = capsys.readouterr()
    assert "disparity.effective_rank" in said.out
    assert "knn is left out: the images have no labels; put them into one folder per class" in said.err
    assert main(["evaluate", str(out), "--protocols", "knn"]) == 2
    assert "the images have no labels; put them into one folder per class" in capsys.readouterr().err


def test_bad_images_are_listed_and_can_be_left_out(clone, tmp_path, capsys) -> None:
    """Exit 2 with every name; with the option the rest is embedded."""
    (clone.data / "grains" / "blue" / "0.png").write_bytes(b"")
    (clone.data / "grains" / "grey" / "9.png").write_bytes(b"\x89PNG")
    arguments = ["embed", "--model", "small", "--images", str(clone.data / "grains"), "--out", str(tmp_path / "x.npz")]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "blue/0.png: the file is empty" in said
    assert "grey/9.png: " in said
    assert not (tmp_path / "x.npz").exists()
    assert main([*arguments, "--skip-bad-images"]) == 0
    assert "28 vectors of 48 dimensions, 3 classes, 2 unreadable images left out" in capsys.readouterr().out


def test_render_writes_and_checks(clone, capsys) -> None:
    """--check fails with exit code 1 as long as a table is not what the results give."""
    clone.pytest()
    assert main(["render", "--check"]) == 0
    board = clone.root / "leaderboard" / "README.md"
    board.write_text(board.read_text().replace("Small", "Smaller") + "edited\n")
    capsys.readouterr()
    assert main(["render", "--check"]) == 1
    assert "out of date: " in capsys.readouterr().err
    assert main(["render"]) == 0
    assert main(["render", "--check"]) == 0


def test_fetch_verifies_what_is_here(clone, capsys) -> None:
    """And exits with 1 when it is not what datasets.yaml says."""
    assert main(["fetch", "grains"]) == 0
    assert "30 images in 3 classes, verified" in capsys.readouterr().out
    (clone.data / "grains" / "blue" / "0.png").unlink()
    assert main(["fetch", "grains"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["embed", "--model", "smal", "--images", ".", "--out", "x.npz"],
            "model 'smal' is not in models.yaml; nearest",
        ),
        (["embed", "--model", "small", "--images", "nowhere", "--out", "x.npz"], "nowhere is not a folder"),
        (["embed", "--model", "small", "--images", ".", "--out", "x.csv"], "expected .safetensors or .npz"),
        (["embed", "--model", "small", "--images", "tests", "--out", "x.npz"], "tests has no images"),
        (["evaluate", "nowhere.npz"], "nowhere.npz does not exist"),
        (["evaluate", "models.yaml"], "models.yaml is no embeddings file"),
        (
            ["evaluate", str(GOLDEN), "--protocols", "knm"],
            "protocol 'knm' is unknown; choose from clustering, disparity, few_shot, knn",
        ),
        (["fetch", "grain"], "data set 'grain' is not in datasets.yaml; nearest: grains"),
        (["list", "--root", "tests"], "models.yaml does not exist; run from a clone or pass --root"),
        (["render"], "has no results/; measure with pytest first"),
        (["render", "--leaderboard-dir", "nowhere"], "--leaderboard-dir nowhere is not a folder; correct it, or leave"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(arguments: list[str], message: str, capsys) -> None:
    """Value, expectation, remedy; no traceback."""
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize("arguments", [[], ["embd"], ["embed", "--model", "small"], ["embed", "--batch-size", "0"]])
def test_a_wrong_call_exits_with_2(arguments: list[str]) -> None:
    """As argparse and every other command line do."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_weights_that_cannot_be_had_exit_with_1(clone, capsys) -> None:
    """It is nobody's mistake."""
    folder = str(clone.data / "grains")
    assert main(["embed", "--model", "ghost", "--images", folder, "--out", "x.npz"]) == 1
    assert "nowhere/ghost.pth does not exist" in capsys.readouterr().err


def test_collapsed_embeddings_are_refused(tmp_path, capsys) -> None:
    """Vectors that are all the same rank nothing, whatever a metric would say."""
    path = tmp_path / "flat.npz"
    np.savez(path, F=np.ones((20, 3), np.float32), L=np.repeat([0, 1], 10))
    assert main(["evaluate", str(path)]) == 2
    assert "all 20 vectors are the same" in capsys.readouterr().err


def test_an_installed_wheel_works_outside_any_clone(tmp_path) -> None:
    """It brings its own models.yaml and datasets.yaml, shows stored results, and writes nothing into itself."""
    pip = [sys.executable, "-m", "pip"]
    source = tmp_path / "source"
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", source], check=True)
    quiet = ["--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "wheel", *quiet, "--wheel-dir", tmp_path, source], check=True)
    wheel = next(tmp_path.glob("fossil_leaderboard-*.whl"))
    site = tmp_path / "site"
    subprocess.run([*pip, "install", *quiet, "--target", site, wheel], check=True)
    installed = sorted(path for path in site.rglob("*") if "__pycache__" not in path.parts)

    def run(code: str) -> subprocess.CompletedProcess[str]:
        environment = {"PYTHONPATH": str(site), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        command = [sys.executable, "-c", code]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    listed = run("from leaderboard.__main__ import main; raise SystemExit(main(['list']))")
    assert listed.returncode == 0, listed.stderr
    assert "efficientnet-lite0" in listed.stdout
    frame = run("import leaderboard; print(len(leaderboard.results()) > 100, leaderboard.__file__)")
    assert frame.stdout.startswith(f"True {site}"), frame.stderr
    refused = run("from leaderboard.__main__ import main; raise SystemExit(main(['render']))")
    assert refused.returncode == 2
    assert "an installed package has no leaderboard to write; run in a clone, or pass --root" in refused.stderr
    assert sorted(path for path in site.rglob("*") if "__pycache__" not in path.parts) == installed
