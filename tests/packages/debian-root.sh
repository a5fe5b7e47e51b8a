#!/bin/sh
# Installs, upgrades, removes and purges the .deb in a Debian root of its own, and fails where anything else happens.
#
#   debian-root.sh BASE DEB    in namespaces of its own: the root BASE stays as it is
set -eu

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
expect() { # WHAT COMMAND…
    what=$1
    shift
    "$@" || fail "$what"
}
absent() { for path in "$@"; do ! { [ -e "$path" ] || [ -L "$path" ]; } || return 1; done; }
as_alice() { runuser -u alice -- env HOME=/home/alice LC_ALL=C.UTF-8 "$@"; }
home_state() { (cd /home/alice && find . ! -name '*.log' ! -path '*/state/openclaw/*' -printf '%p %m %s\n' | sort); }

# Sets the rescue instance up and starts its gateway in the background; again, it only starts it. Its process is $pid then.
start() {
    said=$(as_alice openclaw --profile rescue onboard --non-interactive --accept-risk --install-daemon=background) ||
        fail 'onboarding'
    pid=$(printf '%s\n' "$said" | sed -n 's/.*(pid \([0-9]*\)).*/\1/p')
    expect 'the program of the gateway' [ "$(readlink "/proc/$pid/exe")" = /usr/bin/openclaw-rs ]
    as_alice openclaw --profile rescue gateway health || fail 'health'
}

# In the new root: the steps.
steps() {
    useradd --create-home alice
    before=$(find / -xdev \( -path /home -o -path /proc -o -path /tmp \) -prune -o -iname '*openclaw*' -print)
    [ -z "$before" ] || fail "there before: $before"
    # An older version of the same package.
    dpkg-deb -R /tmp/new.deb /tmp/old
    sed -i 's/^Version: .*/Version: 0.0.1-1/' /tmp/old/DEBIAN/control
    dpkg-deb --root-owner-group -Znone -b /tmp/old /tmp/old.deb >/dev/null

    echo '== install'
    dpkg -i /tmp/old.deb
    openclaw --version --json | grep -q '"installed": "deb"' || fail 'the kind of the package'
    expect 'the second name' [ "$(readlink -f /usr/bin/openclaw)" = /usr/bin/openclaw-rs ]
    expect 'man pages' [ -f /usr/share/man/tr/man1/openclaw-onboard.1.gz ]
    start

    echo '== upgrade'
    said=$(dpkg -i /tmp/new.deb)
    echo "$said"
    case $said in *"process $pid of user alice still runs the version before"*) ;; *) fail 'the old process is named' ;; esac
    expect 'the gateway was killed' [ -d "/proc/$pid" ]
    as_alice openclaw --profile rescue gateway health || fail 'health after the upgrade'
    as_alice openclaw --profile rescue gateway stop || fail 'stop'
    start

    echo '== remove'
    state=$(home_state)
    said=$(dpkg -r openclaw-rs)
    echo "$said"
    absent /usr/bin/openclaw /usr/bin/openclaw-rs /etc/alternatives/openclaw /usr/share/man/man1/openclaw.1.gz ||
        fail 'something stayed'
    expect 'a file of the user changed' [ "$(home_state)" = "$state" ]

    case $said in *"process $pid of user alice runs on"*) ;; *) fail 'what runs on is named' ;; esac
    expect 'the gateway was killed' [ -d "/proc/$pid" ]

    echo '== purge'
    said=$(dpkg --purge openclaw-rs)
    echo "$said"
    case $said in *"/home/alice/.openclaw-rescue stays, it is alice's"*) ;; *) fail 'what stays is named' ;; esac
    after=$(find / -xdev \( -path /home -o -path /proc -o -path /tmp \) -prune -o -iname '*openclaw*' -print)
    [ -z "$after" ] || fail "left behind: $after"
    expect 'a file of the user changed' [ "$(home_state)" = "$state" ]

    echo '== beside npm'
    mkdir -p /usr/lib/node_modules/openclaw
    ln -s ../lib/node_modules/openclaw/openclaw.mjs /usr/bin/openclaw
    dpkg -i /tmp/new.deb
    openclaw-rs --version || fail 'the name of its own'
    dpkg --purge openclaw-rs
    expect 'the link of npm' [ "$(readlink /usr/bin/openclaw)" = ../lib/node_modules/openclaw/openclaw.mjs ]
    echo 'all steps done'
}

case $1 in
    --steps) steps ;;
    --inside)
        ip link set lo up
        mount -t tmpfs -o size=2g root "$2"
        mkdir "$2/up" "$2/work" "$2/root"
        mount -t overlay -o "lowerdir=$3,upperdir=$2/up,workdir=$2/work" overlay "$2/root"
        mount -t proc proc "$2/root/proc"
        mount --bind /dev/null "$2/root/dev/null"
        mount --bind /dev/urandom "$2/root/dev/urandom"
        cp "$4" "$2/root/tmp/new.deb"
        cp "$0" "$2/root/tmp/steps"
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
            chroot "$2/root" sh /tmp/steps --steps
        ;;
    *)
        folder=$(mktemp -d)
        status=0
        unshare --mount --pid --net --fork --kill-child --propagation private sh "$0" --inside "$folder" "$1" "$2" || status=$?
        rmdir "$folder"
        exit $status
        ;;
esac
