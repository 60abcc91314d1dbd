# shellcheck shell=sh
# Shows the VRF of a shell in its prompt: [mgmt] root@host:~#. Sourced by /etc/profile; for shells that are not login
# shells, such as that of `vmnet vrf exec mgmt bash`, source it at the end of /etc/bash.bashrc or ~/.bashrc as well.
vmnet_vrf_prompt() {
  # Read by the shell itself, so that self is the shell.
  while IFS= read -r vmnet_vrf; do
    case $vmnet_vrf in
      0::*/vrf/*) vmnet_vrf=${vmnet_vrf##*/vrf/} ;;
      *) continue ;;
    esac
    vmnet_vrf=${vmnet_vrf%%/*}
    # A prompt is evaluated: nothing but what is plain in it.
    case $vmnet_vrf in
      '' | *[!A-Za-z0-9_.@+-]*) continue ;;
    esac
    case $PS1 in
      *"[$vmnet_vrf] "*) ;;
      *) PS1="[$vmnet_vrf] $PS1" ;;
    esac
  done </proc/self/cgroup
  unset vmnet_vrf
}
if [ -n "${PS1-}" ] && [ -r /proc/self/cgroup ]; then vmnet_vrf_prompt; fi
unset -f vmnet_vrf_prompt
