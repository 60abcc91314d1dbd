#!/bin/bash
# The first process of the cluster's own process and mount namespaces: when its standard input ends, so does all of the
# cluster.  cluster-init.sh WORK LAYER HOST=NETNS...
set -euo pipefail
work=$1 layer=$2
shift 2
mount -t tmpfs -o size=75% none "$work"
mkdir "$work/layer"
tar -C "$work/layer" --xattrs --xattrs-include='*' -xf "$layer"
here=$(dirname -- "$(readlink -f -- "$0")")
for node in "$@"; do
  nsenter "--net=/run/netns/${node#*=}" unshare --mount --uts --ipc --pid --fork \
    "$here/node-init.sh" "$work" "${node%%=*}" </dev/null &
done
cat >/dev/null
