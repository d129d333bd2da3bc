#!/usr/bin/env bash
# Installs what the tests of pages use where it can be had: a browser (Chromium) and the text library of PDF (Pango).
# Without them those tests skip and say so; this script never fails because of that.
set -uo pipefail

log=$(mktemp)
trap 'rm -f "$log"' EXIT
leave_out() { echo "left out: $1; the tests that need it skip"; exit 0; }

have_browser() { command -v chromium chromium-browser google-chrome >/dev/null; }
have_pango() { ldconfig -p 2>/dev/null | grep -q 'libpangoft2-1.0'; }
have_browser && have_pango && exit 0
[ "$(uname -s)" = Linux ] || leave_out "a browser is installed here on Linux only, and this is $(uname -s)"
command -v apt-get >/dev/null || leave_out "there is no apt-get to install a browser with"
[ "$(id -u)" = 0 ] || leave_out "only the superuser can install a browser (this is $(id -un))"

export DEBIAN_FRONTEND=noninteractive
apt() { timeout 600 apt-get -o DPkg::Lock::Timeout=120 "$@" >>"$log" 2>&1; }
packages=(install -y --no-install-recommends chromium libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core)
if ! apt "${packages[@]}"; then
  { apt update && apt "${packages[@]}"; } ||
    leave_out "apt-get could not install chromium: $(grep '^E:' "$log" | tail -n1 || tail -n1 "$log")"
fi
have_browser || leave_out "the package chromium brings no browser"
echo "$(chromium --version 2>/dev/null | head -n1)"
