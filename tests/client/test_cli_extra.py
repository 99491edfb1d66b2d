import subprocess
import sys


def test_without_the_extra_the_command_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['typer'] = None; sys.argv = ['jointtrack', 'detect']; "
        "import jointtrack.__main__ as command; command.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "The jointtrack command needs its extra: pip install 'jointtrack[cli]'\n"
    )
