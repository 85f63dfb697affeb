# SPDX-License-Identifier: EUPL-1.2
"""The browser of these tests: found on this machine, tried, and installed where that is possible.

``python -m tests.browser.chromium`` makes sure that there is one that starts. Not here: what it is shown.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_OFF: Final = (
    # Two renderers for every window, to show suggestions in an address bar that nobody sees.
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    # What Playwright switches off itself: the last list of all is the one that counts.
    "AimEnabled",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)
FLAGS: Final = (
    "--headless",
    f"--disable-features={','.join(_OFF)}",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--disable-dev-shm-usage",
)
"""Nothing of its own leaves the machine; a container has little shared memory and no user namespaces."""
_SAYS: Final = "data:text/html,<title>x</title><p>it works</p>"
_ASK: Final = (
    "The tests of the console need Debian's Chromium, or Google Chrome. Install it, for example with "
    "`apt-get install chromium`, and try again."
)


def find_chromium() -> str | None:
    """Return where a browser is; none when there is none."""
    return next((path for name in NAMES if (path := shutil.which(name)) is not None), None)


def works(path: str) -> bool:
    """Say whether this browser shows a page."""
    with tempfile.TemporaryDirectory(prefix="sluis-chromium-", ignore_cleanup_errors=True) as folder:
        command = [path, *FLAGS, f"--user-data-dir={folder}", "--dump-dom", _SAYS]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return "it works" in done.stdout


def main() -> int:
    """Return 0 when there is a browser that works, after installing one if need be."""
    path = find_chromium()
    if path is None:
        _install()
        path = find_chromium()
    if path is not None and works(path):
        return 0
    found = "There is none here." if path is None else f"The one at {path} does not start."
    sys.stderr.write(f"{found} {_ASK}\n")
    return 1


def _install() -> None:
    """Install Debian's package where we may: as root, or by a sudo that asks nothing."""
    get = shutil.which("apt-get")
    if get is None:
        return
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", "chromium"]):
        try:
            subprocess.run([*prefix, get, *arguments], env=environment, check=False)
        except OSError:
            return


if __name__ == "__main__":
    sys.exit(main())
