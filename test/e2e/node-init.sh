#!/bin/bash
# The first process of a node: makes a machine of it and says `HOST PID`, PID as the caller's /proc has it.
#   node-init.sh WORK HOST
set -euo pipefail
work=$1 host=$2
own=$work/$host
root=$own/root
read -r pid _ </proc/self/stat

mkdir -p "$own/upper" "$own/work" "$root"
mount -t overlay overlay -o "lowerdir=$work/layer:/,upperdir=$own/upper,workdir=$own/work" "$root"
mount -t proc none "$root/proc"
mount -t sysfs none "$root/sys"
for dir in dev run tmp; do mount -t tmpfs -o mode=755 none "$root/$dir"; done
chmod 1777 "$root/tmp"
mkdir -p "$root/dev/net" "$root/dev/pts" "$root/dev/shm" "$root/run/lock" "$root/run/sshd" "$root/run/old"
# There is no kvm among them: guests run the same everywhere.
while read -r name major minor; do mknod -m 666 "$root/dev/$name" c "$major" "$minor"; done <<'DEVICES'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
net/tun 10 200
DEVICES
mount -t devpts -o newinstance,ptmxmode=666 none "$root/dev/pts"
mount -t tmpfs -o mode=1777 none "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"

hostname "$host"
echo "$host" >"$root/etc/hostname"
rm -f "$root/etc/hosts" "$root/etc/resolv.conf"
: >"$root/etc/resolv.conf"
# What this machine itself has of vmnet is none of the node's.
rm -rf "$root/etc/vmnet" "$root/usr/local/lib/vmnet"

cd "$root"
pivot_root . run/old
# shellcheck disable=SC2093 # umount is gone once the old root is: what follows is all within this shell
exec chroot . /bin/bash -c 'umount -l /run/old; rmdir /run/old; echo "$@"; exec >/dev/null 2>&1; while :; do sleep 3600 & wait; done' - "$host" "$pid"
