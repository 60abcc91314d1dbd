# Gives stock Ganeti 3.0 the second half of the contract of GRNET's patches: /usr/lib/ganeti/kvm-ifdown TAP LOCAL is run
# when a NIC goes, after a stop, on the source of a migration, on the target of one that failed, and after an unplugging.
# The environment is that of kvm-ifup without TAGS and INTERFACE_INDEX. A script that fails makes the operation fail.
import os

from ganeti import constants, errors, objects, utils

SCRIPT = "/usr/lib/ganeti/kvm-ifdown"


def environment(instance, nic, tap):
  params = nic.nicparams
  env = {
    "PATH": "%s:/sbin:/usr/sbin" % os.environ["PATH"],
    "INSTANCE": instance,
    "MAC": nic.mac,
    "MODE": params[constants.NIC_MODE],
    "LINK": params[constants.NIC_LINK],
    "VLAN": params.get(constants.NIC_VLAN, ""),
    "INTERFACE_UUID": nic.uuid,
  }
  if nic.ip:
    env["IP"] = nic.ip
  if nic.name:
    env["INTERFACE_NAME"] = nic.name
  if tap is not None:
    env["INTERFACE"] = tap
  if params[constants.NIC_MODE] == constants.NIC_MODE_BRIDGED:
    env["BRIDGE"] = params[constants.NIC_LINK]
  if nic.network:
    env.update(objects.Network.FromDict(nic.netinfo).HooksDict())
  return env


def run(instance, entries, local):
  for nic, tap in entries:
    # Without a file that says the tap, the argument is what Python makes of nothing.
    result = utils.RunCmd([SCRIPT, str(tap), local], env=environment(instance, nic, tap))
    if result.failed:
      raise errors.HypervisorError("%s for %s: %s; %s" % (SCRIPT, tap, result.fail_reason, result.output))


def entries_of(hypervisor, instance, serialized=None):
  """The NICs of the runtime file with their taps, by their place at the start or their UUID when plugged in."""
  try:
    runtime = serialized or hypervisor._ReadKVMRuntime(instance)
    nics = hypervisor._LoadKVMRuntime(None, serialized_runtime=runtime)[1]
  except (EnvironmentError, errors.HypervisorError):
    return []
  return [(nic, tap_of(hypervisor, instance, nic.uuid)) for nic in nics]


def tap_of(hypervisor, instance, key):
  try:
    return utils.ReadFile(hypervisor._InstanceNICFile(instance, key)).strip()
  except EnvironmentError:
    return None


def remember(hypervisor, instance, number, nic):
  """By its UUID as well: the numbers change when a NIC before it goes."""
  tap = tap_of(hypervisor, instance, number)
  if tap is not None:
    utils.WriteFile(hypervisor._InstanceNICFile(instance, nic.uuid), data=tap)


def install(kvm):
  execute, cleanup = kvm._ExecuteKVMRuntime, kvm.CleanupInstance
  leave, arrive = kvm.FinalizeMigrationSource, kvm.FinalizeMigrationDst
  plug, unplug = kvm.HotAddDevice, kvm.HotDelDevice

  def execute_and_remember(self, instance, runtime, *args, **kwargs):
    execute(self, instance, runtime, *args, **kwargs)
    for number, nic in enumerate(runtime[1]):
      remember(self, instance.name, number, nic)

  def down_and_cleanup(self, instance):
    if not self._InstancePidAlive(instance)[2]:
      run(instance, entries_of(self, instance), "true")
    cleanup(self, instance)

  def down_and_leave(self, instance, success, live):
    if not success:
      leave(self, instance, success, live)
      return
    # The tap goes with its QEMU, before the script is run; the files that say which it was, after it.
    pidfile, pid, _ = self._InstancePidAlive(instance.name)
    entries = entries_of(self, instance.name)
    utils.KillProcess(pid)
    run(instance.name, entries, "true")
    self._RemoveInstanceRuntimeFiles(pidfile, instance.name)
    self._ClearUserShutdown(instance.name)

  def down_and_arrive(self, instance, info, success):
    if not success:
      run(instance.name, entries_of(self, instance.name, info), "true")
    arrive(self, instance, info, success)

  def plug_and_remember(self, instance, kind, device, extra, number):
    plug(self, instance, kind, device, extra, number)
    if kind == constants.HOTPLUG_TARGET_NIC:
      remember(self, instance.name, number, device)

  def unplug_and_down(self, instance, kind, device, extra, number):
    is_nic = kind == constants.HOTPLUG_TARGET_NIC
    entries = [one for one in entries_of(self, instance.name) if is_nic and one[0].uuid == device.uuid]
    result = unplug(self, instance, kind, device, extra, number)
    run(instance.name, entries, "false")
    return result

  kvm._ExecuteKVMRuntime, kvm.CleanupInstance = execute_and_remember, down_and_cleanup
  kvm.FinalizeMigrationSource, kvm.FinalizeMigrationDst = down_and_leave, down_and_arrive
  kvm.HotAddDevice, kvm.HotDelDevice = plug_and_remember, unplug_and_down
