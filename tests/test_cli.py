import re
import subprocess
import sys

import pytest

from csi2pc import __version__
from csi2pc.cli import COMMANDS, main


def test_help_lists_every_command_and_each_has_its_own(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for command in COMMANDS:
        assert command in shown
        with pytest.raises(SystemExit) as stopped:
            main([command, "--help"])
        assert stopped.value.code == 0
        assert f"csi2pc {command}" in capsys.readouterr().out


def test_train_help_documents_every_setting(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for name, meaning in [
        ("--model.width", "size of a token"),
        ("--data.split", "cross-subject"),
        ("--prepare.duration", "seconds a window spans"),
        ("--training.batch_size", "over **all** devices together"),
        ("--data.target.sensors", "which sensors see the target"),
    ]:
        assert name in shown and meaning in shown, name


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"csi2pc {__version__}"


def test_wrong_usage_says_what_there_is(capsys):
    assert main([]) == 2
    assert main(["dance"]) == 2
    assert "unknown command 'dance'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--data.root", "nowhere", "--out", "{tmp}/run"], "nowhere does not exist"),
        (["train", "--modle.width", "3"], "did you mean 'model.width'"),
        (["train", "--config", "nowhere.yaml"], "nowhere.yaml"),
        (["evaluate", "{tmp}"], "no checkpoint at"),
        (["infer", "--checkpoint", "{tmp}", "--out", "{tmp}/out", "x.csv"], "no checkpoint at"),
        (["simulate", "--out", "{tmp}/sim", "--actions", "[A99]"], "A99"),
        (["inspect", "x.csv", "--reader", "mac"], "--reader takes OPTION=VALUE; got 'mac'"),
        (["infer", "--checkpoint", "x", "--out", "y", "--reader", "mac=1", "x.csv"], "OPTION=VALUE; got 'x.csv'"),
        (
            ["infer", "--checkpoint", "x", "--out", "y", "x.csv", "--start", "now", "--idle-seconds", "1"],
            "--start, --idle-seconds goes with --follow alone",
        ),
    ],
)
def test_what_is_refused_is_one_line_and_no_traceback(tmp_path, capsys, arguments, message):
    assert main([argument.format(tmp=tmp_path) for argument in arguments]) == 1
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


@pytest.mark.parametrize("script", ["train.py", "evaluate.py"])
def test_the_scripts_at_the_top_are_the_commands(project_root, script):
    done = subprocess.run(
        [sys.executable, str(project_root / script), "--help"], capture_output=True, text=True, cwd=project_root
    )
    assert done.returncode == 0 and f"csi2pc {script.removesuffix('.py')}" in done.stdout


def test_the_readmes_first_two_commands_are_the_promised_ones(project_root):
    commands = re.findall(r"```bash\n(.+?)\n```", (project_root / "README.md").read_text(encoding="utf-8"))
    assert commands[:2] == [
        "pip install -c constraints.txt -e . && csi2pc demo",
        "pip install -c constraints.txt -e '.[test]' && pytest",
    ]
