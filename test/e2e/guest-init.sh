#!/bin/busybox sh
# shellcheck shell=dash
# The first process of a guest. Its addresses follow from its MACs, aa:00:NN:00:00:HH: NN is 50 for the routed network
# and 60 for the bridged one, HH is the host part of the IPv4 address. NICs may come later, and go.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
for module in /modules/*; do insmod "$module"; done

# Without this the kernel sends nothing from an address for its first second or two.
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
ip link set lo up

configure() {
  mac=$(cat "/sys/class/net/$1/address")
  case $mac in
    aa:00:50:*) net=192.0.2 net6=2001:db8:993: ;;
    *) net=198.51.100 net6=2001:db8:992: ;;
  esac
  host=$((0x${mac##*:}))
  address=$net.$host
  # The EUI-64 of such a MAC.
  address6=$net6:a800:$(echo "$mac" | cut -d : -f 3)ff:fe00:$(printf %x "$host")
  ip link set "$1" up
  ip addr add "$address/24" dev "$1"
  ip -6 addr add "$address6/64" dev "$1"
  # Each NIC answers for itself: on another it would be forging.
  ip route add default via "$net.1" dev "$1" table "$2"
  ip -6 route add default via "$net6:1" dev "$1" table "$2"
  ip rule add from "$address" table "$2"
  ip -6 rule add from "$address6" table "$2"
}

# The power button.
for event in /dev/input/event*; do
  (dd if="$event" of=/dev/null bs=24 count=1 2>/dev/null && poweroff -f) &
done

known=' '
while :; do
  now=' '
  for path in /sys/class/net/eth*; do
    [ -e "$path" ] || continue
    name=${path##*/}
    now="$now$name "
    case $known in *" $name "*) ;; *) configure "$name" $((100 + ${name#eth})) ;; esac
  done
  known=$now
  sleep 0.2
done
