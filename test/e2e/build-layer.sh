#!/bin/bash
# Installs what the nodes and their guests run into an overlay over this machine's own files, and packs only what was
# added:  unshare --mount --propagation private build-layer.sh SCRATCH LAYER.TAR PACKAGE...
# The guests' kernel and initial RAM disk are in its /srv/guest. Nothing is installed on the machine itself.
set -euo pipefail
scratch=$1 layer=$2
shift 2
root=$scratch/root

# An overlay's upper directory cannot be on the file system below it if that is an overlay itself.
mount -t tmpfs -o size=75% none "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" "$root"
mount -t proc none "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs none "$root/run"
mount -t tmpfs none "$root/tmp"
# Often a link into /run, which is another one there.
cp --remove-destination --dereference /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
# No package shall start its daemon.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"

inside() {
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}

inside apt-get -qq update
inside apt-get -qq -y --no-install-recommends install "$@"
kernel=$(inside apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p')
# apt fetches as a user of its own, who may not write elsewhere.
# shellcheck disable=SC2016 # for the shell inside
inside sh -c 'cd /tmp && apt-get -qq -o APT::Sandbox::User=root download "$1" && dpkg -x ./*.deb kernel' - "$kernel"
version=${kernel#linux-image-}
inside depmod -b /tmp/kernel "$version"

guest=$scratch/guest
mkdir -p "$root/srv/guest" "$guest/bin" "$guest/modules" "$guest/proc" "$guest/sys" "$guest/dev"
cp "$root/tmp/kernel/boot/vmlinuz-$version" "$root/srv/guest/vmlinuz"
cp "$root/bin/busybox" "$guest/bin/busybox"
cp "$(dirname -- "$(readlink -f -- "$0")")/guest-init.sh" "$guest/init"
# In the order in which they are to be loaded.
for module in virtio_pci virtio_net button evdev; do
  inside modprobe -d /tmp/kernel -S "$version" --show-depends "$module" | sed -n 's/^insmod \(\S*\).*/\1/p'
done | awk '!seen[$0]++' | nl -w 2 -n rz -s ' ' | while read -r number path; do
  cp "$root$path" "$guest/modules/$number-${path##*/}"
done
(cd "$guest" && find . | "$root/bin/busybox" cpio -o -H newc 2>/dev/null | gzip -1) >"$root/srv/guest/initrd"

# What a shell of root reads would be in the environment of daemons that are started over ssh.
rm -f "$root/root/.bashrc" "$root/root/.profile" "$root/root/.bash_profile"
tar -C "$scratch/upper" --xattrs --xattrs-include='*' --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' \
  --exclude=./tmp --exclude=./run -cf "$layer.new" .
mv "$layer.new" "$layer"
