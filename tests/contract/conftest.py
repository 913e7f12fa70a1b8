import pytest

from tests.contract.checker import Checker


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the exceptions that nothing needed: candidates for removal, when the whole suite was run."""
    if Checker.used and (unused := Checker.unused()):
        terminalreporter.write_line(f"contract exceptions not needed: {', '.join(unused)}")
