#!/bin/sh
# Installs Debian's C tor, which bench/peers/tor/run.mjs compares against; does nothing where it is there. Its service stays off.
set -eu
if command -v tor >/dev/null && command -v tor-gencert >/dev/null; then
  echo "$(tor --version | head -n 1) is here already"
  exit 0
fi
as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
$as_root apt-get update
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends tor
if command -v systemctl >/dev/null; then
  $as_root systemctl disable --now tor 2>/dev/null || true
fi
tor --version | head -n 1
