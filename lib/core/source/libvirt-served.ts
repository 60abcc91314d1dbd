import type { Config } from '../model/config.ts';
import { findNetwork } from './find-network.ts';
import type { LibvirtDomain, LibvirtNic } from './libvirt-domain.ts';

/**
 * The NICs of a domain that are vmnet's: which its metadata names, or whose network or bridge the configuration does.
 * libvirt calls its hooks for every domain, those behind its own NAT among them.
 */
export function servedNics({ nics }: LibvirtDomain, config: Config): readonly LibvirtNic[] {
  return nics.filter(({ declared, request: { mode, link, network } }) => {
    if (declared) return true;
    const named = { mode, ...(network.name === undefined ? {} : { name: network.name }) };
    if (findNetwork(config, { ...named, ...(link === undefined ? {} : { link }) }) !== undefined) return true;
    return mode === 'bridged' && config.bridges.some(bridge => bridge.name === link);
  });
}

/** An incoming migration: the guest still runs on the source, and libvirt runs no hook when that changes. */
export function isArriving({ state }: LibvirtDomain): boolean {
  return state?.state === 'paused' && state.reason === 'migration';
}
