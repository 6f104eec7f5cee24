"""Packages of Debian that tests need, on machines where they may be installed."""

import os
import shutil
import subprocess


def may_install() -> bool:
    """Whether this is a Debian on which we are root."""
    return bool(shutil.which("apt-get")) and os.geteuid() == 0


def install_packages(*names: str) -> None:
    """Install packages without questions; settings that stand there stay. Raises CalledProcessError."""
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    keep = ["-o", "Dpkg::Options::=--force-confold"]
    subprocess.run(["apt-get", "update", "-qq"], check=True)
    subprocess.run(["apt-get", "install", "-y", "-qq", *keep, *names], check=True, env=quiet)
