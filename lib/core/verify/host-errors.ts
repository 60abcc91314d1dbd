import { VmnetError } from '../errors.ts';
import { placeOf } from '../model/config.ts';
import type { HostSections } from '../model/host-links.ts';
import { sectionOf } from './host.ts';

/** The module behind each kind of link. */
const MODULES: Readonly<Record<string, string>> = {
  bond: 'bonding',
  bridge: 'bridge',
  vlan: '8021q',
  vrf: 'vrf',
};

/** What the kernel and iproute2 say of a value that they do not know. */
const REFUSED_WORD = /Invalid argument|invalid option value|invalid xmit_hash_policy/i;
/** That this kernel cannot make a kind of link, and which package would help. */
export function lackOf(
  type: string,
  about: { readonly where?: string; readonly cause?: unknown },
): VmnetError {
  const module = MODULES[type] ?? type;
  return new VmnetError('missing', `this kernel makes no ${type}: it lacks the module ${module}`, {
    ...about,
    hint: `modprobe ${module}; Ubuntu has it in linux-modules-extra-$(uname -r), Debian in linux-image-amd64 and not in the cloud kernel`,
  });
}

/** What the kernel refused, with the section that asked for it, and of a kind that it lacks the way to get it. */
export function explained(error: VmnetError, sections: HostSections): VmnetError {
  const [, type] = /link add [^"]*\btype (bond|bridge|vlan|vrf)\b/.exec(error.message) ?? [];
  const [, name = ''] = /(?:name|dev) ([^\s"\\]+)/.exec(error.message) ?? [];
  const section = sectionOf(sections, name);
  const where = section === undefined ? {} : { where: section.where };
  if (type !== undefined && /Unknown device type|Operation not supported/.test(error.message))
    return lackOf(type, { ...where, cause: error });
  if (sections.switches.some(one => one.name === name) && /Cannot find device/.test(error.message)) {
    return new VmnetError('missing', `Open vSwitch has not made ${name}`, {
      ...where,
      hint: 'modprobe openvswitch, and see systemctl status openvswitch-switch; Ubuntu has the module in linux-modules-extra-$(uname -r), Debian in linux-image-amd64',
      cause: error,
    });
  }
  const [, policy] = /\btype bond [^"]*xmit_hash_policy (\S+?)[ "\\]/.exec(error.message) ?? [];
  if (section !== undefined && policy !== undefined && REFUSED_WORD.test(error.message)) {
    return new VmnetError('missing', `this kernel, or its iproute2, has no xmit-hash-policy ${policy}`, {
      where: placeOf(section, 'xmit-hash-policy'),
      hint: 'give layer3+4, which all have, or a newer kernel',
      cause: error,
    });
  }
  if (section === undefined || error.exit !== 'kernel') return error;
  return new VmnetError(error.exit, error.message, {
    ...where,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
  });
}
