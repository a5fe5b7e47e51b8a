#!/bin/sh
# Upgrades the .deb while a service of a user runs its gateway, beside a real systemd, and fails where the service is not
# renewed. Runs as root inside tests/support/with-user-systemd --full, whose root is thrown away.
#
#   renewed-service.sh DEB
set -eu

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
as_user() { runuser -u ocuser -- env HOME=/home/ocuser XDG_RUNTIME_DIR="/run/user/$(id -u ocuser)" LC_ALL=C.UTF-8 "$@"; }
property() { as_user systemctl --user show --value --property "$1" openclaw-gateway-rescue.service; }

dpkg-deb -R "$1" /tmp/old
sed -i 's/^Version: .*/Version: 0.0.1-1/' /tmp/old/DEBIAN/control
dpkg-deb --root-owner-group -Znone -b /tmp/old /tmp/old.deb >/dev/null
dpkg -i /tmp/old.deb

loginctl enable-linger ocuser
systemctl start "user@$(id -u ocuser).service"
as_user openclaw --profile rescue onboard --non-interactive --accept-risk --install-daemon=service ||
    fail 'onboarding'
pid=$(property MainPID)
[ "$(readlink "/proc/$pid/exe")" = /usr/bin/openclaw-rs ] || fail 'the program of the service'
property ExecStart | grep -q 'path=/usr/bin/openclaw-rs ' || fail 'the service is started by the name that never collides'

said=$(dpkg -i "$1")
echo "$said"
case $said in *'openclaw-gateway-rescue.service of user ocuser runs version'*) ;; *) fail 'the service is named' ;; esac
renewed=$(property MainPID)
[ "$renewed" != "$pid" ] || fail 'the service still runs the version before'
[ "$(readlink "/proc/$renewed/exe")" = /usr/bin/openclaw-rs ] || fail 'the program after the upgrade'
[ "$(property Result)" = success ] || fail 'the service did not end in good order'
as_user openclaw --profile rescue gateway health || fail 'health after the upgrade'
as_user openclaw --profile rescue doctor || fail 'doctor after the upgrade'
echo 'all steps done'
