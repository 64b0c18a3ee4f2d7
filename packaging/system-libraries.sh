#!/usr/bin/env bash
# Installs the Debian/Ubuntu packages of debian-packages.txt that are missing (root), or prints the exact command.
# On any other system it does nothing: there the wheels bring what they need.
set -euo pipefail
command -v dpkg-query >/dev/null || exit 0
list="$(dirname "$0")/debian-packages.txt"
missing=()
while read -r package; do
  # Ubuntu 24.04 and Debian 13 call some of these NAMEt64.
  dpkg-query -W -f '${Status}\n' "$package" "${package}t64" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done < <(grep -v '^#' "$list")
[ ${#missing[@]} -eq 0 ] && exit 0
install=(apt-get install -y --no-install-recommends "${missing[@]}")
if [ "$(id -u)" -eq 0 ]; then
  echo "Installing system libraries: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  "${install[@]}" -qq >/dev/null
else
  echo "These system libraries are missing; the window will not start without them. Install them once with:"
  echo "  sudo apt-get update && sudo ${install[*]}"
fi
